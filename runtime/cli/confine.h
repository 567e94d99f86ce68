/* confine.h: this process into a sandbox, if it is about to run an instance that needs one (ry_confinement) and the
 * configuration wants it (REELYARD_SANDBOX). */
#ifndef REELYARD_RUNTIME_CLI_CONFINE_H
#define REELYARD_RUNTIME_CLI_CONFINE_H

#include "runtime/cli/cli.h"
#include "runtime/sandbox/sandbox.h"

struct ry_confined {
    struct ry_sandbox sandbox;
    struct ry_seal sealing;
    const struct ry_seal *seal; /* for ry_node_attach; NULL: there is no sandbox */
    const char *socket;         /* where to connect now */
    char reason[100];           /* of a mail that used up its CPU time */
};

struct ry_confine_options {
    const struct ry_actor_spec *spec;
    const char *name;   /* of the instance */
    const char *socket; /* where the node listens */
    bool encrypted;     /* what is sent to it is, so that messages cannot be counted on the way */
    int kept_fd;        /* a descriptor above 2 that stays open; 0: none */
};

/* Enters. The program starts itself anew first when its environment holds secrets: what was never read is not in
 * memory. confined must stay where it is. Without a need it does nothing, with `off` it says so. While the process has
 * one thread. RY_ECONFIG: `strict`, and a part is missing. */
int ry_confine(struct ry_confined *confined, struct ry_cli *cli, const struct ry_confine_options *options,
               struct ry_error *err);

/* The first step alone, for a process that goes on to start those that enter. */
int ry_confine_forget(struct ry_cli *cli, const char *role, struct ry_error *err);

enum ry_sandbox_mode ry_confine_mode(const struct ry_config *config);

#endif

/* supervisor.h: a node whose router and instances are processes, looked after by a small one.
 *
 * The plan says what shall run; it comes from the command line, the environment and the configuration, is checked by
 * who makes it, and is replaced as a whole. docs/ARCHITECTURE.md, "Processes", tells what the supervisor promises. */
#ifndef REELYARD_RUNTIME_SUPERVISOR_SUPERVISOR_H
#define REELYARD_RUNTIME_SUPERVISOR_SUPERVISOR_H

#include "runtime/config/config.h"
#include "runtime/process/leash.h"

#define RY_UP_ROLES_MAX 32

struct ry_up_role {
    uint32_t role;    /* enum ry_role */
    const char *name; /* static */
    unsigned instances;
    unsigned most;           /* instances that make sense at all */
    bool essential;          /* without it the node ends */
    bool source;             /* brings new work in: what SIGTSTP quiets */
    size_t memory_max_bytes; /* address space of each process; 0: no limit */
};

struct ry_up_plan {
    struct ry_config *config;                 /* owned */
    char **env;                               /* owned, one piece of memory: the environment that it was made from */
    struct ry_up_role roles[RY_UP_ROLES_MAX]; /* in the order in which they start */
    size_t role_count;
};

void ry_up_plan_free(struct ry_up_plan **plan);

struct ry_up_options {
    struct ry_up_plan *plan; /* taken over */
    /* Makes a new plan (SIGHUP). On error nothing changes. */
    int (*replan)(void *arg, struct ry_up_plan **plan, struct ry_error *err);
    void *arg;
    const char *program;       /* argv[0] of the children */
    const char *socket;        /* where the node listens; in a 0700 folder */
    const char *control;       /* socket for ry_up_ask, in the same folder */
    const char *settings_copy; /* where a copy of the settings file is kept, so that children see what was accepted */
};

/* Runs until a signal or the loss of an essential child ends it. RY_OK: all was drained; RY_ETIMEOUT: it was not; else
 * why it ended. The process must have one thread; blocks the signals that it takes. */
int ry_up_run(const struct ry_up_options *options, struct ry_error *err);

/* Asks a supervisor: "scale encoder=4,writer=2". The answer is a sentence; RY_EINVAL with its reason when refused. */
int ry_up_ask(const char *control, const char *request, struct ry_error *answer);

/* Reads "role=number,...". Calls set for each; its error ends the walk. RY_ECONFIG for what is no such list; place
 * begins the sentence. */
int ry_up_list(const char *list, const char *place, uint64_t most,
               int (*set)(void *arg, struct ry_str role, uint64_t number, struct ry_error *err), void *arg,
               struct ry_error *err);

#endif

/* sandbox.h: a process shuts itself in, because what it is about to read may take it over.
 *
 * Three steps, all by the process itself, from its one thread:
 *
 *   enter   splits the process in two. The outer one passes on signals, the log, the bytes of the connection to the
 *           node and the exit status. The inner one, which returns, has no privileges, limits, and namespaces of its
 *           own: no network, no other process, and an empty root.
 *   then    it opens what it needs: its connection (by the outer one), its libraries; it may start threads.
 *   seal    lets no further thread or process be made, and puts all threads under an allow-list of system calls; what
 *           is not on it ends the process (SIGSYS). From here on it may read what strangers wrote.
 *
 * docs/BARRIERS.md says what each part stops. Nothing here knows an actor or the bus. */
#ifndef REELYARD_RUNTIME_SANDBOX_SANDBOX_H
#define REELYARD_RUNTIME_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/error.h"
#include "runtime/process/exit_code.h"

/* What to do when the kernel, or a container around us, does not allow a part. */
enum ry_sandbox_mode {
    RY_SANDBOX_OFF,   /* no sandbox at all */
    RY_SANDBOX_AUTO,  /* as much as there is; one line of the log tells what is missing */
    RY_SANDBOX_STRICT /* all of it, or the process refuses to run */
};

/* The parts; a set of them is an unsigned of 1u << part. */
enum ry_sandbox_part {
    RY_SANDBOX_PRIVILEGES, /* no_new_privs, no capabilities */
    RY_SANDBOX_LIMITS,     /* rlimits */
    RY_SANDBOX_USER,       /* a user namespace */
    RY_SANDBOX_ROOT,       /* a mount namespace with an empty root */
    RY_SANDBOX_NETWORK,    /* a network namespace */
    RY_SANDBOX_PID,        /* a pid namespace */
    RY_SANDBOX_IPC,
    RY_SANDBOX_UTS,
    RY_SANDBOX_FILTER, /* the allow-list of system calls */
    RY_SANDBOX_PARTS
};
const char *ry_sandbox_part_name(enum ry_sandbox_part part);

struct ry_sandbox_options {
    enum ry_sandbox_mode mode; /* not OFF */
    const char *name;          /* in the log: "encoder-1" */
    const char *socket;        /* path of the node's socket; NULL: none */
    /* What one ZeroMQ message to the node may have, all its parts together: one that has more ends the process
     * (RY_EXIT_MESSAGE). 0: not counted, for a connection that is encrypted from end to end. */
    uint64_t message_max_bytes;
    uint64_t message_max_parts;
    int kept_fd;             /* a descriptor above 2 that stays open inside, and only there; 0: none */
    size_t memory_max_bytes; /* address space; 0: no limit */
    unsigned turn_cpu_max_s; /* CPU time between two ry_sandbox_turn; 0: no limit */
};

#define RY_SANDBOX_SOCKET_BYTES 108

/* The inner process's view. */
struct ry_sandbox {
    struct ry_sandbox_options options;    /* its strings are borrowed */
    char socket[RY_SANDBOX_SOCKET_BYTES]; /* "@" and the abstract name at which the outer process takes one connection
                                           * for the node; "" without a socket */
    pid_t pid;                            /* of the outer process, which is what the node sees */
    unsigned missing;                     /* parts that could not be had */
    char why[256];                        /* why the first of them could not */
};

/* "" or why this program has no sandbox at all (built with a sanitizer, or for another system). */
const char *ry_sandbox_unavailable(void);

/* Splits the process and returns in the inner one. Closes every descriptor but kept_fd and 0 to 2, of which 0
 * and 1 become /dev/null and 2 a pipe to the outer one. Signals that shall be delivered to the inner process as data
 * are to be blocked before. Must be called while the process has one thread.
 *
 * The connection to the node is made here, and the node sees the outer process at its end, which carries the bytes and
 * ends the inner one soon after the node, or the connection, is gone.
 *
 * An error can come in either process and must end it: RY_ECONFIG when the mode is STRICT and a part is missing,
 * RY_EIO, RY_ENOENT (the socket). */
int ry_sandbox_enter(struct ry_sandbox *sandbox, const struct ry_sandbox_options *options, struct ry_error *err);

/* Shuts the door, for all threads. Tells in the log what is missing, if something is. */
int ry_sandbox_seal(struct ry_sandbox *sandbox, struct ry_error *err);

/* A descriptor that becomes readable when a turn has used up its CPU time. The thread that used it (signals are to be
 * blocked in all others) then stands still for RY_SANDBOX_LAST_WORDS_MS, so that another one can tell what became of
 * its work and end the process; after that the process ends by itself. Call before ry_sandbox_seal. -1: none. */
#define RY_SANDBOX_LAST_WORDS_MS 5000
int ry_sandbox_alarm(void);

/* A piece of work begins: its CPU time counts from here. */
void ry_sandbox_turn(const struct ry_sandbox *sandbox);

/* Tries enter and seal in a child process. RY_OK when every part is there; else RY_ECONFIG, and which parts are not.
 * Call while the process has one thread. */
int ry_sandbox_check(struct ry_error *err);

#endif

/* sandbox_pool.h: the sandboxed processes of a node: started, watched, and started again, by a thread of their own.
 *
 * Each is this program as `actor ROLE --name NAME ARGUMENTS... --on-leash`; that it shuts itself in is its own doing.
 * One that dies takes nothing with it: its mail is given to another. It is started again after a wait that doubles
 * while it dies young, until it is given up (restart.h); one that makes no progress is killed. */
#ifndef REELYARD_RUNTIME_PROCESS_SANDBOX_POOL_H
#define REELYARD_RUNTIME_PROCESS_SANDBOX_POOL_H

#include "runtime/base/error.h"
#include "runtime/process/leash.h"
#include "runtime/process/restart.h"

struct ry_sandbox_pool;

struct ry_pool_role {
    const char *name; /* static */
    uint32_t role;    /* enum ry_role */
    unsigned instances;
};

/* The node of a pool. Called from the pool's thread only, and never once ry_sandbox_pool_quiet has returned. */
struct ry_pool_node {
    void *arg;
    /* Whoever shows token may join once, as name with role; an earlier process of that name has ended. */
    void (*admit)(void *arg, uint32_t role, const char *name, const char token[RY_TICKET_BYTES]);
    /* The process of that name has ended. */
    void (*revoke)(void *arg, const char *name);
    /* How all of them are, whenever that has changed. */
    void (*report)(void *arg, const struct ry_children_report *report);
    /* All are given up (restart.h); why says how the last one ended. */
    void (*all_failed)(void *arg, const struct ry_error *why);
};

struct ry_sandbox_pool_options {
    const struct ry_pool_role *roles;
    size_t role_count;
    const char *const *arguments; /* of each process, NULL behind the last; at most RY_POOL_ARGUMENTS_MAX. Copied */
    char **env;                   /* of each process; one piece of memory, taken over in any case */
    struct ry_restart_rule rule;
    int64_t start_ms; /* how long one may take until it is ready */
    int64_t stuck_ms; /* how long one that is ready may make no progress */
    bool core_dumps;
    struct ry_pool_node node;
};

#define RY_POOL_ARGUMENTS_MAX 16

/* Starts the thread, which starts the processes. They join when they are ready; mail for them waits. */
int ry_sandbox_pool_start(struct ry_sandbox_pool **pool, const struct ry_sandbox_pool_options *options,
                          struct ry_error *err);

/* From now on one that ends is not started again: the node is about to drain, and its functions are called no more.
 * pool may be NULL. */
void ry_sandbox_pool_quiet(struct ry_sandbox_pool *pool);

/* Waits a moment for those that are left, kills them, and frees. For when the node has ended: it let them finish, and
 * they hold nothing that would be lost. *pool may be NULL. */
void ry_sandbox_pool_stop(struct ry_sandbox_pool **pool);

#endif

/* session.h: a node for a command to talk to: the one that runs on the data folder, or one of its own for a moment. */
#ifndef REELYARD_RUNTIME_CLI_SESSION_H
#define REELYARD_RUNTIME_CLI_SESSION_H

#include "runtime/cli/cli.h"
#include "runtime/cli/pool.h"
#include "runtime/import/inquiry.h"
#include "runtime/queue/job_queue.h"

struct ry_session {
    const struct ry_config *config; /* borrowed */
    struct ry_node *node;           /* NULL: joined another process's */
    struct ry_console *console;     /* NULL until the first question */
    struct ry_sandbox_pool *pool;   /* processes of the node; NULL: none */
    int lock_fd;                    /* -1: joined */
    int64_t ask_ms;                 /* how long an answer is waited for; 0: as long as commands do */
};

/* A session that holds nothing; ry_session_close may be called on it. */
#define RY_SESSION_NONE ((struct ry_session){.lock_fd = -1})

/* Joins the node that runs on the data folder. RY_ENOENT when none does. */
int ry_session_join(struct ry_session *session, const struct ry_cli *cli, struct ry_error *err);

/* Takes the data folder (made if missing) and starts a node with these roles. listen: others may join it at its socket,
 * and roles that need a sandbox get processes of their own, if --isolate. While the process has one thread. RY_EBUSY
 * names who holds the folder; RY_ECONFIG: the sandbox that REELYARD_SANDBOX=strict asks for cannot be had. */
int ry_session_start(struct ry_session *session, const struct ry_cli *cli, const struct ry_node_role *roles,
                     size_t role_count, bool listen, struct ry_error *err);

/* Joins, or starts one instance of `role` alone, that nobody may join. make: makes a database that is not there, else
 * that is RY_ENOENT. */
int ry_session_open(struct ry_session *session, const struct ry_cli *cli, enum ry_role role, bool make,
                    struct ry_error *err);

/* Asks, as ry_console_ask with the session's time limit. A node that has just been started answers before all of its
 * instances have joined: who is not there yet is waited for, unless the session has a limit of its own. */
int ry_session_ask(struct ry_session *session, enum ry_tag tag, const void *message, const struct ry_mail **answer,
                   struct ry_error *err);

/* The session's node, for commands that follow its work. The session stays where it is until they are done. */
struct ry_inquiry_node ry_session_inquiry(struct ry_session *session);

/* Drains and ends a node that was started, leaves one that was joined. RY_ETIMEOUT when work was left. */
int ry_session_close(struct ry_session *session, struct ry_error *err);

/* Opens the queue that the configuration names, which needs no node: Redis if REDIS_URL is set (RY_EAWAY when it is
 * away), else that of the data folder. Close with ry_job_queue_close. */
int ry_session_queue(const struct ry_cli *cli, bool make, struct ry_job_queue **queue, struct ry_error *err);

/* Opens the data folder's own queue, whatever the configuration names: its jobs may speak of files of this machine.
 * make: makes folder and database if they are missing, else that is RY_ENOENT. */
int ry_session_queue_local(const struct ry_cli *cli, bool make, struct ry_job_queue **queue, struct ry_error *err);

#endif

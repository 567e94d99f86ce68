/* sandbox_internal.h: what the files of the sandbox share; nobody else includes it.
 *
 *   sandbox.c        the order of the steps
 *   missing.c        which parts could not be had
 *   namespaces.c     user, mount, network, pid, ipc, uts; the empty root
 *   privileges.c     capabilities, limits, descriptors
 *   filter.c         the allow-list of system calls, which stands in syscalls.def
 *   outer.c          the process that stays outside
 *   outer_log.c      what it passes on of the log
 *   connection.c     the way to the node: its two sockets, the bytes that are carried and counted
 *   message_meter.c  counts them
 *   probe.c          what a sealed process must not be able to do */
#ifndef REELYARD_RUNTIME_SANDBOX_SANDBOX_INTERNAL_H
#define REELYARD_RUNTIME_SANDBOX_SANDBOX_INTERNAL_H

#include <poll.h>

#include "runtime/sandbox/message_meter.h"
#include "runtime/process/proxy.h"
#include "runtime/sandbox/sandbox.h"

/* missing.c. Notes that a part is missing, and why (errno) if it is the first. */
void sandbox_miss(struct ry_sandbox *sandbox, enum ry_sandbox_part part, const char *what);
/* The names of those that are, with commas. */
void sandbox_list_missing(const struct ry_sandbox *sandbox, char list[128]);

/* namespaces.c */
/* All but the pid namespace hold for the caller; that holds for its next child. */
void namespaces_leave(struct ry_sandbox *sandbox);
/* Makes the empty root and goes there. */
void namespaces_empty_root(struct ry_sandbox *sandbox);

/* privileges.c */
int privileges_close_descriptors(int log_fd, int kept_fd, struct ry_error *err);
/* Closes first to last. */
void privileges_close_range(unsigned first, unsigned last);
void privileges_drop(struct ry_sandbox *sandbox);
void privileges_limit(struct ry_sandbox *sandbox);
/* The last limit: no further process or thread. */
void privileges_forbid_children(struct ry_sandbox *sandbox);

/* filter.c */
int filter_load(struct ry_error *err);

/* outer_log.c: the log of the inner process, passed on by the outer one. */
#define SANDBOX_LINE_BYTES 4096 /* the logger's longest line */
struct sandbox_log {
    int fd; /* the pipe; -1: it has ended */
    char line[SANDBOX_LINE_BYTES];
    size_t n;
    int64_t period_start_mono_ms;
    size_t passed_bytes;
    uint64_t dropped_bytes;
};
/* Passes on what has come. */
void sandbox_log_take(struct sandbox_log *log);
/* The same for all that is left, once the inner process has ended. */
void sandbox_log_finish(struct sandbox_log *log);

/* connection.c: the connection to the node, which the outer process has and the inner one uses. */
struct connection {
    int node_fd;   /* -1: none, or closed */
    int listen_fd; /* where the inner process connects, once; -1: it has, or there is no node */
    int inner_fd;  /* -1: not yet, or closed */
    bool over;     /* there was one */
    bool counted;
    struct ry_message_meter meter;
    struct ry_proxy proxy;
};
/* Connects to the node. Before the namespaces, from whose inside its path does not exist. RY_ENOENT: no node listens.
 */
int connection_call(struct connection *connection, const struct ry_sandbox_options *options, struct ry_error *err);
/* Listens for the inner process; name: where it connects. Behind the namespaces, and before the split. */
int connection_offer(struct connection *connection, char name[RY_SANDBOX_SOCKET_BYTES], struct ry_error *err);
void connection_close(struct connection *connection);
/* What to poll for; then what came of it. inner: the one process that may connect. */
#define CONNECTION_POLLS 2
void connection_polls(const struct connection *connection, struct pollfd polls[CONNECTION_POLLS]);
void connection_work(struct connection *connection, const struct pollfd polls[CONNECTION_POLLS], pid_t inner);
/* Carries what the inner process sent before it ended, for a moment. */
void connection_finish(struct connection *connection, pid_t inner);

/* outer.c: waits for the inner process, passing on what comes; ends with its exit status, or by its signal. */
_Noreturn void outer_run(const char *name, struct connection *connection, pid_t inner, int log_fd);

#endif

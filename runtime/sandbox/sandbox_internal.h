/* sandbox_internal.h: what the files of the sandbox share; nobody else includes it.
 *
 *   sandbox.c     the order of the steps, what is missing
 *   namespaces.c  user, mount, network, pid, ipc, uts; the empty root
 *   privileges.c  capabilities, limits, descriptors
 *   filter.c      the allow-list of system calls, which stands in syscalls.def
 *   outer.c       the process that stays outside
 *   probe.c       what a sealed process must not be able to do */
#ifndef REELYARD_RUNTIME_SANDBOX_SANDBOX_INTERNAL_H
#define REELYARD_RUNTIME_SANDBOX_SANDBOX_INTERNAL_H

#include "runtime/sandbox/sandbox.h"

/* Notes that a part is missing, and why (errno) if it is the first. */
void sandbox_miss(struct ry_sandbox *sandbox, enum ry_sandbox_part part, const char *what);

/* namespaces.c. Goes to the folder of the socket, which root may reach only while it is root, and calls it by its name
 * alone. RY_ENOENT: there is none. */
int namespaces_go_to_socket(struct ry_sandbox *sandbox, struct ry_error *err);
/* All but the pid namespace hold for the caller; that holds for its next child. */
void namespaces_leave(struct ry_sandbox *sandbox);
/* Makes the empty root, with the socket in it, and goes there. */
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

/* outer.c: waits for the inner process, passing on what comes; ends with its exit status, or by its signal. */
_Noreturn void outer_run(const char *name, pid_t inner, int log_fd);

#endif

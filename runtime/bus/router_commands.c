/* router_commands.c: what another thread asks the router's thread to do.
 *
 * Commands come over a socket pair, one at a time, and each is answered with what the router has of a role; the caller
 * waits. Owns nothing: what a command points to is the caller's. */
#include "runtime/bus/router_thread_internal.h"

#include <errno.h>
#include <sys/socket.h>

enum command_kind {
    COMMAND_LOAD,
    COMMAND_DRAIN,
    COMMAND_DISMISS,
    COMMAND_ADMIT,
    COMMAND_REVOKE,
    COMMAND_CHILDREN,
    COMMAND_END
};

struct command {
    enum command_kind kind;
    enum ry_role role;
    const void *what; /* the caller's, who waits for the answer: a ticket, a name, a report */
};

/* ---- in the router's thread -------------------------------------------------------------------------------------- */

/* A process that its supervisor has seen end. What it said last is taken first. */
static void end_process(struct ry_router_thread *thread, const char *name)
{
    while (receive_from(thread, TRANSPORT_IPC) == BAGS_A_ROUND)
        continue;
    struct peer *peer = peer_of_session(thread, ry_router_named(thread->router, name));
    if (peer && peer->key.transport == TRANSPORT_IPC)
        peer_gone(thread, peer);
}

static void obey(struct ry_router_thread *thread, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_DRAIN: ry_router_stop_role(thread->router, command->role); break;
    case COMMAND_DISMISS: peer_dismiss_all(thread); break;
    case COMMAND_ADMIT:
        end_process(thread, ((const struct ry_ticket *)command->what)->name);
        if (ry_admission_add(thread->admission, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "not_admitted", "reason=%s", "out of memory");
        break;
    case COMMAND_REVOKE:
        end_process(thread, command->what);
        ry_admission_revoke(thread->admission, command->what);
        break;
    case COMMAND_CHILDREN:
        if (ry_router_children(thread->router, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "children_left_out", "reason=%s", "out of memory");
        break;
    case COMMAND_LOAD:
    case COMMAND_END: break;
    }
}

bool command_take(struct ry_router_thread *thread)
{
    struct command command;
    ssize_t n = recv(thread->command_fd, &command, sizeof command, MSG_DONTWAIT);
    if (n < 0)
        return true;
    if (n != (ssize_t)sizeof command || command.kind == COMMAND_END)
        return false;
    RY_ASSERT(command.kind < COMMAND_END && command.role < RY_ROLE_COUNT, "command %d", command.kind);
    obey(thread, &command);
    const struct ry_router_thread_load load = {
        .instances = (uint32_t)ry_router_instances(thread->router, command.role),
        .role_load = (uint32_t)ry_router_role_load(thread->router, command.role),
        .total_load = (uint32_t)ry_router_load(thread->router),
    };
    (void)send(thread->command_fd, &load, sizeof load, MSG_NOSIGNAL);
    return true;
}

/* ---- in the caller's --------------------------------------------------------------------------------------------- */

static struct ry_router_thread_load command_send(struct ry_router_thread *thread, enum command_kind kind,
                                                 enum ry_role role, const void *what)
{
    /* It would wait for itself. */
    RY_ASSERT(!pthread_equal(pthread_self(), thread->id), "command %d", kind);
    const struct command command = {kind, role, what};
    struct ry_router_thread_load load = {0};
    ssize_t n;
    (void)pthread_mutex_lock(&thread->callers);
    if (send(thread->caller_fd, &command, sizeof command, MSG_NOSIGNAL) > 0)
        do
            n = recv(thread->caller_fd, &load, sizeof load, 0);
        while (n < 0 && errno == EINTR);
    (void)pthread_mutex_unlock(&thread->callers);
    return load;
}

struct ry_router_thread_load ry_router_thread_load(struct ry_router_thread *thread, enum ry_role role)
{
    return command_send(thread, COMMAND_LOAD, role, NULL);
}

void ry_router_thread_drain(struct ry_router_thread *thread, enum ry_role role)
{
    (void)command_send(thread, COMMAND_DRAIN, role, NULL);
}

void ry_router_thread_dismiss(struct ry_router_thread *thread)
{
    (void)command_send(thread, COMMAND_DISMISS, RY_ROLE_NONE, NULL);
}

void ry_router_thread_admit(struct ry_router_thread *thread, const struct ry_ticket *ticket)
{
    (void)command_send(thread, COMMAND_ADMIT, RY_ROLE_NONE, ticket);
}

void ry_router_thread_revoke(struct ry_router_thread *thread, const char *name)
{
    (void)command_send(thread, COMMAND_REVOKE, RY_ROLE_NONE, name);
}

void ry_router_thread_children(struct ry_router_thread *thread, const struct ry_children_report *report)
{
    (void)command_send(thread, COMMAND_CHILDREN, RY_ROLE_NONE, report);
}

void command_end(struct ry_router_thread *thread)
{
    const struct command command = {COMMAND_END, RY_ROLE_NONE, NULL};
    (void)send(thread->caller_fd, &command, sizeof command, MSG_NOSIGNAL);
}

/* router_thread.c: the router's thread.
 *
 * Owns the node's ROUTER sockets (inproc; ipc and tcp if asked). Accepts bags; a peer's first envelope must be hello
 * (router_joining.c), what follows is the router's. Sends what the router emits (router_peers.c).
 *
 * Many bags are taken in before mail is handed out, and what is handed out leaves in one bag for each peer. A process
 * that dies is known at once by its pidfd; its mail goes to others. A thread of this process cannot die alone: it says
 * bye, or the whole node is gone. One on another host (router_remote.c) is gone when its connection is. Bytes that are
 * no bag are counted and dropped. */
#include "runtime/bus/router_thread_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/bus/ticket.h"

/* Rounds without a pause after which descriptors are looked at all the same. */
#define BUSY_ROUNDS_MAX 32

enum command_kind {
    COMMAND_LOAD,
    COMMAND_DRAIN,
    COMMAND_DISMISS,
    COMMAND_ADMIT,
    COMMAND_REVOKE,
    COMMAND_TROUPE,
    COMMAND_END
};

struct command {
    enum command_kind kind;
    enum ry_role role;
    const void *what; /* the caller's, who waits for the answer: a ticket, a name, a troupe */
};

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* Whether a process chose its routing id itself: ZeroMQ's own begin with 0. Ours never do; who does could follow upon
 * somebody else with the same one. */
static bool named_itself(const struct peer_key *key)
{
    return key->transport != TRANSPORT_INPROC && (key->route.n == 0 || key->route.bytes[0] != 0);
}

/* The instance of a peer has left, or was put out for what it said. */
static void end_peer(struct ry_router_thread *thread, struct peer *peer)
{
    if (peer->key.transport != TRANSPORT_INPROC) /* one that ends its process waits for this (last_words.h) */
        peer_send_unwelcome(thread, &peer->key, "you have left");
    peer_over(thread, peer);
}

static void take_nonsense(struct ry_router_thread *thread, const struct peer_key *key, const char *what)
{
    struct peer *peer = peer_of_key(thread, key);
    peer_malformed(thread, what);
    if (peer == NULL || peer->over)
        return;
    ry_router_fault(thread->router, peer->session);
    if (!ry_router_knows(thread->router, peer->session))
        end_peer(thread, peer);
}

static void take_bag(struct ry_router_thread *thread, const struct peer_key *key)
{
    if (named_itself(key)) {
        peer_malformed(thread, "a peer that chose its routing id itself");
        return;
    }
    struct peer *peer = peer_of_key(thread, key);
    if (peer && peer->over) {
        peer_goes_on(thread, peer);
        return;
    }
    struct ry_str envelope;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad = false, empty = true;
    while (ry_bag_reader_next(thread->reader, &envelope, &frames, &frame_count, &bad)) {
        empty = false;
        if (peer == NULL) {
            joining_take_hello(thread, key, envelope);
            peer = peer_of_key(thread, key);
            if (peer == NULL)
                return;
            continue;
        }
        struct ry_error err;
        (void)ry_router_take(thread->router, peer->session, envelope, frames, frame_count, &err); /* counts and logs */
        if (!ry_router_knows(thread->router, peer->session)) {
            end_peer(thread, peer);
            return;
        }
    }
    if (bad || empty)
        take_nonsense(thread, key, bad ? "a bag whose heads do not fit its bytes" : "a bag with nothing in it");
}

unsigned receiving_take(struct ry_router_thread *thread, enum transport transport)
{
    if (thread->sockets[transport] == NULL)
        return 0;
    void *socket = ry_socket_raw(thread->sockets[transport]);
    unsigned taken = 0;
    bool bad = false;
    struct peer_key key;
    key.transport = (uint8_t)transport;
    while (taken < BAGS_A_ROUND) {
        if (ry_bag_reader_receive(thread->reader, socket, &key.route, &bad)) {
            if (transport == TRANSPORT_TCP)
                remote_check_size(thread, &key);
            take_bag(thread, &key);
        } else if (bad) {
            take_nonsense(thread, &key, "a message that is no bag");
        } else {
            break;
        }
        taken++;
    }
    return taken;
}

static void take_deaths(struct ry_router_thread *thread)
{
    struct epoll_event events[16];
    int n = epoll_wait(thread->epoll, events, 16, 0);
    for (int i = 0; i < n; i++) {
        struct peer *peer = events[i].data.ptr;
        if (!peer->over)
            RY_LOG(RY_WARNING, "instance_died", "session=%" PRIu32, peer->session);
        peer_gone(thread, peer);
    }
}

/* A process that its supervisor has seen end. What it said last is taken first. */
static void put_out(struct ry_router_thread *thread, const char *name)
{
    while (receiving_take(thread, TRANSPORT_IPC) == BAGS_A_ROUND)
        continue;
    struct peer *peer = peer_of_session(thread, ry_router_named(thread->router, name));
    if (peer && peer->key.transport == TRANSPORT_IPC)
        peer_gone(thread, peer);
}

static void dismiss(struct ry_router_thread *thread)
{
    peer_flush_all(thread);
    struct peer *peer, *next;
    HASH_ITER(hh, thread->peers, peer, next)
    peer_send_unwelcome(thread, &peer->key, "the node ends");
}

static void obey(struct ry_router_thread *thread, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_DRAIN: ry_router_stop_role(thread->router, command->role); break;
    case COMMAND_DISMISS: dismiss(thread); break;
    case COMMAND_ADMIT:
        put_out(thread, ((const struct ry_ticket *)command->what)->name);
        if (ry_admission_add(thread->admission, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "not_admitted", "reason=%s", "out of memory");
        break;
    case COMMAND_REVOKE:
        put_out(thread, command->what);
        ry_admission_revoke(thread->admission, command->what);
        break;
    case COMMAND_TROUPE:
        if (ry_router_troupe(thread->router, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "children_left_out", "reason=%s", "out of memory");
        break;
    case COMMAND_LOAD:
    case COMMAND_END: break;
    }
}

/* Obeys one command, if there is one. False: the thread ends. */
static bool take_command(struct ry_router_thread *thread)
{
    struct command command;
    ssize_t n = recv(thread->command_fd, &command, sizeof command, MSG_DONTWAIT);
    if (n < 0)
        return true;
    if (n != (ssize_t)sizeof command || command.kind == COMMAND_END)
        return false;
    obey(thread, &command);
    const struct ry_router_thread_load load = {
        .instances = (uint32_t)ry_router_instances(thread->router, command.role),
        .role_load = (uint32_t)ry_router_role_load(thread->router, command.role),
        .total_load = (uint32_t)ry_router_load(thread->router),
    };
    (void)send(thread->command_fd, &load, sizeof load, MSG_NOSIGNAL);
    return true;
}

/* Waits until something may have happened, at most until wake_mono_ms; timeout 0 only looks. */
static void wait_for_something(struct ry_router_thread *thread, const struct ry_clock *clock, int64_t wake_mono_ms,
                               bool look, bool *command, bool *death)
{
    zmq_pollitem_t items[5 + RY_CURVE_LISTENER_POLLS] = {
        {.fd = thread->command_fd, .events = ZMQ_POLLIN},
        {.fd = thread->epoll, .events = ZMQ_POLLIN},
        {.socket = ry_socket_raw(thread->sockets[TRANSPORT_INPROC]), .events = ZMQ_POLLIN},
    };
    int n = 3;
    if (thread->sockets[TRANSPORT_IPC])
        items[n++] = (zmq_pollitem_t){.socket = ry_socket_raw(thread->sockets[TRANSPORT_IPC]), .events = ZMQ_POLLIN};
    if (thread->listener) {
        items[n++] = (zmq_pollitem_t){.socket = ry_socket_raw(thread->sockets[TRANSPORT_TCP]), .events = ZMQ_POLLIN};
        ry_curve_listener_polls(thread->listener, items + n);
        n += RY_CURVE_LISTENER_POLLS;
    }
    long timeout_ms = look ? 0 : -1;
    if (!look && wake_mono_ms != INT64_MAX) {
        int64_t left_ms = wake_mono_ms - ry_mono_ms(clock);
        timeout_ms = left_ms < 0 ? 0 : left_ms < 60000 ? (long)left_ms : 60000;
    }
    if (zmq_poll(items, n, look ? 0 : (long)ry_log_tend(timeout_ms)) < 0)
        return; /* interrupted: look again */
    *command = items[0].revents != 0;
    *death = items[1].revents != 0;
}

static void *run(void *arg)
{
    struct ry_router_thread *thread = arg;
    (void)pthread_setname_np(pthread_self(), "router");
    ry_log_thread("router");
    const struct ry_clock *clock = ry_clock_system();
    unsigned busy_rounds = 0;
    for (bool running = true; running;) {
        unsigned taken =
            receiving_take(thread, TRANSPORT_INPROC) + receiving_take(thread, TRANSPORT_IPC) + remote_take(thread);
        int64_t wake_mono_ms = ry_router_turn(thread->router);
        if (thread->listener) {
            int64_t look_mono_ms = ry_curve_listener_look(thread->listener, ry_mono_ms(clock));
            wake_mono_ms = look_mono_ms < wake_mono_ms ? look_mono_ms : wake_mono_ms;
        }
        peer_end_put_out(thread);
        peer_flush_all(thread);
        if (taken && ++busy_rounds < BUSY_ROUNDS_MAX)
            continue;
        busy_rounds = 0;
        bool command = false, death = false;
        wait_for_something(thread, clock, wake_mono_ms, taken > 0, &command, &death);
        if (death)
            take_deaths(thread);
        if (command)
            running = take_command(thread);
    }
    dismiss(thread);
    return NULL;
}

/* ---- starting and stopping --------------------------------------------------------------------------------------- */

static void thread_free(struct ry_router_thread *thread)
{
    struct peer *peer, *next;
    HASH_ITER(hh, thread->peers, peer, next)
    {
        ry_bag_free(&peer->bag);
        peer_free(thread, peer);
    }
    ry_router_free(&thread->router);
    ry_admission_free(&thread->admission);
    ry_bag_reader_free(&thread->reader);
    thread->sockets[TRANSPORT_TCP] = NULL; /* the listener's */
    ry_curve_listener_close(&thread->listener);
    for (int i = 0; i < TRANSPORT_COUNT; i++)
        zsock_destroy(&thread->sockets[i]);
    if (thread->ipc_path[0]) {
        (void)unlink(thread->ipc_path);
        ry_ticket_file_remove(thread->ipc_path);
    }
    int fds[] = {thread->epoll, thread->command_fd, thread->caller_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(thread);
}

static int open_sockets(struct ry_router_thread *thread, const struct ry_router_thread_options *options,
                        struct ry_error *err)
{
    int rc = ry_socket_router(&thread->sockets[TRANSPORT_INPROC], options->endpoint, err);
    if (rc == RY_OK && options->ipc_path) {
        char endpoint[300];
        (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", options->ipc_path);
        rc = ry_socket_router(&thread->sockets[TRANSPORT_IPC], endpoint, err);
        char token[RY_TICKET_BYTES];
        if (rc == RY_OK) {
            (void)snprintf(thread->ipc_path, sizeof thread->ipc_path, "%s", options->ipc_path);
            rc = ry_ticket_file_write(thread->ipc_path, token, err);
        }
        if (rc == RY_OK)
            ry_admission_keep(thread->admission, token);
        explicit_bzero(token, sizeof token);
    }
    return rc == RY_OK && options->tcp ? remote_open(thread, options->tcp, err) : rc;
}

static int thread_open(struct ry_router_thread *thread, const struct ry_router_thread_options *options,
                       struct ry_error *err)
{
    struct ry_router_options router = {
        .node = options->node,
        .owner = options->owner,
        .clock = options->clock,
        .mailbox_max = options->mailbox_max,
        .mailbox_max_bytes = options->mailbox_max_bytes,
        .attempts_max = options->attempts_max,
        .heap_folder = options->heap_folder,
        .emit = peer_emit,
        .emit_arg = thread,
        .put_out = peer_put_out,
        .hold_ms_max = options->hold_ms_max,
    };
    memcpy(router.versions, options->versions, sizeof router.versions);
    int rc = ry_router_new(&thread->router, &router, err);
    if (rc != RY_OK)
        return rc;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ry_fail(err, RY_EIO, "cannot make a socket pair: %m");
    thread->command_fd = pair[0];
    thread->caller_fd = pair[1];
    thread->epoll = epoll_create1(EPOLL_CLOEXEC);
    thread->reader = ry_bag_reader_new();
    thread->admission = ry_admission_new(options->guarded);
    if (thread->epoll < 0 || thread->reader == NULL || thread->admission == NULL)
        return ry_fail(err, RY_EIO, "cannot make the router's descriptors: %m");
    return open_sockets(thread, options, err);
}

int ry_router_thread_start(struct ry_router_thread **thread, const struct ry_router_thread_options *options,
                           struct ry_error *err)
{
    *thread = NULL;
    struct ry_router_thread *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the router");
    made->epoll = made->command_fd = made->caller_fd = -1;
    STAILQ_INIT(&made->dirty);
    TAILQ_INIT(&made->over);
    int rc = thread_open(made, options, err);
    if (rc == RY_OK) {
        int failed = pthread_create(&made->id, NULL, run, made);
        if (failed)
            rc = ry_fail(err, RY_EIO, "cannot start the router's thread: %s", strerror(failed));
    }
    if (rc != RY_OK) {
        thread_free(made);
        return rc;
    }
    *thread = made;
    return RY_OK;
}

static struct ry_router_thread_load command_send(struct ry_router_thread *thread, enum command_kind kind,
                                                 enum ry_role role, const void *what)
{
    const struct command command = {kind, role, what};
    struct ry_router_thread_load load = {0};
    if (send(thread->caller_fd, &command, sizeof command, MSG_NOSIGNAL) < 0)
        return load;
    ssize_t n;
    do
        n = recv(thread->caller_fd, &load, sizeof load, 0);
    while (n < 0 && errno == EINTR);
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

void ry_router_thread_troupe(struct ry_router_thread *thread, const struct ry_troupe *troupe)
{
    (void)command_send(thread, COMMAND_TROUPE, RY_ROLE_NONE, troupe);
}

void ry_router_thread_stop(struct ry_router_thread **thread)
{
    struct ry_router_thread *old = *thread;
    *thread = NULL;
    if (old == NULL)
        return;
    const struct command command = {COMMAND_END, RY_ROLE_NONE, NULL};
    (void)send(old->caller_fd, &command, sizeof command, MSG_NOSIGNAL);
    (void)pthread_join(old->id, NULL);
    thread_free(old);
}

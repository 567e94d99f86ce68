/* router_thread.c: the router's thread.
 *
 * Owns the node's ROUTER sockets (inproc; ipc and tcp if asked). Many bags are taken in before mail is handed out, and
 * what is handed out leaves in one bag for each peer. A process that dies is known at once by its pidfd; its mail goes
 * to others. A thread of this process cannot die alone: it says bye, or the whole node is gone. One on another host is
 * gone when its connection is. The thread's crash is the node's. */
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

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void take_deaths(struct ry_router_thread *thread)
{
    struct epoll_event events[16];
    int n = epoll_wait(thread->epoll, events, 16, 0);
    for (int i = 0; i < n; i++) {
        struct peer *peer = events[i].data.ptr;
        RY_ASSERT(peer->magic == PEER_MAGIC);
        if (!peer->over)
            RY_LOG(RY_WARNING, "instance_died", "session=%" PRIu32, peer->session);
        peer_gone(thread, peer);
    }
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
    struct ry_router_thread *thread = thread_of(arg);
    (void)pthread_setname_np(pthread_self(), "router");
    ry_log_thread("router");
    const struct ry_clock *clock = ry_clock_system();
    unsigned busy_rounds = 0;
    for (bool running = true; running;) {
        unsigned taken =
            receive_from(thread, TRANSPORT_INPROC) + receive_from(thread, TRANSPORT_IPC) + receive_from_remote(thread);
        int64_t wake_mono_ms = ry_router_turn(thread->router);
        if (thread->listener) {
            int64_t look_mono_ms = ry_curve_listener_look(thread->listener, ry_mono_ms(clock));
            wake_mono_ms = look_mono_ms < wake_mono_ms ? look_mono_ms : wake_mono_ms;
        }
        peer_end_put_out(thread);
        peer_trim_over(thread);
        peer_flush_all(thread);
        if (taken && ++busy_rounds < BUSY_ROUNDS_MAX)
            continue;
        busy_rounds = 0;
        bool command = false, death = false;
        wait_for_something(thread, clock, wake_mono_ms, taken > 0, &command, &death);
        if (death)
            take_deaths(thread);
        if (command)
            running = command_take(thread);
    }
    peer_dismiss_all(thread);
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
    thread->magic = 0;
    (void)pthread_mutex_destroy(&thread->callers);
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
    if (options->versions)
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
    made->magic = ROUTER_THREAD_MAGIC;
    made->epoll = made->command_fd = made->caller_fd = -1;
    STAILQ_INIT(&made->dirty);
    (void)pthread_mutex_init(&made->callers, NULL);
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

void ry_router_thread_stop(struct ry_router_thread **thread)
{
    struct ry_router_thread *old = *thread;
    *thread = NULL;
    if (old == NULL)
        return;
    command_end(old);
    (void)pthread_join(old->id, NULL);
    thread_free(old);
}

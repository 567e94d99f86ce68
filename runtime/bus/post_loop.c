/* post_loop.c: the router's thread.
 *
 * Owns the node's ROUTER sockets (inproc; ipc and tcp if asked). Accepts bags; a peer's first envelope must be hello
 * (post_joining.c), what follows is the router's. Sends what the router emits (post_peers.c).
 *
 * Many bags are taken in before mail is handed out, and what is handed out leaves in one bag for each peer. A process
 * that dies is known at once by its pidfd; its mail goes to others. A thread of this process cannot die alone: it says
 * bye, or the whole node is gone. One on another host (post_guests.c) is gone when its connection is. Bytes that are no
 * bag are counted and dropped. */
#include "runtime/bus/post_inside.h"

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
    return key->door != DOOR_INPROC && (key->route.n == 0 || key->route.bytes[0] != 0);
}

/* The instance of a peer has left, or was put out for what it said. */
static void end_peer(struct ry_post *post, struct peer *peer)
{
    if (peer->key.door != DOOR_INPROC) /* one that ends its process waits for this (last_words.h) */
        post_send_unwelcome(post, &peer->key, "you have left");
    post_peer_over(post, peer);
}

static void take_nonsense(struct ry_post *post, const struct peer_key *key, const char *what)
{
    struct peer *peer = post_peer_find(post, key);
    post_malformed(post, what);
    if (peer == NULL || peer->over)
        return;
    ry_router_fault(post->router, peer->session);
    if (!ry_router_knows(post->router, peer->session))
        end_peer(post, peer);
}

static void take_parcel(struct ry_post *post, const struct peer_key *key)
{
    if (named_itself(key)) {
        post_malformed(post, "a peer that chose its routing id itself");
        return;
    }
    struct peer *peer = post_peer_find(post, key);
    if (peer && peer->over) {
        post_peer_goes_on(post, peer);
        return;
    }
    struct ry_str envelope;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad = false, empty = true;
    while (ry_parcel_next(post->parcel, &envelope, &frames, &frame_count, &bad)) {
        empty = false;
        if (peer == NULL) {
            post_take_hello(post, key, envelope);
            peer = post_peer_find(post, key);
            if (peer == NULL)
                return;
            continue;
        }
        struct ry_error err;
        (void)ry_router_take(post->router, peer->session, envelope, frames, frame_count, &err); /* counts and logs */
        if (!ry_router_knows(post->router, peer->session)) {
            end_peer(post, peer);
            return;
        }
    }
    if (bad || empty)
        take_nonsense(post, key, bad ? "a bag whose heads do not fit its bytes" : "a bag with nothing in it");
}

unsigned post_take_door(struct ry_post *post, enum door door)
{
    if (post->doors[door] == NULL)
        return 0;
    void *socket = ry_socket_raw(post->doors[door]);
    unsigned taken = 0;
    bool bad = false;
    struct peer_key key;
    key.door = (uint8_t)door;
    while (taken < BAGS_A_ROUND) {
        if (ry_parcel_receive(post->parcel, socket, &key.route, &bad)) {
            if (door == DOOR_TCP)
                post_check_size(post, &key);
            take_parcel(post, &key);
        } else if (bad) {
            take_nonsense(post, &key, "a message that is no bag");
        } else {
            break;
        }
        taken++;
    }
    return taken;
}

static void take_deaths(struct ry_post *post)
{
    struct epoll_event events[16];
    int n = epoll_wait(post->epoll, events, 16, 0);
    for (int i = 0; i < n; i++) {
        struct peer *peer = events[i].data.ptr;
        if (!peer->over)
            RY_LOG(RY_WARNING, "instance_died", "session=%" PRIu32, peer->session);
        post_peer_gone(post, peer);
    }
}

/* A process that its supervisor has seen end. What it said last is taken first. */
static void put_out(struct ry_post *post, const char *name)
{
    while (post_take_door(post, DOOR_IPC) == BAGS_A_ROUND)
        continue;
    struct peer *peer = post_peer_of(post, ry_router_named(post->router, name));
    if (peer && peer->key.door == DOOR_IPC)
        post_peer_gone(post, peer);
}

static void dismiss(struct ry_post *post)
{
    post_flush_all(post);
    struct peer *peer, *next;
    HASH_ITER(hh, post->peers, peer, next)
    post_send_unwelcome(post, &peer->key, "the node ends");
}

static void obey(struct ry_post *post, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_DRAIN: ry_router_stop_role(post->router, command->role); break;
    case COMMAND_DISMISS: dismiss(post); break;
    case COMMAND_ADMIT:
        put_out(post, ((const struct ry_ticket *)command->what)->name);
        if (ry_admission_add(post->admission, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "not_admitted", "reason=%s", "out of memory");
        break;
    case COMMAND_REVOKE:
        put_out(post, command->what);
        ry_admission_revoke(post->admission, command->what);
        break;
    case COMMAND_TROUPE:
        if (ry_router_troupe(post->router, command->what) != RY_OK)
            RY_LOG(RY_ERROR, "children_left_out", "reason=%s", "out of memory");
        break;
    case COMMAND_LOAD:
    case COMMAND_END: break;
    }
}

/* Obeys one command, if there is one. False: the thread ends. */
static bool take_command(struct ry_post *post)
{
    struct command command;
    ssize_t n = recv(post->command_fd, &command, sizeof command, MSG_DONTWAIT);
    if (n < 0)
        return true;
    if (n != (ssize_t)sizeof command || command.kind == COMMAND_END)
        return false;
    obey(post, &command);
    const struct ry_post_load load = {
        .instances = (uint32_t)ry_router_instances(post->router, command.role),
        .role_load = (uint32_t)ry_router_role_load(post->router, command.role),
        .total_load = (uint32_t)ry_router_load(post->router),
    };
    (void)send(post->command_fd, &load, sizeof load, MSG_NOSIGNAL);
    return true;
}

/* Waits until something may have happened, at most until wake_mono_ms; timeout 0 only looks. */
static void wait_for_something(struct ry_post *post, const struct ry_clock *clock, int64_t wake_mono_ms, bool look,
                               bool *command, bool *death)
{
    zmq_pollitem_t items[5 + RY_GATE_POLLS] = {
        {.fd = post->command_fd, .events = ZMQ_POLLIN},
        {.fd = post->epoll, .events = ZMQ_POLLIN},
        {.socket = ry_socket_raw(post->doors[DOOR_INPROC]), .events = ZMQ_POLLIN},
    };
    int n = 3;
    if (post->doors[DOOR_IPC])
        items[n++] = (zmq_pollitem_t){.socket = ry_socket_raw(post->doors[DOOR_IPC]), .events = ZMQ_POLLIN};
    if (post->gate) {
        items[n++] = (zmq_pollitem_t){.socket = ry_socket_raw(post->doors[DOOR_TCP]), .events = ZMQ_POLLIN};
        ry_gate_polls(post->gate, items + n);
        n += RY_GATE_POLLS;
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

static void *post_thread(void *arg)
{
    struct ry_post *post = arg;
    (void)pthread_setname_np(pthread_self(), "router");
    ry_log_thread("router");
    const struct ry_clock *clock = ry_clock_system();
    unsigned busy_rounds = 0;
    for (bool running = true; running;) {
        unsigned taken = post_take_door(post, DOOR_INPROC) + post_take_door(post, DOOR_IPC) + post_take_gate(post);
        int64_t wake_mono_ms = ry_router_turn(post->router);
        if (post->gate) {
            int64_t look_mono_ms = ry_gate_look(post->gate, ry_mono_ms(clock));
            wake_mono_ms = look_mono_ms < wake_mono_ms ? look_mono_ms : wake_mono_ms;
        }
        post_end_put_out(post);
        post_flush_all(post);
        if (taken && ++busy_rounds < BUSY_ROUNDS_MAX)
            continue;
        busy_rounds = 0;
        bool command = false, death = false;
        wait_for_something(post, clock, wake_mono_ms, taken > 0, &command, &death);
        if (death)
            take_deaths(post);
        if (command)
            running = take_command(post);
    }
    dismiss(post);
    return NULL;
}

/* ---- starting and stopping --------------------------------------------------------------------------------------- */

static void post_free(struct ry_post *post)
{
    struct peer *peer, *next;
    HASH_ITER(hh, post->peers, peer, next)
    {
        ry_bag_free(&peer->bag);
        post_peer_free(post, peer);
    }
    ry_router_free(&post->router);
    ry_admission_free(&post->admission);
    ry_parcel_free(&post->parcel);
    post->doors[DOOR_TCP] = NULL; /* the gate's */
    ry_gate_close(&post->gate);
    for (int i = 0; i < DOOR_COUNT; i++)
        zsock_destroy(&post->doors[i]);
    if (post->ipc_path[0]) {
        (void)unlink(post->ipc_path);
        ry_ticket_file_remove(post->ipc_path);
    }
    int fds[] = {post->epoll, post->command_fd, post->caller_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    free(post);
}

static int open_doors(struct ry_post *post, const struct ry_post_options *options, struct ry_error *err)
{
    int rc = ry_socket_router(&post->doors[DOOR_INPROC], options->endpoint, err);
    if (rc == RY_OK && options->ipc_path) {
        char endpoint[300];
        (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", options->ipc_path);
        rc = ry_socket_router(&post->doors[DOOR_IPC], endpoint, err);
        char token[RY_TICKET_BYTES];
        if (rc == RY_OK) {
            (void)snprintf(post->ipc_path, sizeof post->ipc_path, "%s", options->ipc_path);
            rc = ry_ticket_file_write(post->ipc_path, token, err);
        }
        if (rc == RY_OK)
            ry_admission_keep(post->admission, token);
        explicit_bzero(token, sizeof token);
    }
    return rc == RY_OK && options->tcp ? post_open_gate(post, options->tcp, err) : rc;
}

static int post_open(struct ry_post *post, const struct ry_post_options *options, struct ry_error *err)
{
    struct ry_router_options router = {
        .node = options->node,
        .owner = options->owner,
        .clock = options->clock,
        .mailbox_max = options->mailbox_max,
        .mailbox_max_bytes = options->mailbox_max_bytes,
        .attempts_max = options->attempts_max,
        .heap_folder = options->heap_folder,
        .emit = post_emit,
        .emit_arg = post,
        .put_out = post_put_out,
        .hold_ms_max = options->hold_ms_max,
    };
    memcpy(router.versions, options->versions, sizeof router.versions);
    int rc = ry_router_new(&post->router, &router, err);
    if (rc != RY_OK)
        return rc;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return ry_fail(err, RY_EIO, "cannot make a socket pair: %m");
    post->command_fd = pair[0];
    post->caller_fd = pair[1];
    post->epoll = epoll_create1(EPOLL_CLOEXEC);
    post->parcel = ry_parcel_new();
    post->admission = ry_admission_new(options->guarded);
    if (post->epoll < 0 || post->parcel == NULL || post->admission == NULL)
        return ry_fail(err, RY_EIO, "cannot make the router's descriptors: %m");
    return open_doors(post, options, err);
}

int ry_post_start(struct ry_post **post, const struct ry_post_options *options, struct ry_error *err)
{
    *post = NULL;
    struct ry_post *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the router");
    made->epoll = made->command_fd = made->caller_fd = -1;
    STAILQ_INIT(&made->dirty);
    TAILQ_INIT(&made->over);
    int rc = post_open(made, options, err);
    if (rc == RY_OK) {
        int failed = pthread_create(&made->thread, NULL, post_thread, made);
        if (failed)
            rc = ry_fail(err, RY_EIO, "cannot start the router's thread: %s", strerror(failed));
    }
    if (rc != RY_OK) {
        post_free(made);
        return rc;
    }
    *post = made;
    return RY_OK;
}

static struct ry_post_load post_command(struct ry_post *post, enum command_kind kind, enum ry_role role,
                                        const void *what)
{
    const struct command command = {kind, role, what};
    struct ry_post_load load = {0};
    if (send(post->caller_fd, &command, sizeof command, MSG_NOSIGNAL) < 0)
        return load;
    ssize_t n;
    do
        n = recv(post->caller_fd, &load, sizeof load, 0);
    while (n < 0 && errno == EINTR);
    return load;
}

struct ry_post_load ry_post_load(struct ry_post *post, enum ry_role role)
{
    return post_command(post, COMMAND_LOAD, role, NULL);
}

void ry_post_drain(struct ry_post *post, enum ry_role role)
{
    (void)post_command(post, COMMAND_DRAIN, role, NULL);
}

void ry_post_dismiss(struct ry_post *post)
{
    (void)post_command(post, COMMAND_DISMISS, RY_ROLE_NONE, NULL);
}

void ry_post_admit(struct ry_post *post, const struct ry_ticket *ticket)
{
    (void)post_command(post, COMMAND_ADMIT, RY_ROLE_NONE, ticket);
}

void ry_post_revoke(struct ry_post *post, const char *name)
{
    (void)post_command(post, COMMAND_REVOKE, RY_ROLE_NONE, name);
}

void ry_post_troupe(struct ry_post *post, const struct ry_troupe *troupe)
{
    (void)post_command(post, COMMAND_TROUPE, RY_ROLE_NONE, troupe);
}

void ry_post_stop(struct ry_post **post)
{
    struct ry_post *old = *post;
    *post = NULL;
    if (old == NULL)
        return;
    const struct command command = {COMMAND_END, RY_ROLE_NONE, NULL};
    (void)send(old->caller_fd, &command, sizeof command, MSG_NOSIGNAL);
    (void)pthread_join(old->thread, NULL);
    post_free(old);
}

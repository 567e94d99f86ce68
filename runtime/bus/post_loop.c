/* post_loop.c: the router's thread.
 *
 * Owns the node's ROUTER sockets (inproc; ipc and tcp if asked) and the peers that joined over them: for each its
 * route, the bag that is being filled for it, and, for another process, a pidfd. Accepts bags; a peer's first envelope
 * must be hello, and what a process says of itself is checked against the credentials of its connection. Sends welcome
 * or unwelcome, and what the router emits.
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

#include "proto/codec.h"

/* Rounds without a pause after which descriptors are looked at all the same. */
#define BUSY_ROUNDS_MAX     32
#define UNWELCOMES_A_SECOND 100

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

/* ---- peers ------------------------------------------------------------------------------------------------------- */

static size_t key_bytes(const struct peer_key *key)
{
    return offsetof(struct peer_key, route.bytes) + key->route.n;
}

static struct peer *peer_find(struct ry_post *post, const struct peer_key *key)
{
    struct peer *peer = NULL;
    HASH_FIND(hh, post->peers, key, key_bytes(key), peer);
    return peer;
}

static struct peer *peer_of_session(struct ry_post *post, uint32_t session)
{
    struct peer *peer = post->sessions[session % SESSION_SLOTS];
    return peer && peer->session == session ? peer : NULL;
}

static void peer_flush(struct ry_post *post, struct peer *peer)
{
    struct ry_error err;
    if (ry_bag_send(&peer->bag, ry_socket_raw(post->doors[peer->key.door]), &peer->key.route, &err) != RY_OK)
        RY_LOG(RY_WARNING, "bag_lost", "session=%" PRIu32 " reason=%s", peer->session, err.text);
}

static void peer_free(struct ry_post *post, struct peer *peer)
{
    if (peer->dirty) {
        peer_flush(post, peer);
        STAILQ_REMOVE(&post->dirty, peer, peer, to_flush);
    }
    HASH_DELETE(hh, post->peers, peer);
    if (post->sessions[peer->session % SESSION_SLOTS] == peer)
        post->sessions[peer->session % SESSION_SLOTS] = NULL;
    if (peer->pidfd >= 0)
        (void)close(peer->pidfd); /* leaves the epoll set with it */
    ry_bag_free(&peer->bag);
    free(peer);
}

/* The router's emit. */
static void post_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                      size_t frame_count)
{
    struct ry_post *post = arg;
    struct peer *peer = peer_of_session(post, session);
    if (peer == NULL)
        peer = post->joining;
    if (peer == NULL)
        return;
    if (ry_bag_full(&peer->bag))
        peer_flush(post, peer);
    if (ry_bag_add(&peer->bag, envelope, frames, frame_count) != RY_OK) {
        peer_flush(post, peer);
        if (ry_bag_add(&peer->bag, envelope, frames, frame_count) != RY_OK)
            RY_LOG(RY_CRITICAL, "bag_lost", "session=%" PRIu32 " reason=%s", session, "out of memory");
    }
    if (!peer->dirty) {
        peer->dirty = true;
        STAILQ_INSERT_TAIL(&post->dirty, peer, to_flush);
    }
}

static void flush_all(struct ry_post *post)
{
    struct peer *peer;
    while ((peer = STAILQ_FIRST(&post->dirty)) != NULL) {
        STAILQ_REMOVE_HEAD(&post->dirty, to_flush);
        peer->dirty = false;
        peer_flush(post, peer);
    }
}

/* Tells somebody who has not joined, or who shall end at once, why. */
static void send_unwelcome(struct ry_post *post, const struct peer_key *key, const char *reason)
{
    const struct ry_unwelcome message = {.reason = ry_str_of(reason)};
    RY_BUF_AUTO body = ry_buf_make(4096);
    RY_BUF_AUTO bytes = ry_buf_make(8192);
    struct ry_frames frames;
    frames.n = 0;
    struct ry_error err;
    if (ry_pack_mended(ry_descriptor(RY_TAG_unwelcome), &message, &body, &frames, &err) != RY_OK)
        return;
    const struct ry_envelope envelope = {.id = 1, .tag = RY_TAG_unwelcome, .attempt = 1, .body = ry_buf_str(&body)};
    struct ry_bag bag;
    ry_bag_init(&bag);
    if (ry_envelope_pack(&envelope, &bytes) == RY_OK && ry_bag_add(&bag, ry_buf_str(&bytes), NULL, 0) == RY_OK)
        (void)ry_bag_send(&bag, ry_socket_raw(post->doors[key->door]), &key->route, &err);
    ry_bag_free(&bag);
}

/* The same to a stranger, but not without bound: one who asks and does not read would have the answers pile up. */
static void turn_away(struct ry_post *post, const struct peer_key *key, const char *reason)
{
    unsigned held_back = 0;
    if (ry_log_allowed(&post->unwelcomes, UNWELCOMES_A_SECOND, 1000, &held_back))
        send_unwelcome(post, key, reason);
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

static void malformed(struct ry_post *post, const char *what)
{
    post->malformed++;
    unsigned held_back = 0;
    if (ry_log_allowed(&post->malformed_log, 10, 10000, &held_back))
        RY_LOG(RY_WARNING, "bus_malformed", "reason=%s total=%" PRIu64 " held_back=%u", what, post->malformed,
               held_back);
    ry_router_reject(post->router);
}

/* A process is who its connection says it is, runs for the same user, and may take the role that it asks for. */
static int check_process(const struct ry_post *post, const struct ry_hello *hello, uint32_t *allowed, int *pidfd,
                         struct ry_error *err)
{
    pid_t pid = 0;
    uid_t uid = 0;
    if (!ry_peer_of(ry_parcel_fd(post->parcel), &pid, &uid))
        return ry_fail(err, RY_EACCES, "the connection has no credentials");
    if (uid != geteuid())
        return ry_fail(err, RY_EACCES, "only the user %u who runs the node may join, not %u", geteuid(), uid);
    if (hello->pid != (uint64_t)pid)
        return ry_fail(err, RY_EACCES, "the process %d says that it is %" PRIu64, pid, hello->pid);
    int rc = ry_admission_check(post->admission, hello, ry_router_has_process(post->router, pid), allowed, err);
    if (rc != RY_OK)
        return rc;
    *pidfd = ry_pidfd(pid);
    if (*pidfd < 0 && errno == ESRCH)
        return ry_fail(err, RY_EAWAY, "the process %d has ended", pid);
    if (*pidfd < 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%d error=%s", pid, strerror(errno));
    return RY_OK;
}

static int check(struct ry_post *post, enum door door, struct ry_hello *hello, uint32_t *allowed, int *pidfd,
                 struct ry_error *err)
{
    *pidfd = -1;
    *allowed = UINT32_MAX; /* a thread of this program */
    return door == DOOR_IPC   ? check_process(post, hello, allowed, pidfd, err)
           : door == DOOR_TCP ? post_check_guest(post, hello, allowed, err)
                              : RY_OK;
}

static int peer_add(struct ry_post *post, const struct peer_key *key, const struct ry_hello *hello, uint32_t allowed,
                    int pidfd, struct ry_error *err)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a peer");
    peer->key.door = key->door;
    peer->key.route.n = key->route.n;
    memcpy(peer->key.route.bytes, key->route.bytes, key->route.n);
    peer->pidfd = -1;
    peer->fd = key->door == DOOR_TCP ? ry_parcel_fd(post->parcel) : -1;
    ry_bag_init(&peer->bag);
    post->joining = peer;
    int rc = ry_router_join(post->router, hello, allowed, key->door != DOOR_INPROC, &peer->session, err);
    post->joining = NULL;
    if (rc != RY_OK) {
        free(peer);
        return rc;
    }
    peer->pidfd = pidfd;
    HASH_ADD_KEYPTR(hh, post->peers, &peer->key, key_bytes(&peer->key), peer);
    post->sessions[peer->session % SESSION_SLOTS] = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = peer->session};
    if (pidfd >= 0 && epoll_ctl(post->epoll, EPOLL_CTL_ADD, pidfd, &event) != 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%" PRIu64 " error=%s", hello->pid, strerror(errno));
    return RY_OK;
}

/* The first envelope of a peer. */
static void take_hello(struct ry_post *post, const struct peer_key *key, struct ry_str bytes)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 10);
    struct ry_envelope envelope;
    struct ry_error err = {0};
    void *body = NULL;
    if (ry_envelope_unpack(bytes, &envelope, &err) != RY_OK) {
        malformed(post, "no envelope from a peer that has not joined");
        return;
    }
    if (envelope.tag != RY_TAG_hello ||
        ry_unpack(ry_descriptor(RY_TAG_hello), envelope.body, NULL, 0, &arena, &body, &err) != RY_OK) {
        malformed(post, "a peer that has not joined says something else than hello");
        turn_away(post, key, "you have not joined: say hello first");
        return;
    }
    struct ry_hello *hello = body;
    int pidfd;
    uint32_t allowed;
    int rc = check(post, (enum door)key->door, hello, &allowed, &pidfd, &err);
    bool joining = rc == RY_OK;
    if (joining)
        rc = peer_add(post, key, hello, allowed, pidfd, &err);
    if (rc == RY_OK) {
        if (key->door == DOOR_IPC)
            ry_admission_used(post->admission, hello);
        else if (key->door == DOOR_TCP)
            RY_LOG(RY_INFO, "guest_joined", "name=%.*s key=%s", RY_STR_ARG(hello->name), ry_parcel_user(post->parcel));
        return;
    }
    if (pidfd >= 0)
        (void)close(pidfd);
    if (!joining)
        ry_router_reject(post->router); /* else the router has counted it */
    unsigned held_back = 0;
    if (ry_log_allowed(&post->malformed_log, 10, 10000, &held_back))
        RY_LOG(RY_WARNING, "instance_refused", "name=%.*s reason=%s held_back=%u", RY_STR_ARG(hello->name), err.text,
               held_back);
    turn_away(post, key, err.text);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* Whether a process chose its routing id itself: ZeroMQ's own begin with 0. Ours never do; who does could follow upon
 * somebody else with the same one. */
static bool named_itself(const struct peer_key *key)
{
    return key->door != DOOR_INPROC && (key->route.n == 0 || key->route.bytes[0] != 0);
}

static void take_parcel(struct ry_post *post, const struct peer_key *key)
{
    if (named_itself(key)) {
        malformed(post, "a peer that chose its routing id itself");
        return;
    }
    struct peer *peer = peer_find(post, key);
    struct ry_str envelope;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad = false;
    while (ry_parcel_next(post->parcel, &envelope, &frames, &frame_count, &bad)) {
        if (peer == NULL) {
            take_hello(post, key, envelope);
            peer = peer_find(post, key);
            if (peer == NULL)
                return;
            continue;
        }
        struct ry_error err;
        (void)ry_router_take(post->router, peer->session, envelope, frames, frame_count, &err); /* counts and logs */
        if (!ry_router_knows(post->router, peer->session)) {
            if (key->door != DOOR_INPROC) /* one that ends its process waits for this (last_words.h) */
                send_unwelcome(post, key, "you have left");
            peer_free(post, peer);
            return;
        }
    }
    if (bad)
        malformed(post, "a bag whose heads do not fit its bytes");
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
        if (ry_parcel_receive(post->parcel, socket, &key.route, &bad))
            take_parcel(post, &key);
        else if (bad)
            malformed(post, "a message that is no bag");
        else
            break;
        taken++;
    }
    return taken;
}

void post_peer_gone(struct ry_post *post, struct peer *peer)
{
    ry_router_gone(post->router, peer->session, false);
    ry_bag_free(&peer->bag);
    peer_free(post, peer);
}

static void take_deaths(struct ry_post *post)
{
    struct epoll_event events[16];
    int n = epoll_wait(post->epoll, events, 16, 0);
    for (int i = 0; i < n; i++) {
        struct peer *peer = peer_of_session(post, events[i].data.u32);
        if (peer == NULL)
            continue;
        RY_LOG(RY_WARNING, "instance_died", "session=%" PRIu32, peer->session);
        post_peer_gone(post, peer);
    }
}

/* A process that its supervisor has seen end. What it said last is taken first. */
static void put_out(struct ry_post *post, const char *name)
{
    while (post_take_door(post, DOOR_IPC) == BAGS_A_ROUND)
        continue;
    struct peer *peer = peer_of_session(post, ry_router_named(post->router, name));
    if (peer && peer->key.door == DOOR_IPC)
        post_peer_gone(post, peer);
}

static void dismiss(struct ry_post *post)
{
    flush_all(post);
    struct peer *peer, *next;
    HASH_ITER(hh, post->peers, peer, next)
    send_unwelcome(post, &peer->key, "the node ends");
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
        flush_all(post);
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
        peer_free(post, peer);
    }
    ry_router_free(&post->router);
    ry_admission_free(&post->admission);
    ry_parcel_free(&post->parcel);
    post->doors[DOOR_TCP] = NULL; /* the gate's */
    ry_gate_close(&post->gate);
    for (int i = 0; i < DOOR_COUNT; i++)
        zsock_destroy(&post->doors[i]);
    if (post->ipc_path[0])
        (void)unlink(post->ipc_path);
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
        if (rc == RY_OK)
            (void)snprintf(post->ipc_path, sizeof post->ipc_path, "%s", options->ipc_path);
    }
    return rc == RY_OK && options->tcp ? post_open_gate(post, options->tcp, err) : rc;
}

static int post_open(struct ry_post *post, const struct ry_post_options *options, struct ry_error *err)
{
    const struct ry_router_options router = {
        .node = options->node,
        .owner = options->owner,
        .clock = options->clock,
        .mailbox_max = options->mailbox_max,
        .mailbox_max_bytes = options->mailbox_max_bytes,
        .attempts_max = options->attempts_max,
        .heap_folder = options->heap_folder,
        .emit = post_emit,
        .emit_arg = post,
    };
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

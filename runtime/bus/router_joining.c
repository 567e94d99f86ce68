/* router_joining.c: how a peer of the router becomes an instance.
 *
 * Its first envelope must be hello. What a process says of itself there is checked against the credentials of its
 * connection, and binds it for the connection's life; a process that has joined in a confined role joins in no other,
 * over whatever connection. */
#include "runtime/bus/router_thread_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/codec.h"

/* What is known of one who knocks. */
struct knock {
    uint32_t allowed; /* roles */
    pid_t pid;        /* of a process of this host */
    int pidfd;
};

/* A process is who its connection says it is, runs for the same user, and may take the role that it asks for. */
static int check_process(const struct ry_router_thread *thread, const struct ry_hello *hello, struct knock *knock,
                         struct ry_error *err)
{
    uid_t uid = 0;
    if (!ry_peer_of(ry_bag_reader_fd(thread->reader), &knock->pid, &uid))
        return ry_fail(err, RY_EACCES, "the connection has no credentials");
    if (uid != geteuid())
        return ry_fail(err, RY_EACCES, "only the user %u who runs the node may join, not %u", geteuid(), uid);
    if (hello->pid != (uint64_t)knock->pid)
        return ry_fail(err, RY_EACCES, "the process %d says that it is %" PRIu64, knock->pid, hello->pid);
    int rc =
        ry_admission_check(thread->admission, hello, peer_roles_of_process(thread, knock->pid), &knock->allowed, err);
    if (rc != RY_OK)
        return rc;
    knock->pidfd = ry_pidfd(knock->pid);
    if (knock->pidfd < 0 && errno == ESRCH)
        return ry_fail(err, RY_EAWAY, "the process %d has ended", knock->pid);
    if (knock->pidfd < 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%d error=%s", knock->pid, strerror(errno));
    return RY_OK;
}

static int check(struct ry_router_thread *thread, enum transport transport, struct ry_hello *hello, struct knock *knock,
                 struct ry_error *err)
{
    *knock = (struct knock){.allowed = UINT32_MAX, .pidfd = -1}; /* a thread of this program */
    return transport == TRANSPORT_IPC   ? check_process(thread, hello, knock, err)
           : transport == TRANSPORT_TCP ? remote_check(thread, hello, &knock->allowed, err)
                                        : RY_OK;
}

static enum ry_locality locality_of(enum transport transport)
{
    return transport == TRANSPORT_INPROC ? RY_LOCALITY_THREAD
           : transport == TRANSPORT_IPC  ? RY_LOCALITY_PROCESS
                                         : RY_LOCALITY_HOST;
}

static int peer_add(struct ry_router_thread *thread, const struct peer_key *key, const struct ry_hello *hello,
                    const struct knock *knock, struct ry_error *err)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a peer");
    RY_ASSERT(key->transport < TRANSPORT_COUNT && key->route.n <= sizeof key->route.bytes, "transport %u",
              key->transport);
    peer->magic = PEER_MAGIC;
    peer->key.transport = key->transport;
    peer->key.route.n = key->route.n;
    memcpy(peer->key.route.bytes, key->route.bytes, key->route.n);
    peer->pidfd = -1;
    peer->pid = knock->pid;
    peer->role = (enum ry_role)hello->role;
    peer->fd = key->transport == TRANSPORT_TCP ? ry_bag_reader_fd(thread->reader) : -1;
    if (key->transport == TRANSPORT_TCP)
        (void)snprintf(peer->user, sizeof peer->user, "%s", ry_bag_reader_user(thread->reader));
    ry_bag_init(&peer->bag);
    thread->joining = peer;
    int rc = ry_router_join(thread->router, hello, knock->allowed, locality_of((enum transport)key->transport),
                            &peer->session, err);
    thread->joining = NULL;
    if (rc != RY_OK) {
        free(peer);
        return rc;
    }
    peer->pidfd = knock->pidfd;
    HASH_ADD_KEYPTR(hh, thread->peers, &peer->key, peer_key_bytes(&peer->key), peer);
    thread->sessions[peer->session % SESSION_SLOTS] = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (peer->pidfd >= 0 && epoll_ctl(thread->epoll, EPOLL_CTL_ADD, peer->pidfd, &event) != 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%" PRIu64 " error=%s", hello->pid, strerror(errno));
    return RY_OK;
}

static void refuse(struct ry_router_thread *thread, const struct peer_key *key, const struct ry_hello *hello,
                   const char *reason)
{
    unsigned suppressed = 0;
    if (ry_log_allowed(&thread->malformed_log, 10, 10000, &suppressed))
        RY_LOG(RY_WARNING, "instance_refused", "name=%.*s reason=%s held_back=%u", RY_STR_ARG(hello->name), reason,
               suppressed);
    peer_turn_away(thread, key, reason);
}

void joining_take_hello(struct ry_router_thread *thread, const struct peer_key *key, struct ry_str bytes)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 10);
    struct ry_envelope envelope;
    struct ry_error err = {0};
    void *body = NULL;
    if (ry_envelope_unpack(bytes, &envelope, &err) != RY_OK) {
        peer_malformed(thread, "no envelope from a peer that has not joined");
        return;
    }
    if (envelope.tag != RY_TAG_hello ||
        ry_unpack(ry_descriptor(RY_TAG_hello), envelope.body, NULL, 0, &arena, &body, &err) != RY_OK) {
        peer_malformed(thread, "a peer that has not joined says something else than hello");
        peer_turn_away(thread, key, "you have not joined: say hello first");
        return;
    }
    struct ry_hello *hello = body;
    struct knock knock;
    int rc = check(thread, (enum transport)key->transport, hello, &knock, &err);
    bool joining = rc == RY_OK;
    if (joining)
        rc = peer_add(thread, key, hello, &knock, &err);
    if (rc == RY_OK) {
        if (key->transport == TRANSPORT_IPC)
            ry_admission_used(thread->admission, hello);
        else if (key->transport == TRANSPORT_TCP)
            RY_LOG(RY_INFO, "guest_joined", "name=%.*s key=%s", RY_STR_ARG(hello->name),
                   ry_bag_reader_user(thread->reader));
        return;
    }
    if (knock.pidfd >= 0)
        (void)close(knock.pidfd);
    if (!joining)
        ry_router_reject(thread->router); /* else the router has counted it */
    refuse(thread, key, hello, err.text);
}

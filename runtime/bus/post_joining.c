/* post_joining.c: how a peer of the router becomes an instance.
 *
 * Its first envelope must be hello. What a process says of itself there is checked against the credentials of its
 * connection, and binds it for the connection's life; a process that has joined in a confined role joins in no other,
 * over whatever connection. */
#include "runtime/bus/post_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "proto/codec.h"

void post_malformed(struct ry_post *post, const char *what)
{
    post->malformed++;
    unsigned held_back = 0;
    if (ry_log_allowed(&post->malformed_log, 10, 10000, &held_back))
        RY_LOG(RY_WARNING, "bus_malformed", "reason=%s total=%" PRIu64 " held_back=%u", what, post->malformed,
               held_back);
    ry_router_reject(post->router);
}

/* What is known of one who knocks. */
struct knock {
    uint32_t allowed; /* roles */
    pid_t pid;        /* of a process of this host */
    int pidfd;
};

/* A process is who its connection says it is, runs for the same user, and may take the role that it asks for. */
static int check_process(const struct ry_post *post, const struct ry_hello *hello, struct knock *knock,
                         struct ry_error *err)
{
    uid_t uid = 0;
    if (!ry_peer_of(ry_parcel_fd(post->parcel), &knock->pid, &uid))
        return ry_fail(err, RY_EACCES, "the connection has no credentials");
    if (uid != geteuid())
        return ry_fail(err, RY_EACCES, "only the user %u who runs the node may join, not %u", geteuid(), uid);
    if (hello->pid != (uint64_t)knock->pid)
        return ry_fail(err, RY_EACCES, "the process %d says that it is %" PRIu64, knock->pid, hello->pid);
    int rc = ry_admission_check(post->admission, hello, post_roles_of_process(post, knock->pid), &knock->allowed, err);
    if (rc != RY_OK)
        return rc;
    knock->pidfd = ry_pidfd(knock->pid);
    if (knock->pidfd < 0 && errno == ESRCH)
        return ry_fail(err, RY_EAWAY, "the process %d has ended", knock->pid);
    if (knock->pidfd < 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%d error=%s", knock->pid, strerror(errno));
    return RY_OK;
}

static int check(struct ry_post *post, enum door door, struct ry_hello *hello, struct knock *knock,
                 struct ry_error *err)
{
    *knock = (struct knock){.allowed = UINT32_MAX, .pidfd = -1}; /* a thread of this program */
    return door == DOOR_IPC   ? check_process(post, hello, knock, err)
           : door == DOOR_TCP ? post_check_guest(post, hello, &knock->allowed, err)
                              : RY_OK;
}

static enum ry_locality locality_of(enum door door)
{
    return door == DOOR_INPROC ? RY_LOCALITY_THREAD : door == DOOR_IPC ? RY_LOCALITY_PROCESS : RY_LOCALITY_HOST;
}

static int peer_add(struct ry_post *post, const struct peer_key *key, const struct ry_hello *hello,
                    const struct knock *knock, struct ry_error *err)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a peer");
    peer->key.door = key->door;
    peer->key.route.n = key->route.n;
    memcpy(peer->key.route.bytes, key->route.bytes, key->route.n);
    peer->pidfd = -1;
    peer->pid = knock->pid;
    peer->role = (enum ry_role)hello->role;
    peer->fd = key->door == DOOR_TCP ? ry_parcel_fd(post->parcel) : -1;
    if (key->door == DOOR_TCP)
        (void)snprintf(peer->user, sizeof peer->user, "%s", ry_parcel_user(post->parcel));
    ry_bag_init(&peer->bag);
    post->joining = peer;
    int rc =
        ry_router_join(post->router, hello, knock->allowed, locality_of((enum door)key->door), &peer->session, err);
    post->joining = NULL;
    if (rc != RY_OK) {
        free(peer);
        return rc;
    }
    peer->pidfd = knock->pidfd;
    HASH_ADD_KEYPTR(hh, post->peers, &peer->key, post_key_bytes(&peer->key), peer);
    post->sessions[peer->session % SESSION_SLOTS] = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (peer->pidfd >= 0 && epoll_ctl(post->epoll, EPOLL_CTL_ADD, peer->pidfd, &event) != 0)
        RY_LOG(RY_WARNING, "no_pidfd", "pid=%" PRIu64 " error=%s", hello->pid, strerror(errno));
    return RY_OK;
}

static void refuse(struct ry_post *post, const struct peer_key *key, const struct ry_hello *hello, const char *reason)
{
    unsigned held_back = 0;
    if (ry_log_allowed(&post->malformed_log, 10, 10000, &held_back))
        RY_LOG(RY_WARNING, "instance_refused", "name=%.*s reason=%s held_back=%u", RY_STR_ARG(hello->name), reason,
               held_back);
    post_turn_away(post, key, reason);
}

void post_take_hello(struct ry_post *post, const struct peer_key *key, struct ry_str bytes)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 10);
    struct ry_envelope envelope;
    struct ry_error err = {0};
    void *body = NULL;
    if (ry_envelope_unpack(bytes, &envelope, &err) != RY_OK) {
        post_malformed(post, "no envelope from a peer that has not joined");
        return;
    }
    if (envelope.tag != RY_TAG_hello ||
        ry_unpack(ry_descriptor(RY_TAG_hello), envelope.body, NULL, 0, &arena, &body, &err) != RY_OK) {
        post_malformed(post, "a peer that has not joined says something else than hello");
        post_turn_away(post, key, "you have not joined: say hello first");
        return;
    }
    struct ry_hello *hello = body;
    struct knock knock;
    int rc = check(post, (enum door)key->door, hello, &knock, &err);
    bool joining = rc == RY_OK;
    if (joining)
        rc = peer_add(post, key, hello, &knock, &err);
    if (rc == RY_OK) {
        if (key->door == DOOR_IPC)
            ry_admission_used(post->admission, hello);
        else if (key->door == DOOR_TCP)
            RY_LOG(RY_INFO, "guest_joined", "name=%.*s key=%s", RY_STR_ARG(hello->name), ry_parcel_user(post->parcel));
        return;
    }
    if (knock.pidfd >= 0)
        (void)close(knock.pidfd);
    if (!joining)
        ry_router_reject(post->router); /* else the router has counted it */
    refuse(post, key, hello, err.text);
}

/* router_peers.c: the router's peers: who they are, what is sent to them, and how they end.
 *
 * A connection is one instance, once. When the instance has left, or was put out, its peer stays in the table until the
 * process has ended (pidfd) or the connection has (another host's): whatever else comes over it is counted and dropped.
 * Then it stays as one of the last OVER_MAX, so that its words that were under way are not taken for a stranger's.
 * A thread of this process is trusted and closes its connection when it leaves, so its peer goes at once. */
#include "runtime/bus/router_thread_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/codec.h"

#define UNWELCOMES_A_SECOND 100
/* Bags behind its end for which a confined instance is ended; what was under way is one or two. */
#define WORDS_AFTER_MAX 8

size_t peer_key_bytes(const struct peer_key *key)
{
    return offsetof(struct peer_key, route.bytes) + key->route.n;
}

struct peer *peer_of_key(struct ry_router_thread *thread, const struct peer_key *key)
{
    struct peer *peer = NULL;
    HASH_FIND(hh, thread->peers, key, peer_key_bytes(key), peer);
    return peer;
}

struct peer *peer_of_session(struct ry_router_thread *thread, uint32_t session)
{
    struct peer *peer = thread->sessions[session % SESSION_SLOTS];
    return peer && peer->session == session ? peer : NULL;
}

uint32_t peer_roles_of_process(const struct ry_router_thread *thread, pid_t pid)
{
    uint32_t roles = 0;
    for (const struct peer *peer = thread->peers; peer; peer = peer->hh.next)
        if (peer->key.transport == TRANSPORT_IPC && peer->pid == pid)
            roles |= RY_ROLE_BIT(peer->role);
    return roles;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void peer_flush(struct ry_router_thread *thread, struct peer *peer)
{
    struct ry_error err;
    if (ry_bag_send(&peer->bag, ry_socket_raw(thread->sockets[peer->key.transport]), &peer->key.route, &err) != RY_OK)
        RY_LOG(RY_WARNING, "bag_lost", "session=%" PRIu32 " reason=%s", peer->session, err.text);
}

void peer_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count)
{
    struct ry_router_thread *thread = thread_of(arg);
    struct peer *peer = peer_of_session(thread, session);
    if (peer == NULL)
        peer = thread->joining;
    if (peer == NULL)
        return;
    RY_ASSERT(peer->magic == PEER_MAGIC && !peer->over, "session %" PRIu32, session);
    if (ry_bag_full(&peer->bag))
        peer_flush(thread, peer);
    if (ry_bag_add(&peer->bag, envelope, frames, frame_count) != RY_OK) {
        peer_flush(thread, peer);
        if (ry_bag_add(&peer->bag, envelope, frames, frame_count) != RY_OK)
            RY_LOG(RY_CRITICAL, "bag_lost", "session=%" PRIu32 " reason=%s", session, "out of memory");
    }
    if (!peer->dirty) {
        peer->dirty = true;
        STAILQ_INSERT_TAIL(&thread->dirty, peer, to_flush);
    }
}

void peer_flush_all(struct ry_router_thread *thread)
{
    struct peer *peer;
    while ((peer = STAILQ_FIRST(&thread->dirty)) != NULL) {
        STAILQ_REMOVE_HEAD(&thread->dirty, to_flush);
        peer->dirty = false;
        peer_flush(thread, peer);
    }
}

void peer_send_unwelcome(struct ry_router_thread *thread, const struct peer_key *key, const char *reason)
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
        (void)ry_bag_send(&bag, ry_socket_raw(thread->sockets[key->transport]), &key->route, &err);
    ry_bag_free(&bag);
}

void peer_turn_away(struct ry_router_thread *thread, const struct peer_key *key, const char *reason)
{
    unsigned suppressed = 0;
    if (ry_log_allowed(&thread->unwelcomes, UNWELCOMES_A_SECOND, 1000, &suppressed))
        peer_send_unwelcome(thread, key, reason);
}

void peer_malformed(struct ry_router_thread *thread, const char *what)
{
    thread->malformed++;
    unsigned suppressed = 0;
    if (ry_log_allowed(&thread->malformed_log, 10, 10000, &suppressed))
        RY_LOG(RY_WARNING, "bus_malformed", "reason=%s total=%" PRIu64 " held_back=%u", what, thread->malformed,
               suppressed);
    ry_router_reject(thread->router);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

void peer_free(struct ry_router_thread *thread, struct peer *peer)
{
    RY_ASSERT(peer->magic == PEER_MAGIC, "session %" PRIu32, peer->session);
    peer->magic = 0;
    if (peer->dirty) {
        peer_flush(thread, peer);
        STAILQ_REMOVE(&thread->dirty, peer, peer, to_flush);
    }
    if (peer->over) {
        RY_ASSERT(thread->over_count > 0);
        TAILQ_REMOVE(&thread->over, peer, of_over);
        thread->over_count--;
    }
    HASH_DELETE(hh, thread->peers, peer);
    if (thread->sessions[peer->session % SESSION_SLOTS] == peer)
        thread->sessions[peer->session % SESSION_SLOTS] = NULL;
    if (peer->pidfd >= 0)
        (void)close(peer->pidfd); /* leaves the epoll set with it */
    ry_bag_free(&peer->bag);
    free(peer);
}

void peer_over(struct ry_router_thread *thread, struct peer *peer)
{
    if (peer->key.transport == TRANSPORT_INPROC) {
        peer_free(thread, peer);
        return;
    }
    if (peer->over)
        return;
    if (peer->dirty) {
        peer_flush(thread, peer);
        STAILQ_REMOVE(&thread->dirty, peer, peer, to_flush);
        peer->dirty = false;
    }
    peer->over = true;
    if (thread->sessions[peer->session % SESSION_SLOTS] == peer)
        thread->sessions[peer->session % SESSION_SLOTS] = NULL;
    ry_bag_free(&peer->bag);
    TAILQ_INSERT_TAIL(&thread->over, peer, of_over);
    thread->over_count++;
}

/* Callers of peer_over go through the table with HASH_ITER, which allows that the current element is freed and no
 * other, so only this function frees another one. */
void peer_trim_over(struct ry_router_thread *thread)
{
    struct peer *peer = TAILQ_FIRST(&thread->over);
    while (peer && thread->over_count > OVER_MAX) {
        struct peer *next = TAILQ_NEXT(peer, of_over);
        RY_ASSERT(peer->magic == PEER_MAGIC && peer->over);
        if (peer->pidfd < 0 && peer->fd < 0)
            peer_free(thread, peer);
        peer = next;
    }
}

/* What it said before it ended may still come, for its end is told by another way than its words. */
void peer_gone(struct ry_router_thread *thread, struct peer *peer)
{
    ry_router_gone(thread->router, peer->session, false);
    ry_bag_free(&peer->bag);
    if (peer->pidfd >= 0)
        (void)close(peer->pidfd); /* leaves the epoll set with it */
    peer->pidfd = peer->fd = -1;
    peer->pid = 0;
    peer->gone = true;
    peer->lost = false;
    peer_over(thread, peer);
}

/* A process that may have been taken over is ended: it would work for nobody, and whoever keeps it starts another one.
 * The key of one on another host is barred for a while, and its connection cut. */
static void end_peer(struct ry_router_thread *thread, const struct peer *peer)
{
    if (peer->key.transport == TRANSPORT_IPC && peer->pidfd >= 0 && peer->pid != getpid())
        (void)syscall(SYS_pidfd_send_signal, peer->pidfd, SIGKILL, NULL, 0);
    if (peer->key.transport == TRANSPORT_TCP && peer->fd >= 0)
        ry_curve_listener_bar(thread->listener, peer->fd, peer->user);
}

void peer_put_out(void *arg, uint32_t session)
{
    struct ry_router_thread *thread = thread_of(arg);
    struct peer *peer = peer_of_session(thread, session);
    if (peer == NULL)
        return;
    thread->some_put_out = peer->put_out = true;
    end_peer(thread, peer);
}

void peer_goes_on(struct ry_router_thread *thread, struct peer *peer)
{
    if (peer->gone)
        return; /* it was under way */
    peer_malformed(thread, "a peer that has left goes on");
    if ((RY_ROLES_CONFINED & RY_ROLE_BIT(peer->role)) && ++peer->words_after == WORDS_AFTER_MAX)
        end_peer(thread, peer);
}

void peer_end_put_out(struct ry_router_thread *thread)
{
    struct peer *peer, *next;
    if (!thread->some_put_out)
        return;
    thread->some_put_out = false;
    HASH_ITER(hh, thread->peers, peer, next)
    if (peer->put_out && !peer->over)
        peer_over(thread, peer);
}

void peer_dismiss_all(struct ry_router_thread *thread)
{
    peer_flush_all(thread);
    struct peer *peer, *next;
    HASH_ITER(hh, thread->peers, peer, next)
    peer_send_unwelcome(thread, &peer->key, "the node ends");
}

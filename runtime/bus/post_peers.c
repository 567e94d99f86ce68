/* post_peers.c: the router's peers: who they are, what is sent to them, and how they end.
 *
 * A connection is one instance, once. When the instance has left, or was put out, its peer stays in the table until the
 * process has ended (pidfd) or the connection has (another host's): whatever else comes over it is counted and dropped.
 * Then it stays as one of the last OVER_MAX, so that its words that were under way are not taken for a stranger's.
 * A thread of this process is trusted and closes its connection when it leaves, so its peer goes at once. */
#include "runtime/bus/post_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/codec.h"

#define UNWELCOMES_A_SECOND 100
/* Peers that are over and have ended, or whose end cannot be learned, because the system has no pidfds: the oldest go.
 */
#define OVER_MAX 1024
/* Bags behind its end for which a confined instance is ended; what was under way is one or two. */
#define WORDS_AFTER_MAX 8

size_t post_key_bytes(const struct peer_key *key)
{
    return offsetof(struct peer_key, route.bytes) + key->route.n;
}

struct peer *post_peer_find(struct ry_post *post, const struct peer_key *key)
{
    struct peer *peer = NULL;
    HASH_FIND(hh, post->peers, key, post_key_bytes(key), peer);
    return peer;
}

struct peer *post_peer_of(struct ry_post *post, uint32_t session)
{
    struct peer *peer = post->sessions[session % SESSION_SLOTS];
    return peer && peer->session == session ? peer : NULL;
}

uint32_t post_roles_of_process(const struct ry_post *post, pid_t pid)
{
    uint32_t roles = 0;
    for (const struct peer *peer = post->peers; peer; peer = peer->hh.next)
        if (peer->key.door == DOOR_IPC && peer->pid == pid)
            roles |= RY_ROLE_BIT(peer->role);
    return roles;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void peer_flush(struct ry_post *post, struct peer *peer)
{
    struct ry_error err;
    if (ry_bag_send(&peer->bag, ry_socket_raw(post->doors[peer->key.door]), &peer->key.route, &err) != RY_OK)
        RY_LOG(RY_WARNING, "bag_lost", "session=%" PRIu32 " reason=%s", peer->session, err.text);
}

void post_emit(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count)
{
    struct ry_post *post = arg;
    struct peer *peer = post_peer_of(post, session);
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

void post_flush_all(struct ry_post *post)
{
    struct peer *peer;
    while ((peer = STAILQ_FIRST(&post->dirty)) != NULL) {
        STAILQ_REMOVE_HEAD(&post->dirty, to_flush);
        peer->dirty = false;
        peer_flush(post, peer);
    }
}

void post_send_unwelcome(struct ry_post *post, const struct peer_key *key, const char *reason)
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

void post_turn_away(struct ry_post *post, const struct peer_key *key, const char *reason)
{
    unsigned held_back = 0;
    if (ry_log_allowed(&post->unwelcomes, UNWELCOMES_A_SECOND, 1000, &held_back))
        post_send_unwelcome(post, key, reason);
}

/* ---- ending ------------------------------------------------------------------------------------------------------ */

void post_peer_free(struct ry_post *post, struct peer *peer)
{
    if (peer->dirty) {
        peer_flush(post, peer);
        STAILQ_REMOVE(&post->dirty, peer, peer, to_flush);
    }
    if (peer->over) {
        TAILQ_REMOVE(&post->over, peer, of_over);
        post->over_count--;
    }
    HASH_DELETE(hh, post->peers, peer);
    if (post->sessions[peer->session % SESSION_SLOTS] == peer)
        post->sessions[peer->session % SESSION_SLOTS] = NULL;
    if (peer->pidfd >= 0)
        (void)close(peer->pidfd); /* leaves the epoll set with it */
    ry_bag_free(&peer->bag);
    free(peer);
}

void post_peer_over(struct ry_post *post, struct peer *peer)
{
    if (peer->key.door == DOOR_INPROC) {
        post_peer_free(post, peer);
        return;
    }
    if (peer->over)
        return;
    if (peer->dirty) {
        peer_flush(post, peer);
        STAILQ_REMOVE(&post->dirty, peer, peer, to_flush);
        peer->dirty = false;
    }
    peer->over = true;
    if (post->sessions[peer->session % SESSION_SLOTS] == peer)
        post->sessions[peer->session % SESSION_SLOTS] = NULL;
    ry_bag_free(&peer->bag);
    TAILQ_INSERT_TAIL(&post->over, peer, of_over);
    if (++post->over_count <= OVER_MAX)
        return;
    struct peer *oldest;
    TAILQ_FOREACH(oldest, &post->over, of_over)
    if (oldest->pidfd < 0 && oldest->fd < 0) {
        post_peer_free(post, oldest);
        return;
    }
}

/* What it said before it ended may still come, for its end is told by another way than its words. */
void post_peer_gone(struct ry_post *post, struct peer *peer)
{
    ry_router_gone(post->router, peer->session, false);
    ry_bag_free(&peer->bag);
    if (peer->pidfd >= 0)
        (void)close(peer->pidfd); /* leaves the epoll set with it */
    peer->pidfd = peer->fd = -1;
    peer->pid = 0;
    peer->gone = true;
    peer->lost = false;
    post_peer_over(post, peer);
}

/* A process that may have been taken over is ended: it would work for nobody, and whoever keeps it starts another one.
 * The key of one on another host is barred for a while, and its connection cut. */
static void end_peer(struct ry_post *post, const struct peer *peer)
{
    if (peer->key.door == DOOR_IPC && peer->pidfd >= 0 && peer->pid != getpid())
        (void)syscall(SYS_pidfd_send_signal, peer->pidfd, SIGKILL, NULL, 0);
    if (peer->key.door == DOOR_TCP && peer->fd >= 0)
        ry_gate_bar(post->gate, peer->fd, peer->user);
}

void post_put_out(void *arg, uint32_t session)
{
    struct ry_post *post = arg;
    struct peer *peer = post_peer_of(post, session);
    if (peer == NULL)
        return;
    post->some_put_out = peer->put_out = true;
    end_peer(post, peer);
}

void post_peer_goes_on(struct ry_post *post, struct peer *peer)
{
    if (peer->gone)
        return; /* it was under way */
    post_malformed(post, "a peer that has left goes on");
    if ((RY_ROLES_CONFINED & RY_ROLE_BIT(peer->role)) && ++peer->words_after == WORDS_AFTER_MAX)
        end_peer(post, peer);
}

void post_end_put_out(struct ry_post *post)
{
    struct peer *peer, *next;
    if (!post->some_put_out)
        return;
    post->some_put_out = false;
    HASH_ITER(hh, post->peers, peer, next)
    if (peer->put_out && !peer->over)
        post_peer_over(post, peer);
}

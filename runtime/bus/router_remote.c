/* router_remote.c: the router's peers on other hosts.
 *
 * They come through the listener (curve_listener.h) with a key, as encoders only. The end of such an instance is the
 * end of its connection. What it said before may still wait in the socket, so it is marked first, the socket is read
 * once more, and then it is put out and its mail goes to others. */
#include "runtime/bus/router_thread_internal.h"

#include <inttypes.h>

/* The listener's: a connection to another host has ended. */
static void lose_remote(void *arg, int fd)
{
    struct ry_router_thread *thread = thread_of(arg);
    for (struct peer *peer = thread->peers; peer; peer = peer->hh.next)
        if (peer->fd == fd)
            peer->lost = thread->remotes_lost = true;
}

static void refuse_remote(void *arg)
{
    struct ry_router_thread *thread = thread_of(arg);
    ry_router_reject(thread->router);
}

#define GREEDY "it sends a message that is too large, or has no end"

static void put_out_greedy(void *arg, int fd)
{
    struct ry_router_thread *thread = thread_of(arg);
    for (struct peer *peer = thread->peers; peer; peer = peer->hh.next)
        if (peer->fd == fd && !peer->over) {
            ry_router_put_out(thread->router, peer->session, GREEDY);
            return;
        }
    peer_malformed(thread, "one who has not joined sends without end");
}

bool remote_check_size(struct ry_router_thread *thread, const struct peer_key *key)
{
    struct peer *peer = peer_of_key(thread, key);
    size_t bytes = ry_bag_reader_bytes(thread->reader);
    ry_curve_listener_heard(thread->listener, ry_bag_reader_fd(thread->reader), bytes);
    if (bytes <= RY_BAG_ENCODER_MAX_BYTES)
        return true;
    peer_malformed(thread, "a bag of another host that is too large");
    if (peer && !peer->over)
        ry_router_put_out(thread->router, peer->session, GREEDY);
    return false;
}

int remote_check(struct ry_router_thread *thread, struct ry_hello *hello, uint32_t *allowed, struct ry_error *err)
{
    if (!ry_curve_listener_vouches(thread->listener, ry_bag_reader_fd(thread->reader),
                                   ry_bag_reader_user(thread->reader)))
        return ry_fail(err, RY_EACCES, "the connection has proved no key");
    lose_remote(thread, ry_bag_reader_fd(thread->reader)); /* an earlier one that had the number */
    hello->pid = 0;                                        /* of another host's processes; it names none here */
    return ry_admission_check_remote(hello, allowed, err);
}

void remote_put_out_lost(struct ry_router_thread *thread)
{
    struct peer *peer, *next;
    thread->remotes_lost = false;
    HASH_ITER(hh, thread->peers, peer, next)
    {
        if (!peer->lost)
            continue;
        if (!peer->over)
            RY_LOG(RY_WARNING, "guest_lost", "session=%" PRIu32, peer->session);
        peer_gone(thread, peer);
    }
}

bool remote_look(struct ry_router_thread *thread)
{
    ry_curve_listener_work(thread->listener);
    return thread->remotes_lost;
}

int remote_open(struct ry_router_thread *thread, const struct ry_router_thread_tcp *tcp, struct ry_error *err)
{
    const struct ry_curve_listener_options options = {.bind = tcp->bind,
                                                      .own = &tcp->own,
                                                      .allow_path = tcp->allow_path,
                                                      .arg = thread,
                                                      .lost = lose_remote,
                                                      .refused = refuse_remote,
                                                      .greedy = put_out_greedy};
    int rc = ry_curve_listener_open(&thread->listener, &options, err);
    if (rc == RY_OK)
        thread->sockets[TRANSPORT_TCP] = ry_curve_listener_router(thread->listener);
    return rc;
}

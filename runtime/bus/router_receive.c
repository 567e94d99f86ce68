/* router_receive.c: bags of peers go into the router.
 *
 * Accepts whatever comes over a socket, a bounded number of bags at a time. A peer's first envelope must be hello
 * (router_joining.c), what follows is the router's. Bytes that are no bag are counted and dropped; of a confined
 * instance they are a fault. Owns nothing: what was read is the router's or nobody's. */
#include "runtime/bus/router_thread_internal.h"

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
    if (peer && (peer->over || peer->put_out)) {
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

unsigned receive_from(struct ry_router_thread *thread, enum transport transport)
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
            if (transport != TRANSPORT_TCP || remote_check_size(thread, &key))
                take_bag(thread, &key);
        } else if (bad) {
            take_nonsense(thread, &key, "a message that is not a bag");
        } else {
            break;
        }
        taken++;
    }
    return taken;
}

unsigned receive_from_remote(struct ry_router_thread *thread)
{
    if (thread->listener == NULL)
        return 0;
    bool lost = remote_look(thread);
    unsigned taken = receive_from(thread, TRANSPORT_TCP);
    if (lost && taken < BAGS_A_ROUND)
        remote_put_out_lost(thread);
    return taken + lost;
}

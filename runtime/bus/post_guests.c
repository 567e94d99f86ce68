/* post_guests.c: the router's peers on other hosts.
 *
 * They come through the gate (gate.h) with a key, as encoders only. The end of a guest is the end of its connection.
 * What it said before may still wait at the door, so it is marked first, the door is looked through once more, and then
 * it is put out and its mail goes to others. */
#include "runtime/bus/post_inside.h"

#include <inttypes.h>

/* The gate's: a connection to another host has ended. */
static void lose_guest(void *arg, int fd)
{
    struct ry_post *post = arg;
    for (struct peer *peer = post->peers; peer; peer = peer->hh.next)
        if (peer->fd == fd)
            peer->lost = post->guests_lost = true;
}

static void refuse_guest(void *arg)
{
    struct ry_post *post = arg;
    ry_router_reject(post->router);
}

#define GREEDY "it sends a message that is too large, or has no end"

static void put_out_greedy(void *arg, int fd)
{
    struct ry_post *post = arg;
    for (struct peer *peer = post->peers; peer; peer = peer->hh.next)
        if (peer->fd == fd && !peer->over) {
            ry_router_put_out(post->router, peer->session, GREEDY);
            return;
        }
    post_malformed(post, "one who has not joined sends without end");
}

void post_check_size(struct ry_post *post, const struct peer_key *key)
{
    struct peer *peer = post_peer_find(post, key);
    size_t bytes = ry_parcel_bytes(post->parcel);
    ry_gate_heard(post->gate, ry_parcel_fd(post->parcel), bytes);
    if (bytes <= GUEST_BAG_MAX_BYTES)
        return;
    post_malformed(post, "a bag of another host that is too large");
    if (peer && !peer->over)
        ry_router_put_out(post->router, peer->session, GREEDY);
}

int post_check_guest(struct ry_post *post, struct ry_hello *hello, uint32_t *allowed, struct ry_error *err)
{
    if (!ry_gate_vouches(post->gate, ry_parcel_fd(post->parcel), ry_parcel_user(post->parcel)))
        return ry_fail(err, RY_EACCES, "the connection has proved no key");
    lose_guest(post, ry_parcel_fd(post->parcel)); /* an earlier one that had the number */
    hello->pid = 0;                               /* of another host's processes; it names none here */
    return ry_admission_check_guest(hello, allowed, err);
}

/* Puts out those whose connection had ended before their door was last looked through. */
static void put_out_guests(struct ry_post *post)
{
    struct peer *peer, *next;
    post->guests_lost = false;
    HASH_ITER(hh, post->peers, peer, next)
    {
        if (!peer->lost)
            continue;
        if (!peer->over)
            RY_LOG(RY_WARNING, "guest_lost", "session=%" PRIu32, peer->session);
        post_peer_gone(post, peer);
    }
}

unsigned post_take_gate(struct ry_post *post)
{
    if (post->gate == NULL)
        return 0;
    ry_gate_work(post->gate);
    bool lost = post->guests_lost;
    unsigned taken = post_take_door(post, DOOR_TCP);
    if (lost && taken < BAGS_A_ROUND)
        put_out_guests(post);
    return taken + lost;
}

int post_open_gate(struct ry_post *post, const struct ry_post_tcp *tcp, struct ry_error *err)
{
    const struct ry_gate_options options = {.bind = tcp->bind,
                                            .own = &tcp->own,
                                            .allow_path = tcp->allow_path,
                                            .arg = post,
                                            .lost = lose_guest,
                                            .refused = refuse_guest,
                                            .greedy = put_out_greedy};
    int rc = ry_gate_open(&post->gate, &options, err);
    if (rc == RY_OK)
        post->doors[DOOR_TCP] = ry_gate_router(post->gate);
    return rc;
}

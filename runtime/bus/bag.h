/* bag.h: many envelopes in one ZeroMQ message.
 *
 * A message on the bus is a bag: a first part of envelopes, each behind a head of two 32-bit numbers in host order (its
 * length in bytes, how many frames belong to it), then a part for each frame, in the order of the envelopes. ZeroMQ's
 * price is by message, so many small envelopes in a bag cost little more than one. Frames are not copied, neither on
 * the way out (ZeroMQ borrows the frame and drops its reference when it is sent) nor in (a frame is wrapped around what
 * ZeroMQ received).
 *
 * On a ROUTER socket the peer's routing id stands before the bag. One owner, one thread. */
#ifndef REELYARD_RUNTIME_BUS_BAG_H
#define REELYARD_RUNTIME_BUS_BAG_H

#include "proto/envelope.h"
#include "proto/frame.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* A bag that is this full is sent before more is put into it. */
#define RY_BAG_FULL_BYTES  ((size_t)256 << 10)
#define RY_BAG_FULL_FRAMES ((size_t)512)

/* Most frames of a received bag: a full one and a mail behind it. */
#define RY_BAG_MAX_FRAMES ((size_t)1024)

/* Most bytes of a bag of an encoder: what it says of one mail, two images and little more. */
#define RY_BAG_ENCODER_MAX_BYTES ((size_t)40 << 20)

/* The bytes of a peer's routing id, at most 255. */
struct ry_route {
    uint8_t n;
    uint8_t bytes[255];
};

struct ry_bag {
    struct ry_buf bytes;
    struct ry_frame **frames; /* a reference each */
    size_t frame_count;
    size_t frame_capacity;
};

void ry_bag_init(struct ry_bag *bag);
void ry_bag_free(struct ry_bag *bag);
static inline bool ry_bag_empty(const struct ry_bag *bag)
{
    return bag->bytes.n == 0;
}
static inline bool ry_bag_full(const struct ry_bag *bag)
{
    return bag->bytes.n >= RY_BAG_FULL_BYTES || bag->frame_count >= RY_BAG_FULL_FRAMES;
}

/* Puts an envelope in; takes references to the frames. RY_ELIMIT, RY_ENOMEM: the bag is as before. */
int ry_bag_add(struct ry_bag *bag, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count);

/* Sends the bag (nothing when it is empty) on a libzmq socket and empties it. route: the peer on a ROUTER, NULL on a
 * DEALER. RY_EAWAY when the peer is gone; then what was in the bag is dropped. Does not block. */
int ry_bag_send(struct ry_bag *bag, void *socket, const struct ry_route *route, struct ry_error *err);

#endif

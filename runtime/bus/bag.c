/* bag.c: fills and sends bags; see bag.h.
 *
 * Owns the references of the frames that wait in a bag. What cannot be sent is dropped with the peer that is gone. */
#include "runtime/bus/bag_internal.h"

#include <errno.h>
#include <stdlib.h>

/* Below this, copying into ZeroMQ is cheaper than lending. */
#define LEND_BYTES 512

void ry_bag_init(struct ry_bag *bag)
{
    *bag = (struct ry_bag){
        .bytes = ry_buf_make(RY_BAG_FULL_BYTES + RY_ENVELOPE_MAX_BYTES + 2 * sizeof(struct bag_head)),
    };
}

static void bag_reset(struct ry_bag *bag)
{
    for (size_t i = 0; i < bag->frame_count; i++)
        ry_frame_unref(bag->frames[i]);
    bag->frame_count = 0;
    ry_buf_reset(&bag->bytes);
}

void ry_bag_free(struct ry_bag *bag)
{
    bag_reset(bag);
    free(bag->frames);
    ry_buf_free(&bag->bytes);
    ry_bag_init(bag);
}

static int bag_reserve_frames(struct ry_bag *bag, size_t more)
{
    if (bag->frame_count + more <= bag->frame_capacity)
        return RY_OK;
    size_t capacity = (bag->frame_count + more) * 2;
    struct ry_frame **grown = realloc(bag->frames, capacity * sizeof *grown);
    if (grown == NULL)
        return RY_ENOMEM;
    bag->frames = grown;
    bag->frame_capacity = capacity;
    return RY_OK;
}

int ry_bag_add(struct ry_bag *bag, struct ry_str envelope, struct ry_frame *const *frames, size_t frame_count)
{
    const struct bag_head head = {(uint32_t)envelope.n, (uint32_t)frame_count};
    if (envelope.n > RY_ENVELOPE_MAX_BYTES || frame_count > RY_BAG_MAX_FRAMES - RY_BAG_FULL_FRAMES)
        return RY_ELIMIT;
    if (frame_count && bag_reserve_frames(bag, frame_count) != RY_OK)
        return RY_ENOMEM;
    char *to = ry_buf_reserve(&bag->bytes, sizeof head + envelope.n);
    if (to == NULL)
        return RY_ENOMEM;
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, envelope.p, envelope.n);
    bag->bytes.n += sizeof head + envelope.n;
    for (size_t i = 0; i < frame_count; i++)
        bag->frames[bag->frame_count++] = ry_frame_ref(frames[i]);
    return RY_OK;
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

static void give_frame_back(void *data, void *frame)
{
    __tsan_acquire(data);
    ry_frame_unref(frame);
}

void bag_close_part(void *part)
{
    __tsan_release(zmq_msg_data(part)); /* for give_frame_back, when this was not the last holder */
    (void)zmq_msg_close(part);
}

/* A part of a frame's bytes, lent. What came from ZeroMQ goes back as it came: its messages count their holders
 * themselves. That count is changed by this thread only until the part is sent: others that have references to the
 * frame may read it, and drop them, but bag_close_part runs when ours, too, is gone. */
static int part_of_frame(zmq_msg_t *part, struct ry_frame *frame)
{
    zmq_msg_t *received = ry_frame_holder(frame, bag_close_part);
    if (received) {
        (void)zmq_msg_init(part);
        return zmq_msg_copy(part, received);
    }
    if (zmq_msg_init_data(part, ry_frame_data(frame), ry_frame_size(frame), give_frame_back, ry_frame_ref(frame)) == 0)
        return 0;
    ry_frame_unref(frame);
    return -1;
}

/* A part of these bytes; a frame is lent, other bytes are copied. */
static int part_of(zmq_msg_t *part, const void *bytes, size_t n, struct ry_frame *frame)
{
    if (frame && n >= LEND_BYTES)
        return part_of_frame(part, frame);
    if (zmq_msg_init_size(part, n) != 0)
        return -1;
    if (n)
        memcpy(zmq_msg_data(part), bytes, n);
    return 0;
}

static int send_part(void *socket, const void *bytes, size_t n, struct ry_frame *frame, bool more)
{
    zmq_msg_t part;
    if (part_of(&part, bytes, n, frame) != 0)
        return -1;
    __tsan_release(zmq_msg_data(&part));
    while (zmq_msg_send(&part, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0) {
        if (errno == EINTR)
            continue;
        int saved = errno;
        (void)zmq_msg_close(&part);
        errno = saved;
        return -1;
    }
    return 0;
}

int ry_bag_send(struct ry_bag *bag, void *socket, const struct ry_route *route, struct ry_error *err)
{
    if (ry_bag_empty(bag))
        return RY_OK;
    int failed = route ? send_part(socket, route->bytes, route->n, NULL, true) : 0;
    if (failed == 0)
        failed = send_part(socket, bag->bytes.p, bag->bytes.n, NULL, bag->frame_count > 0);
    for (size_t i = 0; failed == 0 && i < bag->frame_count; i++)
        failed = send_part(socket, ry_frame_data(bag->frames[i]), ry_frame_size(bag->frames[i]), bag->frames[i],
                           i + 1 < bag->frame_count);
    const char *why = failed ? zmq_strerror(errno) : NULL;
    bag_reset(bag);
    return failed ? ry_fail(err, RY_EAWAY, "cannot send on the bus: %s", why) : RY_OK;
}

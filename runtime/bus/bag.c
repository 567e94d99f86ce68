/* bag.c: many envelopes in one ZeroMQ message; see bag.h.
 *
 * Owns the references of the frames that wait in a bag, and those of a received one until the next is received. What
 * comes from a peer is believed nothing: parts are counted, heads are checked against what is there, and what does not
 * fit is thrown away whole without harm to the socket. */
#include "runtime/bus/bag.h"

#include <errno.h>
#include <stdlib.h>

#include <zmq.h>

/* Below this, copying into ZeroMQ is cheaper than lending. */
#define LEND_BYTES 512

/* ZeroMQ is not built with the thread sanitizer, which so cannot see that a part is received after it was sent: it is
 * told, for each part by the address of its bytes. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BAG_TELL_ORDER
#endif
#elif defined(__SANITIZE_THREAD__)
#define BAG_TELL_ORDER
#endif
#ifdef BAG_TELL_ORDER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

struct bag_head {
    uint32_t bytes;
    uint32_t frames;
};

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

static void close_part(void *part)
{
    __tsan_release(zmq_msg_data(part)); /* for give_frame_back, when this was not the last holder */
    (void)zmq_msg_close(part);
}

/* A part of a frame's bytes, lent. What came from ZeroMQ goes back as it came: its messages count their holders
 * themselves. That count is changed by this thread only until the part is sent: others that have references to the
 * frame may read it, and drop them, but close_part runs when ours, too, is gone. */
static int part_of_frame(zmq_msg_t *part, struct ry_frame *frame)
{
    zmq_msg_t *received = ry_frame_holder(frame, close_part);
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

/* ---- receiving --------------------------------------------------------------------------------------------------- */

struct ry_bag_reader {
    zmq_msg_t first; /* the envelopes */
    struct ry_frame *frames[RY_BAG_MAX_FRAMES];
    size_t frame_count;
    size_t at; /* the next envelope's head, in first */
    size_t frame_at;
};

struct ry_bag_reader *ry_bag_reader_new(void)
{
    struct ry_bag_reader *reader = calloc(1, sizeof *reader);
    if (reader)
        (void)zmq_msg_init(&reader->first);
    return reader;
}

static void reader_reset(struct ry_bag_reader *reader)
{
    for (size_t i = 0; i < reader->frame_count; i++)
        ry_frame_unref(reader->frames[i]);
    reader->frame_count = 0;
    reader->at = 0;
    reader->frame_at = 0;
}

void ry_bag_reader_free(struct ry_bag_reader **reader)
{
    struct ry_bag_reader *old = *reader;
    *reader = NULL;
    if (old == NULL)
        return;
    reader_reset(old);
    (void)zmq_msg_close(&old->first);
    free(old);
}

/* Receives one part, whatever interrupts. False: there is none. */
static bool receive_part(zmq_msg_t *part, void *socket)
{
    int n;
    do
        n = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        __tsan_acquire(zmq_msg_data(part));
    return n >= 0;
}

/* Receives one part as a frame; NULL without memory, or when there is none. */
static struct ry_frame *receive_frame(void *socket, bool *more)
{
    struct ry_frame *frame = ry_frame_hold(sizeof(zmq_msg_t), close_part);
    if (frame == NULL)
        return NULL;
    zmq_msg_t *part = ry_frame_holder(frame, close_part);
    (void)zmq_msg_init(part);
    if (!receive_part(part, socket)) {
        ry_frame_unref(frame);
        return NULL;
    }
    ry_frame_set_bytes(frame, zmq_msg_data(part), zmq_msg_size(part));
    *more = zmq_msg_more(part);
    return frame;
}

static bool more_parts(void *socket)
{
    int more = 0;
    size_t n = sizeof more;
    return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &n) == 0 && more;
}

/* A message arrives whole, so its other parts are there once the first one is. */
static void throw_rest(void *socket)
{
    zmq_msg_t part;
    (void)zmq_msg_init(&part);
    while (more_parts(socket) && receive_part(&part, socket))
        continue;
    (void)zmq_msg_close(&part);
}

bool ry_bag_reader_receive(struct ry_bag_reader *reader, void *socket, struct ry_route *route, bool *malformed)
{
    *malformed = false;
    reader_reset(reader);
    if (!receive_part(&reader->first, socket))
        return false;
    if (route) {
        size_t n = zmq_msg_size(&reader->first);
        route->n = (uint8_t)(n < sizeof route->bytes ? n : sizeof route->bytes);
        memcpy(route->bytes, zmq_msg_data(&reader->first), route->n);
        if (!zmq_msg_more(&reader->first) || !receive_part(&reader->first, socket)) {
            *malformed = true;
            return false;
        }
    }
    bool more = zmq_msg_more(&reader->first);
    while (more && reader->frame_count < RY_BAG_MAX_FRAMES) {
        struct ry_frame *frame = receive_frame(socket, &more);
        if (frame == NULL)
            break;
        reader->frames[reader->frame_count++] = frame;
    }
    if (more) {
        throw_rest(socket);
        reader_reset(reader);
        *malformed = true;
        return false;
    }
    return true;
}

bool ry_bag_reader_next(struct ry_bag_reader *reader, struct ry_str *envelope, struct ry_frame *const **frames,
                        size_t *frame_count, bool *malformed)
{
    const char *bytes = zmq_msg_data(&reader->first);
    size_t left = zmq_msg_size(&reader->first) - reader->at;
    size_t frames_left = reader->frame_count - reader->frame_at;
    struct bag_head head;
    *malformed = left != 0 || frames_left != 0;
    if (left < sizeof head)
        return false;
    memcpy(&head, bytes + reader->at, sizeof head);
    if (head.bytes > left - sizeof head || head.frames > frames_left)
        return false;
    *malformed = false;
    *envelope = (struct ry_str){bytes + reader->at + sizeof head, head.bytes};
    *frames = reader->frames + reader->frame_at;
    *frame_count = head.frames;
    reader->at += sizeof head + head.bytes;
    reader->frame_at += head.frames;
    return true;
}

size_t ry_bag_reader_bytes(const struct ry_bag_reader *reader)
{
    size_t bytes = zmq_msg_size(&reader->first);
    for (size_t i = 0; i < reader->frame_count; i++)
        bytes += ry_frame_size(reader->frames[i]);
    return bytes;
}

int ry_bag_reader_fd(const struct ry_bag_reader *reader)
{
    return zmq_msg_get(&reader->first, ZMQ_SRCFD);
}

const char *ry_bag_reader_user(const struct ry_bag_reader *reader)
{
    return zmq_msg_gets(&reader->first, "User-Id");
}

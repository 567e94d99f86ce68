/* bag_reader.c: reads received bags; see bag_reader.h.
 *
 * Owns a received bag and the references of its frames until the next one is received. What comes from a peer is not
 * trusted: parts are counted, heads are checked against what is there, and what does not fit is thrown away whole
 * without harm to the socket. */
#include "runtime/bus/bag_reader.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/bus/bag_internal.h"

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
    struct ry_frame *frame = ry_frame_hold(sizeof(zmq_msg_t), bag_close_part);
    if (frame == NULL)
        return NULL;
    zmq_msg_t *part = ry_frame_holder(frame, bag_close_part);
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
    size_t size = zmq_msg_size(&reader->first);
    RY_ASSERT(reader->at <= size && reader->frame_at <= reader->frame_count, "at %zu of %zu bytes, frame %zu of %zu",
              reader->at, size, reader->frame_at, reader->frame_count);
    size_t left = size - reader->at;
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

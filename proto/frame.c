/* frame.c: one allocation per frame; the count is atomic because the bus drops references in ZeroMQ's own threads. */
#include "proto/frame.h"
#include "runtime/base/assert.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ry_frame {
    atomic_uint references;
    size_t n; /* bytes */
    void *data;
    void (*release)(void *arg); /* NULL: data is this frame's own */
    void *arg;
    _Alignas(16) unsigned char own[];
};

struct ry_frame *ry_frame_new(size_t n)
{
    if (n > SIZE_MAX - sizeof(struct ry_frame))
        return NULL;
    struct ry_frame *frame = malloc(sizeof *frame + n);
    if (frame == NULL)
        return NULL;
    atomic_init(&frame->references, 1);
    frame->n = n;
    frame->data = frame->own;
    frame->release = NULL;
    frame->arg = NULL;
    return frame;
}

struct ry_frame *ry_frame_copy(const void *bytes, size_t n)
{
    struct ry_frame *frame = ry_frame_new(n);
    if (frame && n > 0)
        memcpy(frame->data, bytes, n);
    return frame;
}

struct ry_frame *ry_frame_wrap(void *bytes, size_t n, void (*release)(void *arg), void *arg)
{
    struct ry_frame *frame = ry_frame_new(0);
    if (frame == NULL)
        return NULL;
    frame->n = n;
    frame->data = bytes;
    frame->release = release;
    frame->arg = arg;
    return frame;
}

struct ry_frame *ry_frame_hold(size_t holder_bytes, void (*release)(void *holder))
{
    struct ry_frame *frame = ry_frame_new(holder_bytes);
    if (frame == NULL)
        return NULL;
    memset(frame->own, 0, holder_bytes);
    frame->n = 0;
    frame->release = release;
    frame->arg = frame->own;
    return frame;
}

void *ry_frame_holder(const struct ry_frame *frame, void (*release)(void *holder))
{
    return frame->release == release && frame->arg == frame->own ? frame->arg : NULL;
}

void ry_frame_set_bytes(struct ry_frame *frame, void *bytes, size_t n)
{
    RY_ASSERT(frame->arg == frame->own, "a frame that holds nothing");
    frame->data = bytes;
    frame->n = n;
}

struct ry_frame *ry_frame_ref(struct ry_frame *frame)
{
    unsigned before = atomic_fetch_add_explicit(&frame->references, 1, memory_order_relaxed);
    RY_ASSERT(before > 0 && before < UINT_MAX, "%u references", before);
    return frame;
}

void ry_frame_unref(struct ry_frame *frame)
{
    if (frame == NULL)
        return;
    /* Release, then acquire: whoever frees sees all that the other holders did with the bytes. */
    unsigned before = atomic_fetch_sub_explicit(&frame->references, 1, memory_order_acq_rel);
    RY_ASSERT(before > 0);
    if (before > 1)
        return;
    if (frame->release)
        frame->release(frame->arg);
    free(frame);
}

void *ry_frame_data(const struct ry_frame *frame)
{
    return frame->data;
}

size_t ry_frame_size(const struct ry_frame *frame)
{
    return frame->n;
}

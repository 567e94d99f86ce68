/* frame.h: large bytes that are shared, not copied.
 *
 * A frame is a counted run of bytes that never changes once it is shared. The bus hands it to ZeroMQ without copying
 * and wraps what ZeroMQ brings the same way. ry_frame_ref and ry_frame_unref may be called from any thread. */
#ifndef REELYARD_PROTO_FRAME_H
#define REELYARD_PROTO_FRAME_H

#include <stddef.h>

struct ry_frame;

/* A frame of n bytes of its own, to be filled through ry_frame_data before it is shared; NULL without memory. */
struct ry_frame *ry_frame_new(size_t n);

/* A frame with a copy of the bytes. */
struct ry_frame *ry_frame_copy(const void *bytes, size_t n);

/* A frame around memory of somebody else; release(arg) is called once, by whichever thread drops the last reference. */
struct ry_frame *ry_frame_wrap(void *bytes, size_t n, void (*release)(void *arg), void *arg);

/* The same where the memory belongs to an object of holder_bytes, which lies in the frame itself, so that both are one
 * allocation: first the frame of no bytes, its holder zeroed; then, before it is shared, its bytes. */
struct ry_frame *ry_frame_hold(size_t holder_bytes, void (*release)(void *holder));
void ry_frame_set_bytes(struct ry_frame *frame, void *bytes, size_t n);
/* The holder of a frame that was made with this release; NULL for any other. */
void *ry_frame_holder(const struct ry_frame *frame, void (*release)(void *holder));

struct ry_frame *ry_frame_ref(struct ry_frame *frame);

/* Drops a reference; NULL is allowed. */
void ry_frame_unref(struct ry_frame *frame);

void *ry_frame_data(const struct ry_frame *frame);
size_t ry_frame_size(const struct ry_frame *frame);

#endif

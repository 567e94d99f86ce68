/* codec.h: one hand-written walk over the descriptors packs, unpacks, checks and describes every message.
 *
 * On the wire a body is a msgpack array of its fields in their declared order (nil for an absent string or blob), a
 * record an array likewise, a blob the index of its frame, counted from this message's first. Unpacking refuses wrong
 * types, values outside their limits, invalid UTF-8, too many elements, a REQUIRED field that is missing, trailing
 * bytes and frames that are missing, left over or not named in their order. So that a mixed fleet can talk, fields
 * missing at the end are zero if their limits allow that, and further fields at the end are stepped over (but bring no
 * frames). */
#ifndef REELYARD_PROTO_CODEC_H
#define REELYARD_PROTO_CODEC_H

#include "proto/message.h"
#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* Most frames of one mail. */
#define RY_FRAMES_MAX 300

struct ry_frames {
    struct ry_frame *items[RY_FRAMES_MAX]; /* one reference each */
    size_t n;
};

/* Drops all references. */
void ry_frames_clear(struct ry_frames *frames);

/* Checks the struct against its descriptor, appends its body to out and its blobs to frames (a reference each). On
 * error (RY_EINVAL, RY_ELIMIT, RY_ENOMEM) names the field; out and frames are then as before. */
int ry_pack(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out, struct ry_frames *frames,
            struct ry_error *err);

/* The same for what is said and cannot be taken back: a text that is not UTF-8 goes out mended (ry_utf8_mend), so that
 * what a library, a server or a file name says makes no message invalid. */
int ry_pack_mended(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out,
                   struct ry_frames *frames, struct ry_error *err);

/* The same for a record that is no part of a message. It has no blobs. */
int ry_pack_record(const struct ry_record *record, const void *from, struct ry_buf *out, struct ry_error *err);

/* Reads a body into a new struct in the arena, whose strings point into body and whose blobs borrow from frames. body
 * and frames must outlive it. RY_EINVAL or RY_ELIMIT with the field's name, RY_ENOMEM. */
int ry_unpack(const struct ry_descriptor *descriptor, struct ry_str body, struct ry_frame *const *frames,
              size_t frame_count, struct ry_arena *arena, void **message, struct ry_error *err);

/* The same for a record that is no part of a message; *to is in the arena. */
int ry_unpack_record(const struct ry_record *record, struct ry_str body, struct ry_arena *arena, void **to,
                     struct ry_error *err);

/* One line for people: name{field=value ...}; SECRET fields as ***, URLs without query, long values cut. Never fails:
 * what does not fit in out's maximum is left out. */
void ry_describe(const struct ry_descriptor *descriptor, const void *message, struct ry_buf *out);

#endif

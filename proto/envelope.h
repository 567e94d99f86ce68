/* envelope.h: the part of a message that the bus needs, readable without its body.
 *
 * On the wire: msgpack array [version, tag, id, correlation, trace (24 bytes), tenant, priority, deadline, attempt,
 * frame count, body (bin)]. */
#ifndef REELYARD_PROTO_ENVELOPE_H
#define REELYARD_PROTO_ENVELOPE_H

#include "proto/message.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* Largest envelope with its body, frames not counted. */
#define RY_ENVELOPE_MAX_BYTES ((size_t)8 << 20)

/* More than stands before the body's bytes. */
#define RY_ENVELOPE_HEAD_MAX_BYTES ((size_t)96)

/* In the order in which mail is handed out. */
enum ry_priority {
    RY_PRIORITY_CONTROL = 0, /* what people and other actors wait for: status, settings, claims */
    RY_PRIORITY_LIVE = 1,    /* messages just posted */
    RY_PRIORITY_DELETE = 2,
    RY_PRIORITY_RETRY = 3,
    RY_PRIORITY_BACKFILL = 4,
    RY_PRIORITY_COUNT
};

/* Whether mail of this priority goes to other nodes past all the rest, which may be much and slow. */
static inline bool ry_priority_is_urgent(unsigned priority)
{
    return priority <= RY_PRIORITY_LIVE;
}

/* W3C trace context (https://www.w3.org/TR/trace-context/): a trace id of 16 bytes and the sender's span of 8. */
struct ry_trace {
    uint8_t trace_id[16];
    uint8_t span_id[8];
};

struct ry_envelope {
    uint64_t id; /* session << 32 | counter; never 0 */
    uint64_t
        correlation; /* an ANSWER: the message it answers; else the origin that an outcome is reported to; 0: none */
    uint64_t tenant; /* guild id, for fairness; 0: none */
    int64_t deadline_wall_ms; /* 0: none */
    struct ry_trace trace;
    uint16_t tag;
    uint8_t priority; /* enum ry_priority */
    uint16_t attempt; /* 1 on the first hand-out */
    uint16_t frame_count;
    struct ry_str body; /* borrowed */
};

#define RY_SESSION_OF(id) ((uint32_t)((id) >> 32))

/* Appends the envelope and its body. RY_ELIMIT, RY_ENOMEM; RY_EINVAL if ry_envelope_unpack would not read it (unknown
 * tag or priority, no id, negative deadline). On error out is as before. */
int ry_envelope_pack(const struct ry_envelope *envelope, struct ry_buf *out);

/* Writes only what stands before the body into bytes, for a body of envelope->body.n bytes that is elsewhere; *n: how
 * long that is. Errors as ry_envelope_pack. */
int ry_envelope_pack_head(const struct ry_envelope *envelope, char bytes[RY_ENVELOPE_HEAD_MAX_BYTES], size_t *n);

/* Reads one envelope that fills all of bytes; body points into them. Allocates nothing. RY_EINVAL or RY_ELIMIT with
 * what is wrong; *envelope is then untouched. */
int ry_envelope_unpack(struct ry_str bytes, struct ry_envelope *envelope, struct ry_error *err);

/* The whole mail as one run of bytes for keeping (dead letters): a msgpack array of the envelope and its frame_count
 * frames, each a bin. Errors as ry_envelope_pack. */
int ry_mail_freeze(const struct ry_envelope *envelope, struct ry_frame *const *frames, struct ry_buf *out);

/* The reverse: envelope (body pointing into frozen) and up to `max` frames, newly made and owned by the caller. On
 * error (RY_EINVAL, RY_ELIMIT, RY_ENOMEM) no frame is left. */
int ry_mail_thaw(struct ry_str frozen, struct ry_envelope *envelope, struct ry_frame **frames, size_t max,
                 struct ry_error *err);

#endif

/* envelope.c: the envelope is read field by field with a cursor, because the router reads every one that passes. */
#include "proto/envelope.h"

#include <inttypes.h>

#include <msgpack/pack.h>

#include "proto/codec.h"
#include "proto/wire.h"
#include "runtime/base/assert.h"

#define ENVELOPE_FIELDS 11

/* What both ends hold an envelope to. */
static int check_envelope(const struct ry_envelope *envelope, struct ry_error *err)
{
    if (ry_descriptor(envelope->tag) == NULL)
        return ry_fail(err, RY_EINVAL, "the envelope's tag %u is unknown", (unsigned)envelope->tag);
    if (envelope->id == 0)
        return ry_fail(err, RY_EINVAL, "the envelope has no id");
    if (envelope->priority >= RY_PRIORITY_COUNT)
        return ry_fail(err, RY_EINVAL, "the envelope's priority %u is unknown", (unsigned)envelope->priority);
    if (envelope->deadline_wall_ms < 0)
        return ry_fail(err, RY_EINVAL, "the envelope's deadline is before 1970");
    if (envelope->frame_count > RY_FRAMES_MAX)
        return ry_fail(err, RY_ELIMIT, "the envelope announces %u frames, more than %d",
                       (unsigned)envelope->frame_count, RY_FRAMES_MAX);
    return RY_OK;
}

static void pack_bin(msgpack_packer *packer, const void *bytes, size_t n)
{
    (void)msgpack_pack_bin(packer, n);
    (void)msgpack_pack_bin_body(packer, n ? bytes : "", n);
}

struct head {
    char *bytes;
    size_t n;
};

/* RY_ENVELOPE_HEAD_MAX_BYTES is more than the longest forms of all fields, so it is checked once, behind them. */
static inline int write_head(void *to, const char *bytes, size_t n)
{
    struct head *head = to;
    memcpy(head->bytes + head->n, bytes, n);
    head->n += n;
    return 0;
}

/* Flattened: written for every message that is said, and the packer's calls, one a field, cost more than its work. */
__attribute__((flatten)) int ry_envelope_pack_head(const struct ry_envelope *envelope,
                                                   char bytes[RY_ENVELOPE_HEAD_MAX_BYTES], size_t *n)
{
    int rc = check_envelope(envelope, NULL);
    if (rc != RY_OK)
        return rc;
    struct head head = {.bytes = bytes};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &head, write_head);
    (void)msgpack_pack_array(&packer, ENVELOPE_FIELDS);
    (void)msgpack_pack_uint16(&packer, RY_PROTO_VERSION);
    (void)msgpack_pack_uint16(&packer, envelope->tag);
    (void)msgpack_pack_uint64(&packer, envelope->id);
    (void)msgpack_pack_uint64(&packer, envelope->correlation);
    pack_bin(&packer, &envelope->trace, sizeof envelope->trace);
    (void)msgpack_pack_uint64(&packer, envelope->tenant);
    (void)msgpack_pack_uint8(&packer, envelope->priority);
    (void)msgpack_pack_int64(&packer, envelope->deadline_wall_ms);
    (void)msgpack_pack_uint16(&packer, envelope->attempt);
    (void)msgpack_pack_uint16(&packer, envelope->frame_count);
    (void)msgpack_pack_bin(&packer, envelope->body.n);
    RY_ASSERT(head.n <= RY_ENVELOPE_HEAD_MAX_BYTES, "%zu bytes", head.n);
    *n = head.n;
    return envelope->body.n > RY_ENVELOPE_MAX_BYTES - head.n ? RY_ELIMIT : RY_OK;
}

int ry_envelope_pack(const struct ry_envelope *envelope, struct ry_buf *out)
{
    char head[RY_ENVELOPE_HEAD_MAX_BYTES];
    size_t n = 0;
    int rc = ry_envelope_pack_head(envelope, head, &n);
    if (rc != RY_OK)
        return rc;
    struct ry_wire_sink sink = ry_wire_sink_of(out);
    (void)ry_wire_write(&sink, head, n);
    (void)ry_wire_write(&sink, envelope->body.p, envelope->body.n);
    return ry_wire_finish(&sink);
}

/* A number up to max. */
static bool take_number(struct ry_wire *in, uint64_t max, uint64_t *value)
{
    return ry_wire_u64(in, value) && *value <= max;
}

/* The fields in their order. Returns the name of the first that is wrong, NULL if none is. */
static const char *take_fields(struct ry_wire *in, struct ry_envelope *envelope)
{
    uint64_t tag = 0;
    uint64_t priority = 0;
    uint64_t attempt = 0;
    uint64_t frame_count = 0;
    struct ry_str trace = {0};
    if (!take_number(in, UINT16_MAX, &tag))
        return "tag";
    if (!ry_wire_u64(in, &envelope->id))
        return "id";
    if (!ry_wire_u64(in, &envelope->correlation))
        return "correlation";
    if (!ry_wire_bin(in, &trace) || trace.n != sizeof envelope->trace)
        return "trace";
    if (!ry_wire_u64(in, &envelope->tenant))
        return "tenant";
    if (!take_number(in, UINT8_MAX, &priority))
        return "priority";
    if (!ry_wire_i64(in, &envelope->deadline_wall_ms))
        return "deadline";
    if (!take_number(in, UINT16_MAX, &attempt))
        return "attempt";
    if (!take_number(in, UINT16_MAX, &frame_count))
        return "frame count";
    if (!ry_wire_bin(in, &envelope->body))
        return "body";
    memcpy(&envelope->trace, trace.p, sizeof envelope->trace);
    envelope->tag = (uint16_t)tag;
    envelope->priority = (uint8_t)priority;
    envelope->attempt = (uint16_t)attempt;
    envelope->frame_count = (uint16_t)frame_count;
    return NULL;
}

int ry_envelope_unpack(struct ry_str bytes, struct ry_envelope *envelope, struct ry_error *err)
{
    if (bytes.n > RY_ENVELOPE_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "the envelope has %zu bytes, more than %zu", bytes.n, RY_ENVELOPE_MAX_BYTES);
    struct ry_wire in = ry_wire_of(bytes);
    size_t count = 0;
    uint64_t version = 0;
    if (!ry_wire_array(&in, &count) || !ry_wire_u64(&in, &version))
        return ry_fail(err, RY_EINVAL, "these %zu bytes are not an envelope", bytes.n);
    if (version != RY_PROTO_VERSION || count != ENVELOPE_FIELDS)
        return ry_fail(err, RY_EINVAL, "the envelope has version %" PRIu64 " and %zu fields, not %d and %d", version,
                       count, RY_PROTO_VERSION, ENVELOPE_FIELDS);
    struct ry_envelope read = {0};
    const char *wrong = take_fields(&in, &read);
    if (wrong)
        return ry_fail(err, RY_EINVAL, "the envelope's %s is of a wrong type, out of range or cut off", wrong);
    if (ry_wire_left(&in) > 0)
        return ry_fail(err, RY_EINVAL, "the envelope has %zu trailing bytes", ry_wire_left(&in));
    int rc = check_envelope(&read, err);
    if (rc == RY_OK)
        *envelope = read;
    return rc;
}

int ry_mail_freeze(const struct ry_envelope *envelope, struct ry_frame *const *frames, struct ry_buf *out)
{
    RY_BUF_AUTO packed = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    int rc = ry_envelope_pack(envelope, &packed);
    if (rc != RY_OK)
        return rc;
    struct ry_wire_sink sink = ry_wire_sink_of(out);
    msgpack_packer packer;
    msgpack_packer_init(&packer, &sink, ry_wire_write);
    (void)msgpack_pack_array(&packer, (size_t)1 + envelope->frame_count);
    pack_bin(&packer, packed.p, packed.n);
    for (size_t i = 0; i < envelope->frame_count; i++)
        pack_bin(&packer, ry_frame_data(frames[i]), ry_frame_size(frames[i]));
    return ry_wire_finish(&sink);
}

int ry_mail_thaw(struct ry_str frozen, struct ry_envelope *envelope, struct ry_frame **frames, size_t max,
                 struct ry_error *err)
{
    struct ry_wire in = ry_wire_of(frozen);
    size_t count = 0;
    struct ry_str packed = {0};
    if (!ry_wire_array(&in, &count) || !ry_wire_bin(&in, &packed))
        return ry_fail(err, RY_EINVAL, "these %zu bytes are not a frozen mail", frozen.n);
    struct ry_envelope read = {0};
    int rc = ry_envelope_unpack(packed, &read, err);
    if (rc != RY_OK)
        return rc;
    if (count != (size_t)1 + read.frame_count)
        return ry_fail(err, RY_EINVAL, "the frozen mail has %zu frames where its envelope says %u", count - 1,
                       (unsigned)read.frame_count);
    if (read.frame_count > max)
        return ry_fail(err, RY_ELIMIT, "the frozen mail has %u frames, more than %zu", (unsigned)read.frame_count, max);
    size_t made = 0;
    for (; rc == RY_OK && made < read.frame_count; made += rc == RY_OK) {
        struct ry_str bytes = {0};
        if (!ry_wire_bin(&in, &bytes))
            rc = ry_fail(err, RY_EINVAL, "the frozen mail's frame %zu is not a binary, or cut off", made);
        else if ((frames[made] = ry_frame_copy(bytes.p, bytes.n)) == NULL)
            rc = ry_fail(err, RY_ENOMEM, "the frozen mail's frame %zu does not fit in memory", made);
    }
    if (rc == RY_OK && ry_wire_left(&in) > 0)
        rc = ry_fail(err, RY_EINVAL, "the frozen mail has %zu trailing bytes", ry_wire_left(&in));
    RY_ASSERT(made <= max && (rc != RY_OK || made == read.frame_count), "%zu frames of %u", made, read.frame_count);
    if (rc == RY_OK)
        *envelope = read;
    else
        while (made > 0)
            ry_frame_unref(frames[--made]);
    return rc;
}

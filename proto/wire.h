/* wire.h: msgpack, as far as reelyard speaks it (https://github.com/msgpack/msgpack/blob/master/spec.md).
 *
 * Writing is msgpack-c's packer into a ry_buf. Reading is a cursor of our own: msgpack-c's unpacker builds a tree whose
 * size the sender announces (five bytes may claim 2^32 elements), and then the tree is walked once; the cursor walks
 * the bytes themselves, allocates nothing, never recurses, and believes no count that the bytes left cannot hold. It
 * reads every form of a number that the specification allows. */
#ifndef REELYARD_PROTO_WIRE_H
#define REELYARD_PROTO_WIRE_H

#include <endian.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct ry_wire {
    const uint8_t *p; /* the next value */
    const uint8_t *end;
};

static inline struct ry_wire ry_wire_of(struct ry_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    return (struct ry_wire){p, bytes.n ? p + bytes.n : p};
}

static inline size_t ry_wire_left(const struct ry_wire *wire)
{
    return (size_t)(wire->end - wire->p);
}

/* Each takes the next value if it is of the type, fits the result and is all there; else returns false and takes
 * nothing. Strings and binaries borrow from the bytes; their p is never NULL. */
bool ry_wire_nil(struct ry_wire *wire);
bool ry_wire_bool(struct ry_wire *wire, bool *value);
bool ry_wire_u64_any(struct ry_wire *wire, uint64_t *value); /* use ry_wire_u64 */
bool ry_wire_i64_any(struct ry_wire *wire, int64_t *value);  /* use ry_wire_i64 */
bool ry_wire_f64(struct ry_wire *wire, double *value);
bool ry_wire_str(struct ry_wire *wire, struct ry_str *value);
bool ry_wire_bin(struct ry_wire *wire, struct ry_str *value);

/* The two forms that nearly all numbers have are read in place (below 128, or 64 bits behind 0xcf), for the router and
 * the instance read a dozen a mail; any other form by a call. */
static inline bool ry_wire_u64(struct ry_wire *wire, uint64_t *value)
{
    size_t left = ry_wire_left(wire);
    if (left > 0 && *wire->p < 0x80) {
        *value = *wire->p++;
        return true;
    }
    if (left < 9 || *wire->p != 0xcf)
        return ry_wire_u64_any(wire, value);
    uint64_t big_endian;
    memcpy(&big_endian, wire->p + 1, sizeof big_endian);
    *value = be64toh(big_endian);
    wire->p += 9;
    return true;
}

static inline bool ry_wire_i64(struct ry_wire *wire, int64_t *value)
{
    if (wire->p == wire->end || *wire->p >= 0x80)
        return ry_wire_i64_any(wire, value);
    *value = *wire->p++;
    return true;
}

/* The head of an array; its values follow. False if there are fewer bytes left than it has values. */
bool ry_wire_array(struct ry_wire *wire, size_t *count);

/* Steps over `count` values of any type, whatever they hold. False, at no particular place, if they are not all there
 * or not msgpack. */
bool ry_wire_skip(struct ry_wire *wire, size_t count);

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Where a msgpack_packer writes: msgpack_packer_init(&packer, &sink, ry_wire_write). The first failed append is
 * remembered, so that a series of msgpack_pack_* is checked once, by ry_wire_finish. */
struct ry_wire_sink {
    struct ry_buf *out;
    size_t start;    /* out->n before the first byte */
    bool had_failed; /* out->failed then */
    int rc;
};

struct ry_wire_sink ry_wire_sink_of(struct ry_buf *out);
static inline int ry_wire_write(void *sink, const char *bytes, size_t n)
{
    struct ry_wire_sink *to = (struct ry_wire_sink *)sink;
    struct ry_buf *out = to->out;
    if (to->rc == RY_OK && n > 0 && n <= out->capacity - out->n) { /* nearly always */
        memcpy(out->p + out->n, bytes, n);
        out->n += n;
    } else if (to->rc == RY_OK) {
        to->rc = ry_buf_add(out, bytes, n);
    }
    return to->rc;
}

/* RY_OK, or the first error; out is then as it was before (its mark `failed` included). */
int ry_wire_finish(struct ry_wire_sink *sink);

/* Takes back what was written. */
void ry_wire_undo(struct ry_wire_sink *sink);

#endif

/* wire.c: the cursor; formats are told apart by their first byte. */
#include "proto/wire.h"

#include <endian.h>

#include "runtime/base/assert.h"

/* First bytes, as the specification's table of formats lists them. */
enum format {
    FIXMAP = 0x80, /* 0x80..0x8f */
    FIXARRAY = 0x90,
    FIXSTR = 0xa0,
    NIL = 0xc0,
    NEVER_USED = 0xc1,
    FALSE_ = 0xc2,
    TRUE_ = 0xc3,
    BIN8 = 0xc4, /* BIN8, 16 and 32 follow each other, and so in every family below */
    EXT8 = 0xc7,
    FLOAT32 = 0xca,
    FLOAT64 = 0xcb,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    INT8 = 0xd0,
    FIXEXT1 = 0xd4,
    FIXEXT16 = 0xd8,
    STR8 = 0xd9,
    ARRAY16 = 0xdc,
    ARRAY32 = 0xdd,
    MAP16 = 0xde,
    MAP32 = 0xdf,
    NEGATIVE_FIXINT = 0xe0
};

/* The big-endian number of `width` bytes (1, 2, 4 or 8) at p. */
static uint64_t load(const uint8_t *p, size_t width)
{
    uint16_t two = 0;
    uint32_t four = 0;
    uint64_t eight = 0;
    switch (width) {
    case 1: return p[0];
    case 2: memcpy(&two, p, 2); return be16toh(two);
    case 4: memcpy(&four, p, 4); return be32toh(four);
    default: memcpy(&eight, p, 8); return be64toh(eight);
    }
}

/* The number behind the first byte, of `width` bytes; false if it is not all there. */
static bool load_operand(const struct ry_wire *wire, size_t width, uint64_t *value)
{
    if (ry_wire_left(wire) < 1 + width)
        return false;
    *value = load(wire->p + 1, width);
    return true;
}

static bool next_is(const struct ry_wire *wire, enum format format)
{
    return wire->p < wire->end && *wire->p == format;
}

bool ry_wire_nil(struct ry_wire *wire)
{
    if (!next_is(wire, NIL))
        return false;
    wire->p++;
    return true;
}

bool ry_wire_bool(struct ry_wire *wire, bool *value)
{
    if (!next_is(wire, FALSE_) && !next_is(wire, TRUE_))
        return false;
    *value = *wire->p++ == TRUE_;
    return true;
}

/* Any integer, as its two's complement in 64 bits and whether it is below zero. */
static bool take_integer(struct ry_wire *wire, uint64_t *bits, bool *negative)
{
    if (wire->p == wire->end)
        return false;
    uint8_t first = *wire->p;
    size_t width = 0;
    *negative = false;
    if (first < FIXMAP) {
        *bits = first;
    } else if (first >= NEGATIVE_FIXINT) {
        *bits = (uint64_t)(int64_t)(int8_t)first;
        *negative = true;
    } else if (first >= UINT8 && first < INT8) {
        width = (size_t)1 << (first - UINT8);
        if (!load_operand(wire, width, bits))
            return false;
    } else if (first >= INT8 && first < FIXEXT1) {
        width = (size_t)1 << (first - INT8);
        if (!load_operand(wire, width, bits))
            return false;
        unsigned unused = 64 - 8 * (unsigned)width;
        *bits = (uint64_t)((int64_t)(*bits << unused) >> unused); /* the sign, spread upwards */
        *negative = (int64_t)*bits < 0;
    } else {
        return false;
    }
    wire->p += 1 + width;
    return true;
}

bool ry_wire_u64_any(struct ry_wire *wire, uint64_t *value)
{
    struct ry_wire ahead = *wire;
    uint64_t bits = 0;
    bool negative = false;
    if (!take_integer(&ahead, &bits, &negative) || negative)
        return false;
    *value = bits;
    *wire = ahead;
    return true;
}

bool ry_wire_i64_any(struct ry_wire *wire, int64_t *value)
{
    struct ry_wire ahead = *wire;
    uint64_t bits = 0;
    bool negative = false;
    if (!take_integer(&ahead, &bits, &negative) || (!negative && bits > INT64_MAX))
        return false;
    *value = (int64_t)bits;
    *wire = ahead;
    return true;
}

bool ry_wire_f64(struct ry_wire *wire, double *value)
{
    uint64_t bits = 0;
    if (!next_is(wire, FLOAT64) || !load_operand(wire, 8, &bits))
        return false;
    memcpy(value, &bits, sizeof bits);
    wire->p += 9;
    return true;
}

/* A run of bytes whose length has `width` bytes behind the first byte (0: it is `length`). */
static bool take_run(struct ry_wire *wire, size_t width, uint64_t length, struct ry_str *value)
{
    if (width > 0 && !load_operand(wire, width, &length))
        return false;
    if (length > ry_wire_left(wire) - 1 - width)
        return false;
    *value = (struct ry_str){(const char *)wire->p + 1 + width, (size_t)length};
    wire->p += 1 + width + length;
    return true;
}

bool ry_wire_str(struct ry_wire *wire, struct ry_str *value)
{
    if (wire->p == wire->end)
        return false;
    uint8_t first = *wire->p;
    if (first >= FIXSTR && first < NIL)
        return take_run(wire, 0, first & 0x1f, value);
    if (first >= STR8 && first < ARRAY16)
        return take_run(wire, (size_t)1 << (first - STR8), 0, value);
    return false;
}

bool ry_wire_bin(struct ry_wire *wire, struct ry_str *value)
{
    if (wire->p == wire->end || *wire->p < BIN8 || *wire->p >= EXT8)
        return false;
    return take_run(wire, (size_t)1 << (*wire->p - BIN8), 0, value);
}

bool ry_wire_array(struct ry_wire *wire, size_t *count)
{
    if (wire->p == wire->end)
        return false;
    uint8_t first = *wire->p;
    size_t width = first == ARRAY16 ? 2 : first == ARRAY32 ? 4 : 0;
    uint64_t n = first & 0x0f;
    if (width == 0 ? first < FIXARRAY || first >= FIXSTR : !load_operand(wire, width, &n))
        return false;
    if (n > ry_wire_left(wire) - 1 - width) /* every value has a byte at least */
        return false;
    wire->p += 1 + width;
    *count = (size_t)n;
    return true;
}

/* How many bytes the next value has, and how many values it holds that stand behind it. `first` is its first byte. */
static bool measure(const struct ry_wire *wire, uint8_t first, uint64_t *bytes, uint64_t *values)
{
    uint64_t n = 0;
    *bytes = 1;
    *values = 0;
    if (first < FIXMAP || first >= NEGATIVE_FIXINT || first == NIL || first == FALSE_ || first == TRUE_) {
        return true;
    } else if (first < FIXARRAY) {
        *values = 2 * (uint64_t)(first & 0x0f);
    } else if (first < FIXSTR) {
        *values = first & 0x0f;
    } else if (first < NIL) {
        *bytes = 1 + (uint64_t)(first & 0x1f);
    } else if (first == NEVER_USED) {
        return false;
    } else if (first < FLOAT32 || (first >= STR8 && first < ARRAY16)) {
        bool ext = first >= EXT8 && first < FLOAT32;
        size_t width = (size_t)1 << (first - (first >= STR8 ? STR8 : ext ? EXT8 : BIN8));
        if (!load_operand(wire, width, &n))
            return false;
        *bytes = 1 + width + (ext ? 1 : 0) + n;
    } else if (first < UINT8) {
        *bytes = first == FLOAT32 ? 5 : 9;
    } else if (first < FIXEXT1) {
        *bytes = 1 + ((uint64_t)1 << ((first - UINT8) & 3));
    } else if (first <= FIXEXT16) {
        *bytes = 2 + ((uint64_t)1 << (first - FIXEXT1));
    } else {
        size_t width = first == ARRAY16 || first == MAP16 ? 2 : 4;
        if (!load_operand(wire, width, &n))
            return false;
        *bytes = 1 + width;
        *values = first >= MAP16 ? 2 * n : n;
    }
    return true;
}

bool ry_wire_skip(struct ry_wire *wire, size_t count)
{
    /* Nesting needs no stack: what matters is how many values are still to come, at whatever depth. */
    uint64_t left = count;
    while (left > 0) {
        uint64_t bytes = 0;
        uint64_t values = 0;
        if (wire->p == wire->end || !measure(wire, *wire->p, &bytes, &values) || bytes > ry_wire_left(wire))
            return false;
        wire->p += bytes;
        left += values - 1;
        if (left > ry_wire_left(wire))
            return false;
    }
    return true;
}

struct ry_wire_sink ry_wire_sink_of(struct ry_buf *out)
{
    return (struct ry_wire_sink){.out = out, .start = out->n, .had_failed = out->failed, .rc = RY_OK};
}

void ry_wire_undo(struct ry_wire_sink *sink)
{
    RY_ASSERT(sink->start <= sink->out->n, "%zu bytes, %zu before", sink->out->n, sink->start);
    sink->out->n = sink->start;
    sink->out->failed = sink->had_failed;
}

int ry_wire_finish(struct ry_wire_sink *sink)
{
    if (sink->rc != RY_OK)
        ry_wire_undo(sink);
    return sink->rc;
}

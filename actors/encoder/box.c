/* box.c: reads the boxes of MP4 and MOV files; see box.h.
 *
 * Owns nothing. Every size is checked against the windows and against the box around it before anything behind it is
 * read. A crash costs the clip one attempt. */
#include "actors/encoder/box.h"

#include <string.h>

#include "runtime/base/assert.h"

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

enum box_read box_read(const struct window_io *windows, uint64_t offset, struct box *box)
{
    uint8_t head[16];
    uint64_t header = 8;
    if (!window_io_copy(windows, offset, head, 8))
        return BOX_MISSING;
    uint64_t size = big_endian(head, 4);
    if (size == 1) {
        if (!window_io_copy(windows, offset + 8, head + 8, 8))
            return BOX_MISSING;
        header = 16;
        size = big_endian(head + 8, 8);
    }
    if ((size != 0 && size < header) || size > INT64_MAX - offset)
        return BOX_INVALID;
    *box = (struct box){.offset = offset, .body = offset + header, .end = offset + size};
    memcpy(box->type, head + 4, 4);
    return BOX_READ;
}

bool box_is(const struct box *box, const char type[4])
{
    return memcmp(box->type, type, 4) == 0;
}

bool box_find(const struct window_io *windows, const struct box *in, const char type[4], uint64_t *at, struct box *part)
{
    uint64_t offset = *at > 0 ? *at : in->body;
    while (offset < in->end && box_read(windows, offset, part) == BOX_READ && part->end > part->offset &&
           part->end <= in->end) {
        offset = part->end;
        if (box_is(part, type)) {
            *at = offset;
            return true;
        }
    }
    return false;
}

uint64_t box_number(const struct window_io *windows, const struct box *box, uint64_t offset, size_t n)
{
    uint8_t bytes[8];
    RY_ASSERT(n > 0 && n <= sizeof bytes, "a number of %zu bytes", n);
    if (box->end < box->body || box->end - box->body < n || offset > box->end - box->body - n ||
        !window_io_copy(windows, box->body + offset, bytes, n))
        return 0;
    return big_endian(bytes, n);
}

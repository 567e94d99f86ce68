/* ebml.c: reads EBML elements; see ebml.h.
 *
 * Owns nothing. Every size is checked against the element around it and every walk is bounded, because all numbers come
 * from strangers. A crash costs the clip one attempt. */
#include "actors/encoder/ebml.h"

#include "runtime/base/assert.h"

#define ID_VOID      0xEC
#define LONGEST_SIZE 8

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

/* A variable-length number of at most `longest` bytes; keep_marker for ids. Returns its length, 0 if it is none or not
 * at hand. */
static size_t read_number(const struct window_io *windows, uint64_t offset, size_t longest, bool keep_marker,
                          uint64_t *value)
{
    uint8_t bytes[8];
    RY_ASSERT(longest <= sizeof bytes, "a number of up to %zu bytes", longest);
    if (!window_io_copy(windows, offset, bytes, 1) || bytes[0] == 0)
        return 0;
    size_t length = (size_t)__builtin_clz(bytes[0]) - 24 + 1;
    if (length > longest || !window_io_copy(windows, offset, bytes, length))
        return 0;
    uint64_t ones = UINT64_MAX >> (64 - 7 * length);
    *value = big_endian(bytes, length);
    if (!keep_marker)
        *value = (*value & ones) == ones ? EBML_SIZE_UNKNOWN : (*value & ones);
    return length;
}

size_t ebml_number(const struct window_io *windows, uint64_t offset, uint64_t *value)
{
    return read_number(windows, offset, 8, false, value);
}

bool ebml_read(const struct window_io *windows, uint64_t offset, struct element *element)
{
    uint64_t id, size;
    size_t id_length = read_number(windows, offset, 4, true, &id);
    size_t size_length = id_length ? read_number(windows, offset + id_length, LONGEST_SIZE, false, &size) : 0;
    if (!size_length)
        return false;
    *element =
        (struct element){.id = (uint32_t)id, .offset = offset, .data = offset + id_length + size_length, .size = size};
    return size == EBML_SIZE_UNKNOWN || size <= INT64_MAX - element->data;
}

bool ebml_next(const struct window_io *windows, const struct element *in, uint64_t *at, struct element *part)
{
    uint64_t offset = *at > 0 ? *at : in->data;
    if (in->size == EBML_SIZE_UNKNOWN || offset - in->data >= in->size || !ebml_read(windows, offset, part) ||
        part->size > in->size || part->data + part->size > in->data + in->size)
        return false;
    *at = part->data + part->size;
    return true;
}

bool ebml_find(const struct window_io *windows, const struct element *in, uint32_t id, struct element *part)
{
    for (uint64_t at = 0; ebml_next(windows, in, &at, part);)
        if (part->id == id)
            return true;
    return false;
}

bool ebml_unsigned(const struct window_io *windows, const struct element *element, uint64_t *value)
{
    uint8_t bytes[8];
    if (element->size == 0 || element->size > sizeof bytes ||
        !window_io_copy(windows, element->data, bytes, element->size))
        return false;
    *value = big_endian(bytes, element->size);
    return true;
}

void ebml_pass_over(struct window_io *windows, const struct element *element)
{
    /* A head of the same length: the void's id and a size that is as long as the rest; of a longer head (up to 12
     * bytes) the last bytes become content. */
    uint64_t head = element->data - element->offset, length = head - 1 < LONGEST_SIZE ? head - 1 : LONGEST_SIZE;
    RY_ASSERT(head >= 2 && element->size != EBML_SIZE_UNKNOWN, "a head of %llu bytes", (unsigned long long)head);
    uint64_t size = element->size + (head - 1 - length);
    uint8_t bytes[1 + LONGEST_SIZE] = {ID_VOID};
    for (uint64_t i = 0; i < length; i++)
        bytes[length - i] = (uint8_t)(size >> 8 * i);
    bytes[1] |= (uint8_t)(0x80 >> (length - 1));
    window_io_patch(windows, element->offset, bytes, 1 + length);
}

/* webp_size.c: reads the three forms of a WebP header; see webp_size.h.
 *
 * Pure. Never reads past the bytes given, whatever their header says. */
#include "actors/storage/webp_size.h"

#define RIFF_HEAD_BYTES  12u /* "RIFF", size, "WEBP" */
#define CHUNK_HEAD_BYTES 8u  /* name, size */

/* Bytes of each kind's first chunk that tell its size. */
#define VP8_BYTES  10u
#define VP8L_BYTES 5u
#define VP8X_BYTES 10u

static unsigned long little_endian(const unsigned char *p, unsigned n)
{
    unsigned long value = 0;
    while (n-- > 0)
        value = value << 8 | p[n];
    return value;
}

/* A key frame: three bytes of which the lowest bit is 0, a start code, and 14 bits each. */
static bool read_vp8(const unsigned char *p, struct webp_size *size)
{
    *size = (struct webp_size){(unsigned)little_endian(p + 6, 2) & 0x3fff, (unsigned)little_endian(p + 8, 2) & 0x3fff};
    return (p[0] & 1) == 0 && memcmp(p + 3, "\x9d\x01\x2a", 3) == 0;
}

/* A signature, 14 bits each, one for alpha, and a version of three bits, which is 0. */
static bool read_vp8l(const unsigned char *p, struct webp_size *size)
{
    unsigned long bits = little_endian(p + 1, 4);
    *size = (struct webp_size){(unsigned)(bits & 0x3fff) + 1, (unsigned)(bits >> 14 & 0x3fff) + 1};
    return p[0] == 0x2f && bits >> 29 == 0;
}

static bool read_vp8x(const unsigned char *p, struct webp_size *size)
{
    *size = (struct webp_size){(unsigned)little_endian(p + 4, 3) + 1, (unsigned)little_endian(p + 7, 3) + 1};
    return true;
}

bool webp_size_read(struct ry_str file, struct webp_size *size)
{
    static const struct {
        const char *name;
        unsigned long bytes;
        bool (*read)(const unsigned char *p, struct webp_size *size);
    } kinds[] = {{"VP8 ", VP8_BYTES, read_vp8}, {"VP8L", VP8L_BYTES, read_vp8l}, {"VP8X", VP8X_BYTES, read_vp8x}};
    const unsigned char *p = (const unsigned char *)file.p;
    *size = (struct webp_size){0, 0};
    if (file.n < RIFF_HEAD_BYTES + CHUNK_HEAD_BYTES || memcmp(p, "RIFF", 4) != 0 || memcmp(p + 8, "WEBP", 4) != 0 ||
        little_endian(p + 4, 4) != file.n - 8)
        return false;
    const unsigned char *chunk = p + RIFF_HEAD_BYTES;
    unsigned long there = file.n - RIFF_HEAD_BYTES - CHUNK_HEAD_BYTES;
    unsigned long bytes = little_endian(chunk + 4, 4);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (memcmp(chunk, kinds[i].name, 4) == 0)
            return bytes >= kinds[i].bytes && bytes <= there && kinds[i].read(chunk + CHUNK_HEAD_BYTES, size) &&
                   size->width > 0 && size->height > 0;
    return false;
}

/* shape_layout.c: see shape_layout.h. Offsets in boxes are those of ISO/IEC 14496-12, ids of RFC 9559. */
#include "tests/bed/shape_layout.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES ((size_t)20000000)

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "the clip has no %s to change\n", what);
    exit(1);
}

static size_t need(const struct shape_bytes *bytes, size_t from, const void *what, size_t n, const char *name)
{
    const uint8_t *found = from < bytes->n ? memmem(bytes->p + from, bytes->n - from, what, n) : NULL;
    if (!found)
        give_up(name);
    return (size_t)(found - bytes->p);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Makes room for n bytes at an offset, zeros if what is NULL. */
static void insert(struct shape_bytes *bytes, size_t at, const void *what, size_t n)
{
    uint8_t *p = realloc(bytes->p, bytes->n + n);
    if (!p)
        give_up("memory");
    memmove(p + at + n, p + at, bytes->n - at);
    if (what)
        memcpy(p + at, what, n);
    else
        memset(p + at, 0, n);
    bytes->p = p;
    bytes->n += n;
}

/* The offset of the header of the nth box (from 0) of a type in a range. */
static size_t box_in(const struct shape_bytes *bytes, size_t from, size_t to, const char *type, int nth)
{
    while (from + 8 <= to) {
        size_t size = get32(bytes->p + from);
        if (memcmp(bytes->p + from + 4, type, 4) == 0 && nth-- == 0)
            return from;
        if (size < 8)
            break;
        from += size;
    }
    give_up(type);
}

static size_t end_of(const struct shape_bytes *bytes, size_t box)
{
    return box + get32(bytes->p + box);
}

static size_t moov_of(const struct shape_bytes *bytes)
{
    return box_in(bytes, 0, bytes->n, "moov", 0);
}

static void grow(struct shape_bytes *bytes, size_t box, size_t n)
{
    put32(bytes->p + box, get32(bytes->p + box) + (uint32_t)n);
}

/* A udta box of that size with artwork, as the demuxer would look for it. */
static uint8_t *artwork(size_t n)
{
    static const char *const types[] = {"udta", "meta", "ilst", "covr", "data"};
    uint8_t *box = calloc(1, n);
    size_t at = 0;
    if (!box)
        give_up("memory");
    memset(box + 200, 0xA7, n - 200);
    for (size_t i = 0; i < 5; i++) {
        put32(box + at, (uint32_t)(n - at));
        memcpy(box + at + 4, types[i], 4);
        at += 8;
        if (i == 1) {
            at += 4;
            put32(box + at, 33);
            memcpy(box + at + 4, "hdlr\0\0\0\0\0\0\0\0mdirappl", 20);
            at += 33;
        }
    }
    put32(box + at, 13); /* a JPEG */
    return box;
}

static void put_artwork(struct shape_bytes *bytes, size_t at)
{
    uint8_t *box = artwork(LARGE_BYTES);
    insert(bytes, at, box, LARGE_BYTES);
    free(box);
}

/* ---- encryption ----------------------------------------------------------------------------------------------- */

void shape_cbcs(struct shape_bytes *bytes)
{
    size_t schm = need(bytes, 0, "schm", 4, "schm");
    memcpy(bytes->p + schm + 8, "cbcs", 4);
}

void shape_drmi(struct shape_bytes *bytes)
{
    memcpy(bytes->p + need(bytes, moov_of(bytes), "avc1", 4, "avc1"), "drmi", 4);
}

void shape_content_encryption(struct shape_bytes *bytes)
{
    /* FlagLacing 0 and Language und, ten bytes, become ContentEncodings, ContentEncoding, ContentEncryption. */
    static const uint8_t plain[] = {0x9C, 0x81, 0, 0x22, 0xB5, 0x9C, 0x83, 'u', 'n', 'd'};
    static const uint8_t encrypted[] = {0x6D, 0x80, 0x40, 0x06, 0x62, 0x40, 0x83, 0x50, 0x35, 0x80};
    int changed = 0;
    uint8_t *at = bytes->p;
    while ((at = memmem(at, bytes->n - (size_t)(at - bytes->p), plain, sizeof plain))) {
        memcpy(at, encrypted, sizeof encrypted);
        changed++;
    }
    if (changed == 0)
        give_up("language");
}

/* ---- MP4 ------------------------------------------------------------------------------------------------------ */

void shape_mvex(struct shape_bytes *bytes)
{
    /* trex: track 1, sample description 1. */
    static const uint8_t mvex[40] = {0,   0,   0, 40, 'm', 'v', 'e', 'x', 0, 0, 0, 32, 't', 'r',
                                     'e', 'x', 0, 0,  0,   0,   0,   0,   0, 1, 0, 0,  0,   1};
    size_t moov = moov_of(bytes), at = end_of(bytes, moov);
    grow(bytes, moov, sizeof mvex);
    insert(bytes, at, mvex, sizeof mvex);
}

void shape_artwork_first(struct shape_bytes *bytes)
{
    size_t moov = moov_of(bytes);
    grow(bytes, moov, LARGE_BYTES);
    put_artwork(bytes, moov + 8);
}

void shape_artwork_last(struct shape_bytes *bytes)
{
    size_t moov = moov_of(bytes), at = end_of(bytes, moov);
    grow(bytes, moov, LARGE_BYTES);
    put_artwork(bytes, at);
}

void shape_artwork_in_track(struct shape_bytes *bytes)
{
    size_t moov = moov_of(bytes), trak = box_in(bytes, moov + 8, end_of(bytes, moov), "trak", 0),
           at = end_of(bytes, trak);
    grow(bytes, trak, LARGE_BYTES);
    grow(bytes, moov, LARGE_BYTES);
    put_artwork(bytes, at);
}

/* Adds to the offsets of all chunks. */
static void move_chunks(struct shape_bytes *bytes, uint32_t more)
{
    size_t at = moov_of(bytes), end = end_of(bytes, at);
    for (uint8_t *stco; (stco = memmem(bytes->p + at, end - at, "stco", 4)); at = (size_t)(stco - bytes->p) + 4)
        for (uint32_t i = 0; i < get32(stco + 8); i++)
            put32(stco + 12 + 4 * i, get32(stco + 12 + 4 * i) + more);
}

void shape_xmp_first(struct shape_bytes *bytes)
{
    size_t at = end_of(bytes, 0);
    move_chunks(bytes, LARGE_BYTES);
    insert(bytes, at, NULL, LARGE_BYTES);
    put32(bytes->p + at, LARGE_BYTES);
    memcpy(bytes->p + at + 4, "uuid\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC", 20);
}

void shape_free_last(struct shape_bytes *bytes)
{
    size_t at = bytes->n;
    insert(bytes, at, NULL, LARGE_BYTES);
    put32(bytes->p + at, LARGE_BYTES);
    memcpy(bytes->p + at + 4, "free", 4);
}

void shape_long_second_track(struct shape_bytes *bytes)
{
    size_t moov = moov_of(bytes), trak = box_in(bytes, moov + 8, end_of(bytes, moov), "trak", 1);
    uint8_t *mdhd = bytes->p + need(bytes, trak, "mdhd", 4, "mdhd");
    put32(mdhd + 20, get32(mdhd + 16) * 100);
    put32(bytes->p + need(bytes, moov, "mvhd", 4, "mvhd") + 20, 100000);
    /* Of the last run of samples with equal durations. */
    uint8_t *stts = bytes->p + need(bytes, trak, "stts", 4, "stts");
    uint32_t count = get32(stts + 8);
    put32(stts + 12 + 8 * (count - 1) + 4, get32(mdhd + 16) * 90);
}

void shape_empty_first_track(struct shape_bytes *bytes)
{
    static const char *const tables[] = {"stts", "stsc", "stco"};
    size_t trak = box_in(bytes, moov_of(bytes) + 8, bytes->n, "trak", 0);
    for (size_t i = 0; i < 3; i++)
        put32(bytes->p + need(bytes, trak, tables[i], 4, tables[i]) + 8, 0);
    put32(bytes->p + need(bytes, trak, "stsz", 4, "stsz") + 12, 0);
}

void shape_index_cut_off(struct shape_bytes *bytes)
{
    bytes->n = moov_of(bytes) + 100;
}

void shape_never_finished(struct shape_bytes *bytes)
{
    bytes->n = moov_of(bytes);
    put32(bytes->p + box_in(bytes, 0, bytes->n, "mdat", 0), 0);
}

void shape_zeros_for_index(struct shape_bytes *bytes)
{
    size_t moov = moov_of(bytes);
    memset(bytes->p + moov, 0, bytes->n - moov);
}

/* ---- fragments ------------------------------------------------------------------------------------------------ */

/* Appends a table whose entries (time and offset of eight bytes, three short numbers) all name the first fragment, but
 * the last one, which names the last. */
static void append_mfra(struct shape_bytes *bytes, uint32_t entries)
{
    const uint8_t *first = memmem(bytes->p, bytes->n, "moof", 4), *last = first;
    for (const uint8_t *next = first; next;
         next = memmem(next + 1, bytes->n - (size_t)(next + 1 - bytes->p), "moof", 4))
        last = next;
    if (!first)
        give_up("fragment");
    uint32_t offsets[] = {(uint32_t)(first - bytes->p) - 4, (uint32_t)(last - bytes->p) - 4};
    uint32_t tfra_bytes = 24 + 19 * entries, size = 8 + tfra_bytes + 16;
    size_t at = bytes->n;
    insert(bytes, at, NULL, size);
    uint8_t *mfra = bytes->p + at, *tfra = mfra + 8, *mfro = tfra + tfra_bytes;
    put32(mfra, size);
    memcpy(mfra + 4, "mfra", 4);
    put32(tfra, tfra_bytes);
    memcpy(tfra + 4, "tfra\1", 5);
    put32(tfra + 12, 1); /* track */
    put32(tfra + 20, entries);
    for (uint32_t i = 0; i < entries; i++)
        put32(tfra + 24 + 19 * i + 12, offsets[i + 1 == entries]);
    put32(mfro, 16);
    memcpy(mfro + 4, "mfro", 4);
    put32(mfro + 12, size);
}

void shape_large_mfra(struct shape_bytes *bytes)
{
    append_mfra(bytes, 6300);
}

void shape_huge_mfra(struct shape_bytes *bytes)
{
    append_mfra(bytes, 110000);
}

/* ---- Matroska ------------------------------------------------------------------------------------------------- */

void shape_relative_duration(struct shape_bytes *bytes)
{
    /* Duration, a number of eight bytes: 4000.0 (ms). */
    size_t duration = need(bytes, 0, "\x44\x89\x88", 3, "duration");
    memcpy(bytes->p + duration + 3, "\x40\xAF\x40\0\0\0\0\0", 8);
}

void shape_without_tags(struct shape_bytes *bytes)
{
    /* The name that is looked for becomes another one. */
    for (uint8_t *at = bytes->p; (at = memmem(at, bytes->n - (size_t)(at - bytes->p), "DURATION", 8));)
        memcpy(at, "SOMEWORD", 8);
}

/* ---- any ------------------------------------------------------------------------------------------------------ */

void shape_cut_at_60_percent(struct shape_bytes *bytes)
{
    bytes->n = bytes->n / 10 * 6;
}

void shape_cut_at_1000(struct shape_bytes *bytes)
{
    if (bytes->n < 1000)
        give_up("1000 bytes");
    bytes->n = 1000;
}

void shape_emptied(struct shape_bytes *bytes)
{
    bytes->n = 0;
}

void shape_heic(struct shape_bytes *bytes)
{
    for (size_t at = 8; at < get32(bytes->p); at += 4)
        if (memcmp(bytes->p + at, "avi", 3) == 0)
            memcpy(bytes->p + at, "heic", 4);
}

void shape_zeros_first(struct shape_bytes *bytes)
{
    memset(bytes->p, 0, bytes->n < 65536 ? bytes->n : 65536);
}

void shape_interrupted(struct shape_bytes *bytes)
{
    size_t begin = 100000, end = bytes->n / 50 * 49;
    if (end < begin)
        give_up("middle");
    memset(bytes->p + begin, 0, end - begin);
}

/* shape_change.c: see shape_change.h. Offsets in boxes are those of ISO/IEC 14496-12. */
#include "tests/bed/shape_change.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "the clip has no %s to change\n", what);
    exit(1);
}

/* The first place from `from` on where these bytes stand. */
static size_t find(const struct shape_bytes *bytes, size_t from, const char *what, size_t n)
{
    const uint8_t *found = from < bytes->n ? memmem(bytes->p + from, bytes->n - from, what, n) : NULL;
    return found ? (size_t)(found - bytes->p) : SIZE_MAX;
}

static size_t need(const struct shape_bytes *bytes, size_t from, const char *what)
{
    size_t at = find(bytes, from, what, strlen(what));
    if (at == SIZE_MAX)
        give_up(what);
    return at;
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

/* Makes room for n bytes at an offset. */
static void insert(struct shape_bytes *bytes, size_t at, const uint8_t *what, size_t n)
{
    uint8_t *p = realloc(bytes->p, bytes->n + n);
    if (!p)
        give_up("memory");
    memmove(p + at + n, p + at, bytes->n - at);
    memcpy(p + at, what, n);
    bytes->p = p;
    bytes->n += n;
}

/* ---- key frames ----------------------------------------------------------------------------------------------- */

void shape_without_stss(struct shape_bytes *bytes)
{
    memcpy(bytes->p + need(bytes, 0, "stss"), "free", 4);
}

void shape_shifted_stss(struct shape_bytes *bytes)
{
    uint8_t *stss = bytes->p + need(bytes, 0, "stss");
    for (uint32_t i = 0; i < get32(stss + 8); i++)
        put32(stss + 12 + 4 * i, get32(stss + 12 + 4 * i) + 1);
}

void shape_all_fragments_sync(struct shape_bytes *bytes)
{
    bool changed = false;
    for (size_t at = 0; (at = find(bytes, at, "tfhd", 4)) != SIZE_MAX; at++) {
        uint8_t *tfhd = bytes->p + at;
        uint32_t flags = get32(tfhd + 4) & 0xFFFFFF;
        size_t skip =
            12 + (flags & 1 ? 8U : 0U) + (flags & 2 ? 4U : 0U) + (flags & 8 ? 4U : 0U) + (flags & 0x10 ? 4U : 0U);
        if (flags & 0x20) {
            put32(tfhd + skip, 0x02000000);
            changed = true;
        }
    }
    if (!changed)
        give_up("flags of fragments");
}

void shape_all_avi_keys(struct shape_bytes *bytes)
{
    uint8_t *index = bytes->p + need(bytes, 0, "idx1");
    size_t count = (index[4] | (size_t)index[5] << 8 | (size_t)index[6] << 16) / 16;
    for (size_t i = 0; i < count; i++)
        index[8 + 16 * i + 4] |= 0x10;
}

/* ---- damage --------------------------------------------------------------------------------------------------- */

struct memory_file {
    const struct shape_bytes *bytes;
    size_t at;
};

static int read_memory(void *opaque, uint8_t *to, int size)
{
    struct memory_file *file = opaque;
    size_t n = file->bytes->n - file->at;
    n = n < (size_t)size ? n : (size_t)size;
    if (n == 0)
        return AVERROR_EOF;
    memcpy(to, file->bytes->p + file->at, n);
    file->at += n;
    return (int)n;
}

static int64_t seek_memory(void *opaque, int64_t offset, int whence)
{
    struct memory_file *file = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t)file->bytes->n;
    if (whence != SEEK_SET || offset < 0 || (size_t)offset > file->bytes->n)
        return AVERROR(EINVAL);
    file->at = (size_t)offset;
    return offset;
}

#define KEYS_MAX 256

struct place {
    size_t at, n;
};

/* Where the key frames of the first video stream are. */
static size_t find_keys(const struct shape_bytes *bytes, struct place keys[KEYS_MAX])
{
    struct memory_file file = {bytes, 0};
    size_t count = 0;
    AVFormatContext *format = avformat_alloc_context();
    AVPacket *packet = av_packet_alloc();
    AVIOContext *io = avio_alloc_context(av_malloc(4096), 4096, 0, &file, read_memory, NULL, seek_memory);
    format->pb = io;
    if (avformat_open_input(&format, "", NULL, NULL) < 0)
        give_up("header");
    while (count < KEYS_MAX && av_read_frame(format, packet) >= 0) {
        bool video = format->streams[packet->stream_index]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
        if (video && (packet->flags & AV_PKT_FLAG_KEY) && packet->pos >= 0)
            keys[count++] = (struct place){(size_t)packet->pos, (size_t)packet->size};
        av_packet_unref(packet);
    }
    avformat_close_input(&format);
    av_freep(&io->buffer);
    avio_context_free(&io);
    av_packet_free(&packet);
    return count;
}

/* Noise over the second half of the key frames from `from` up to but without `to` (below 0: from the end). */
static void damage(struct shape_bytes *bytes, int from, int to)
{
    struct place keys[KEYS_MAX];
    int count = (int)find_keys(bytes, keys);
    uint32_t noise = 12345;
    to = to < 0 ? count + to : to;
    if (count < 2 || to > count || from >= to)
        give_up("key frames");
    for (int k = from; k < to; k++)
        for (size_t i = keys[k].n / 2; i < keys[k].n; i++) {
            noise = noise * 1664525 + 1013904223;
            bytes->p[keys[k].at + i] = (uint8_t)(noise >> 24);
        }
}

void shape_damaged_first_key(struct shape_bytes *bytes)
{
    damage(bytes, 0, 1);
}

void shape_damaged_second_key(struct shape_bytes *bytes)
{
    damage(bytes, 1, 2);
}

void shape_damaged_all_but_last_key(struct shape_bytes *bytes)
{
    damage(bytes, 0, -1);
}

void shape_damaged_all_keys(struct shape_bytes *bytes)
{
    struct place keys[KEYS_MAX];
    damage(bytes, 0, (int)find_keys(bytes, keys));
}

void shape_hole(struct shape_bytes *bytes)
{
    memset(bytes->p + bytes->n / 10, 0, bytes->n / 10 * 6);
}

void shape_large_hole(struct shape_bytes *bytes)
{
    memset(bytes->p + bytes->n / 10, 0, bytes->n / 20 * 17);
}

/* ---- headers -------------------------------------------------------------------------------------------------- */

/* Puts a box at the end of the first video sample entry, and makes all boxes around it larger. */
static void add_to_sample_entry(struct shape_bytes *bytes, const uint8_t *box, size_t n)
{
    static const char *const around[] = {"moov", "trak", "mdia", "minf", "stbl", "stsd"};
    size_t at = need(bytes, 0, "moov");
    if (find(bytes, at, "mdat", 4) != SIZE_MAX)
        give_up("index at the end");
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        at = need(bytes, at, around[i]);
        put32(bytes->p + at - 4, get32(bytes->p + at - 4) + (uint32_t)n);
    }
    /* stsd: version and flags, count, then the entry: its size, ... */
    uint8_t *entry = bytes->p + at + 12;
    uint32_t size = get32(entry);
    put32(entry, size + (uint32_t)n);
    insert(bytes, (size_t)(entry - bytes->p) + size, box, n);
}

void shape_clap(struct shape_bytes *bytes)
{
    /* Width, height, horizontal and vertical offset of the middle, each as a fraction. */
    static const uint32_t numbers[8] = {240, 1, 180, 1, 0, 1, 0, 1};
    uint8_t box[40] = {0, 0, 0, 40, 'c', 'l', 'a', 'p'};
    for (size_t i = 0; i < 8; i++)
        put32(box + 8 + 4 * i, numbers[i]);
    add_to_sample_entry(bytes, box, sizeof box);
}

void shape_dolby_vision_5(struct shape_bytes *bytes)
{
    /* Version 1.0, profile 5 (7 bits), level 6 (6 bits), RPU and base layer there, no enhancement layer, compatible
     * with nothing. */
    static const uint8_t box[32] = {0, 0, 0, 32, 'd', 'v', 'c', 'C', 1, 0, 5 << 1, 6 << 3 | 5};
    add_to_sample_entry(bytes, box, sizeof box);
}

/* tkhd, version 0: flags, two times, id, reserved, duration, reserved, layer, group, volume, reserved, matrix a b u c d
 * v x y w. */
static void set_matrix(struct shape_bytes *bytes, int a, int b, int c, int d)
{
    uint8_t *matrix = bytes->p + need(bytes, 0, "tkhd") + 4 + 40;
    const int numbers[] = {a, b, 0, c, d};
    for (size_t i = 0; i < 5; i++)
        put32(matrix + 4 * i, (uint32_t)(numbers[i] * 0x10000));
}

void shape_turned_90(struct shape_bytes *bytes)
{
    set_matrix(bytes, 0, 1, -1, 0);
}

void shape_turned_180(struct shape_bytes *bytes)
{
    set_matrix(bytes, -1, 0, 0, -1);
}

void shape_turned_270(struct shape_bytes *bytes)
{
    set_matrix(bytes, 0, -1, 1, 0);
}

void shape_mirrored(struct shape_bytes *bytes)
{
    set_matrix(bytes, -1, 0, 0, 1);
}

void shape_empty_edit(struct shape_bytes *bytes)
{
    uint8_t *elst = bytes->p + need(bytes, 0, "elst");
    for (uint32_t i = 0; i < get32(elst + 8); i++)
        put32(elst + 12 + 12 * i + 4, UINT32_MAX);
}

/* The length of an EBML number by its first byte. */
static size_t ebml_length(uint8_t first)
{
    size_t length = 1;
    while (length < 8 && !(first & 0x80 >> (length - 1)))
        length++;
    return length;
}

/* Adds to the size of the element whose id of n bytes stands at `at`. */
static size_t grow_element(struct shape_bytes *bytes, size_t at, size_t id_bytes, size_t more)
{
    uint8_t *size = bytes->p + at + id_bytes;
    size_t length = ebml_length(size[0]);
    uint64_t value = size[0] & (0xFFU >> length);
    for (size_t i = 1; i < length; i++)
        value = value << 8 | size[i];
    value += more;
    if (value >> (7 * length) != 0)
        give_up("room in a size");
    for (size_t i = length; i-- > 0; value >>= 8)
        size[i] = (uint8_t)((i == 0 ? 0x80U >> (length - 1) : 0U) | (value & 0xFF));
    return at + id_bytes + length;
}

void shape_pixel_crop(struct shape_bytes *bytes)
{
    /* PixelCropLeft, PixelCropRight, DisplayWidth, DisplayHeight. */
    static const uint8_t elements[] = {0x54, 0xCC, 0x81, 40,  0x54, 0xDD, 0x81, 40,
                                       0x54, 0xB0, 0x81, 240, 0x54, 0xBA, 0x81, 180};
    /* A Void before the tracks, with a size of eight bytes, gives the room: so all that is behind them stays. */
    size_t room = find(bytes, 0, "\xEC\x01\0\0\0\0\0\0", 8), tracks = find(bytes, room, "\x16\x54\xAE\x6B", 4);
    if (room == SIZE_MAX || tracks == SIZE_MAX || bytes->p[room + 8] < sizeof elements)
        give_up("room before the tracks");
    bytes->p[room + 8] = (uint8_t)(bytes->p[room + 8] - sizeof elements);
    memmove(bytes->p + room + 9, bytes->p + room + 9 + sizeof elements, bytes->n - room - 9 - sizeof elements);
    bytes->n -= sizeof elements;
    size_t entry = grow_element(bytes, tracks - sizeof elements, 4, sizeof elements), video;
    if (bytes->p[entry] != 0xAE)
        give_up("track");
    entry = grow_element(bytes, entry, 1, sizeof elements);
    /* Video, whose first part is PixelWidth of two bytes. */
    for (video = entry; memcmp(bytes->p + video, "\xB0\x82\x01\x40", 4) != 0; video++)
        if (video + 4 >= bytes->n)
            give_up("width");
    while (bytes->p[--video] != 0xE0)
        if (video <= entry)
            give_up("video");
    insert(bytes, grow_element(bytes, video, 1, sizeof elements), elements, sizeof elements);
}

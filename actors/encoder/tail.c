/* tail.c: finds the last timestamps of a stream; see tail.h.
 *
 * What is looked at is copied once, so that it can be walked as one piece; the copy lives for one call. Nothing that is
 * found there makes a clip fail. */
#include "actors/encoder/tail.h"

#include <stdlib.h>
#include <string.h>

/* Where the last times are looked for: at first, then, and at last, if that is no more than a share of the file. A
 * frame is seldom larger. */
#define TAIL_BYTES         ((uint64_t)64 << 10)
#define TAIL_MORE_BYTES    ((uint64_t)256 << 10)
#define TAIL_SHARE_OF_ALL  32
#define TAIL_LARGEST_BYTES ((uint64_t)512 << 10)
#define TAIL_LOOKS         3

/* Packets in a row that begin with the sync byte. */
#define SYNC_PACKETS 5

/* A larger step between two times is none between two frames. */
#define FRAME_MAX INT64_C(18000)

static void add_time(struct tail_times *times, int64_t time)
{
    /* How far it is behind the last one, over the wrap. */
    int64_t step = (time - times->last) & (TAIL_WRAP - 1);
    if (times->n == 0) {
        times->last = time;
    } else if (step > 0 && step < TAIL_WRAP / 2) {
        times->frame = step < FRAME_MAX ? step : 0;
        times->last = time;
    } else if (step > 0 && (times->frame == 0 || TAIL_WRAP - step < times->frame)) {
        times->frame = TAIL_WRAP - step < FRAME_MAX ? TAIL_WRAP - step : 0;
    }
    times->n++;
}

/* ---- MPEG ----------------------------------------------------------------------------------------------------- */

static bool is_video_start(const uint8_t *p, size_t n)
{
    return n >= 4 && p[0] == 0 && p[1] == 0 && p[2] == 1 && (p[3] & 0xF0) == 0xE0;
}

/* The presentation time of 33 bits in 5 bytes, with markers. */
static bool read_time(const uint8_t *p, size_t n, int64_t *time)
{
    if (n < 5 || (p[0] & 0xE1) != 0x21 || (p[2] & 1) != 1 || (p[4] & 1) != 1)
        return false;
    *time = (int64_t)(p[0] >> 1 & 7) << 30 | (int64_t)p[1] << 22 | (int64_t)(p[2] >> 1) << 15 | (int64_t)p[3] << 7 |
            p[4] >> 1;
    return true;
}

/* The presentation time of a PES packet of video. MPEG-2: start code, length, '10' and flags, flags, header length,
 * time. MPEG-1: start code, length, stuffing (FF), perhaps a buffer size (01...), time. */
static bool read_pes(const uint8_t *p, size_t n, int64_t *time)
{
    if (!is_video_start(p, n) || n < 14)
        return false;
    if ((p[6] & 0xC0) == 0x80)
        return (p[7] & 0x80) && read_time(p + 9, n - 9, time);
    size_t at = 6;
    while (at < n && at < 22 && p[at] == 0xFF)
        at++;
    if (at + 2 < n && (p[at] & 0xC0) == 0x40)
        at += 2;
    return at < n && read_time(p + at, n - at, time);
}

/* The size of packets and where the first one begins; false if they are none. */
static bool find_packets(const uint8_t *p, size_t n, size_t *size, size_t *first)
{
    static const size_t sizes[] = {188, 192, 204};
    for (size_t i = 0; i < 3; i++) {
        *size = sizes[i];
        for (*first = 0; *first < *size && *first + (SYNC_PACKETS - 1) * *size < n; ++*first) {
            int in_sync = 0;
            while (in_sync < SYNC_PACKETS && p[*first + (size_t)in_sync * *size] == 0x47)
                in_sync++;
            if (in_sync == SYNC_PACKETS)
                return true;
        }
    }
    return false;
}

static void read_transport(const uint8_t *p, size_t n, int pid, struct tail_times *times)
{
    size_t size, at;
    if (!find_packets(p, n, &size, &at))
        return;
    for (; at + 188 <= n; at += size) {
        const uint8_t *packet = p + at;
        int64_t time;
        /* Sync byte, error, start, priority, PID, scrambling, adaptation field control, counter. */
        bool starts = packet[0] == 0x47 && !(packet[1] & 0x80) && (packet[1] & 0x40) && (packet[3] & 0x10);
        if (!starts || ((packet[1] & 0x1F) << 8 | packet[2]) != pid)
            continue;
        size_t head = packet[3] & 0x20 ? 5 + (size_t)packet[4] : 4;
        if (head < 188 && read_pes(packet + head, 188 - head, &time))
            add_time(times, time);
    }
}

static void read_program(const uint8_t *p, size_t n, struct tail_times *times)
{
    int stream = -1;
    for (size_t at = 0; at + 14 < n; at++) {
        int64_t time;
        const uint8_t *code = memchr(p + at, 0, n - 14 - at);
        if (!code)
            return;
        at = (size_t)(code - p);
        if (!is_video_start(code, n - at) || (stream >= 0 && code[3] != stream) || !read_pes(code, n - at, &time))
            continue;
        stream = code[3];
        add_time(times, time);
    }
}

bool tail_mpeg(struct window_io *windows, int pid, struct tail_times *times)
{
    uint64_t end = windows->total_bytes, share = end / TAIL_SHARE_OF_ALL;
    share = share < TAIL_LARGEST_BYTES ? share : TAIL_LARGEST_BYTES;
    const uint64_t looks[TAIL_LOOKS] = {TAIL_BYTES, TAIL_MORE_BYTES, share > TAIL_MORE_BYTES ? share : TAIL_MORE_BYTES};
    *times = (struct tail_times){.n = 0};
    for (size_t i = 0; i < TAIL_LOOKS && times->n == 0; i++) {
        uint64_t length = end < looks[i] ? end : looks[i];
        if (!window_io_want_also(windows, end - length, length))
            return false;
        uint8_t *bytes = length > 0 ? malloc(length) : NULL;
        *times = (struct tail_times){.n = 0};
        if (bytes && window_io_copy(windows, end - length, bytes, length)) {
            if (pid >= 0)
                read_transport(bytes, length, pid, times);
            else
                read_program(bytes, length, times);
        }
        free(bytes);
    }
    return true;
}

/* ---- FLV ------------------------------------------------------------------------------------------------------ */

/* A tag: type, size (3 bytes), time (3 bytes, then the highest one), stream (3 bytes), content; behind it the size of
 * all that. */
#define TAG_HEAD_BYTES 11
#define TAG_VIDEO      9
#define CODEC_H264     7

/* The last pictures to be decoded are not the last ones shown. */
#define TAGS_MAX 16

/* Where the metadata is looked for. */
#define METADATA_BYTES ((size_t)4096)

/* The metadata is a list of names with their length before, and values: type 0, a number of 8 bytes. */
bool tail_flv_is_told(const struct window_io *windows)
{
    static const char name[] = "\0\010duration\0";
    size_t n;
    const uint8_t *head = window_io_at(windows, 0, &n);
    n = n < METADATA_BYTES ? n : METADATA_BYTES;
    const uint8_t *at = head ? memmem(head, n, name, sizeof name - 1) : NULL;
    size_t value = at ? (size_t)(at - head) + sizeof name - 1 : n;
    /* A positive number is not zero in its highest bits. */
    return value + 8 <= n && (head[value] || head[value + 1]);
}

/* When a video tag is shown. Its content begins with the codec (4 bits); H.264 goes on with a type and how much later
 * than decoded it is shown (3 bytes, signed). */
static int64_t tag_time(const uint8_t bytes[TAG_HEAD_BYTES + 5])
{
    int64_t time = (int64_t)bytes[7] << 24 | bytes[4] << 16 | bytes[5] << 8 | bytes[6];
    const uint8_t *content = bytes + TAG_HEAD_BYTES;
    if ((content[0] & 0x0F) == CODEC_H264)
        time += (int32_t)((uint32_t)content[2] << 24 | (uint32_t)content[3] << 16 | (uint32_t)content[4] << 8) / 256;
    return time;
}

bool tail_flv(struct window_io *windows, struct tail_times *times)
{
    uint64_t end = windows->total_bytes, length = end < TAIL_BYTES ? end : TAIL_BYTES;
    *times = (struct tail_times){.n = 0};
    if (!window_io_want_also(windows, end - length, length))
        return false;
    while (end > 4 && times->n < TAGS_MAX) {
        uint8_t bytes[TAG_HEAD_BYTES + 5];
        if (!window_io_copy(windows, end - 4, bytes, 4))
            break;
        uint64_t size = (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
        if (size < TAG_HEAD_BYTES || size > end - 4)
            break;
        if (!window_io_copy(windows, end - 4 - size, bytes, size < sizeof bytes ? size : sizeof bytes))
            break;
        if ((bytes[0] & 0x1F) == TAG_VIDEO && size > sizeof bytes)
            add_time(times, tag_time(bytes));
        end -= 4 + size;
    }
    return true;
}

/* window_io.c: reading, missing, and how much to ask for.
 *
 * The amount asked for decides both the number of rounds (each costs the latency of a request) and the bytes (each
 * costs the transfer). What the reader is about to do is known by `ahead`; what it wants is known by the size of its
 * read, because libavformat's own buffering is kept off for large reads (direct mode).
 *
 * A miss is final: libavformat's demuxers treat a failed read much like the end of a file and may go on to look
 * elsewhere, which would name ranges that nobody needs. */
#include "runtime/video/window_io.h"

#include <string.h>
#include <time.h>

#include <libavformat/avio.h>
#include <libavutil/error.h>
#include <libavutil/mem.h>

#include "runtime/base/assert.h"

/* libavformat's buffer: reads of headers come in this size, larger ones are of known samples. */
#define IO_BUFFER_BYTES ((size_t)4096)

/* Bounds of one range. The least is what a request is worth by its latency; the most keeps a lying size from asking
 * for all of a large file. */
#define ASK_MIN_BYTES ((uint64_t)64 << 10)
#define ASK_MAX_BYTES ((uint64_t)16 << 20)

/* A run of bytes at hand that is longer than headers are. */
#define SEARCH_MIN_BYTES ((uint64_t)256 << 10)

/* Of what is read to find a picture, index and samples of known places apart: once so much is at hand, no more is asked
 * for, and a request is never larger than that (but for one sample of known size). A video
 * that needs more is damaged. */
#define BUDGET_BYTES ((uint64_t)4 << 20)

/* Of an index: more is asked for only of a video that is very large itself. */
#define INDEX_MAX_BYTES    ((uint64_t)4 << 20)
#define INDEX_SHARE_OF_ALL 64

/* A jump to a place with no more than this behind it is a jump to an index at the end: all of it will be read. */
#define TAIL_MAX_BYTES ((uint64_t)1 << 20)

bool window_io_place(struct window_io *windows, uint64_t offset, const void *bytes, size_t n)
{
    if (n == 0 || windows->count == WINDOW_IO_MAX || offset > INT64_MAX - n)
        return false;
    if (windows->count > 0) {
        const struct window *last = &windows->items[windows->count - 1];
        if (offset < last->offset + last->n)
            return false;
    }
    if (windows->total_bytes > 0 && offset + n > windows->total_bytes)
        return false;
    windows->items[windows->count++] = (struct window){offset, bytes, n};
    return true;
}

const uint8_t *window_io_at(const struct window_io *windows, uint64_t offset, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < windows->count; i++) {
        const struct window *item = &windows->items[i];
        if (offset >= item->offset && offset - item->offset < item->n) {
            *n = item->n - (size_t)(offset - item->offset);
            return item->p + (offset - item->offset);
        }
    }
    return NULL;
}

uint64_t window_io_run(const struct window_io *windows, uint64_t offset)
{
    uint64_t run = 0;
    size_t n;
    while (window_io_at(windows, offset + run, &n))
        run += n;
    return run;
}

bool window_io_copy(const struct window_io *windows, uint64_t offset, void *to, size_t n)
{
    uint8_t *out = to;
    while (n > 0) {
        size_t there;
        const uint8_t *p = window_io_at(windows, offset, &there);
        if (!p)
            return false;
        size_t part = there < n ? there : n;
        memcpy(out, p, part);
        out += part;
        offset += part;
        n -= part;
    }
    return true;
}

uint64_t window_io_end(const struct window_io *windows)
{
    if (windows->total_bytes > 0)
        return windows->total_bytes;
    if (!windows->last_round || windows->count == 0)
        return 0;
    const struct window *last = &windows->items[windows->count - 1];
    return last->offset + last->n;
}

/* Bytes at hand right before offset, over adjacent windows. */
static uint64_t run_before(const struct window_io *windows, uint64_t offset)
{
    uint64_t begin = offset;
    for (size_t i = windows->count; i-- > 0;) {
        const struct window *item = &windows->items[i];
        if (item->offset + item->n == begin)
            begin = item->offset;
    }
    return offset - begin;
}

/* The next byte at hand behind offset, or the end of the video, or INT64_MAX. */
static uint64_t gap_end(const struct window_io *windows, uint64_t offset)
{
    for (size_t i = 0; i < windows->count; i++)
        if (windows->items[i].offset > offset)
            return windows->items[i].offset;
    return windows->total_bytes > 0 ? windows->total_bytes : INT64_MAX;
}

bool window_io_find_last(const struct window_io *windows, uint64_t from, uint64_t to, uint8_t value, uint64_t *offset)
{
    for (size_t i = windows->count; i-- > 0;) {
        const struct window *item = &windows->items[i];
        uint64_t begin = from > item->offset ? from : item->offset;
        uint64_t end = to < item->offset + item->n ? to : item->offset + item->n;
        const uint8_t *found =
            begin < end ? memrchr(item->p + (begin - item->offset), value, (size_t)(end - begin)) : NULL;
        if (found) {
            *offset = item->offset + (uint64_t)(found - item->p);
            return true;
        }
    }
    return false;
}

/* Where the last byte at hand before offset ends. */
static uint64_t gap_begin(const struct window_io *windows, uint64_t offset)
{
    uint64_t begin = 0;
    for (size_t i = 0; i < windows->count && windows->items[i].offset < offset; i++)
        begin = windows->items[i].offset + windows->items[i].n;
    return begin;
}

static void ask(struct window_io *windows, uint64_t offset, uint64_t length)
{
    /* libavformat goes back by up to half its buffer when it seeks to just before what it holds. */
    uint64_t begin = gap_begin(windows, offset);
    RY_ASSERT(begin <= offset, "%llu is at hand", (unsigned long long)offset);
    uint64_t margin = offset - begin;
    margin = margin < IO_BUFFER_BYTES / 2 ? margin : IO_BUFFER_BYTES / 2;
    offset -= margin;
    length += margin;
    if (windows->need_count < WINDOW_IO_NEEDS_MAX)
        windows->needs[windows->need_count++] =
            (struct window_need){offset, length < ASK_MAX_BYTES ? length : ASK_MAX_BYTES};
}

static uint64_t cut_at_end(const struct window_io *windows, uint64_t offset, uint64_t length)
{
    uint64_t end = offset <= INT64_MAX - length ? offset + length : INT64_MAX;
    return windows->total_bytes > 0 && end > windows->total_bytes ? windows->total_bytes : end;
}

/* What was noted goes out with what is missed. */
static void ask_also(struct window_io *windows)
{
    for (size_t i = 0; i < windows->also_count && windows->need_count < WINDOW_IO_NEEDS_MAX; i++)
        windows->needs[windows->need_count++] = windows->also[i];
    windows->also_count = 0;
}

/* Counts bytes of an index; false if that would be too many. */
static bool count_index(struct window_io *windows, uint64_t bytes)
{
    uint64_t share = windows->total_bytes / INDEX_SHARE_OF_ALL;
    uint64_t most = share > INDEX_MAX_BYTES ? share : INDEX_MAX_BYTES;
    if (bytes > most || windows->index_bytes > most - bytes)
        return false;
    windows->index_bytes += bytes;
    return true;
}

/* Asks for what is missing of [offset, end). */
static bool want(struct window_io *windows, uint64_t offset, uint64_t end)
{
    while (offset < end) {
        uint64_t there = window_io_run(windows, offset);
        if (there == 0) {
            there = gap_end(windows, offset) - offset;
            RY_ASSERT(there > 0, "nothing is missing at %llu", (unsigned long long)offset);
            ask(windows, offset, there < end - offset ? there : end - offset);
        }
        offset += there;
    }
    if (windows->need_count > 0)
        ask_also(windows);
    return windows->need_count == 0;
}

bool window_io_want(struct window_io *windows, uint64_t offset, uint64_t length)
{
    uint64_t end = cut_at_end(windows, offset, length);
    if (windows->last_round || offset >= end)
        return true;
    if (!count_index(windows, end - offset)) {
        windows->exhausted = true;
        return true;
    }
    return want(windows, offset, end);
}

bool window_io_want_sample(struct window_io *windows, uint64_t offset, uint64_t length)
{
    uint64_t end = cut_at_end(windows, offset, length);
    if (windows->last_round || offset >= end)
        return true;
    windows->index_bytes += end - offset;
    return want(windows, offset, end);
}

bool window_io_want_also(struct window_io *windows, uint64_t offset, uint64_t length)
{
    uint64_t end = cut_at_end(windows, offset, length);
    if (windows->last_round || offset >= end)
        return true;
    if (windows->count > 1) /* a fact that would cost too much is done without */
        return !count_index(windows, end - offset) || want(windows, offset, end);
    while (offset < end && window_io_run(windows, offset) > 0)
        offset += window_io_run(windows, offset);
    if (offset >= end)
        return true;
    if (windows->also_count < WINDOW_IO_ALSO_MAX)
        windows->also[windows->also_count++] = (struct window_need){offset, end - offset};
    return false;
}

bool window_io_settle(struct window_io *windows)
{
    ask_also(windows);
    return windows->need_count == 0;
}

void window_io_begin(struct window_io *windows)
{
    windows->need_count = windows->also_count = windows->patch_count = 0;
    windows->index_bytes = 0;
    windows->exhausted = false;
}

bool window_io_patch(struct window_io *windows, uint64_t offset, const uint8_t *bytes, size_t n)
{
    RY_ASSERT(n > 0 && n <= WINDOW_IO_PATCH_BYTES_MAX, "%zu bytes", n);
    if (windows->patch_count == WINDOW_IO_PATCHES_MAX)
        return false;
    struct window_patch *patch = &windows->patches[windows->patch_count++];
    *patch = (struct window_patch){.offset = offset, .n = n};
    memcpy(patch->bytes, bytes, n);
    return true;
}

uint64_t window_io_bytes(const struct window_io *windows)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < windows->count; i++)
        bytes += windows->items[i].n;
    return bytes;
}

/* What is left of the budget; 0: nothing may be asked for. */
static uint64_t budget_left(const struct window_io *windows)
{
    uint64_t bytes = window_io_bytes(windows);
    uint64_t read = bytes > windows->index_bytes ? bytes - windows->index_bytes : 0;
    return read < BUDGET_BYTES ? BUDGET_BYTES - read : 0;
}

/* Records what a read of `wanted` bytes at the position misses. */
static void miss(struct window_io *windows, uint64_t wanted)
{
    uint64_t offset = windows->position, end = gap_end(windows, offset), length = wanted;
    uint64_t left = budget_left(windows);
    uint64_t before = run_before(windows, offset);
    bool header = wanted <= IO_BUFFER_BYTES; /* what follows is of unknown size */
    if (windows->ahead == WINDOW_IO_STREAM || header)
        length = length > ASK_MIN_BYTES ? length : ASK_MIN_BYTES;
    /* A sample of known size that is read on and on behind its place is none: the demuxer looks for the next one. */
    bool searches = header && before >= SEARCH_MIN_BYTES;
    if ((windows->ahead != WINDOW_IO_EXACT || searches) && length < before)
        length = before;
    if (windows->ahead == WINDOW_IO_INDEX && before == 0 && windows->total_bytes > 0 &&
        windows->total_bytes - offset <= TAIL_MAX_BYTES) {
        /* Some indexes are found by the last bytes of the file: what is before those comes along. */
        uint64_t early = windows->total_bytes > ASK_MIN_BYTES ? windows->total_bytes - ASK_MIN_BYTES : 0;
        uint64_t begin = gap_begin(windows, offset);
        offset = early < offset ? (early > begin ? early : begin) : offset;
        length = windows->total_bytes - offset;
    }
    uint64_t most = wanted > left ? wanted : left;
    length = length < most ? length : most;
    ask(windows, offset, length < end - offset ? length : end - offset);
    ask_also(windows);
}

static int64_t thread_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void window_io_allow_cpu(struct window_io *windows, int64_t ms)
{
    windows->spent = false;
    windows->cpu_end_ns = thread_cpu_ns() + ms * 1000000;
}

bool window_io_spent(struct window_io *windows)
{
    if (windows->cpu_end_ns > 0 && !windows->spent && thread_cpu_ns() > windows->cpu_end_ns)
        windows->spent = true;
    return windows->spent;
}

/* Puts the patches over n bytes that were copied from the position. */
static void apply_patches(const struct window_io *windows, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < windows->patch_count; i++) {
        const struct window_patch *patch = &windows->patches[i];
        for (size_t k = 0; k < patch->n; k++)
            if (patch->offset + k >= windows->position && patch->offset + k - windows->position < n)
                to[patch->offset + k - windows->position] = patch->bytes[k];
    }
}

static struct window_io *windows_of(void *opaque)
{
    struct window_io *windows = opaque;
    RY_ASSERT(windows->magic == WINDOW_IO_MAGIC, "magic %x", windows->magic);
    return windows;
}

static int io_read(void *opaque, uint8_t *to, int size)
{
    struct window_io *windows = windows_of(opaque);
    if (size <= 0)
        return AVERROR(EINVAL);
    if (windows->need_count > 0 || window_io_spent(windows))
        return AVERROR_EXIT;
    size_t n;
    const uint8_t *p = window_io_at(windows, windows->position, &n);
    if (p) {
        n = n < (size_t)size ? n : (size_t)size;
        memcpy(to, p, n);
        apply_patches(windows, to, n);
        windows->position += n;
        return (int)n;
    }
    if (budget_left(windows) == 0)
        windows->exhausted = true;
    if (windows->last_round || windows->exhausted || windows->ahead == WINDOW_IO_CLOSED ||
        (windows->total_bytes > 0 && windows->position >= windows->total_bytes))
        return AVERROR_EOF;
    miss(windows, (uint64_t)size);
    return AVERROR_EXIT;
}

static int64_t io_seek(void *opaque, int64_t offset, int whence)
{
    struct window_io *windows = windows_of(opaque);
    uint64_t end = window_io_end(windows);
    if (whence == AVSEEK_SIZE)
        return end > 0 ? (int64_t)end : AVERROR(ENOSYS);
    if ((whence & ~AVSEEK_FORCE) != SEEK_SET || offset < 0)
        return AVERROR(EINVAL);
    windows->position = (uint64_t)offset;
    return offset;
}

AVIOContext *window_io_open(struct window_io *windows)
{
    uint8_t *buffer = av_malloc(IO_BUFFER_BYTES);
    if (!buffer)
        return NULL;
    windows->position = 0;
    AVIOContext *io = avio_alloc_context(buffer, (int)IO_BUFFER_BYTES, 0, windows, io_read, NULL, io_seek);
    if (!io) {
        av_free(buffer);
        return NULL;
    }
    windows->magic = WINDOW_IO_MAGIC;
    io->direct = 1; /* no reading ahead over short seeks: what lies between may not be at hand */
    return io;
}

void window_io_close(AVIOContext **io)
{
    if (*io) {
        windows_of((*io)->opaque)->magic = 0;
        av_freep(&(*io)->buffer);
    }
    avio_context_free(io);
}

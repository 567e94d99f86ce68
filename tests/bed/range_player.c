/* range_player.c: see range_player.h. Windows are copies of their exact size, so that a sanitizer sees every read
 * outside them. */
#include "tests/bed/range_player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct range {
    uint64_t begin, end;
};

struct ranges {
    struct range items[WINDOW_IO_MAX];
    size_t n;
};

uint8_t *play_load(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0 && (bytes = malloc((size_t)size + 1)) &&
        fread(bytes, 1, (size_t)size, file) != (size_t)size) {
        free(bytes);
        bytes = NULL;
    }
    fclose(file);
    *n = (size_t)(size > 0 ? size : 0);
    return bytes;
}

struct engine_request play_request(const char *filename)
{
    return (struct engine_request){.filename = filename,
                                   .wished_s = 1.0,
                                   .mode = RY_FRAME_SMART,
                                   .small = {320, 180},
                                   .large = {640, 360},
                                   .quality = 85};
}

/* Adds a range, joined with those that it touches; they stay sorted. */
static void add_range(struct ranges *ranges, uint64_t begin, uint64_t end)
{
    struct ranges merged = {.n = 0};
    struct range added = {begin, end};
    for (size_t i = 0; i < ranges->n; i++) {
        struct range item = ranges->items[i];
        if (item.end >= added.begin && item.begin <= added.end) {
            added.begin = item.begin < added.begin ? item.begin : added.begin;
            added.end = item.end > added.end ? item.end : added.end;
        } else {
            merged.items[merged.n++] = item;
        }
    }
    size_t at = merged.n;
    for (; at > 0 && merged.items[at - 1].begin > added.begin; at--)
        merged.items[at] = merged.items[at - 1];
    merged.items[at] = added;
    merged.n++;
    *ranges = merged;
}

static uint64_t total_of(const struct ranges *ranges)
{
    uint64_t total = 0;
    for (size_t i = 0; i < ranges->n; i++)
        total += ranges->items[i].end - ranges->items[i].begin;
    return total;
}

/* One attempt on windows, and the end of what it made when another one follows. */
struct attempt {
    enum engine_outcome (*run)(const struct attempt *attempt, struct window_io *windows);
    void (*discard)(const struct attempt *attempt);
    const void *request;
    void *result;
};

static enum engine_outcome run_images(const struct attempt *attempt, struct window_io *windows)
{
    return engine_run(windows, attempt->request, attempt->result);
}

static void discard_images(const struct attempt *attempt)
{
    engine_result_free(attempt->result);
}

static enum engine_outcome run_sheet(const struct attempt *attempt, struct window_io *windows)
{
    return sheet_run(windows, attempt->request, attempt->result);
}

static void discard_sheet(const struct attempt *attempt)
{
    sheet_result_free(attempt->result);
}

static enum engine_outcome one_round(const struct play *play, const struct ranges *ranges, const uint8_t *bytes,
                                     size_t n, const struct attempt *attempt, struct window_io *windows)
{
    uint8_t *copies[WINDOW_IO_MAX];
    bool end_seen = ranges->n > 0 && ranges->items[ranges->n - 1].end == n;
    *windows = (struct window_io){.total_bytes = play->hide_total && !end_seen ? 0 : n};
    windows->last_round = play->rounds >= PLAY_ROUNDS_MAX || total_of(ranges) >= PLAY_BYTES_MAX;
    for (size_t i = 0; i < ranges->n; i++) {
        size_t length = (size_t)(ranges->items[i].end - ranges->items[i].begin);
        copies[i] = malloc(length);
        memcpy(copies[i], bytes + ranges->items[i].begin, length);
        if (!window_io_place(windows, ranges->items[i].begin, copies[i], length))
            abort();
    }
    enum engine_outcome outcome = attempt->run(attempt, windows);
    for (size_t i = 0; i < ranges->n; i++)
        free(copies[i]);
    return outcome;
}

static enum engine_outcome play_attempts(struct play *play, const uint8_t *bytes, size_t n,
                                         const struct attempt *attempt)
{
    struct ranges ranges = {.n = 0};
    struct window_io windows;
    size_t first = play->first_bytes > 0 ? play->first_bytes : PLAY_FIRST_BYTES;
    play->rounds = 0;
    play->requests = 1;
    if (n > 0)
        add_range(&ranges, 0, first < n ? first : n);
    for (;;) {
        play->rounds++;
        enum engine_outcome outcome = one_round(play, &ranges, bytes, n, attempt, &windows);
        play->bytes_read = total_of(&ranges);
        if (outcome != ENGINE_NEEDS || play->rounds >= PLAY_ROUNDS_MAX)
            return outcome;
        for (size_t i = 0; i < windows.need_count; i++) {
            uint64_t end = windows.needs[i].offset + windows.needs[i].length;
            if (windows.needs[i].offset < n)
                add_range(&ranges, windows.needs[i].offset, end < n ? end : n);
            if (getenv("PLAY_VERBOSE"))
                fprintf(stderr, "  need %llu+%llu of %zu\n", (unsigned long long)windows.needs[i].offset,
                        (unsigned long long)windows.needs[i].length, n);
            play->requests++;
        }
        attempt->discard(attempt);
    }
}

enum engine_outcome play_run(struct play *play, const uint8_t *bytes, size_t n, const struct engine_request *request,
                             struct engine_result *result)
{
    const struct attempt attempt = {run_images, discard_images, request, result};
    return play_attempts(play, bytes, n, &attempt);
}

enum engine_outcome play_sheet(struct play *play, const uint8_t *bytes, size_t n, const struct sheet_request *request,
                               struct sheet_result *result)
{
    const struct attempt attempt = {run_sheet, discard_sheet, request, result};
    return play_attempts(play, bytes, n, &attempt);
}

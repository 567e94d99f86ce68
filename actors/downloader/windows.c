/* windows.c: the set of windows, and the plan for the next round; see windows.h. */
#include "actors/downloader/windows.h"

#include <stdlib.h>
#include <string.h>

/* A gap smaller than this is cheaper to fetch than another request. */
#define JOIN_GAP_BYTES 8192

static uint64_t window_end(const struct windows *windows, size_t i)
{
    return windows->items[i].offset + ry_frame_size(windows->items[i].frame);
}

bool windows_add(struct windows *windows, uint64_t offset, struct ry_frame *frame)
{
    if (windows->n == WINDOWS_MAX)
        return false;
    size_t at = windows->n;
    while (at > 0 && windows->items[at - 1].offset > offset)
        at--;
    if (at > 0 && window_end(windows, at - 1) > offset)
        return false;
    if (at < windows->n && windows->items[at].offset < offset + ry_frame_size(frame))
        return false;
    memmove(&windows->items[at + 1], &windows->items[at], (windows->n - at) * sizeof windows->items[0]);
    windows->items[at].offset = offset;
    windows->items[at].frame = ry_frame_ref(frame);
    windows->n++;
    windows->bytes += ry_frame_size(frame);
    return true;
}

void windows_clear(struct windows *windows)
{
    for (size_t i = 0; i < windows->n; i++)
        ry_frame_unref(windows->items[i].frame);
    windows->n = 0;
    windows->bytes = 0;
}

bool windows_cover(const struct windows *windows, uint64_t total)
{
    uint64_t reached = 0;
    for (size_t i = 0; i < windows->n && windows->items[i].offset == reached; i++)
        reached = window_end(windows, i);
    return reached >= total;
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* The first byte from offset on that is not held. */
static uint64_t first_missing(const struct windows *windows, uint64_t offset)
{
    for (size_t i = 0; i < windows->n && windows->items[i].offset <= offset; i++)
        if (window_end(windows, i) > offset)
            offset = window_end(windows, i);
    return offset;
}

static int by_offset(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The ranges from their first missing byte on, clamped to the end, in order, near ones joined. */
static size_t join(const struct windows *windows, const struct ry_byte_range *asked, size_t asked_n, uint64_t total,
                   struct span out[SPANS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < asked_n && n < SPANS_MAX; i++) {
        uint64_t from = first_missing(windows, asked[i].offset);
        uint64_t end = asked[i].offset + asked[i].length;
        end = end < total ? end : total;
        if (from < end)
            out[n++] = (struct span){from, end - from};
    }
    qsort(out, n, sizeof *out, by_offset);
    size_t joined = 0;
    for (size_t i = 0; i < n; i++) {
        struct span *last = joined ? &out[joined - 1] : NULL;
        if (last && out[i].offset <= last->offset + last->length + JOIN_GAP_BYTES) {
            uint64_t end = out[i].offset + out[i].length;
            if (end > last->offset + last->length)
                last->length = end - last->offset;
        } else {
            out[joined++] = out[i];
        }
    }
    return joined;
}

struct plan {
    struct span *out;
    size_t n;
    size_t n_max;
    uint64_t left_bytes;
};

static void plan_add(struct plan *plan, uint64_t offset, uint64_t end)
{
    if (offset >= end || plan->n == plan->n_max || plan->left_bytes == 0)
        return;
    uint64_t length = end - offset < plan->left_bytes ? end - offset : plan->left_bytes;
    plan->out[plan->n++] = (struct span){offset, length};
    plan->left_bytes -= length;
}

/* Adds what of a span is not held. */
static void plan_missing(struct plan *plan, const struct windows *windows, struct span span)
{
    uint64_t from = span.offset;
    uint64_t end = span.offset + span.length;
    for (size_t i = 0; i < windows->n && from < end; i++) {
        if (window_end(windows, i) <= from)
            continue;
        if (windows->items[i].offset >= end)
            break;
        plan_add(plan, from, windows->items[i].offset);
        from = window_end(windows, i);
    }
    plan_add(plan, from, end);
}

size_t windows_plan(const struct windows *windows, const struct ry_byte_range *asked, size_t asked_n, uint64_t total,
                    struct span out[SPANS_MAX])
{
    if (total > INT64_MAX)
        total = INT64_MAX; /* so that no sum below can overflow */
    struct span joined[SPANS_MAX];
    size_t joined_n = join(windows, asked, asked_n, total, joined);
    size_t room = WINDOWS_MAX - windows->n;
    struct plan plan = {.out = out,
                        .n_max = room < SPANS_MAX ? room : SPANS_MAX,
                        .left_bytes = windows->bytes < WINDOWS_MAX_BYTES ? WINDOWS_MAX_BYTES - windows->bytes : 0};
    for (size_t i = 0; i < joined_n; i++)
        plan_missing(&plan, windows, joined[i]);
    return plan.n;
}

/* byte_ranges.c: the ranges of a video that are held, and the plan for the next round; see byte_ranges.h.
 *
 * Owns one reference to each frame that it holds. A plan never asks for what is held, for more than may be held, or for
 * bytes behind the end. Nothing survives a crash, and nothing has to. */
#include "actors/downloader/byte_ranges.h"
#include "runtime/base/assert.h"

#include <stdlib.h>
#include <string.h>

/* A gap smaller than this is cheaper to fetch than another request. */
#define JOIN_GAP_BYTES 8192

static uint64_t end_of(const struct byte_ranges *held, size_t i)
{
    return held->items[i].offset + ry_frame_size(held->items[i].frame);
}

bool byte_ranges_add(struct byte_ranges *held, uint64_t offset, struct ry_frame *frame)
{
    RY_ASSERT(held->n <= BYTE_RANGES_MAX && ry_frame_size(frame) > 0 && offset <= UINT64_MAX - ry_frame_size(frame));
    if (held->n == BYTE_RANGES_MAX)
        return false;
    size_t at = held->n;
    while (at > 0 && held->items[at - 1].offset > offset)
        at--;
    if (at > 0 && end_of(held, at - 1) > offset)
        return false;
    if (at < held->n && held->items[at].offset < offset + ry_frame_size(frame))
        return false;
    memmove(&held->items[at + 1], &held->items[at], (held->n - at) * sizeof held->items[0]);
    held->items[at].offset = offset;
    held->items[at].frame = ry_frame_ref(frame);
    held->n++;
    held->bytes += ry_frame_size(frame);
    return true;
}

void byte_ranges_clear(struct byte_ranges *held)
{
    for (size_t i = 0; i < held->n; i++)
        ry_frame_unref(held->items[i].frame);
    held->n = 0;
    held->bytes = 0;
}

bool byte_ranges_cover(const struct byte_ranges *held, uint64_t total)
{
    uint64_t reached = 0;
    for (size_t i = 0; i < held->n && held->items[i].offset == reached; i++)
        reached = end_of(held, i);
    return reached >= total;
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

/* The first byte from offset on that is not held. */
static uint64_t first_missing(const struct byte_ranges *held, uint64_t offset)
{
    for (size_t i = 0; i < held->n && held->items[i].offset <= offset; i++)
        if (end_of(held, i) > offset)
            offset = end_of(held, i);
    return offset;
}

static int by_offset(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;
    return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The ranges from their first missing byte on, clamped to the end, in order, near ones joined. */
static size_t join(const struct byte_ranges *held, const struct ry_byte_range *asked, size_t asked_n, uint64_t total,
                   struct span out[SPANS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < asked_n && n < SPANS_MAX; i++) {
        uint64_t from = first_missing(held, asked[i].offset);
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
static void plan_missing(struct plan *plan, const struct byte_ranges *held, struct span span)
{
    uint64_t from = span.offset;
    uint64_t end = span.offset + span.length;
    for (size_t i = 0; i < held->n && from < end; i++) {
        if (end_of(held, i) <= from)
            continue;
        if (held->items[i].offset >= end)
            break;
        plan_add(plan, from, held->items[i].offset);
        from = end_of(held, i);
    }
    plan_add(plan, from, end);
}

size_t byte_ranges_plan(const struct byte_ranges *held, const struct ry_byte_range *asked, size_t asked_n,
                        uint64_t total, struct span out[SPANS_MAX])
{
    if (total > INT64_MAX)
        total = INT64_MAX; /* so that no sum below can overflow */
    struct span joined[SPANS_MAX];
    size_t joined_n = join(held, asked, asked_n, total, joined);
    size_t room = BYTE_RANGES_MAX - held->n;
    struct plan plan = {.out = out,
                        .n_max = room < SPANS_MAX ? room : SPANS_MAX,
                        .left_bytes = held->bytes < BYTE_RANGES_MAX_BYTES ? BYTE_RANGES_MAX_BYTES - held->bytes : 0};
    for (size_t i = 0; i < joined_n; i++)
        plan_missing(&plan, held, joined[i]);
    return plan.n;
}

/* byte_ranges.h: which byte ranges of one video are held, and what to fetch next. Pure but for references to frames;
 * one owner. */
#ifndef REELYARD_ACTORS_DOWNLOADER_BYTE_RANGES_H
#define REELYARD_ACTORS_DOWNLOADER_BYTE_RANGES_H

#include "proto/message.h"

#define BYTE_RANGES_MAX       256 /* held of one video; encode_run's limit */
#define BYTE_RANGES_MAX_BYTES ((uint64_t)64 << 20)
#define SPANS_MAX             64 /* fetched in one round; encode_needs' limit */

struct byte_ranges {
    struct {
        uint64_t offset;
        struct ry_frame *frame; /* one reference */
    } items[BYTE_RANGES_MAX];   /* by rising offset, not overlapping */
    size_t n;
    uint64_t bytes;
};

/* A run of bytes. */
struct span {
    uint64_t offset;
    uint64_t length; /* > 0 */
};

/* Takes a reference to a frame (not empty). False and nothing taken: there is no room for another range, or it
 * overlaps one. */
bool byte_ranges_add(struct byte_ranges *held, uint64_t offset, struct ry_frame *frame);

void byte_ranges_clear(struct byte_ranges *held);

/* Whether all of a video of so many bytes is held. */
bool byte_ranges_cover(const struct byte_ranges *held, uint64_t total);

/* What to fetch so that the ranges asked for are held: sorted, without what is held already, near ones joined, clamped
 * to the video's end (UINT64_MAX: not known) and to what may still be held; out has room for SPANS_MAX. How many; 0:
 * nothing is missing, or nothing more may be held. No more than what was asked for: how far to read ahead is decided by
 * the encoder, who knows what it reads. */
size_t byte_ranges_plan(const struct byte_ranges *held, const struct ry_byte_range *asked, size_t asked_n,
                        uint64_t total, struct span out[SPANS_MAX]);

#endif

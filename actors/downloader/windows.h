/* windows.h: what is known of one video, and what to fetch next. Pure but for references to frames; one owner. */
#ifndef REELYARD_ACTORS_DOWNLOADER_WINDOWS_H
#define REELYARD_ACTORS_DOWNLOADER_WINDOWS_H

#include "proto/message.h"

#define WINDOWS_MAX       256 /* of one video; encode_run's limit */
#define WINDOWS_MAX_BYTES ((uint64_t)64 << 20)
#define SPANS_MAX         64 /* fetched in one round; encode_needs' limit */

struct windows {
    struct {
        uint64_t offset;
        struct ry_frame *frame; /* one reference */
    } items[WINDOWS_MAX];       /* by rising offset, not overlapping */
    size_t n;
    uint64_t bytes;
};

/* A run of bytes. */
struct span {
    uint64_t offset;
    uint64_t length; /* > 0 */
};

/* Takes a reference to a frame (not empty). False and nothing taken: there is no room for another window, or it
 * overlaps one. */
bool windows_add(struct windows *windows, uint64_t offset, struct ry_frame *frame);

void windows_clear(struct windows *windows);

/* Whether all of a video of so many bytes is held. */
bool windows_cover(const struct windows *windows, uint64_t total);

/* What to fetch so that the ranges asked for are held: sorted, without what is held already, near ones joined, clamped
 * to the video's end (UINT64_MAX: not known) and to what may still be held; out has room for SPANS_MAX. How many; 0:
 * nothing is missing, or nothing more may be held. No more than what was asked for: how far to read ahead is decided by
 * the encoder, who knows what it reads. */
size_t windows_plan(const struct windows *windows, const struct ry_byte_range *asked, size_t asked_n, uint64_t total,
                    struct span out[SPANS_MAX]);

#endif

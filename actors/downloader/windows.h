/* windows.h: what is known of one video, and what to fetch next. Pure but for references to frames; one owner. */
#ifndef REELYARD_ACTORS_DOWNLOADER_WINDOWS_H
#define REELYARD_ACTORS_DOWNLOADER_WINDOWS_H

#include "proto/message.h"

#define WINDOWS_MAX       256 /* of one video; encode_run's limit */
#define WINDOWS_MAX_BYTES ((uint64_t)64 << 20)
#define SPANS_MAX         64 /* fetched in one round; encode_needs' limit */
#define READ_AHEAD_MAX    ((uint64_t)4 << 20)

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

/* Read-ahead of one video, as it grows. */
struct read_ahead {
    uint64_t window; /* bytes of the first window */
    unsigned rounds; /* of needs, so far */
    unsigned streak; /* of them, those in a row that went on where a window ended */
};

/* What to fetch so that the ranges asked for are held: sorted, without what is held already, near ones joined, clamped
 * to the video's end (UINT64_MAX: not known) and to what may still be held; out has room for SPANS_MAX. How many; 0:
 * nothing is missing, or nothing more may be held.
 *
 * A demuxer that goes on where a window ended reads the file in order (webm without cues, ts, flv) and would come back
 * for each window, so what is read ahead (a window at first) doubles with each such round. One that jumps (an index at
 * the end, a key frame) gets just what it asks for, except that after several rounds its windows grow too (fragmented
 * files). */
size_t windows_plan(const struct windows *windows, struct read_ahead *ahead, const struct ry_byte_range *asked,
                    size_t asked_n, uint64_t total, struct span out[SPANS_MAX]);

#endif

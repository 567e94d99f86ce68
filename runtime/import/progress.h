/* progress.h: how far long work is: a line that is drawn over on a terminal, plain lines now and then elsewhere.
 *
 *   clips  [=========>          ]  45.2 %   120/265   31.4/s   ETA 0:05   2 failed
 *
 * At most ten updates a second reach a terminal, one in five seconds anything else. One owner, not thread-safe. */
#ifndef REELYARD_RUNTIME_IMPORT_PROGRESS_H
#define REELYARD_RUNTIME_IMPORT_PROGRESS_H

#include <stdio.h>

#include "runtime/base/clock.h"

struct ry_progress {
    FILE *out;
    const struct ry_clock *clock;
    const char *label;
    bool terminal;
    int64_t begun_mono_ms;
    int64_t shown_mono_ms;
    uint64_t first; /* done at the first update: what an earlier run did says nothing of the speed */
    bool begun;     /* an update came */
};

/* label: one word, borrowed. */
void ry_progress_init(struct ry_progress *progress, FILE *out, const struct ry_clock *clock, const char *label);

/* Shows it if it is time to. total 0: not known, the bar is left out. detail (may be NULL) stands at the end. */
void ry_progress_update(struct ry_progress *progress, uint64_t done, uint64_t total, const char *detail);

/* Shows it in any case, and ends the line. */
void ry_progress_finish(struct ry_progress *progress, uint64_t done, uint64_t total, const char *detail);

/* Writes the line for these figures into text, at most `width` columns; for ry_progress_update and its test. */
void ry_progress_line(const struct ry_progress *progress, int64_t now_mono_ms, uint64_t done, uint64_t total,
                      const char *detail, size_t width, char *text, size_t size);

#endif

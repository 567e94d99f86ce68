/* window.h: how many clips may be in flight: what the downloaders ask for, within the option's maximum. Pure but for its
 * own numbers. */
#ifndef REELYARD_ACTORS_SCHEDULER_WINDOW_H
#define REELYARD_ACTORS_SCHEDULER_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/str.h"

/* While no downloader asks for more or fewer: enough for files of this machine. */
#define WINDOW_BASE 16
/* Downloaders that are remembered; of more, the one that was heard longest ago is forgotten. */
#define WINDOW_DOWNLOADERS_MAX 32
/* A downloader repeats itself every 10 s while it works. */
#define WINDOW_MEMORY_MS 30000

struct window {
    struct {
        char owner[201]; /* download_pace.owner */
        size_t clips;
        int64_t heard_mono_ms;
    } downloaders[WINDOW_DOWNLOADERS_MAX];
    size_t count;
    size_t max; /* clips */
};

void window_open(struct window *window, size_t max);

/* A downloader asks for so many clips. */
void window_hear(struct window *window, struct ry_str owner, size_t clips, int64_t now_mono_ms);

/* How many clips may be in flight now, 1 to max. Beyond what downloaders that ask for much hold, some clips are on their way
 * through storage and the writer. */
size_t window_size(const struct window *window, int64_t now_mono_ms);

#endif

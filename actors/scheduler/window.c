/* window.c: see window.h. */
#include "actors/scheduler/window.h"

#include <stdio.h>

#include "runtime/base/assert.h"

void window_open(struct window *window, size_t max)
{
    RY_ASSERT(max > 0);
    *window = (struct window){.max = max};
}

/* The place of a downloader: its own, a new one, or that of the one heard longest ago. */
static size_t place_of(struct window *window, struct ry_str owner)
{
    size_t oldest = 0;
    for (size_t i = 0; i < window->count; i++) {
        if (ry_str_is(owner, window->downloaders[i].owner))
            return i;
        if (window->downloaders[i].heard_mono_ms < window->downloaders[oldest].heard_mono_ms)
            oldest = i;
    }
    return window->count < WINDOW_DOWNLOADERS_MAX ? window->count++ : oldest;
}

void window_hear(struct window *window, struct ry_str owner, size_t clips, int64_t now_mono_ms)
{
    size_t at = place_of(window, owner);
    RY_ASSERT(owner.n < sizeof window->downloaders[at].owner && at < window->count, "%zu bytes", owner.n);
    (void)snprintf(window->downloaders[at].owner, sizeof window->downloaders[at].owner, "%.*s", RY_STR_ARG(owner));
    window->downloaders[at].clips = clips;
    window->downloaders[at].heard_mono_ms = now_mono_ms;
}

size_t window_size(const struct window *window, int64_t now_mono_ms)
{
    size_t asked = 0;
    for (size_t i = 0; i < window->count; i++)
        if (now_mono_ms - window->downloaders[i].heard_mono_ms < WINDOW_MEMORY_MS)
            asked += window->downloaders[i].clips;
    if (asked == 0)
        asked = WINDOW_BASE;
    else if (asked > WINDOW_BASE)
        asked += WINDOW_BASE;
    return asked < window->max ? asked : window->max;
}

/* pace.c: see pace.h. */
#include "actors/downloader/pace.h"

#include "runtime/base/assert.h"

#define EPOCH_MIN_MS    100
#define EPOCH_EVENTS    8 /* fewer tell nothing */
#define CAREFUL_MS      30000
#define CAREFUL_STEP_MS 1000
/* Clips waiting at the encoders: with fewer, an encoder soon idles; more only hold memory. */
#define WAITING_LOW  4.0
#define WAITING_HIGH 12.0
/* Round trips are long when the mean exceeds twice the shortest by more than this. */
#define SLOW_MS 20
/* A server is in trouble when one request in so many fails: a single missing video says nothing. */
#define TROUBLE_SHARE 8
#define TROUBLES_MIN  2

static void begin_epoch(struct pace *pace, int64_t now_mono_ms)
{
    pace->since_mono_ms = now_mono_ms;
    pace->active_max = 0;
    pace->ranges = 0;
    pace->range_ms_sum = 0;
    pace->answers = 0;
    pace->waited_us_sum = 0;
    pace->troubles = 0;
}

void pace_open(struct pace *pace, int64_t now_mono_ms)
{
    *pace = (struct pace){.window = PACE_BASE,
                          .doubling = true,
                          .careful_until_mono_ms = now_mono_ms,
                          .range_ms_min = -1,
                          .range_ms_min_before = -1,
                          .memory_since_mono_ms = now_mono_ms,
                          .transit_us_min = -1};
    begin_epoch(pace, now_mono_ms);
}

void pace_on_active(struct pace *pace, unsigned clips)
{
    if (clips > pace->active_max)
        pace->active_max = clips;
}

void pace_on_range(struct pace *pace, int64_t took_ms)
{
    RY_ASSERT(took_ms >= 0, "%lld ms", (long long)took_ms);
    pace->ranges++;
    pace->range_ms_sum += took_ms;
    if (pace->range_ms_min < 0 || took_ms < pace->range_ms_min)
        pace->range_ms_min = took_ms;
}

void pace_on_trouble(struct pace *pace)
{
    pace->troubles++;
}

void pace_on_encoded(struct pace *pace, int64_t took_us, uint64_t busy_us)
{
    RY_ASSERT(took_us >= 0, "%lld us", (long long)took_us);
    /* An encoder that claims to have worked longer than it had the mail is not believed. */
    int64_t beyond_us = busy_us <= (uint64_t)took_us ? took_us - (int64_t)busy_us : 0;
    if (pace->transit_us_min < 0 || beyond_us < pace->transit_us_min)
        pace->transit_us_min = beyond_us;
    pace->answers++;
    pace->waited_us_sum += beyond_us - pace->transit_us_min;
}

/* ---- the end of an epoch ----------------------------------------------------------------------------------------- */

static int64_t range_ms_shortest(const struct pace *pace)
{
    if (pace->range_ms_min < 0)
        return pace->range_ms_min_before;
    if (pace->range_ms_min_before < 0 || pace->range_ms_min < pace->range_ms_min_before)
        return pace->range_ms_min;
    return pace->range_ms_min_before;
}

static bool is_long_enough(const struct pace *pace, int64_t now_mono_ms)
{
    int64_t passed_ms = now_mono_ms - pace->since_mono_ms;
    int64_t shortest_ms = range_ms_shortest(pace);
    int64_t wanted_ms = shortest_ms > EPOCH_MIN_MS / 2 ? 2 * shortest_ms : EPOCH_MIN_MS;
    if (now_mono_ms < pace->careful_until_mono_ms && wanted_ms < CAREFUL_STEP_MS)
        wanted_ms = CAREFUL_STEP_MS;
    return passed_ms >= wanted_ms && pace->ranges + pace->answers + pace->troubles >= EPOCH_EVENTS;
}

static bool is_in_trouble(const struct pace *pace)
{
    return pace->troubles >= TROUBLES_MIN && pace->troubles * TROUBLE_SHARE >= pace->ranges + pace->troubles;
}

static bool is_slow(const struct pace *pace)
{
    return pace->ranges > 0 && pace->range_ms_sum / pace->ranges > 2 * range_ms_shortest(pace) + SLOW_MS;
}

/* How many clips waited for an encoder, on the mean. */
static double waiting(const struct pace *pace, int64_t now_mono_ms)
{
    return (double)pace->waited_us_sum / 1000.0 / (double)(now_mono_ms - pace->since_mono_ms);
}

static unsigned clamp(unsigned window, unsigned least)
{
    if (window < least)
        return least;
    return window < PACE_MAX ? window : PACE_MAX;
}

/* Less than now, but not less than what local files need; what is below that already stays. */
static unsigned less(unsigned window, unsigned by)
{
    unsigned least = window < PACE_BASE ? window : PACE_BASE;
    return clamp(window - by, least);
}

static unsigned more(const struct pace *pace, int64_t now_mono_ms)
{
    if (now_mono_ms < pace->careful_until_mono_ms)
        return clamp(pace->window + 1, PACE_MIN);
    return clamp(pace->doubling ? pace->window * 2 : pace->window + pace->window / 4, PACE_MIN);
}

static unsigned next_window(struct pace *pace, int64_t now_mono_ms)
{
    if (is_in_trouble(pace)) {
        pace->doubling = false;
        pace->careful_until_mono_ms = now_mono_ms + CAREFUL_MS;
        return clamp(pace->window / 2, PACE_MIN);
    }
    pace->slow_epochs = is_slow(pace) ? pace->slow_epochs + 1 : 0;
    double wait = waiting(pace, now_mono_ms);
    if (wait >= WAITING_LOW || pace->slow_epochs >= 2)
        pace->doubling = false;
    if (pace->slow_epochs >= 2)
        return less(pace->window, pace->window / 4);
    if (wait > WAITING_HIGH)
        return less(pace->window, pace->window / 8);
    /* One slow epoch may be that of new connections. Clips that are not there need no place. */
    if (wait >= WAITING_LOW || pace->slow_epochs > 0 || pace->active_max < pace->window / 2)
        return pace->window;
    return more(pace, now_mono_ms);
}

bool pace_turn(struct pace *pace, int64_t now_mono_ms)
{
    RY_ASSERT(pace->window >= PACE_MIN && pace->window <= PACE_MAX, "%u clips", pace->window);
    if (!is_long_enough(pace, now_mono_ms))
        return false;
    unsigned before = pace->window;
    pace->window = next_window(pace, now_mono_ms);
    begin_epoch(pace, now_mono_ms);
    if (now_mono_ms - pace->memory_since_mono_ms >= PACE_MEMORY_MS) {
        pace->range_ms_min_before = pace->range_ms_min;
        pace->range_ms_min = -1;
        pace->memory_since_mono_ms = now_mono_ms;
    }
    return pace->window != before;
}

/* clock.h: time as a thing that is handed in, so that tests and the simulator can hold it.
 *
 * Times are int64_t. A name tells which kind it is: `*_mono_ms` is milliseconds since some moment in the past, never
 * goes back, and is for waiting; `*_wall_ms` is milliseconds since 1970-01-01T00:00:00Z and is for what people and
 * databases read; `*_ms` alone is a duration. */
#ifndef REELYARD_RUNTIME_BASE_CLOCK_H
#define REELYARD_RUNTIME_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/str.h"

struct ry_clock {
    int64_t (*mono_ms)(void *arg);
    int64_t (*wall_ms)(void *arg);
    void *arg;
};

static inline int64_t ry_mono_ms(const struct ry_clock *clock)
{
    return clock->mono_ms(clock->arg);
}

static inline int64_t ry_wall_ms(const struct ry_clock *clock)
{
    return clock->wall_ms(clock->arg);
}

/* The operating system's clocks (CLOCK_MONOTONIC, CLOCK_REALTIME). Static, thread-safe. */
const struct ry_clock *ry_clock_system(void);

/* A clock that stands still until it is told to move; both kinds move together. For tests and the simulator. */
struct ry_clock_manual {
    struct ry_clock clock;
    int64_t now_mono_ms;
    int64_t now_wall_ms;
};
void ry_clock_manual_init(struct ry_clock_manual *manual, int64_t start_wall_ms);
void ry_clock_manual_advance(struct ry_clock_manual *manual, int64_t by_ms);

/* Bytes that ry_time_format needs, the NUL included. */
#define RY_TIME_TEXT_BYTES 40

/* Writes a wall time as ISO 8601 in UTC with milliseconds, "2024-10-19T15:03:09.159Z"; years 1 to 9999, clamped. */
void ry_time_format(int64_t wall_ms, char text[RY_TIME_TEXT_BYTES]);

/* Reads an ISO 8601 date-time: YYYY-MM-DDThh:mm:ss[.fraction](Z|+hh:mm|-hh:mm); a blank may stand for T; digits behind
 * the millisecond are cut. False and *wall_ms untouched if s is not one. */
bool ry_time_parse(struct ry_str s, int64_t *wall_ms);

/* The same, but for a time without an offset, which Python's isoformat() prints of one without a zone: it is UTC. */
bool ry_time_parse_utc(struct ry_str s, int64_t *wall_ms);

/* Civil calendar to days since 1970-01-01 and back, proleptic Gregorian, month 1..12. */
int64_t ry_days_from_civil(int64_t year, unsigned month, unsigned day);
void ry_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif

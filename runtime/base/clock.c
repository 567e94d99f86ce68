/* clock.c: see clock.h. Keeps no state: a manual clock is the caller's. Dates are those of the proleptic Gregorian
 * calendar. */
#include "runtime/base/clock.h"

#include "runtime/base/assert.h"

#include <stdio.h>
#include <time.h>

static int64_t system_ms(clockid_t id)
{
    struct timespec now;
    int rc = clock_gettime(id, &now);
    RY_ASSERT(rc == 0, "clock %d", (int)id);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_ms(void *arg)
{
    (void)arg;
    return system_ms(CLOCK_MONOTONIC);
}

static int64_t system_wall_ms(void *arg)
{
    (void)arg;
    return system_ms(CLOCK_REALTIME);
}

const struct ry_clock *ry_clock_system(void)
{
    static const struct ry_clock system_clock = {system_mono_ms, system_wall_ms, NULL};
    return &system_clock;
}

static int64_t manual_mono_ms(void *arg)
{
    return ((struct ry_clock_manual *)arg)->now_mono_ms;
}

static int64_t manual_wall_ms(void *arg)
{
    return ((struct ry_clock_manual *)arg)->now_wall_ms;
}

void ry_clock_manual_init(struct ry_clock_manual *manual, int64_t start_wall_ms)
{
    *manual = (struct ry_clock_manual){
        .clock = {manual_mono_ms, manual_wall_ms, manual}, .now_mono_ms = 1000, .now_wall_ms = start_wall_ms};
}

void ry_clock_manual_advance(struct ry_clock_manual *manual, int64_t by_ms)
{
    RY_ASSERT(by_ms >= 0, "%lld ms: a clock does not go back", (long long)by_ms);
    manual->now_mono_ms += by_ms;
    manual->now_wall_ms += by_ms;
}

/* The two conversions follow Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t ry_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    RY_ASSERT(month >= 1 && month <= 12 && day >= 1 && day <= 31, "month %u, day %u", month, day);
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void ry_civil_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

#define YEAR_1_MS    (-62135596800000LL)
#define YEAR_9999_MS 253402300799999LL

void ry_time_format(int64_t wall_ms, char text[RY_TIME_TEXT_BYTES])
{
    if (wall_ms < YEAR_1_MS)
        wall_ms = YEAR_1_MS;
    if (wall_ms > YEAR_9999_MS)
        wall_ms = YEAR_9999_MS;
    int64_t days = wall_ms / 86400000;
    int64_t rest = wall_ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    ry_civil_from_days(days, &year, &month, &day);
    (void)snprintf(text, RY_TIME_TEXT_BYTES, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", (int)year, month, day,
                   (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60), (int)(rest % 1000));
}

/* Reads exactly `count` digits at *p into *value and steps over them. */
static bool take_digits(const char **p, const char *end, int count, int *value)
{
    if (end - *p < count)
        return false;
    int sum = 0;
    for (int i = 0; i < count; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        sum = sum * 10 + (c - '0');
    }
    *p += count;
    *value = sum;
    return true;
}

static bool take_char(const char **p, const char *end, char c)
{
    if (*p == end || **p != c)
        return false;
    (*p)++;
    return true;
}

/* "Z", "+hh:mm" or "-hh:mm" at *p, in minutes east of UTC. */
static bool take_offset(const char **p, const char *end, int *minutes)
{
    if (take_char(p, end, 'Z')) {
        *minutes = 0;
        return true;
    }
    int sign = take_char(p, end, '+') ? 1 : take_char(p, end, '-') ? -1 : 0;
    int hour = 0;
    int minute = 0;
    if (sign == 0 || !take_digits(p, end, 2, &hour) || !take_char(p, end, ':') || !take_digits(p, end, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool ry_time_parse(struct ry_str s, int64_t *wall_ms)
{
    const char *p = s.p;
    const char *end = s.n ? s.p + s.n : s.p;
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_digits(&p, end, 4, &year) || !take_char(&p, end, '-') || !take_digits(&p, end, 2, &month) ||
        !take_char(&p, end, '-') || !take_digits(&p, end, 2, &day) ||
        !(take_char(&p, end, 'T') || take_char(&p, end, ' ')) || !take_digits(&p, end, 2, &hour) ||
        !take_char(&p, end, ':') || !take_digits(&p, end, 2, &minute) || !take_char(&p, end, ':') ||
        !take_digits(&p, end, 2, &second))
        return false;
    int milli = 0;
    if (take_char(&p, end, '.')) {
        int scale = 100;
        const char *first = p;
        for (; p < end && *p >= '0' && *p <= '9'; p++, scale /= 10)
            milli += (*p - '0') * scale;
        if (p == first)
            return false;
    }
    int offset = 0;
    if (!take_offset(&p, end, &offset) || p != end)
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t check_year = 0;
    unsigned check_month = 0;
    unsigned check_day = 0;
    int64_t days = ry_days_from_civil(year, (unsigned)month, (unsigned)day);
    ry_civil_from_days(days, &check_year, &check_month, &check_day);
    if (check_month != (unsigned)month || check_day != (unsigned)day)
        return false;
    *wall_ms = (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1000 + milli;
    return true;
}

bool ry_time_parse_utc(struct ry_str s, int64_t *wall_ms)
{
    char text[RY_TIME_TEXT_BYTES];
    if (ry_time_parse(s, wall_ms))
        return true;
    int n = snprintf(text, sizeof text, "%.*sZ", RY_STR_ARG(s));
    return n > 0 && n < (int)sizeof text && ry_time_parse(ry_str_of(text), wall_ms);
}

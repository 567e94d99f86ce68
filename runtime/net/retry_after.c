/* retry_after.c: the grammar of RFC 9110, sections 10.2.3 and 5.6.7, and a fraction of a second. */
#include "runtime/net/retry_after.h"

#include "runtime/base/assert.h"

#include <time.h>

#define DATE_BYTES 64 /* longer than any of the three forms */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int64_t ry_http_date_ms(struct ry_str text)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char date[DATE_BYTES];
    if (text.n >= sizeof date)
        return -1;
    memcpy(date, text.p, text.n);
    date[text.n] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(date, forms[i], &tm);
        int64_t seconds = end && *end == '\0' ? (int64_t)timegm(&tm) : -1;
        if (seconds >= 0)
            return seconds * 1000;
    }
    return -1;
}

/* Decimal seconds, rounded up to a millisecond. */
static int64_t seconds_ms(struct ry_str text)
{
    int64_t ms = 0;
    size_t i = 0;
    for (; i < text.n && is_digit(text.p[i]); i++)
        if (ms <= RY_RETRY_AFTER_MAX_MS)
            ms = ms * 10 + (text.p[i] - '0') * 1000;
    if (i < text.n && text.p[i] == '.') {
        int64_t unit = 100;
        bool rest = false;
        for (i++; i < text.n && is_digit(text.p[i]); i++, unit /= 10) {
            ms += (text.p[i] - '0') * unit;
            rest = rest || (unit == 0 && text.p[i] != '0');
        }
        ms += rest;
    }
    RY_ASSERT(ms >= 0, "%lld ms", (long long)ms);
    if (i != text.n)
        return -1;
    return ms < RY_RETRY_AFTER_MAX_MS ? ms : RY_RETRY_AFTER_MAX_MS;
}

int64_t ry_retry_after_ms(struct ry_str text, int64_t date_ms)
{
    if (text.n == 0)
        return -1;
    if (is_digit(text.p[0]))
        return seconds_ms(text);
    int64_t until_ms = ry_http_date_ms(text);
    if (until_ms < 0)
        return -1;
    if (until_ms <= date_ms)
        return 0;
    return until_ms - date_ms < RY_RETRY_AFTER_MAX_MS ? until_ms - date_ms : RY_RETRY_AFTER_MAX_MS;
}

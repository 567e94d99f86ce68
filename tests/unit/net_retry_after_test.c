/* net_retry_after_test.c: what the Retry-After header says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/net/retry_after.h"

/* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110. */
#define DATE_MS INT64_C(784111777000)

struct row {
    const char *text;
    int64_t ms;
};

static void http_date_is_read_in_its_three_forms_only(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", DATE_MS},
        {"Sunday, 06-Nov-94 08:49:37 GMT", DATE_MS},
        {"Sun Nov  6 08:49:37 1994", DATE_MS},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", INT64_C(253402300799000)},
        {"Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 CET", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT and more", -1},
        {"Sun, 06 Nov 1994", -1},
        {"1994-11-06T08:49:37Z", -1},
        {"", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT                                            ", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ry_http_date_ms(ry_str_of(rows[i].text)) != rows[i].ms)
            fail_msg("'%s' is %jd", rows[i].text, (intmax_t)ry_http_date_ms(ry_str_of(rows[i].text)));
}

static void retry_after_is_seconds_or_a_date_within_bounds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0", 0},
        {"7", 7000},
        {"0.0001", 1},
        {"1.2345", 1235},
        {"64.57", 64570},
        {"3.", 3000},
        {"21600", 21600000},
        {"21601", 21601000},
        {"86400", 86400000},
        {"2147483647", RY_RETRY_AFTER_MAX_MS},
        {"2147483648", RY_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999999999", RY_RETRY_AFTER_MAX_MS},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60000},
        {"Monday, 07-Nov-94 08:49:37 GMT", 86400000},
        {"Fri, 31 Dec 9999 23:59:59 GMT", RY_RETRY_AFTER_MAX_MS},
        {"", -1},
        {"-7", -1},
        {"+7", -1},
        {" 7", -1},
        {"7 s", -1},
        {"1e3", -1},
        {"0x10", -1},
        {"1.2.3", -1},
        {"soon", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ry_retry_after_ms(ry_str_of(rows[i].text), DATE_MS) != rows[i].ms)
            fail_msg("'%s' is %jd", rows[i].text, (intmax_t)ry_retry_after_ms(ry_str_of(rows[i].text), DATE_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_date_is_read_in_its_three_forms_only),
        cmocka_unit_test(retry_after_is_seconds_or_a_date_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

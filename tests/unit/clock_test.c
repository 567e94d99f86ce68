/* clock_test.c: times are read and written as ISO 8601, and a manual clock moves only when told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/clock.h"

static void times_are_written_in_utc_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {1729350189159, "2024-10-19T15:03:09.159Z"},
                 {951782400000, "2000-02-29T00:00:00.000Z"},
                 {4107542399999, "2100-02-28T23:59:59.999Z"},
                 {4107542400000, "2100-03-01T00:00:00.000Z"},
                 {-62135596800000, "0001-01-01T00:00:00.000Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {INT64_MIN, "0001-01-01T00:00:00.000Z"},
                 {INT64_MAX, "9999-12-31T23:59:59.999Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RY_TIME_TEXT_BYTES];
        ry_time_format(cases[i].wall_ms, text);
        assert_string_equal(text, cases[i].text);
        int64_t back = 0;
        assert_true(ry_time_parse(ry_str_of(text), &back));
        if (cases[i].wall_ms != INT64_MIN && cases[i].wall_ms != INT64_MAX)
            assert_int_equal(back, cases[i].wall_ms);
    }
}

static void times_are_read_in_the_forms_that_producers_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t wall_ms;
    } cases[] = {{"2024-10-19T15:03:09Z", 1729350189000},
                 {"2024-10-19 15:03:09Z", 1729350189000},
                 {"2024-10-19T15:03:09.1Z", 1729350189100},
                 {"2024-10-19T15:03:09.15Z", 1729350189150},
                 {"2024-10-19T15:03:09.159999Z", 1729350189159},
                 {"2024-10-19T15:03:09.159000+00:00", 1729350189159},
                 {"2024-10-19T17:03:09.159+02:00", 1729350189159},
                 {"2024-10-19T09:33:09.159-05:30", 1729350189159},
                 {"2016-12-31T23:59:60Z", 1483228800000}, /* a leap second is the next day's first */
                 {"2024-02-29T00:00:00Z", 1709164800000},
                 {"0001-01-01T00:00:00+23:59", -62135683140000},
                 {"2024-10-19T15:03:09.0000000000000000000000000000001Z", 1729350189000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t wall_ms = 0;
        if (!ry_time_parse(ry_str_of(cases[i].text), &wall_ms) || wall_ms != cases[i].wall_ms)
            fail_msg("%s is read as %lld", cases[i].text, (long long)wall_ms);
    }
}

static void a_time_without_offset_is_utc_where_it_may_be(void **state)
{
    (void)state;
    int64_t wall_ms = 4711;
    assert_true(ry_time_parse_utc(RY_STR("2024-10-19T15:03:09.159000"), &wall_ms));
    assert_int_equal(wall_ms, 1729350189159);
    assert_true(ry_time_parse_utc(RY_STR("2024-10-19T17:03:09.159+02:00"), &wall_ms));
    assert_int_equal(wall_ms, 1729350189159);
    assert_false(ry_time_parse_utc(RY_STR("2024-10-19"), &wall_ms));
    assert_false(ry_time_parse_utc(RY_STR("2024-10-19T15:03:09.0000000000000000000000000"), &wall_ms));
    assert_false(ry_time_parse_utc((struct ry_str){NULL, 0}, &wall_ms));
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "2024",
                                        "2024-10-19",
                                        "2024-10-19T15:03Z",
                                        "2024-10-19T15:03:09",
                                        "2024-10-19t15:03:09Z",
                                        "2024-10-19T15:03:09z",
                                        "2024-10-19T15:03:09.Z",
                                        "2024-10-19T15:03:09,1Z",
                                        "2024-10-19T15:03:09Z ",
                                        " 2024-10-19T15:03:09Z",
                                        "2024-10-19T15:03:09+0200",
                                        "2024-10-19T15:03:09+24:00",
                                        "2024-10-19T15:03:09+02:60",
                                        "2024-13-19T15:03:09Z",
                                        "2024-00-19T15:03:09Z",
                                        "2024-10-32T15:03:09Z",
                                        "2024-10-00T15:03:09Z",
                                        "2023-02-29T15:03:09Z",
                                        "2100-02-29T15:03:09Z",
                                        "2024-04-31T15:03:09Z",
                                        "2024-10-19T24:00:00Z",
                                        "2024-10-19T15:60:09Z",
                                        "2024-10-19T15:03:61Z",
                                        "0000-10-19T15:03:09Z",
                                        "+024-10-19T15:03:09Z",
                                        "2024-1-019T15:03:09Z"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t wall_ms = 4711;
        if (ry_time_parse(ry_str_of(cases[i]), &wall_ms) || wall_ms != 4711)
            fail_msg("%s is taken for a time", cases[i]);
    }
    int64_t wall_ms = 0;
    assert_false(ry_time_parse((struct ry_str){NULL, 0}, &wall_ms));
    assert_false(ry_time_parse((struct ry_str){"2024-10-19T15:03:09Z", 19}, &wall_ms));
}

static void days_and_dates_are_the_same_both_ways(void **state)
{
    (void)state;
    assert_int_equal(ry_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(ry_days_from_civil(2000, 3, 1), 11017);
    assert_int_equal(ry_days_from_civil(1600, 2, 29), -135081);
    int64_t next = ry_days_from_civil(-400, 1, 1);
    for (int64_t year = -400; year <= 2800; year++)
        for (unsigned month = 1; month <= 12; month++) {
            assert_int_equal(ry_days_from_civil(year, month, 1), next);
            int64_t y = 0;
            unsigned m = 0;
            unsigned d = 0;
            ry_civil_from_days(next, &y, &m, &d);
            assert_true(y == year && m == month && d == 1);
            bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
            next += month == 2 ? 28 + leap : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
        }
}

static void a_manual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct ry_clock_manual manual;
    ry_clock_manual_init(&manual, 1729350189000);
    int64_t mono_ms = ry_mono_ms(&manual.clock);
    assert_int_equal(ry_wall_ms(&manual.clock), 1729350189000);
    assert_int_equal(ry_mono_ms(&manual.clock), mono_ms);
    ry_clock_manual_advance(&manual, 250);
    assert_int_equal(ry_wall_ms(&manual.clock), 1729350189250);
    assert_int_equal(ry_mono_ms(&manual.clock), mono_ms + 250);
}

static void the_systems_clock_never_goes_back(void **state)
{
    (void)state;
    const struct ry_clock *clock = ry_clock_system();
    int64_t last_ms = ry_mono_ms(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t now_ms = ry_mono_ms(clock);
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
    assert_true(ry_wall_ms(clock) > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
        cmocka_unit_test(times_are_read_in_the_forms_that_producers_write),
        cmocka_unit_test(a_time_without_offset_is_utc_where_it_may_be),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(days_and_dates_are_the_same_both_ways),
        cmocka_unit_test(a_manual_clock_moves_only_when_told),
        cmocka_unit_test(the_systems_clock_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

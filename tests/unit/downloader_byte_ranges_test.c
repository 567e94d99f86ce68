/* downloader_byte_ranges_test.c: the set of windows, and the plan of what to fetch next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/downloader/byte_ranges.h"

#define KIB          ((uint64_t)1024)
#define MIB          (1024 * KIB)
#define WINDOW_BYTES (64 * KIB)

/* Frames claim their bytes; the plan never looks at them. */
static void release_nothing(void *arg)
{
    (void)arg;
}

static bool add(struct byte_ranges *windows, uint64_t offset, uint64_t length)
{
    static char bytes[1];
    struct ry_frame *frame = ry_frame_wrap(bytes, (size_t)length, release_nothing, NULL);
    assert_non_null(frame);
    bool added = byte_ranges_add(windows, offset, frame);
    ry_frame_unref(frame);
    return added;
}

static void windows_stand_in_order_and_apart(void **state)
{
    (void)state;
    struct byte_ranges windows = {0};
    assert_true(add(&windows, 1000, 100));
    assert_true(add(&windows, 0, 100));
    assert_true(add(&windows, 500, 100));
    assert_true(add(&windows, 600, 400)); /* exactly between two */
    assert_false(add(&windows, 1050, 10));
    assert_false(add(&windows, 50, 100));
    assert_false(add(&windows, 400, 101));
    assert_false(add(&windows, 0, 5000));
    assert_int_equal(windows.n, 4);
    assert_int_equal(windows.bytes, 700);
    for (size_t i = 1; i < windows.n; i++)
        assert_true(windows.items[i - 1].offset < windows.items[i].offset);
    assert_true(byte_ranges_cover(&windows, 100));
    assert_false(byte_ranges_cover(&windows, 101));
    assert_true(add(&windows, 100, 400));
    assert_true(byte_ranges_cover(&windows, 1100));
    byte_ranges_clear(&windows);
    assert_int_equal(windows.n, 0);
    assert_int_equal(windows.bytes, 0);
}

static void windows_are_bounded_in_number(void **state)
{
    (void)state;
    struct byte_ranges windows = {0};
    for (uint64_t i = 0; i < BYTE_RANGES_MAX; i++)
        assert_true(add(&windows, i * 10, 1));
    assert_false(add(&windows, BYTE_RANGES_MAX * 10, 1));
    const struct ry_byte_range asked = {100 * MIB, 1};
    struct span out[SPANS_MAX];
    assert_int_equal(byte_ranges_plan(&windows, &asked, 1, UINT64_MAX, out), 0);
    byte_ranges_clear(&windows);
}

/* One round: what is held, what is asked for, what is fetched. Lists end at a length of 0. */
static void windows_plan_fetches_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        struct span held[4];
        struct ry_byte_range asked[4];
        uint64_t total;
        struct span fetched[4];
    } rows[] = {
        {"a jump brings what it asks for", {{0, WINDOW_BYTES}}, {{MIB, 5000}}, 10 * MIB, {{MIB, 5000}}},
        {"the video's end ends it", {{0, WINDOW_BYTES}}, {{MIB, 5000}}, MIB + 10, {{MIB, 10}}},
        {"behind the end is nothing", {{0, WINDOW_BYTES}}, {{MIB, 5000}}, MIB, {{0}}},
        {"going on, too", {{0, WINDOW_BYTES}}, {{WINDOW_BYTES, 1}}, 10 * MIB, {{WINDOW_BYTES, 1}}},
        {"what is held is not fetched", {{0, 1000}, {2000, 1000}}, {{100, 2500}}, 2600, {{1000, 1000}}},
        {"nor is what lies inside a window", {{0, 10000}}, {{100, 50}, {9999, 1}}, MIB, {{0}}},
        {"near ranges are joined", {{0, 10}}, {{MIB + 9000, 10}, {MIB, 1000}}, 10 * MIB, {{MIB, 9010}}},
        {"far ranges are not", {{0, 10}}, {{2 * MIB, 10}, {MIB, 10}}, 10 * MIB, {{MIB, 10}, {2 * MIB, 10}}},
        {"overlapping ranges are one", {{0, 10}}, {{MIB, 500}, {MIB + 100, 10}}, 10 * MIB, {{MIB, 500}}},
        {"a hole is filled around windows",
         {{MIB, 10}, {MIB + 100, 10}},
         {{MIB - 50, 300}},
         MIB + 250,
         {{MIB - 50, 50}, {MIB + 10, 90}, {MIB + 110, 140}}},
        {"nothing overflows",
         {{0, 10}},
         {{INT64_MAX - 1, INT64_MAX}, {INT64_MAX, INT64_MAX}},
         UINT64_MAX,
         {{INT64_MAX - 1, 1}}},
        {"what may be held bounds it", {{0, 60 * MIB}}, {{100 * MIB, 50 * MIB}}, UINT64_MAX, {{100 * MIB, 4 * MIB}}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct byte_ranges windows = {0};
        size_t asked_n = 0;
        while (asked_n < 4 && rows[i].asked[asked_n].length)
            asked_n++;
        for (size_t k = 0; k < 4 && rows[i].held[k].length; k++)
            assert_true(add(&windows, rows[i].held[k].offset, rows[i].held[k].length));
        struct span out[SPANS_MAX] = {0};
        size_t n = byte_ranges_plan(&windows, rows[i].asked, asked_n, rows[i].total, out);
        size_t want_n = 0;
        for (; want_n < 4 && rows[i].fetched[want_n].length; want_n++)
            if (out[want_n].offset != rows[i].fetched[want_n].offset ||
                out[want_n].length != rows[i].fetched[want_n].length)
                fail_msg("%s: %llu bytes at %llu", rows[i].claim, (unsigned long long)out[want_n].length,
                         (unsigned long long)out[want_n].offset);
        if (n != want_n)
            fail_msg("%s: %zu spans", rows[i].claim, n);
        byte_ranges_clear(&windows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_stand_in_order_and_apart),
        cmocka_unit_test(windows_are_bounded_in_number),
        cmocka_unit_test(windows_plan_fetches_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

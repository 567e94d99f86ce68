/* str_test.c: borrowed strings: comparison, numbers, snowflakes, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/str.h"

static const struct ry_str absent = {NULL, 0};

static void absent_and_empty_are_not_the_same(void **state)
{
    (void)state;
    assert_true(ry_str_eq(absent, absent));
    assert_true(ry_str_eq(RY_STR(""), RY_STR("")));
    assert_false(ry_str_eq(absent, RY_STR("")));
    assert_true(ry_str_eq(ry_str_of(NULL), absent));
    assert_true(ry_str_is(absent, NULL));
    assert_false(ry_str_is(absent, ""));
}

static void beginnings_and_ends_are_found(void **state)
{
    (void)state;
    assert_true(ry_str_starts(RY_STR("file://x"), RY_STR("file://")));
    assert_false(ry_str_starts(RY_STR("file:/"), RY_STR("file://")));
    assert_true(ry_str_starts(absent, RY_STR("")));
    assert_false(ry_str_starts(absent, RY_STR("x")));
    assert_true(ry_str_ends(RY_STR("CLIP.MP4"), RY_STR(".mp4"), true));
    assert_false(ry_str_ends(RY_STR("CLIP.MP4"), RY_STR(".mp4"), false));
    assert_true(ry_str_ends(RY_STR("clip.mp4"), RY_STR(".mp4"), false));
    assert_false(ry_str_ends(RY_STR("mp4"), RY_STR(".mp4"), true));
    /* Only ASCII letters have two cases: '[' is not '{'. */
    assert_false(ry_str_ends(RY_STR("a["), RY_STR("{"), true));
    assert_true(ry_str_ends(absent, absent, true));
}

static void a_number_is_digits_up_to_2_to_the_64(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
        uint64_t value;
    } cases[] = {{"0", true, 0},
                 {"007", true, 7},
                 {"18446744073709551615", true, UINT64_MAX},
                 {"18446744073709551616", false, 0},
                 {"99999999999999999999", false, 0},
                 {"000000000000000000001", false, 0}, /* 21 digits */
                 {"", false, 0},
                 {"-1", false, 0},
                 {"+1", false, 0},
                 {" 1", false, 0},
                 {"1 ", false, 0},
                 {"1x", false, 0},
                 {"0x1", false, 0},
                 {"/", false, 0},
                 {":", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 4711;
        if (ry_str_u64(ry_str_of(cases[i].text), &value) != cases[i].is)
            fail_msg("%s", cases[i].text);
        assert_int_equal(value, cases[i].is ? cases[i].value : 4711);
    }
    uint64_t value = 0;
    assert_false(ry_str_u64(absent, &value));
}

static void a_snowflake_is_positive_and_fits_63_bits(void **state)
{
    (void)state;
    assert_true(ry_str_is_snowflake(RY_STR("1")));
    assert_true(ry_str_is_snowflake(RY_STR("1297213456789012480")));
    assert_true(ry_str_is_snowflake(RY_STR("9223372036854775807")));
    assert_false(ry_str_is_snowflake(RY_STR("9223372036854775808")));
    assert_false(ry_str_is_snowflake(RY_STR("0")));
    assert_false(ry_str_is_snowflake(RY_STR("global")));
    assert_false(ry_str_is_snowflake(absent));
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct ry_str text;
        bool is;
    } cases[] = {
        {"nothing", {NULL, 0}, true},
        {"ASCII with NUL", {"a\0b\x7f", sizeof("a\0b\x7f") - 1}, true},
        {"two bytes, least", {"\xc2\x80", sizeof("\xc2\x80") - 1}, true},
        {"two bytes, most", {"\xdf\xbf", sizeof("\xdf\xbf") - 1}, true},
        {"three bytes, least", {"\xe0\xa0\x80", sizeof("\xe0\xa0\x80") - 1}, true},
        {"below the surrogates", {"\xed\x9f\xbf", sizeof("\xed\x9f\xbf") - 1}, true},
        {"above the surrogates", {"\xee\x80\x80", sizeof("\xee\x80\x80") - 1}, true},
        {"four bytes, least", {"\xf0\x90\x80\x80", sizeof("\xf0\x90\x80\x80") - 1}, true},
        {"U+10FFFF", {"\xf4\x8f\xbf\xbf", sizeof("\xf4\x8f\xbf\xbf") - 1}, true},
        {"overlong in two", {"\xc1\xbf", sizeof("\xc1\xbf") - 1}, false},
        {"overlong in three", {"\xe0\x9f\xbf", sizeof("\xe0\x9f\xbf") - 1}, false},
        {"overlong in four", {"\xf0\x8f\xbf\xbf", sizeof("\xf0\x8f\xbf\xbf") - 1}, false},
        {"first surrogate", {"\xed\xa0\x80", sizeof("\xed\xa0\x80") - 1}, false},
        {"last surrogate", {"\xed\xbf\xbf", sizeof("\xed\xbf\xbf") - 1}, false},
        {"U+110000", {"\xf4\x90\x80\x80", sizeof("\xf4\x90\x80\x80") - 1}, false},
        {"five bytes", {"\xf8\x88\x80\x80\x80", sizeof("\xf8\x88\x80\x80\x80") - 1}, false},
        {"a byte of the middle alone", {"\x80", sizeof("\x80") - 1}, false},
        {"0xff", {"\xff", sizeof("\xff") - 1}, false},
        {"cut after one of two", {"a\xc2", sizeof("a\xc2") - 1}, false},
        {"cut after two of three", {"\xe2\x82", sizeof("\xe2\x82") - 1}, false},
        {"cut after three of four", {"\xf0\x9f\x8e", sizeof("\xf0\x9f\x8e") - 1}, false},
        {"a middle that is none", {"\xe2\x28\x80", sizeof("\xe2\x28\x80") - 1}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ry_str_is_utf8(cases[i].text) != cases[i].is)
            fail_msg("%s", cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_empty_are_not_the_same),
        cmocka_unit_test(beginnings_and_ends_are_found),
        cmocka_unit_test(a_number_is_digits_up_to_2_to_the_64),
        cmocka_unit_test(a_snowflake_is_positive_and_fits_63_bits),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* utf8_test.c: what comes from outside becomes text: well-formed, one line, cut between characters. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "runtime/base/error.h"
#include "runtime/base/utf8.h"

static void a_head_ends_between_characters(void **state)
{
    (void)state;
    static const struct {
        struct ry_str text;
        size_t expected[9];
    } cases[] = {
        {RY_STR("a\xC3\xA9\xF0\x9F\x8E\xAC"), {0, 1, 1, 3, 3, 3, 3, 7, 7}},
        /* Bytes of no character: none is taken for the beginning or the rest of one. */
        {RY_STR("\x80\x80\x80\x80\x80\x80\x80\x80"), {0, 1, 2, 3, 4, 5, 6, 7, 8}},
        {RY_STR("\xFF\xFF\xC3\x28\xE2\x82\x28\xC3"), {0, 1, 2, 3, 4, 5, 6, 7, 8}},
        {{NULL, 0}, {0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t max = 0; max < 9; max++)
            if (ry_utf8_head(cases[i].text, max).n != cases[i].expected[max])
                fail_msg("text %zu cut at %zu: %zu", i, max, ry_utf8_head(cases[i].text, max).n);
}

/* What a library may say, and the line that becomes of it. */
static const struct {
    const char *name;
    const char *said;
    const char *line;
} sayings[] = {
    {"ASCII", "no such table", "no such table"},
    {"every length", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xAC", "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xAC"},
    {"Latin-1",
     "la base de donn\xE9"
     "es",
     "la base de donn?es"},
    {"Windows-1251", "\xCE\xF8\xE8\xE1\xEA\xE0", "??????"},
    {"cut after one of two", "a\xC3", "a?"},
    {"cut after two of three", "a\xE2\x82", "a??"},
    {"cut after three of four", "a\xF0\x9F\x8E", "a???"},
    {"cut, then more", "a\xF0\x9F\x8E: b\xC3\xA9", "a???: b\xC3\xA9"},
    {"overlong", "\xC0\xAF", "??"},
    {"a surrogate", "\xED\xA0\x80", "???"},
    {"above U+10FFFF", "\xF4\x90\x80\x80", "????"},
    {"lines", "one\ntwo\r\nthree", "one two  three"},
    {"controls", "\x1B[31mred\x07\x7F", " [31mred  "},
    {"C1 controls",
     "a\xC2\x9B"
     "31m",
     "a  31m"},
    {"the first behind C1", "a\xC2\xA0", "a\xC2\xA0"},
    {"nothing", "", ""},
};
#define SAYINGS (sizeof sayings / sizeof *sayings)

static void an_error_is_one_line_of_text_whatever_it_quotes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAYINGS; i++) {
        struct ry_error err = {0};
        char expected[100];
        (void)snprintf(expected, sizeof expected, "it says: %s.", sayings[i].line);
        assert_int_equal(ry_fail(&err, RY_EIO, "it says: %s.", sayings[i].said), RY_EIO);
        if (strcmp(err.text, expected) != 0)
            fail_msg("%s: %s", sayings[i].name, err.text);
    }
}

/* Whatever is said, wherever it is cut, and whatever stands before: always text, never one byte too many. */
static void a_line_that_does_not_fit_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAYINGS; i++)
        for (size_t size = 1; size < 40; size++) {
            char line[41];
            memset(line, '#', sizeof line);
            size_t n = ry_utf8_print(line, size, "%s", sayings[i].said);
            assert_int_equal(n, strlen(line));
            assert_true(n < size && line[size] == '#');
            assert_true(ry_str_is_utf8(ry_str_of(line)));
            if (strncmp(line, sayings[i].line, n) != 0 || (n + 4 < size && strlen(sayings[i].line) != n))
                fail_msg("%s at %zu: %s", sayings[i].name, size, line);
        }
    char line[8];
    (void)ry_utf8_print(line, sizeof line, "12345\xE2\x82\xAC");
    assert_string_equal(line, "12345");
    (void)ry_utf8_print(line, sizeof line, "1234\xE2\x82\xAC+");
    assert_string_equal(line, "1234\xE2\x82\xAC");
}

static void errno_survives_and_is_printed(void **state)
{
    (void)state;
    struct ry_error err;
    errno = ENOENT;
    (void)ry_fail(&err, RY_EIO, "%m");
    assert_string_equal(err.text, "No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void mending_keeps_every_length_and_every_control(void **state)
{
    (void)state;
    char text[] = "a\0\n\xFF\xC3\xA9\xC3";
    ry_utf8_mend(text, sizeof text - 1);
    assert_memory_equal(text, "a\0\n?\xC3\xA9?", sizeof text);
    ry_utf8_mend(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_between_characters),
        cmocka_unit_test(an_error_is_one_line_of_text_whatever_it_quotes),
        cmocka_unit_test(a_line_that_does_not_fit_is_cut_between_characters),
        cmocka_unit_test(errno_survives_and_is_printed),
        cmocka_unit_test(mending_keeps_every_length_and_every_control),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* file_url_test.c: which URLs name a file, and which path they name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/file_url.h"

static void path_of_a_file_url_is_decoded_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"file:///a/b.mp4", "/a/b.mp4"},
        {"file://localhost/a/b.mp4", "/a/b.mp4"},
        {"file:///a%20b/%C3%BC.mp4", "/a b/\xC3\xBC.mp4"},
        {"file:///a/../b", "/a/../b"},
        {"file:///", "/"},
        {"file:///a%2Fb%2e", "/a/b."},
        {"file://elsewhere/a", NULL},
        {"file:/a", NULL},
        {"file://", NULL},
        {"", NULL},
        {"https://cdn.discordapp.com/a.mp4", NULL},
        {"file:///a%00b", NULL},
        {"file:///a%2", NULL},
        {"file:///a%", NULL},
        {"file:///a%zz", NULL},
        {"file:///1234567890123456789012345678901", NULL}, /* with its NUL a byte too long for 32 */
        {"file:///123456789012345678901234567890", "/123456789012345678901234567890"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[32] = "untouched";
        size_t n = ry_file_url_path(ry_str_of(cases[i].url), path, sizeof path);
        if (cases[i].path == NULL) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_string_equal(path, cases[i].path);
        assert_int_equal(n, strlen(cases[i].path));
    }
}

static void escape_stands_for_a_byte_only_when_it_is_whole(void **state)
{
    (void)state;
    assert_int_equal(ry_percent_byte(RY_STR("a%fFb"), 1), 0xFF);
    assert_int_equal(ry_percent_byte(RY_STR("%00"), 0), 0);
    assert_int_equal(ry_percent_byte(RY_STR("%0"), 0), -1);
    assert_int_equal(ry_percent_byte(RY_STR("%0g"), 0), -1);
    assert_int_equal(ry_percent_byte(RY_STR("abc"), 0), -1);
    assert_int_equal(ry_percent_byte(RY_STR("%41"), 5), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_of_a_file_url_is_decoded_or_refused),
        cmocka_unit_test(escape_stands_for_a_byte_only_when_it_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

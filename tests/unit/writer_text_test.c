/* writer_text_test.c: text that fits its column, paths of file: URLs, and ids made from names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/text.h"
#include "actors/writer/uuid.h"

#include <stdio.h>
#include <stdlib.h>

static void text_fits_whole_characters(void **state)
{
    (void)state;
    static const struct {
        struct ry_str in;
        unsigned chars;
        const char *out;
        uint64_t cut;
    } cases[] = {
        {{"", 0}, 3, "", 0},
        {{"abc", 3}, 3, "abc", 0},
        {{"abcd", 4}, 3, "abc", 1},
        {{"abcd", 4}, WRITER_WIDTH_ANY, "abcd", 0},
        {{"\xC3\xA9\xC3\xA9\xC3\xA9", 6}, 3, "\xC3\xA9\xC3\xA9\xC3\xA9", 0},
        {{"\xC3\xA9\xC3\xA9\xC3\xA9", 6}, 2, "\xC3\xA9\xC3\xA9", 1},
        {{"\xF0\x9F\x8E\xAC!", 5}, 1, "\xF0\x9F\x8E\xAC", 1},
        {{"a\0b\0", 4}, 3, "ab", 0},
        {{"\0abc\0d", 6}, 3, "abc", 1},
        {{"\0", 1}, WRITER_WIDTH_ANY, "", 0},
    };
    RY_ARENA_AUTO arena = ry_arena_make(4096);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t cut = 0;
        bool failed = false;
        struct ry_str out = writer_text_fit(cases[i].in, cases[i].chars, &arena, &cut, &failed);
        if (!ry_str_is(out, cases[i].out) || cut != cases[i].cut || failed)
            fail_msg("case %zu: '%.*s' cut %lu", i, RY_STR_ARG(out), (unsigned long)cut);
    }
    uint64_t cut = 0;
    bool failed = false;
    assert_null(writer_text_fit((struct ry_str){0}, 3, &arena, &cut, &failed).p);
    assert_false(failed);
}

static void text_without_memory_says_so(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(0);
    uint64_t cut = 0;
    bool failed = false;
    assert_null(writer_text_fit((struct ry_str){"a\0b", 3}, 3, &arena, &cut, &failed).p);
    assert_true(failed);
}

static void file_url_gives_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *path; /* NULL: refused */
    } cases[] = {
        {"file:///a/b.mp4", "/a/b.mp4"},
        {"file:///a%20b/%C3%A9.mp4", "/a b/\xC3\xA9.mp4"},
        {"file:///a%2fb", "/a/b"},
        {"file:///", "/"},
        {"file:///a%00b", NULL},
        {"file:///a%2", NULL},
        {"file:///a%", NULL},
        {"file:///a%g0", NULL},
        {"file://host/a", NULL},
        {"file://", NULL},
        {"file:/a", NULL},
        {"https://x/a", NULL},
    };
    RY_ARENA_AUTO arena = ry_arena_make(65536);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ry_str path = writer_text_file_path(ry_str_of(cases[i].url), &arena);
        if (!ry_str_is(path, cases[i].path))
            fail_msg("%s: '%.*s'", cases[i].url, RY_STR_ARG(path));
    }
}

static void uuid_is_that_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    char text[RY_UUID_BYTES];
    writer_uuid_v5(dns, RY_STR("www.example.com"), text); /* RFC 9562, appendix A.4 */
    assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void uuid_of_a_clip_never_changes(void **state)
{
    (void)state;
    static const char *const kinds[] = {"small", "large", "failed"};
    char text[3][RY_UUID_BYTES];
    for (size_t i = 0; i < 3; i++)
        writer_uuid_of_clip(RY_STR("d1523646fd8f70dd6e199d427ae00606"), ry_str_of(kinds[i]), text[i]);
    assert_string_equal(text[0], "5d95b2dd-49b6-59ac-91a1-563908176168");
    assert_string_equal(text[1], "7bb9910b-4bac-5c3d-a24b-94b60858fcc4");
    assert_string_equal(text[2], "037a8e78-40ca-5373-b084-20edc43fb2de");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_fits_whole_characters),   cmocka_unit_test(text_without_memory_says_so),
        cmocka_unit_test(file_url_gives_its_path),      cmocka_unit_test(uuid_is_that_of_the_rfc),
        cmocka_unit_test(uuid_of_a_clip_never_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* store_name_test.c: names of the store's files are made and recognised, and no other text is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/store_name.h"

#include <stdio.h>

#define GUILD  "41771983423143937"
#define CLIP   "d1523646fd8f70dd6e199d427ae00606"
#define SHARD  "ab"
#define REST   "cdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
#define SHA256 SHARD REST

static void store_name_is_made_of_its_parts(void **state)
{
    (void)state;
    ry_store_name name;
    struct ry_error err;
    assert_int_equal(ry_store_name_thumbnail(RY_STR(GUILD), RY_STR(CLIP), RY_STR("large"), name, &err), RY_OK);
    assert_string_equal(name, "thumbnails/guild_" GUILD "/" CLIP "_large.webp");
    assert_int_equal(ry_store_name_sheet(RY_STR(GUILD), RY_STR(CLIP), name, &err), RY_OK);
    assert_string_equal(name, "sheets/guild_" GUILD "/" CLIP ".webp");
    assert_int_equal(ry_store_name_media(RY_STR(SHA256), RY_STR("mkv"), name, &err), RY_OK);
    assert_string_equal(name, "media/" SHARD "/" REST ".mkv");
    assert_int_equal(ry_store_name_playable(RY_STR(SHA256), name, &err), RY_OK);
    assert_string_equal(name, "playable/" SHARD "/" REST ".mp4");
}

static void store_name_is_not_made_of_other_parts(void **state)
{
    (void)state;
    ry_store_name name;
    static const struct {
        const char *guild;
        const char *clip;
        const char *size;
    } thumbnails[] = {
        {"", CLIP, "small"},        {"1/../2", CLIP, "small"}, {"x", CLIP, "small"},
        {GUILD, "D15236", "small"}, {GUILD, CLIP, "sheet"},    {GUILD, CLIP "0", "small"},
    };
    for (size_t i = 0; i < sizeof thumbnails / sizeof *thumbnails; i++) {
        struct ry_error err = {0};
        assert_int_equal(ry_store_name_thumbnail(ry_str_of(thumbnails[i].guild), ry_str_of(thumbnails[i].clip),
                                                 ry_str_of(thumbnails[i].size), name, &err),
                         RY_EINVAL);
        assert_true(err.text[0] != '\0');
    }
    static const struct {
        const char *sha256;
        const char *extension;
    } media[] = {
        {SHA256, "html"}, {SHA256, ""},       {SHA256, "MP4"},     {SHA256, "mp4/../x"}, {REST, "mp4"},
        {"", "mp4"},      {"AB" REST, "mp4"}, {SHA256 "0", "mp4"}, {"../" REST, "mp4"},
    };
    for (size_t i = 0; i < sizeof media / sizeof *media; i++) {
        struct ry_error err = {0};
        if (ry_store_name_media(ry_str_of(media[i].sha256), ry_str_of(media[i].extension), name, &err) != RY_EINVAL)
            fail_msg("%s.%s", media[i].sha256, media[i].extension);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(ry_store_name_media((struct ry_str){0}, (struct ry_str){0}, name, NULL), RY_EINVAL);
}

static const struct {
    const char *text;
    enum ry_store_kind kind;
    const char *mime;
} names[] = {
    {"thumbnails/guild_" GUILD "/" CLIP "_small.webp", RY_STORE_THUMBNAIL, "image/webp"},
    {"thumbnails/guild_0/" CLIP "_large.webp", RY_STORE_NONE, NULL},
    {"sheets/guild_" GUILD "/" CLIP ".webp", RY_STORE_SHEET, "image/webp"},
    {"media/" SHARD "/" REST ".mp4", RY_STORE_MEDIA, "video/mp4"},
    {"media/" SHARD "/" REST ".mov", RY_STORE_MEDIA, "video/quicktime"},
    {"media/" SHARD "/" REST ".m2ts", RY_STORE_MEDIA, "video/mp2t"},
    {"media/" SHARD "/" REST ".bin", RY_STORE_MEDIA, "application/octet-stream"},
    {"playable/" SHARD "/" REST ".mp4", RY_STORE_PLAYABLE, "video/mp4"},
    {"playable/" SHARD "/" REST ".mkv", RY_STORE_NONE, NULL},
    {"media/" SHARD "/" REST ".svg", RY_STORE_NONE, NULL},
    {"media/" SHARD "/" REST "", RY_STORE_NONE, NULL},
    {"media/" SHARD "/" REST ".", RY_STORE_NONE, NULL},
    {"media/" SHARD "/" REST ".mp4.mp4", RY_STORE_NONE, NULL},
    {"media/a/b" REST ".mp4", RY_STORE_NONE, NULL},
    {"media/../" REST ".mp4", RY_STORE_NONE, NULL},
    {"media/" SHARD "/../" REST ".mp4", RY_STORE_NONE, NULL},
    {"/media/" SHARD "/" REST ".mp4", RY_STORE_NONE, NULL},
    {"media//" SHARD "/" REST ".mp4", RY_STORE_NONE, NULL},
    {"media/partial/x", RY_STORE_NONE, NULL},
    {"thumbnails/guild_" GUILD "/" CLIP "_small.webp/", RY_STORE_NONE, NULL},
    {"thumbnails/guild_" GUILD "/" CLIP "_sheet.webp", RY_STORE_NONE, NULL},
    {"sheets/guild_" GUILD "/" CLIP "_small.webp", RY_STORE_NONE, NULL},
    {"thumbnails", RY_STORE_NONE, NULL},
    {"thumbnails/", RY_STORE_NONE, NULL},
    {"", RY_STORE_NONE, NULL},
    {NULL, RY_STORE_NONE, NULL},
};

static void store_name_is_recognised_with_its_kind_and_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ry_store_name name = "as it was";
        enum ry_store_kind kind = ry_store_name_check(ry_str_of(names[i].text), name);
        if (kind != names[i].kind)
            fail_msg("%s is of kind %d", names[i].text, (int)kind);
        assert_string_equal(name, kind == RY_STORE_NONE ? "as it was" : names[i].text);
        assert_int_equal(ry_store_name_check(ry_str_of(names[i].text), NULL), kind);
        if (kind != RY_STORE_NONE)
            assert_string_equal(ry_store_name_mime(ry_str_of(names[i].text)), names[i].mime);
    }
    assert_int_equal(ry_store_name_check(RY_STR("media/" SHARD "/" REST ".mp4\0"), NULL), RY_STORE_NONE);
}

static void store_name_tells_whose_it_is(void **state)
{
    (void)state;
    const struct ry_str small = RY_STR("thumbnails/guild_" GUILD "/" CLIP "_small.webp");
    const struct ry_str sheet = RY_STR("sheets/guild_" GUILD "/" CLIP ".webp");
    const struct ry_str other = RY_STR("e1523646fd8f70dd6e199d427ae00606");
    assert_true(ry_store_name_is_thumbnail_of(small, RY_STR(CLIP), RY_STR("small")));
    assert_false(ry_store_name_is_thumbnail_of(small, RY_STR(CLIP), RY_STR("large")));
    assert_false(ry_store_name_is_thumbnail_of(small, other, RY_STR("small")));
    assert_false(ry_store_name_is_thumbnail_of(sheet, RY_STR(CLIP), RY_STR("small")));
    assert_false(ry_store_name_is_thumbnail_of((struct ry_str){0}, RY_STR(CLIP), RY_STR("small")));
    assert_true(ry_store_name_is_sheet_of(sheet, RY_STR(CLIP)));
    assert_false(ry_store_name_is_sheet_of(sheet, other));
    assert_false(ry_store_name_is_sheet_of(small, RY_STR(CLIP)));
    assert_false(ry_store_name_is_sheet_of((struct ry_str){0}, RY_STR(CLIP)));
    char sha256[RY_STORE_SHA256_BYTES];
    assert_true(ry_store_name_sha256(RY_STR("media/" SHARD "/" REST ".avi"), sha256));
    assert_string_equal(sha256, SHA256);
    assert_true(ry_store_name_sha256(RY_STR("playable/" SHARD "/" REST ".mp4"), sha256));
    assert_string_equal(sha256, SHA256);
    assert_false(ry_store_name_sha256(small, sha256));
    assert_false(ry_store_name_sha256(RY_STR("media/partial/x"), sha256));
}

static void store_extension_comes_from_the_type_and_then_the_file_name(void **state)
{
    (void)state;
    static const struct {
        const char *mime;
        const char *file;
        const char *extension;
    } cases[] = {
        {"video/mp4", "x.mov", "mp4"},
        {"Video/QuickTime; codecs=\"avc1\"", NULL, "mov"},
        {"video/x-matroska", NULL, "mkv"},
        {"video/webm ; a=b", NULL, "webm"},
        {"application/octet-stream", "clip.WebM", "webm"},
        {NULL, "a.b.M2TS", "m2ts"},
        {"text/html", "page.html", "bin"},
        {NULL, "none", "bin"},
        {NULL, "none.", "bin"},
        {"", "", "bin"},
        {NULL, NULL, "bin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *extension = ry_store_extension(ry_str_of(cases[i].mime), ry_str_of(cases[i].file));
        assert_string_equal(extension, cases[i].extension);
        ry_store_name name;
        assert_int_equal(ry_store_name_media(RY_STR(SHA256), ry_str_of(extension), name, NULL), RY_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_name_is_made_of_its_parts),
        cmocka_unit_test(store_name_is_not_made_of_other_parts),
        cmocka_unit_test(store_name_is_recognised_with_its_kind_and_type),
        cmocka_unit_test(store_name_tells_whose_it_is),
        cmocka_unit_test(store_extension_comes_from_the_type_and_then_the_file_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

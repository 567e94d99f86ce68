/* clip_id_test.c: clip ids are the ones that databases hold already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/clip_id.h"

#include <stdlib.h>

static const struct {
    const char *message_id;
    const char *channel_id;
    const char *filename;
    const char *created;
    const char *clip_id;
} VECTORS[] = {
    {"1297213456789012480", "1424914917202464798", "clip.mp4", "2024-10-19T15:03:09.159000+00:00",
     "d1523646fd8f70dd6e199d427ae00606"},
    {"175928847299117063", "41771983423143937", "\u00dcn\u00efcode name (1).MOV", "2016-04-30T11:18:25.796000+00:00",
     "2356ea3639f0730dce095dbe93608a18"},
    {"4194304005", "2", "a.webm", "2015-01-01T00:00:01+00:00", "5d94a4cfa35f4efe78fdd246657b3e8e"},
};

static void clip_id_is_the_one_that_databases_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof VECTORS / sizeof VECTORS[0]; i++) {
        char created[CLIP_ID_CREATED_BYTES];
        clip_id_created_text(strtoull(VECTORS[i].message_id, NULL, 10), created);
        assert_string_equal(created, VECTORS[i].created);
        char hex[RY_MD5_HEX_BYTES];
        assert_true(clip_id_make(ry_str_of(VECTORS[i].message_id), ry_str_of(VECTORS[i].channel_id),
                                 ry_str_of(VECTORS[i].filename), (struct ry_str){0}, hex));
        assert_string_equal(hex, VECTORS[i].clip_id);
    }
}

static void clip_id_of_a_second_file_of_that_name_adds_its_attachment(void **state)
{
    (void)state;
    char expected[RY_MD5_HEX_BYTES];
    ry_md5_hex(RY_STR("4194304005:2:a.webm:2015-01-01T00:00:01+00:00:77"), expected);
    char hex[RY_MD5_HEX_BYTES];
    assert_true(clip_id_make(RY_STR("4194304005"), RY_STR("2"), RY_STR("a.webm"), RY_STR("77"), hex));
    assert_string_equal(hex, expected);
}

static void clip_id_refuses_what_it_cannot_hash(void **state)
{
    (void)state;
    char hex[RY_MD5_HEX_BYTES];
    assert_false(clip_id_make(RY_STR("x"), RY_STR("2"), RY_STR("a.webm"), (struct ry_str){0}, hex));
    size_t n = (size_t)80 * 1024;
    char *name = malloc(n);
    assert_non_null(name);
    memset(name, 'n', n);
    assert_false(clip_id_make(RY_STR("1"), RY_STR("2"), (struct ry_str){name, n}, (struct ry_str){0}, hex));
    free(name);
}

static void the_largest_snowflake_has_a_time(void **state)
{
    (void)state;
    char created[CLIP_ID_CREATED_BYTES];
    clip_id_created_text(INT64_MAX, created);
    assert_string_equal(created, "2084-09-06T15:47:35.551000+00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clip_id_is_the_one_that_databases_hold),
        cmocka_unit_test(clip_id_of_a_second_file_of_that_name_adds_its_attachment),
        cmocka_unit_test(clip_id_refuses_what_it_cannot_hash),
        cmocka_unit_test(the_largest_snowflake_has_a_time),
    };
    return cmocka_run_group_tests_name("clip_id", tests, NULL, NULL);
}

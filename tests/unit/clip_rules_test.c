/* clip_rules_test.c: which attachments are clips, and what is written about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/clip_rules.h"
#include "runtime/json/read.h"

#include <stdlib.h>

/* The settings of the rules that were made last. */
static struct ry_json_doc *resolved;

/* Takes all settings of an object; the first error. */
static int take_all(struct clip_rules *rules, const struct ry_json *object, struct ry_error *err)
{
    struct ry_str name;
    const struct ry_json *value = NULL;
    int rc = RY_OK;
    for (struct ry_json_walk walk = ry_json_walk(object); rc == RY_OK && ry_json_next_member(&walk, &name, &value);)
        rc = clip_rules_take(rules, name, value, err);
    return rc;
}

static struct clip_rules *rules_of(const char *json)
{
    struct clip_rules *rules = NULL;
    struct ry_error err = {0};
    ry_json_free(&resolved);
    if (ry_json_parse(ry_str_of(json), &resolved, &err) != RY_OK || clip_rules_new(&rules, &err) != RY_OK ||
        take_all(rules, ry_json_root(resolved), &err) != RY_OK)
        fail_msg("%s: %s", json, err.text);
    return rules;
}

static int free_settings(void **state)
{
    (void)state;
    ry_json_free(&resolved);
    return 0;
}

static void a_video_is_known_by_its_type_or_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *filename;
        const char *content_type; /* NULL: absent */
        bool video;
    } CASES[] = {
        {"a.mp4", NULL, true},
        {"A.MP4", NULL, true},
        {"a.MoV", "application/octet-stream", true},
        {"a.mp4.txt", NULL, false},
        {"mp4", NULL, false},
        {".mp4", NULL, true},
        {"", NULL, false},
        {"a.bin", "video/mp4", true},
        {"a.bin", "VIDEO/MP4", false},
        {"a.bin", "video/mp4; codecs=avc1", false},
        {"a.bin", "", false},
        {"\u00dcn\u00efcode \u65e5\u672c.mOv", NULL, true},
    };
    struct clip_rules *rules =
        rules_of("{\"mime_allowlist\":[\"video/mp4\"],\"video_extensions\":[\".mp4\",\".mov\"]}");
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        if (clip_rules_is_video(rules, ry_str_of(CASES[i].filename), ry_str_of(CASES[i].content_type)) !=
            CASES[i].video)
            fail_msg("%s, %s", CASES[i].filename, CASES[i].content_type ? CASES[i].content_type : "no type");
    clip_rules_free(&rules);
}

static void without_lists_nothing_is_a_video(void **state)
{
    (void)state;
    struct clip_rules *rules = rules_of("{}");
    assert_false(clip_rules_is_video(rules, RY_STR("a.mp4"), RY_STR("video/mp4")));
    clip_rules_free(&rules);
}

/* Verdicts as `re.search(include, content) and not re.search(exclude, content)` in Python 3.11 gives them. */
static void content_is_searched_as_python_searches(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        const char *content;
        enum clip_verdict verdict;
    } CASES[] = {
        {"{}", "", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"\"}", "", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"clip\"}", "my clips", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"clip\"}", "my CLIPS", CLIP_VERDICT_NO},
        {"{\"text_include_regex\":\"(?i)clip\"}", "my CLIPS", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"(?i)\u00e9t\u00e9\"}", "\u00c9T\u00c9", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"^\\\\w+$\"}", "\u65e5\u672c\u8a9e", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"^.$\"}", "\U0001F600", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"a.b\"}", "a\nb", CLIP_VERDICT_NO},
        {"{\"text_include_regex\":\"a.b\"}", "a\rb", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"a$\"}", "a\n", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"^b\"}", "a\nb", CLIP_VERDICT_NO},
        {"{\"text_include_regex\":\"(?P<x>a)(?P=x)\"}", "aa", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"\\\\u00e9\"}", "n\u00e9", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"\\\\x41\"}", "A", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"(?<!no )clip\"}", "no clip", CLIP_VERDICT_NO},
        {"{\"text_exclude_regex\":\"spoiler\"}", "no spoilers", CLIP_VERDICT_NO},
        {"{\"text_exclude_regex\":\"spoiler\"}", "", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"a\",\"text_exclude_regex\":\"b\"}", "ab", CLIP_VERDICT_NO},
        {"{\"text_include_regex\":\"a\",\"text_exclude_regex\":\"b\"}", "ac", CLIP_VERDICT_YES},
        {"{\"text_include_regex\":\"(a+)+$\"}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", CLIP_VERDICT_LIMIT},
        {"{\"text_exclude_regex\":\"(a+)+$\"}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", CLIP_VERDICT_LIMIT},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct clip_rules *rules = rules_of(CASES[i].rules);
        if (clip_rules_wants(rules, ry_str_of(CASES[i].content)) != CASES[i].verdict)
            fail_msg("%s on %s", CASES[i].rules, CASES[i].content);
        clip_rules_free(&rules);
    }
}

static void a_regex_that_python_or_pcre2_refuses_is_refused(void **state)
{
    (void)state;
    static const char *const CASES[] = {"{\"text_include_regex\":\"(\"}", "{\"text_include_regex\":\"a**\"}",
                                        "{\"text_include_regex\":\"(?<=a+)b\"}", "{\"text_exclude_regex\":\"\\\\C\"}",
                                        "{\"text_include_regex\":\"(*LIMIT_MATCH=1000000000)a\"}"};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        RY_JSON_AUTO *doc = NULL;
        struct clip_rules *rules = NULL;
        struct ry_error err = {0};
        assert_int_equal(ry_json_parse(ry_str_of(CASES[i]), &doc, &err), RY_OK);
        assert_int_equal(clip_rules_new(&rules, &err), RY_OK);
        assert_int_equal(take_all(rules, ry_json_root(doc), &err), RY_EINVAL);
        assert_non_null(strstr(err.text, "is no valid regular expression"));
        assert_int_equal(clip_rules_wants(rules, RY_STR("")), CLIP_VERDICT_YES);
        clip_rules_free(&rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_video_is_known_by_its_type_or_its_name),
        cmocka_unit_test(without_lists_nothing_is_a_video),
        cmocka_unit_test(content_is_searched_as_python_searches),
        cmocka_unit_test(a_regex_that_python_or_pcre2_refuses_is_refused),
    };
    return cmocka_run_group_tests_name("clip_rules", tests, NULL, free_settings);
}

/* clip_rules_test.c: which attachments are clips, and what is written about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/clip_rules.h"
#include "runtime/base/buf.h"
#include "runtime/json/read.h"
#include "tests/bed/between.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Attachments are compared with every element. */
static void a_list_is_refused_when_it_is_too_long_to_be_compared_with(void **state)
{
    (void)state;
    static const char *const LISTS[] = {"mime_allowlist", "video_extensions"};
    for (size_t i = 0; i < 4; i++) {
        size_t elements = 256 + i / 2;
        RY_BUF_AUTO json = ry_buf_make(8192);
        struct clip_rules *rules = NULL;
        struct ry_error err = {0};
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_buf_addf(&json, "{\"%s\":[\"\"", LISTS[i % 2]), RY_OK);
        for (size_t k = 1; k < elements; k++)
            assert_int_equal(ry_buf_add_str(&json, RY_STR(",\".x\"")), RY_OK);
        assert_int_equal(ry_buf_add_str(&json, RY_STR("]}")), RY_OK);
        assert_int_equal(ry_json_parse(ry_buf_str(&json), &doc, &err), RY_OK);
        assert_int_equal(clip_rules_new(&rules, &err), RY_OK);
        assert_int_equal(take_all(rules, ry_json_root(doc), &err), elements > 256 ? RY_EINVAL : RY_OK);
        clip_rules_free(&rules);
    }
}

/* One object may have a member a thousand times, and each would be compiled. */
static void a_regex_that_is_there_too_often_is_not_compiled(void **state)
{
    (void)state;
    struct clip_rules *rules = NULL;
    struct ry_error err = {0};
    RY_BUF_AUTO json = ry_buf_make(8192);
    RY_JSON_AUTO *doc = NULL;
    assert_int_equal(ry_buf_add_str(&json, RY_STR("{\"a\":1")), RY_OK);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ry_buf_addf(&json, ",\"text_%s_regex\":\"%d\"", i % 2 ? "include" : "exclude", i), RY_OK);
    assert_int_equal(ry_buf_add_str(&json, RY_STR("}")), RY_OK);
    assert_int_equal(ry_json_parse(ry_buf_str(&json), &doc, &err), RY_OK);
    assert_int_equal(clip_rules_new(&rules, &err), RY_OK);
    assert_int_equal(take_all(rules, ry_json_root(doc), &err), RY_EINVAL);
    assert_string_equal(err.text, "text_exclude_regex is there too often");
    struct text_searcher *searcher = NULL;
    bool gave_up = false;
    assert_int_equal(text_searcher_new(&searcher, text_clock_thread(), &err), RY_OK);
    assert_true(clip_rules_want(rules, searcher, RY_STR("15"), &gave_up)); /* the last that were compiled */
    assert_false(clip_rules_want(rules, searcher, RY_STR("14 15"), &gave_up));
    text_searcher_free(&searcher);
    clip_rules_free(&rules);
}

static void without_lists_nothing_is_a_video(void **state)
{
    (void)state;
    struct clip_rules *rules = rules_of("{}");
    assert_false(clip_rules_is_video(rules, RY_STR("a.mp4"), RY_STR("video/mp4")));
    clip_rules_free(&rules);
}

/* A clock that a test moves; each look at it takes step_ns. */
struct fake_clock {
    int64_t now_ns, step_ns;
    uint64_t looks;
};

static int64_t fake_now_ns(void *arg)
{
    struct fake_clock *clock = arg;
    clock->looks++;
    return clock->now_ns += clock->step_ns;
}

static struct text_searcher *searcher_with(struct fake_clock *clock)
{
    struct text_searcher *searcher = NULL;
    struct ry_error err = {0};
    assert_int_equal(text_searcher_new(&searcher, &(struct text_clock){fake_now_ns, clock}, &err), RY_OK);
    return searcher;
}

enum { NO, YES, NO_GAVE_UP, YES_GAVE_UP };

static int verdict(struct clip_rules *rules, struct text_searcher *searcher, const char *content)
{
    bool gave_up = false;
    bool wanted = clip_rules_want(rules, searcher, ry_str_of(content), &gave_up);
    return gave_up ? (wanted ? YES_GAVE_UP : NO_GAVE_UP) : wanted ? YES : NO;
}

/* Verdicts as `re.search(include, content) and not re.search(exclude, content)` in Python 3.11 gives them. */
static void content_is_searched_as_python_searches(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        const char *content;
        int verdict;
    } CASES[] = {
        {"{}", "", YES},
        {"{\"text_include_regex\":\"\"}", "", YES},
        {"{\"text_include_regex\":\"clip\"}", "my clips", YES},
        {"{\"text_include_regex\":\"clip\"}", "my CLIPS", NO},
        {"{\"text_include_regex\":\"(?i)clip\"}", "my CLIPS", YES},
        {"{\"text_include_regex\":\"(?i)\u00e9t\u00e9\"}", "\u00c9T\u00c9", YES},
        {"{\"text_include_regex\":\"^\\\\w+$\"}", "\u65e5\u672c\u8a9e", YES},
        {"{\"text_include_regex\":\"^.$\"}", "\U0001F600", YES},
        {"{\"text_include_regex\":\"a.b\"}", "a\nb", NO},
        {"{\"text_include_regex\":\"a.b\"}", "a\rb", YES},
        {"{\"text_include_regex\":\"a$\"}", "a\n", YES},
        {"{\"text_include_regex\":\"^b\"}", "a\nb", NO},
        {"{\"text_include_regex\":\"(?P<x>a)(?P=x)\"}", "aa", YES},
        {"{\"text_include_regex\":\"\\\\u00e9\"}", "n\u00e9", YES},
        {"{\"text_include_regex\":\"\\\\x41\"}", "A", YES},
        {"{\"text_include_regex\":\"(?<!no )clip\"}", "no clip", NO},
        {"{\"text_exclude_regex\":\"spoiler\"}", "no spoilers", NO},
        {"{\"text_exclude_regex\":\"spoiler\"}", "", YES},
        {"{\"text_include_regex\":\"a\",\"text_exclude_regex\":\"b\"}", "ab", NO},
        {"{\"text_include_regex\":\"a\",\"text_exclude_regex\":\"b\"}", "ac", YES},
    };
    struct fake_clock clock = {.step_ns = INT64_C(1000000000)}; /* which none of these comes to look at */
    struct text_searcher *searcher = searcher_with(&clock);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct clip_rules *rules = rules_of(CASES[i].rules);
        if (verdict(rules, searcher, CASES[i].content) != CASES[i].verdict)
            fail_msg("%s on %s", CASES[i].rules, CASES[i].content);
        clip_rules_free(&rules);
    }
    assert_int_equal(clock.looks, 0);
    text_searcher_free(&searcher);
}

/* n times the unit, then the end; static. */
static const char *repeated(const char *unit, size_t n, const char *end)
{
    static char text[70000];
    size_t used = 0, length = strlen(unit);
    for (size_t i = 0; i < n; i++, used += length)
        memcpy(text + used, unit, length);
    memcpy(text + used, end, strlen(end) + 1);
    return text;
}

/* Patterns whose every place to start is cheap enough for PCRE2's own limit, and patterns that have one costly place.
 */
static const struct {
    const char *pattern, *unit, *end;
} SLOW[] = {
    {"a{0,45}a{0,45}a{0,45}[ab]c", "a", "xc"},
    {"(a+)+$", "a", "b"},
    {"(a|a)*$", "a", "b"},
    {"(a|aa)+$", "a", "b"},
    {"a*a*a*a*[bd]", "a", "c"},
    {"(.*)(.*)(.*)(.*)[xz]", "ab", "y"},
    {"(?:a?){40}a{40}[bd]", "a", "c"},
    {"(x+x+)+[yw]", "x", "z"},
    {"(?=(a+)+[bc])a", "a", "d"},
    {"([a-z]+)*\\\\d", "az", "!"},
    {"(\\\\w+\\\\s?)*[:;]", "ab ", "!"},
    {"(?:(a)|b|a)*\\\\1[cx]", "ab", "d"},
    {"(?i)(?:[\\\\s\\\\W]|-)+$", "- ", "a"},
    {"(?:[\\\\s\\\\W][\\\\s\\\\W]?)+[ac]$", " -", "b"},
};

static struct clip_rules *rules_with(const char *setting, const char *pattern)
{
    char json[256];
    (void)snprintf(json, sizeof json, "{\"%s\":\"%s\"}", setting, pattern);
    return rules_of(json);
}

/* 10 us pass from look to look. */
static void a_slow_regex_has_five_milliseconds_and_counts_as_not_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SLOW / sizeof SLOW[0]; i++) {
        struct fake_clock clock = {.step_ns = 10000};
        struct text_searcher *searcher = searcher_with(&clock);
        const char *content = repeated(SLOW[i].unit, 4000 / strlen(SLOW[i].unit), SLOW[i].end);
        struct clip_rules *include = rules_with("text_include_regex", SLOW[i].pattern);
        if (verdict(include, searcher, content) != NO_GAVE_UP)
            fail_msg("%s includes", SLOW[i].pattern);
        assert_between(clock.now_ns, 0, 5 * 1000 * 1000 + 30 * 1000);
        clip_rules_free(&include);
        struct clip_rules *exclude = rules_with("text_exclude_regex", SLOW[i].pattern);
        if (verdict(exclude, searcher, content) != YES_GAVE_UP)
            fail_msg("%s excludes", SLOW[i].pattern);
        clip_rules_free(&exclude);
        text_searcher_free(&searcher);
    }
}

static void a_regex_is_stopped_by_its_steps_if_the_clock_stands_still(void **state)
{
    (void)state;
    struct fake_clock clock = {.step_ns = 0};
    struct text_searcher *searcher = searcher_with(&clock);
    for (size_t i = 0; i < sizeof SLOW / sizeof SLOW[0]; i++) {
        struct clip_rules *rules = rules_with("text_include_regex", SLOW[i].pattern);
        const char *content = repeated(SLOW[i].unit, 4000 / strlen(SLOW[i].unit), SLOW[i].end);
        if (verdict(rules, searcher, content) != NO_GAVE_UP)
            fail_msg("%s", SLOW[i].pattern);
        clip_rules_free(&rules);
    }
    text_searcher_free(&searcher);
}

/* The two filters of a channel: what one takes, the other lacks. */
static void both_filters_have_the_time_of_one(void **state)
{
    (void)state;
    struct fake_clock clock = {.step_ns = 10000};
    struct text_searcher *searcher = searcher_with(&clock);
    struct clip_rules *rules = rules_of("{\"text_include_regex\":\"(?:(?:a+)+b|c)\","
                                        "\"text_exclude_regex\":\"(a+)+b\"}");
    (void)verdict(rules, searcher, repeated("a", 4000, "c"));
    assert_between(clock.now_ns, 0, 5 * 1000 * 1000 + 60 * 1000);
    clip_rules_free(&rules);
    text_searcher_free(&searcher);
}

/* 100,000 messages, each of which would take all its time: 20 s, and not 500. */
static void a_channel_of_slow_messages_has_a_fifth_of_a_millisecond_for_each(void **state)
{
    (void)state;
    const int64_t saved_ns = 100000000, each_ns = 200000;
    const int messages = 3000; /* as many as tell */
    struct fake_clock clock = {.step_ns = 10000};
    struct text_searcher *searcher = searcher_with(&clock);
    struct clip_rules *rules = rules_with("text_include_regex", "(a+)+$");
    const char *content = repeated("a", 4000, "b");
    for (int i = 0; i < messages; i++)
        assert_int_equal(verdict(rules, searcher, content), NO_GAVE_UP);
    /* each message looks at the clock at most twice too often */
    assert_between(clock.now_ns, 0, saved_ns + messages * (each_ns + 3 * clock.step_ns));
    /* a filter that is quick again is searched for as ever, and saves up */
    assert_int_equal(verdict(rules, searcher, "aaa"), YES);
    clip_rules_free(&rules);
    text_searcher_free(&searcher);
}

/* Found, and not found, in a text of any length without being cut off: with a clock of the size of real steps. */
static void an_ordinary_regex_is_not_cut_off_in_a_long_text(void **state)
{
    (void)state;
    static const char *const PATTERNS[] = {"(?i)\\\\b(clip|highlight|moment)s?\\\\b",
                                           ".*(win|ace|clutch).*",
                                           "https?://\\\\S+",
                                           "^(?!.*private).*$",
                                           "(?i)[a-z]+@[a-z]+",
                                           "\\\\d{2}:\\\\d{2}"};
    struct fake_clock clock = {.step_ns = 10000};
    struct text_searcher *searcher = searcher_with(&clock);
    const char *content = repeated("lorem ipsum dolor sit amet, ", 140, "CLIP win http://x a@b 12:34");
    for (size_t i = 0; i < sizeof PATTERNS / sizeof PATTERNS[0]; i++) {
        struct clip_rules *rules = rules_with("text_include_regex", PATTERNS[i]);
        if (verdict(rules, searcher, content) != YES)
            fail_msg("%s", PATTERNS[i]);
        clip_rules_free(&rules);
    }
    text_searcher_free(&searcher);
}

/* Each takes PCRE2 seconds to compile, or more memory than it has for a pattern. */
static void a_regex_that_is_slow_to_compile_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *unit;
        size_t n;
    } CASES[] = {{"[^\\S]", 1500}, {"[a-\\U0010ffff]", 800}, {"[^\\S\\S\\S]", 100}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct text_filter *filter = NULL;
        struct ry_error err = {0};
        char pattern[16400] = "(?i)";
        (void)snprintf(pattern + 4, sizeof pattern - 4, "%s", repeated(CASES[i].unit, CASES[i].n, ""));
        assert_int_equal(text_filter_compile("x", ry_str_of(pattern), &filter, &err), RY_EINVAL);
        assert_non_null(strstr(err.text, "character ranges without case"));
        assert_null(filter);
    }
    struct text_filter *filter = NULL;
    struct ry_error err = {0};
    assert_int_equal(text_filter_compile("x", RY_STR("(?i)[^\\S\n]\\S+[a-\\uffff]"), &filter, &err), RY_OK);
    text_filter_free(&filter);
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
        assert_non_null(strstr(err.text, "is not a valid regular expression"));
        bool gave_up = true;
        assert_true(clip_rules_want(rules, NULL, RY_STR(""), &gave_up));
        assert_false(gave_up);
        clip_rules_free(&rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_video_is_known_by_its_type_or_its_name),
        cmocka_unit_test(a_list_is_refused_when_it_is_too_long_to_be_compared_with),
        cmocka_unit_test(a_regex_that_is_there_too_often_is_not_compiled),
        cmocka_unit_test(without_lists_nothing_is_a_video),
        cmocka_unit_test(content_is_searched_as_python_searches),
        cmocka_unit_test(a_slow_regex_has_five_milliseconds_and_counts_as_not_found),
        cmocka_unit_test(a_regex_is_stopped_by_its_steps_if_the_clock_stands_still),
        cmocka_unit_test(both_filters_have_the_time_of_one),
        cmocka_unit_test(a_channel_of_slow_messages_has_a_fifth_of_a_millisecond_for_each),
        cmocka_unit_test(an_ordinary_regex_is_not_cut_off_in_a_long_text),
        cmocka_unit_test(a_regex_that_is_slow_to_compile_is_refused),
        cmocka_unit_test(a_regex_that_python_or_pcre2_refuses_is_refused),
    };
    return cmocka_run_group_tests_name("clip_rules", tests, NULL, free_settings);
}

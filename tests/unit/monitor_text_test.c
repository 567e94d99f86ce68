/* monitor_text_test.c: the monitor's pure parts: escaping, figures for people, cookies, cursors and paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/monitor/access.h"
#include "actors/monitor/html.h"
#include "actors/monitor/query.h"

#define CLIP_ID "d1523646fd8f70dd6e199d427ae00606"

static void text_is_escaped_for_tags_and_attributes(void **state)
{
    (void)state;
    RY_BUF_AUTO out = ry_buf_make(1000);
    html_text(&out, RY_STR("<a href=\"x\">'R&D' é</a>"));
    assert_string_equal(ry_buf_cstr(&out), "&lt;a href=&quot;x&quot;&gt;&#39;R&amp;D&#39; é&lt;/a&gt;");
    ry_buf_reset(&out);
    html_text(&out, (struct ry_str){NULL, 0});
    assert_int_equal(out.n, 0);
    html_component(&out, RY_STR("a b&c=d/é?#%~._-\0"));
    assert_string_equal(ry_buf_cstr(&out), "a%20b%26c%3Dd%2F%C3%A9%3F%23%25~._-%00");
}

static void figures_are_readable(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        {0, "0 B"},         {999, "999 B"},     {1000, "1.0 kB"},    {9949, "9.9 kB"},       {9951, "10 kB"},
        {999499, "999 kB"}, {999500, "1.0 MB"}, {34123456, "34 MB"}, {5600000000, "5.6 GB"}, {UINT64_MAX, "18 EB"}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        RY_BUF_AUTO out = ry_buf_make(100);
        html_size(&out, sizes[i].bytes);
        assert_string_equal(ry_buf_cstr(&out), sizes[i].text);
    }
    static const struct {
        double seconds;
        const char *text;
    } durations[] = {{0.4, "0:00"},  {7.3, "0:07"},       {59.6, "1:00"},
                     {83.4, "1:23"}, {3599.5, "1:00:00"}, {3723, "1:02:03"}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        RY_BUF_AUTO out = ry_buf_make(100);
        html_duration(&out, durations[i].seconds);
        assert_string_equal(ry_buf_cstr(&out), durations[i].text);
    }
    static const struct {
        uint64_t count;
        const char *text;
    } counts[] = {
        {0, "0"}, {999, "999"}, {1000, "1,000"}, {1002003, "1,002,003"}, {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        RY_BUF_AUTO out = ry_buf_make(100);
        html_count(&out, counts[i].count);
        assert_string_equal(ry_buf_cstr(&out), counts[i].text);
    }
}

static void only_the_whole_token_is_the_token(void **state)
{
    (void)state;
    static const char *const others[] = {"", "s", "s3cre", "s3crets", "s3cres3cre", "S3cret"};
    assert_true(access_same(RY_STR("s3cret"), RY_STR("s3cret")));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(access_same(ry_str_of(others[i]), RY_STR("s3cret")));
        assert_false(access_same(RY_STR("s3cret"), ry_str_of(others[i])));
    }
    assert_false(access_same((struct ry_str){NULL, 0}, RY_STR("s3cret")));
    assert_false(access_same(RY_STR(""), RY_STR("")));
    assert_true(ry_str_is(access_bearer("bearer s3cret"), "s3cret"));
    assert_null(access_bearer("Bearers3cret").p);
    assert_null(access_bearer(NULL).p);
}

static void a_cookie_is_taken_as_it_was_set(void **state)
{
    (void)state;
    RY_BUF_AUTO set = ry_buf_make(1000);
    access_set_cookie(RY_STR("a;\n\xff"), &set);
    assert_string_equal(ry_buf_cstr(&set), "reelyard_token=613b0aff; HttpOnly; SameSite=Lax; Path=/");
    assert_true(access_cookie(RY_STR("a;\n\xff"), "613b0aff"));
    assert_false(access_cookie(RY_STR("a;\n\xff"), "613b0a"));
    assert_false(access_cookie(RY_STR("a;\n\xff"), "613b0aff00"));
    assert_false(access_cookie(RY_STR("a;\n\xff"), "a;\n\xff"));
    assert_false(access_cookie(RY_STR("a;\n\xff"), ""));
}

static void a_cursor_leads_back_to_its_clip(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 1729350189159, -1, -62135596800000, INT64_MAX - 1, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct ry_gallery_clip clip = {.clip_id = RY_STR(CLIP_ID), .posted_wall_ms = times[i]};
        struct ry_gallery_get get;
        RY_BUF_AUTO cursor = ry_buf_make(128);
        query_cursor(&(struct ry_gallery_page){.clips = {&clip, 1}}, &cursor);
        struct links args = {.values = {[LINK_BEFORE] = ry_buf_str(&cursor)}};
        assert_int_equal(query_read(&args, (struct ry_str){NULL, 0}, &get, NULL), RY_OK);
        assert_true(get.before_wall_ms == times[i]);
        assert_true(ry_str_is(get.before_id, CLIP_ID));
    }
}

static void a_cursor_is_behind_the_last_clip_that_has_a_place(void **state)
{
    (void)state;
    static const struct {
        const char *id, *status;
        int64_t posted_wall_ms;
    } ROWS[] = {{CLIP_ID, "completed", 500},
                {CLIP_ID, "damaged", 400},
                {"Not-hex", "completed", 300},
                {CLIP_ID, "completed", INT64_MAX},
                {CLIP_ID, "completed", INT64_MIN}};
    static const struct {
        size_t first, n;
        const char *cursor;
    } CASES[] = {{0, 1, "500." CLIP_ID}, {0, 5, "500." CLIP_ID}, {1, 1, "400.0"}, {1, 4, "300.0"}, {3, 2, ""}};
    struct ry_gallery_clip clips[5];
    for (size_t i = 0; i < 5; i++)
        clips[i] = (struct ry_gallery_clip){.clip_id = ry_str_of(ROWS[i].id),
                                            .status = ry_str_of(ROWS[i].status),
                                            .posted_wall_ms = ROWS[i].posted_wall_ms};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        RY_BUF_AUTO cursor = ry_buf_make(128);
        struct ry_gallery_page page = {.clips = {clips + CASES[i].first, CASES[i].n}};
        query_cursor(&page, &cursor);
        assert_string_equal(ry_buf_cstr(&cursor), CASES[i].cursor);
    }
}

static void an_argument_left_empty_is_as_if_left_out(void **state)
{
    (void)state;
    struct links args;
    struct ry_gallery_get get;
    for (unsigned i = 0; i < LINK_COUNT; i++)
        args.values[i] = RY_STR("");
    assert_int_equal(query_read(&args, RY_STR(""), &get, NULL), RY_OK);
    assert_int_equal(get.limit, QUERY_LIMIT_DEFAULT);
    assert_true(get.before_wall_ms == INT64_MAX);
    assert_true(!get.before_id.p && !get.guild_id.p && !get.channel_id.p && !get.status.p && !get.query.p &&
                !get.author_id.p && !get.orientation.p && !get.cursor.p);
    assert_true(get.kept == 0 && get.duration_max_ms == 0 && get.bytes_max == 0 && get.to_wall_ms == 0);
    assert_int_equal(get.sort, RY_GALLERY_NEWEST);
}

static int read_one(enum link_arg arg, const char *value, struct ry_gallery_get *get)
{
    struct links links = {.values = {[LINK_STATUS] = {NULL, 0}}};
    links.values[arg] = ry_str_of(value);
    return query_read(&links, (struct ry_str){NULL, 0}, get, NULL);
}

static void arguments_are_read_in_the_units_that_people_write(void **state)
{
    (void)state;
    struct ry_gallery_get get;
    static const struct {
        enum link_arg arg;
        const char *value;
        uint64_t number; /* UINT64_MAX: refused */
    } cases[] = {{LINK_LONGER, "90", 90000},
                 {LINK_LONGER, "2m", 120000},
                 {LINK_SHORTER, "1h", 3600000},
                 {LINK_SHORTER, "h", UINT64_MAX},
                 {LINK_SHORTER, "-1", UINT64_MAX},
                 {LINK_LONGER, "9999999999999999999h", UINT64_MAX},
                 {LINK_LARGER, "10M", 10000000},
                 {LINK_LARGER, "5", 5},
                 {LINK_SMALLER, "1G", 1000000000},
                 {LINK_SMALLER, "1X", UINT64_MAX},
                 {LINK_FROM, "2024-10-19", 1729296000000},
                 {LINK_TO, "2024-10-19T12:00:00Z", 1729339200000},
                 {LINK_FROM, "2024-13-19", UINT64_MAX},
                 {LINK_TO, "yesterday!", UINT64_MAX},
                 {LINK_KEPT, "yes", 1},
                 {LINK_KEPT, "no", 2},
                 {LINK_KEPT, "1", UINT64_MAX},
                 {LINK_SORT, "largest", RY_GALLERY_LARGEST},
                 {LINK_SORT, "best", UINT64_MAX},
                 {LINK_ORIENTATION, "round", UINT64_MAX},
                 {LINK_AUTHOR, "ann", UINT64_MAX},
                 {LINK_QUERY, "\xff", UINT64_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = read_one(cases[i].arg, cases[i].value, &get);
        const uint64_t numbers[LINK_COUNT] = {[LINK_LONGER] = get.duration_min_ms,
                                              [LINK_SHORTER] = get.duration_max_ms,
                                              [LINK_LARGER] = get.bytes_min,
                                              [LINK_SMALLER] = get.bytes_max,
                                              [LINK_FROM] = (uint64_t)get.from_wall_ms,
                                              [LINK_TO] = (uint64_t)get.to_wall_ms,
                                              [LINK_KEPT] = get.kept,
                                              [LINK_SORT] = get.sort};
        if (rc != (cases[i].number == UINT64_MAX ? RY_EINVAL : RY_OK) ||
            (rc == RY_OK && numbers[cases[i].arg] != cases[i].number))
            fail_msg("%s=%s", link_name(cases[i].arg), cases[i].value);
    }
    assert_int_equal(read_one(LINK_QUERY, "goal", &get), RY_OK);
    assert_int_equal(get.sort, RY_GALLERY_RELEVANCE);
}

static void links_keep_a_search_and_change_one_of_its_arguments(void **state)
{
    (void)state;
    struct links links = {
        .values = {[LINK_QUERY] = RY_STR("a&b é"), [LINK_CURSOR] = RY_STR("x"), [LINK_BACKWARDS] = RY_STR("1")}};
    RY_BUF_AUTO out = ry_buf_make(1000);
    struct links other = link_with(&links, LINK_GUILD, RY_STR("7"));
    link_add("/", &other, &out);
    assert_string_equal(ry_buf_cstr(&out), "/?q=a%26b%20%C3%A9&guild=7");
    ry_buf_reset(&out);
    other = link_at(&links, RY_STR("n"), false);
    link_add("/", &other, &out);
    assert_string_equal(ry_buf_cstr(&out), "/?q=a%26b%20%C3%A9&cursor=n");
    ry_buf_reset(&out);
    link_hidden(&links, 0, &out);
    assert_string_equal(ry_buf_cstr(&out), "<input type=\"hidden\" name=\"q\" value=\"a&amp;b é\">");
    assert_true(link_narrows(&links) && link_has_place(&links));
    assert_false(link_narrows(&(struct links){.values = {[LINK_SORT] = RY_STR("oldest")}}));
}

static void counts_and_paths_are_in_right_words(void **state)
{
    (void)state;
    RY_BUF_AUTO out = ry_buf_make(1000);
    html_plural(&out, 1, "clip", "clips");
    html_plural(&out, 0, "clip", "clips");
    html_plural(&out, 1234, "clip", "clips");
    assert_string_equal(ry_buf_cstr(&out), "1 clip0 clips1,234 clips");
    static const struct {
        const char *url;
        const char *path;
    } cases[] = {{"file:///a/b%20c%C3%A9.mp4", "/a/b cé.mp4"}, {"file:///a%ff", "/a%ff"}, {"file:///100%", "/100%"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ry_buf_reset(&out);
        assert_true(html_file_path(&out, ry_str_of(cases[i].url)));
        assert_string_equal(ry_buf_cstr(&out), cases[i].path);
    }
    assert_false(html_file_path(&out, RY_STR("https://a/b")));
}

static void only_storages_own_names_are_thumbnails(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool is;
    } cases[] = {{"thumbnails/guild_1/" CLIP_ID "_small.webp", true},
                 {"thumbnails/guild_1234567890123456789/" CLIP_ID "_large.webp", true},
                 {"thumbnails/guild_123456789012345678901/" CLIP_ID "_large.webp", false},
                 {"/thumbnails/guild_1/" CLIP_ID "_small.webp", false},
                 {"thumbnails/guild_1/" CLIP_ID "_small.webp ", false},
                 {"thumbnails/guild_1/" CLIP_ID "0_small.webp", false},
                 {"thumbnails/guild_1/..", false},
                 {"thumbnails/guild_1//" CLIP_ID "_small.webp", false},
                 {"thumbnails/guild_x/" CLIP_ID "_small.webp", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (query_is_thumbnail(ry_str_of(cases[i].path)) != cases[i].is)
            fail_msg("%s", cases[i].path);
    assert_false(query_is_thumbnail((struct ry_str){NULL, 0}));
}

static void only_web_urls_are_linked(void **state)
{
    (void)state;
    assert_true(query_is_web_url(RY_STR("https://cdn.example/a")));
    assert_true(query_is_web_url(RY_STR("http://127.0.0.1/a")));
    assert_false(query_is_web_url(RY_STR("javascript:alert(1)//https://")));
    assert_false(query_is_web_url(RY_STR(" https://cdn.example/a")));
    assert_false(query_is_web_url(RY_STR("file:///etc/passwd")));
    assert_false(query_is_web_url(RY_STR("data:text/html,x")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_for_tags_and_attributes),
        cmocka_unit_test(figures_are_readable),
        cmocka_unit_test(only_the_whole_token_is_the_token),
        cmocka_unit_test(a_cookie_is_taken_as_it_was_set),
        cmocka_unit_test(a_cursor_leads_back_to_its_clip),
        cmocka_unit_test(a_cursor_is_behind_the_last_clip_that_has_a_place),
        cmocka_unit_test(an_argument_left_empty_is_as_if_left_out),
        cmocka_unit_test(arguments_are_read_in_the_units_that_people_write),
        cmocka_unit_test(links_keep_a_search_and_change_one_of_its_arguments),
        cmocka_unit_test(counts_and_paths_are_in_right_words),
        cmocka_unit_test(only_storages_own_names_are_thumbnails),
        cmocka_unit_test(only_web_urls_are_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

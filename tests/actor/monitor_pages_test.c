/* monitor_pages_test.c: a clip's page, the failures, what is changed through them and by whom, and the embedded files. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <string.h>

#include "actors/monitor/web.h"

#define CLIP_PATH "/clip/" SITE_CLIP_ID
#define RETRY     "/api/clips/" SITE_CLIP_ID "/retry"

static const struct ry_archive_state failing = {
    .engine = RY_STR("sqlite"), .clips_completed = 5, .clips_failed = 8, .clips_permanent = 1};

/* Answers a page that asks for the archive's figures and one thing more. */
#define ANSWER_PAGE(site, ask, answer, body) \
    do { \
        site_until_asked(site); \
        (void)BED_EXPECT((site)->bed, archive_get); \
        uint64_t archive_id_ = bed_envelope((site)->bed)->id; \
        (void)BED_EXPECT((site)->bed, ask); \
        uint64_t asked_id_ = bed_envelope((site)->bed)->id; \
        BED_ANSWER((site)->bed, archive_id_, archive_state, &failing); \
        BED_ANSWER((site)->bed, asked_id_, answer, body); \
    } while (0)

/* Answers a clip's page, which also asks for the list that the clip stands in. */
static void answer_clip(struct site *site, struct ry_gallery_clip *clip, const struct ry_gallery_page *around)
{
    site_until_asked(site);
    (void)BED_EXPECT(site->bed, archive_get);
    uint64_t archive_id = bed_envelope(site->bed)->id;
    assert_true(BED_EXPECT(site->bed, gallery_get)->clip_id.n > 0);
    uint64_t clip_id = bed_envelope(site->bed)->id;
    assert_true(BED_EXPECT(site->bed, gallery_get)->clip_id.n == 0);
    BED_ANSWER(site->bed, bed_envelope(site->bed)->id, gallery_page, around);
    BED_ANSWER(site->bed, archive_id, archive_state, &failing);
    BED_ANSWER(site->bed, clip_id, gallery_page, &((struct ry_gallery_page){.clips = {clip, clip ? 1 : 0}}));
}

/* ---- a clip ------------------------------------------------------------------------------------------------------ */

static void a_clips_page_plays_it_and_tells_its_facts(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    clip.url = RY_STR("file:///home/ann/my%20clips/one%25.mp4");
    clip.container = RY_STR("mov");
    clip.video_codec = RY_STR("avc1.640028");
    clip.audio_codec = RY_STR("mp4a.40.2");
    clip.fps = 59.94;
    struct visit visit = visit_get(&site, CLIP_PATH "?channel=1424914917202464798");
    answer_clip(&site, &clip, &(struct ry_gallery_page){0});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    static const char *const parts[] = {
        "<title>clip.mp4 · Reelyard</title>",
        "src=\"/watch/" SITE_CLIP_ID "\"",
        "data-container=\"mov\" data-video=\"avc1.640028\" data-audio=\"mp4a.40.2\" data-fps=\"59.94\"",
        "<blockquote class=\"content\">look</blockquote>",
        "https://discord.com/channels/41771983423143937/1424914917202464798/1297213456789012480",
        "<dd>/home/ann/my clips/one%.mp4</dd>",
        "<a href=\"/?channel=1424914917202464798\">All clips of this search</a>",
        "download=\"clip.mp4\"",
        "action=\"" RETRY "\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        site_assert_has(answer, parts[i]);
    visit_end(&visit);
    site_close(&site);
}

static void a_clips_page_leads_to_the_clips_beside_it_in_its_search(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    struct ry_gallery_clip around[3] = {site_clip(), site_clip(), site_clip()};
    around[0].clip_id = RY_STR("00000000000000000000000000000001");
    around[2].clip_id = RY_STR("00000000000000000000000000000003");
    static const struct {
        size_t first, n;
        const char *previous, *next; /* NULL: none */
    } cases[] = {
        {0, 3, "/clip/00000000000000000000000000000001?q=a&amp;cursor=c",
         "/clip/00000000000000000000000000000003?q=a&amp;cursor=c"},
        {1, 2, "/step?q=a&amp;cursor=p&amp;backwards=1", "/clip/00000000000000000000000000000003?q=a&amp;cursor=c"},
        {0, 2, "/clip/00000000000000000000000000000001?q=a&amp;cursor=c", "/step?q=a&amp;cursor=n"},
        {0, 1, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct visit visit = visit_get(&site, CLIP_PATH "?q=a&cursor=c");
        answer_clip(&site, &clip,
                    &(struct ry_gallery_page){
                        .clips = {around + cases[i].first, cases[i].n}, .next = RY_STR("n"), .previous = RY_STR("p")});
        const char *answer = visit_until_answered(&site, &visit);
        const char *const urls[] = {cases[i].previous, cases[i].next};
        const char *const rels[] = {"prev", "next"};
        for (size_t k = 0; k < 2; k++) {
            char link[200];
            (void)snprintf(link, sizeof link, "<a rel=\"%s\" href=\"%s", rels[k], urls[k] ? urls[k] : "");
            if (urls[k])
                site_assert_has(answer, link);
            else
                site_assert_has_not(answer, link);
        }
        visit_end(&visit);
    }
    /* Over the end of a page: the first clip of the next one, or the last of the one before. */
    for (unsigned backwards = 0; backwards < 2; backwards++) {
        struct visit visit = visit_get(&site, backwards ? "/step?q=a&cursor=p&backwards=1" : "/step?q=a&cursor=n");
        site_until_asked(&site);
        assert_true(BED_EXPECT(site.bed, gallery_get)->backwards == (backwards == 1));
        BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
                   &((struct ry_gallery_page){.clips = {around, 3}}));
        site_assert_has(visit_until_answered(&site, &visit),
                        backwards ? "Location: /clip/00000000000000000000000000000003?q=a&cursor=p&backwards=1\r\n"
                                  : "Location: /clip/00000000000000000000000000000001?q=a&cursor=n\r\n");
        visit_end(&visit);
    }
    site_close(&site);
}

static void strangers_are_not_told_where_a_file_lies(void **state)
{
    (void)state;
    struct site site = {.port = site_free_port(NULL)};
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)site.port);
    const char *const options[][2] = {{"http_port", port}, {"http_bind", "0.0.0.0"}, {NULL, NULL}};
    site.bed = bed_new(&ry_monitor_spec, options);
    struct ry_gallery_clip clip = site_clip();
    clip.url = RY_STR("file:///home/ann/one.mp4");
    struct visit visit = visit_get(&site, CLIP_PATH);
    answer_clip(&site, &clip, &(struct ry_gallery_page){0});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_has(answer, "<dd>one.mp4</dd>");
    site_assert_has_not(answer, "/home/ann");
    visit_end(&visit);
    struct ry_failed_clip failed = {.clip_id = RY_STR(SITE_CLIP_ID),
                                    .channel_id = RY_STR("1"),
                                    .filename = RY_STR("one.mp4"),
                                    .reason = RY_STR("one.mp4 is empty"),
                                    .kind = RY_STR("is empty"),
                                    .url = clip.url};
    visit = visit_get(&site, "/failures");
    ANSWER_PAGE(&site, failed_get, failed_page, &((struct ry_failed_page){.clips = {&failed, 1}}));
    site_assert_has_not(visit_until_answered(&site, &visit), "/home/ann");
    visit_end(&visit);
    site_close(&site);
}

static void a_clip_that_is_not_there_is_a_page_that_says_so(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, CLIP_PATH);
    answer_clip(&site, NULL, &(struct ry_gallery_page){0});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 404);
    site_assert_has(answer, "no such clip in this archive");
    visit_end(&visit);
    site_expect_at_once(&site, "GET", "/clip/x", "", 404, "<h1>Not found</h1>");
    site_expect_at_once(&site, "GET", "/nothing", "Accept: text/html\r\n", 404, "<h1>Not found</h1>");
    site_expect_at_once(&site, "GET", "/nothing", "", 404, "Content-Type: text/plain");
    site_close(&site);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void failures_stand_in_groups_with_their_number(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_failed_clip clips[] = {
        {.clip_id = RY_STR("00000000000000000000000000000001"),
         .filename = RY_STR("a<b>.mp4"),
         .url = RY_STR("https://cdn.example/a?ex=1&hm=2"),
         .kind = RY_STR("is no video"),
         .class = RY_FAILURE_PERMANENT,
         .retries = 1,
         .alike = 7},
        {.clip_id = RY_STR("00000000000000000000000000000002"),
         .filename = RY_STR("b.mp4"),
         .url = RY_STR("file:///srv/b.mp4"),
         .kind = RY_STR("is no video"),
         .alike = 7},
        {.clip_id = RY_STR("00000000000000000000000000000003"),
         .filename = RY_STR("c.mp4"),
         .url = RY_STR("javascript:alert(1)"),
         .kind = RY_STR("does not exist"),
         .alike = 1},
    };
    for (size_t i = 0; i < 3; i++)
        clips[i].channel_id = clips[i].reason = RY_STR("1");
    struct visit visit = visit_get(&site, "/failures");
    ANSWER_PAGE(&site, failed_get, failed_page, &((struct ry_failed_page){.clips = {clips, 3}}));
    const char *answer = visit_until_answered(&site, &visit);
    static const char *const parts[] = {
        "8 clips have failed, 1 of them for good",
        "<h2>is no video <span class=\"badge\">7</span></h2>",
        "<a href=\"/failures?reason=is%20no%20video\">Show all 7</a>",
        "a&lt;b&gt;.mp4</a>",
        "<a href=\"https://cdn.example/a?ex=1&amp;hm=2\" rel=\"noreferrer\">",
        " · 1 retry",
        "<code>/srv/b.mp4</code>",
        "<input type=\"hidden\" name=\"reason\" value=\"is no video\">",
        "aria-label=\"Retry c.mp4\"",
        "Retry all failed clips",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        site_assert_has(answer, parts[i]);
    site_assert_has_not(answer, "javascript:");
    site_assert_has_not(answer, "<b>");
    visit_end(&visit);
    visit = visit_get(&site, "/failures?reason=is%20no%20video&after=01");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    const struct ry_failed_get *get = BED_EXPECT(site.bed, failed_get);
    assert_true(ry_str_is(get->kind, "is no video") && ry_str_is(get->after_id, "01") && get->each == 0);
    visit_end(&visit);
    site_close(&site);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* The token of changes, from a page's form. */
static void read_token(struct site *site, char token[33])
{
    struct ry_gallery_clip clip = site_clip();
    struct visit visit = visit_with(site, "GET", CLIP_PATH, "Cookie: reelyard_token=733363726574\r\n");
    answer_clip(site, &clip, &(struct ry_gallery_page){0});
    const char *at = strstr(visit_until_answered(site, &visit), "name=\"token\" value=\"");
    assert_non_null(at);
    (void)snprintf(token, 33, "%.32s", at + strlen("name=\"token\" value=\""));
    visit_end(&visit);
}

/* A form that is sent with these headers and this body. */
static struct visit post(struct site *site, const char *path, const char *headers, const char *body)
{
    char request[4096];
    (void)snprintf(request, sizeof request,
                   "POST %s HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\nContent-Length: %zu\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\n%s\r\n%s",
                   path, (unsigned)site->port, strlen(body), headers, body);
    return visit_raw(site, request);
}

static void a_form_of_the_page_retries_and_leads_back(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    char token[33];
    char body[200];
    read_token(&site, token);
    (void)snprintf(body, sizeof body, "token=%s&back=%%2Fclip%%2F" SITE_CLIP_ID "%%3Fchannel%%3D1", token);
    struct visit visit = post(&site, RETRY, "Sec-Fetch-Site: same-origin\r\nAccept: text/html,*/*\r\n", body);
    site_until_asked(&site);
    const struct ry_failed_retry *retry = BED_EXPECT(site.bed, failed_retry);
    assert_int_equal(retry->clip_ids.n, 1);
    assert_true(ry_str_is(retry->clip_ids.items[0], SITE_CLIP_ID));
    assert_true(retry->completed);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, failed_retried, &((struct ry_failed_retried){.count = 1}));
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 303);
    site_assert_has(answer, "Location: " CLIP_PATH "?channel=1\r\n");
    visit_end(&visit);
    /* A script hears how many; a group is named by its reason. */
    (void)snprintf(body, sizeof body, "reason=is+no%%20video&token=%s", token);
    visit = post(&site, "/api/failed/retry", "Accept: application/json\r\n", body);
    site_until_asked(&site);
    retry = BED_EXPECT(site.bed, failed_retry);
    assert_true(retry->clip_ids.n == 0 && !retry->completed && ry_str_is(retry->kind, "is no video"));
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, failed_retried, &((struct ry_failed_retried){.count = 7}));
    site_assert_has(visit_until_answered(&site, &visit), "{\"retried\":7}");
    visit_end(&visit);
    site_close(&site);
}

static void only_this_servers_page_may_change_something(void **state)
{
    (void)state;
    struct site site = site_open("s3cret");
    char token[33];
    char origin[80];
    char with_token[60];
    read_token(&site, token);
    (void)snprintf(origin, sizeof origin, "Origin: http://localhost:%u\r\n", (unsigned)site.port);
    (void)snprintf(with_token, sizeof with_token, "token=%s", token);
    const struct {
        const char *headers;
        const char *body;
        unsigned status; /* 0: it is carried out */
    } cases[] = {
        {"Sec-Fetch-Site: same-origin\r\n", with_token, 0},
        {origin, with_token, 0},
        {"", with_token, 0},
        {"Authorization: Bearer s3cret\r\n", "", 0},
        {"Sec-Fetch-Site: cross-site\r\n", with_token, 403},
        {"Sec-Fetch-Site: same-site\r\n", with_token, 403},
        {"Sec-Fetch-Site: none\r\n", with_token, 403},
        {"Sec-Fetch-Site: cross-site\r\nAuthorization: Bearer s3cret\r\n", with_token, 403},
        {"Origin: https://evil.example\r\n", with_token, 403},
        {"Origin: null\r\n", with_token, 403},
        {"Sec-Fetch-Site: same-origin\r\n", "token=", 403},
        {"Sec-Fetch-Site: same-origin\r\n", "token=00000000000000000000000000000000", 403},
        {"Sec-Fetch-Site: same-origin\r\n", "", 403},
        {"Sec-Fetch-Site: same-origin\r\nCookie: reelyard_token=00\r\n", with_token, 401},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char headers[300];
        bool own = strstr(cases[i].headers, "Cookie") || strstr(cases[i].headers, "Bearer");
        (void)snprintf(headers, sizeof headers, "%s%s", cases[i].headers,
                       own ? "" : "Cookie: reelyard_token=733363726574\r\n");
        struct visit visit = post(&site, RETRY, headers, cases[i].body);
        if (cases[i].status == 0) {
            site_until_asked(&site);
            (void)BED_EXPECT(site.bed, failed_retry);
        } else {
            site_assert_status(visit_until_answered(&site, &visit), cases[i].status);
            bed_expect_nothing(site.bed);
        }
        visit_end(&visit);
    }
    site_close(&site);
}

static void the_way_back_leads_to_this_server_only(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {
        "//evil.example/", "https%3A%2F%2Fevil.example", "%2F%5Cevil.example", "%2Fa%0D%0AX%3A%20y", "%2F%00", ""};
    struct site site = site_open(NULL);
    char token[33];
    read_token(&site, token);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        char body[200];
        (void)snprintf(body, sizeof body, "token=%s&back=%s", token, elsewhere[i]);
        struct visit visit = post(&site, RETRY, "Accept: text/html\r\n", body);
        site_until_asked(&site);
        (void)BED_EXPECT(site.bed, failed_retry);
        BED_ANSWER(site.bed, bed_envelope(site.bed)->id, failed_retried, &((struct ry_failed_retried){.count = 1}));
        site_assert_has(visit_until_answered(&site, &visit), "Location: /\r\n");
        visit_end(&visit);
    }
    site_close(&site);
}

static void a_body_has_a_limit(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    char request[256];
    RY_BUF_AUTO whole = ry_buf_make(1 << 20);
    (void)snprintf(request, sizeof request,
                   "POST " RETRY " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 70000\r\n\r\n");
    (void)ry_buf_add_str(&whole, ry_str_of(request));
    for (int i = 0; i < 7000; i++)
        (void)ry_buf_add_str(&whole, RY_STR("aaaaaaaaaa"));
    struct visit visit = visit_raw(&site, ry_buf_cstr(&whole));
    site_assert_status(visit_until_answered(&site, &visit), 413);
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

/* ---- embedded files ---------------------------------------------------------------------------------------------- */

static void files_of_the_page_are_kept_for_ever_under_their_digest(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    for (const struct web_asset *asset = web_assets; asset->name; asset++) {
        char path[128];
        char size[64];
        (void)snprintf(path, sizeof path, WEB_ASSETS "%s/%s", web_digest, asset->name);
        (void)snprintf(size, sizeof size, "Content-Length: %zu\r\n", asset->plain.n);
        site_expect_at_once(&site, "GET", path, "", 200, "Cache-Control: public, max-age=31536000, immutable");
        site_expect_at_once(&site, "GET", path, "", 200, size);
        site_expect_at_once(&site, "GET", path, "", 200, "Vary: Accept-Encoding");
        (void)snprintf(size, sizeof size, "Content-Length: %zu\r\n", asset->gzip.n);
        site_expect_at_once(&site, "GET", path, "Accept-Encoding: br, gzip\r\n", 200, size);
        site_expect_at_once(&site, "GET", path, "Accept-Encoding: gzip\r\n", 200, "Content-Encoding: gzip");
        (void)snprintf(path, sizeof path, WEB_ASSETS "0123/%s", asset->name);
        site_expect_at_once(&site, "GET", path, "", 200, "Cache-Control: no-cache");
    }
    static const char *const none[] = {"/assets/", "/assets/x", "/assets/x/", "/assets/x/../style.css",
                                       "/assets/x/page.html"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        site_expect_at_once(&site, "GET", none[i], "", 404, "no such file");
    site_expect_at_once(&site, "GET", "/favicon.ico", "", 200, "image/svg+xml");
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clips_page_plays_it_and_tells_its_facts),
        cmocka_unit_test(a_clips_page_leads_to_the_clips_beside_it_in_its_search),
        cmocka_unit_test(strangers_are_not_told_where_a_file_lies),
        cmocka_unit_test(a_clip_that_is_not_there_is_a_page_that_says_so),
        cmocka_unit_test(failures_stand_in_groups_with_their_number),
        cmocka_unit_test(a_form_of_the_page_retries_and_leads_back),
        cmocka_unit_test(only_this_servers_page_may_change_something),
        cmocka_unit_test(the_way_back_leads_to_this_server_only),
        cmocka_unit_test(a_body_has_a_limit),
        cmocka_unit_test(files_of_the_page_are_kept_for_ever_under_their_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

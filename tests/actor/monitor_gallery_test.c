/* monitor_gallery_test.c: the page of clips, its JSON and its thumbnails; what comes from a message stays text. */
#include "tests/bed/monitor_site.h"

#include <stdio.h>
#include <string.h>

/* ---- answers of the others --------------------------------------------------------------------------------------- */

/* Answers /, which asks the archive (its figures), the gallery and how the clips are spread. */
static void site_answer_spread(struct site *site, const struct ry_gallery_page *page,
                               const struct ry_facets_page *facets)
{
    struct ry_archive_state archive = site_archive();
    site_until_asked(site);
    (void)BED_EXPECT(site->bed, archive_get);
    uint64_t archive_id = bed_envelope(site->bed)->id;
    (void)BED_EXPECT(site->bed, gallery_get);
    uint64_t gallery_id = bed_envelope(site->bed)->id;
    (void)BED_EXPECT(site->bed, facets_get);
    uint64_t facets_id = bed_envelope(site->bed)->id;
    BED_ANSWER(site->bed, archive_id, archive_state, &archive);
    BED_ANSWER(site->bed, facets_id, facets_page, facets);
    BED_ANSWER(site->bed, gallery_id, gallery_page, page);
}

static void site_answer_gallery(struct site *site, const struct ry_gallery_page *page)
{
    site_answer_spread(site, page, &(struct ry_facets_page){0});
}

/* ---- the gallery ------------------------------------------------------------------------------------------------- */

static void the_page_shows_each_clip_with_its_facts(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clip = site_clip();
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    static const char *const parts[] = {
        "1,215 clips · 12 waiting · 3 failed · 5.6 GB of video",
        "<img src=\"/thumbnails/guild_41771983423143937/" SITE_CLIP_ID "_small.webp\" srcset=\"/thumbnails/"
        "guild_41771983423143937/" SITE_CLIP_ID "_large.webp 2.00x\" width=\"320\" height=\"180\" loading=\"lazy\" "
        "decoding=\"async\" alt=\"\">",
        "<h2><a href=\"/clip/" SITE_CLIP_ID "\">clip.mp4</a></h2>",
        "<p class=\"said\">look</p>",
        "Ann in <a href=\"/?channel=1424914917202464798\">#clips</a>",
        "<time datetime=\"2024-10-19T15:03:09.159Z\">2024-10-19 15:03 UTC</time> · 1920x1080",
        "· <span class=\"nb\">34 MB</span>",
        "<span class=\"length\">1:23</span>",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        site_assert_has(answer, parts[i]);
    site_assert_has_not(answer, "More clips");
    visit_end(&visit);
    site_close(&site);
}

static void a_card_has_what_its_placeholder_and_storyboard_take(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clips[2] = {site_clip(), site_clip()};
    clips[0].thumbhash = RY_STR("1QcSHQRnh493V4dIh4eXh1h4kJUI");
    clips[0].sheet_path = RY_STR("sheets/guild_41771983423143937/" SITE_CLIP_ID ".webp");
    clips[0].sheet_columns = 4;
    clips[0].sheet_rows = 3;
    clips[0].sheet_count = 11;
    clips[1].thumbhash = RY_STR("\" onload=\"");
    clips[1].sheet_path = RY_STR("sheets/../\" onload=\"");
    struct visit visit = visit_get(&site, "/");
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {clips, 2}});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_has(
        answer, " data-hash=\"1QcSHQRnh493V4dIh4eXh1h4kJUI\" data-sheet=\"/sheets/guild_41771983423143937/" SITE_CLIP_ID
                ".webp\" data-columns=\"4\" data-rows=\"3\" data-count=\"11\"");
    site_assert_has_not(answer, "onload=\"");
    visit_end(&visit);
    site_close(&site);
}

static void nothing_from_a_message_is_markup(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_str evil = RY_STR("\"><script>alert('1')</script>");
    struct ry_gallery_clip clip = site_clip();
    clip.guild_name = clip.channel_name = clip.author_name = clip.title = clip.content = clip.filename = evil;
    clip.guild_id = clip.channel_id = clip.message_id = evil;
    clip.resolution = RY_STR("<b>1</b>");
    clip.status = RY_STR("failed");
    clip.failure = evil;
    clip.url = RY_STR("javascript:alert(1)");
    clip.small_path = RY_STR("thumbnails/\" onerror=\"alert(1)");
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
    site_assert_has_not(answer, "<script>");
    site_assert_has_not(answer, "alert(1)\"");
    site_assert_has_not(answer, "<b>");
    site_assert_has_not(answer, "javascript:");
    site_assert_has_not(answer, "onerror");
    site_assert_has_not(answer, "discord.com");
    visit_end(&visit);
    site_close(&site);
}

static void where_a_local_video_lies_is_in_no_list(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    clip.url = RY_STR("file:///home/ann/export_Files/clip-4F2A.mp4");
    struct visit visit = visit_get(&site, "/");
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}});
    site_assert_has_not(visit_until_answered(&site, &visit), "/home/ann");
    visit_end(&visit);
    visit = visit_get(&site, "/api/clips");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page, &((struct ry_gallery_page){.clips = {&clip, 1}}));
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_has(answer, "\"url\":null");
    site_assert_has_not(answer, "/home/ann");
    visit_end(&visit);
    site_close(&site);
}

static void a_failed_clip_says_why_and_an_unfinished_one_that_it_is(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clips[2] = {site_clip(), site_clip()};
    clips[0].status = RY_STR("failed");
    clips[0].failure = RY_STR("moov atom not found");
    clips[1].status = RY_STR("pending");
    clips[0].small_path = clips[1].small_path = (struct ry_str){NULL, 0};
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {clips, 2}});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_has(answer, "<p class=\"failure\">Failed: moov atom not found</p>");
    site_assert_has(answer, "Thumbnail pending");
    site_assert_has_not(answer, "<img src=\"/thumb");
    visit_end(&visit);
    site_close(&site);
}

static void a_damaged_row_is_shown_as_that(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    struct ry_gallery_clip clips[2] = {site_clip(), site_clip()};
    clips[0].status = RY_STR("damaged");
    clips[0].failure = RY_STR("its row in the database is damaged: <b> is 9, not in 0..8");
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {clips, 2}});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Damaged: its row in the database is damaged: &lt;b&gt; is 9, not in 0..8</p>");
    visit_end(&visit);
    site_close(&site);
}

static void an_empty_page_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *says;
    } cases[] = {{"/", "reelyard import --data "},
                 {"/?status=failed", "Show all clips"},
                 {"/?before=1." SITE_CLIP_ID, "No further clips"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site = site_open(NULL);
        struct visit visit = visit_get(&site, cases[i].path);
        site_answer_gallery(&site, &(struct ry_gallery_page){0});
        site_assert_has(visit_until_answered(&site, &visit), cases[i].says);
        visit_end(&visit);
        site_close(&site);
    }
}

/* Its command can be copied as it stands; strangers do not hear where the archive lies. */
static void an_empty_page_names_this_nodes_folder_to_those_who_may_know_it(void **state)
{
    (void)state;
    static const struct {
        const char *bind;
        const char *token;
        const char *database_url;
        const char *command; /* %s: the folder */
    } cases[] = {
        {"127.0.0.1", "", "", "<pre tabindex=\"0\">reelyard import --data %s EXPORT.json</pre>"},
        {"0.0.0.0", "", "", "<pre tabindex=\"0\">reelyard import --data FOLDER EXPORT.json</pre>"},
        {"0.0.0.0", "s3cret", "", "<pre tabindex=\"0\">reelyard import --data %s EXPORT.json</pre>"},
        {"127.0.0.1", "", "postgresql://h/d",
         "<pre tabindex=\"0\">reelyard scan --data %s --guild GUILD --channel CHANNEL</pre>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct site site = {.port = site_free_port(NULL)};
        char port[8];
        char expected[300];
        (void)snprintf(port, sizeof port, "%u", (unsigned)site.port);
        const char *const options[][2] = {{"http_port", port},
                                          {"http_bind", cases[i].bind},
                                          {"web_token", cases[i].token},
                                          {"database_url", cases[i].database_url},
                                          {NULL, NULL}};
        site.bed = bed_new(&ry_monitor_spec, options);
        struct visit visit = visit_raw(&site, "GET / HTTP/1.1\r\nHost: localhost\r\n"
                                              "Authorization: Bearer s3cret\r\nConnection: close\r\n\r\n");
        site_answer_gallery(&site, &(struct ry_gallery_page){0});
        int n = snprintf(expected, sizeof expected, "%.*s", (int)strcspn(cases[i].command, "%"), cases[i].command);
        if (strstr(cases[i].command, "%s"))
            (void)snprintf(expected + n, sizeof expected - (size_t)n, "%s%s", bed_data(site.bed),
                           strstr(cases[i].command, "%s") + 2);
        site_assert_has(visit_until_answered(&site, &visit), expected);
        visit_end(&visit);
        site_close(&site);
    }
}

static void a_console_hears_where_the_page_is(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)site.port);
    (void)BED_DELIVER(site.bed, page_get, &(struct ry_page_get){0}, NULL);
    assert_true(ry_str_is(BED_EXPECT(site.bed, page_got)->url, url));
    site_close(&site);
    const char *const options[][2] = {{"http_port", "0"}, {NULL, NULL}};
    struct bed *bed = bed_new(&ry_monitor_spec, options);
    (void)BED_DELIVER(bed, page_get, &(struct ry_page_get){0}, NULL);
    assert_null(BED_EXPECT(bed, page_got)->url.p);
    bed_free(bed);
}

static void a_page_leads_to_the_next_and_keeps_the_filter(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    struct visit visit = visit_get(&site, "/?guild=41771983423143937&status=completed");
    site_answer_gallery(&site, &(struct ry_gallery_page){.clips = {&clip, 1}, .more = true});
    const char *next = "/?guild=41771983423143937&amp;status=completed&amp;before=1729350189159." SITE_CLIP_ID;
    site_assert_has(visit_until_answered(&site, &visit), next);
    visit_end(&visit);
    visit = visit_get(&site, "/?guild=41771983423143937&status=completed&before=1729350189159." SITE_CLIP_ID);
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    const struct ry_gallery_get *get = BED_EXPECT(site.bed, gallery_get);
    assert_int_equal(get->before_wall_ms, 1729350189159);
    assert_true(ry_str_is(get->before_id, SITE_CLIP_ID));
    assert_true(ry_str_is(get->guild_id, "41771983423143937"));
    assert_true(ry_str_is(get->status, "completed"));
    assert_null(get->channel_id.p);
    int64_t left_ms = bed_envelope(site.bed)->deadline_wall_ms - ry_wall_ms(&bed_clock(site.bed)->clock);
    assert_between(left_ms, 4000, 5000);
    visit_end(&visit);
    site_close(&site);
}

static void a_search_is_asked_for_as_the_url_says_and_stays_in_every_link(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    struct ry_facet guilds[] = {{RY_STR("7"), RY_STR("A & B"), 12}, {RY_STR("8"), {NULL, 0}, 1}};
    struct ry_facet states[] = {{RY_STR("failed"), {NULL, 0}, 1200}};
    struct visit visit =
        visit_get(&site, "/?q=two%20%22words%22&author=9&longer=1m&sort=longest&cursor=c1&backwards=1");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    uint64_t archive_id = bed_envelope(site.bed)->id;
    const struct ry_gallery_get *get = BED_EXPECT(site.bed, gallery_get);
    uint64_t gallery_id = bed_envelope(site.bed)->id;
    assert_true(ry_str_is(get->query, "two \"words\"") && ry_str_is(get->author_id, "9"));
    assert_true(get->duration_min_ms == 60000 && get->sort == RY_GALLERY_LONGEST && get->count);
    assert_true(ry_str_is(get->cursor, "c1") && get->backwards);
    const struct ry_facets_get *spread = BED_EXPECT(site.bed, facets_get);
    assert_true(ry_str_is(spread->query, "two \"words\"") && spread->duration_min_ms == 60000);
    uint64_t facets_id = bed_envelope(site.bed)->id;
    struct ry_archive_state archive = site_archive();
    BED_ANSWER(site.bed, archive_id, archive_state, &archive);
    BED_ANSWER(site.bed, facets_id, facets_page,
               &((struct ry_facets_page){.guilds = {guilds, 2}, .states = {states, 1}, .more = true}));
    BED_ANSWER(
        site.bed, gallery_id, gallery_page,
        &((struct ry_gallery_page){
            .clips = {&clip, 1}, .next = RY_STR("n&1"), .previous = RY_STR("p1"), .total = 1000, .total_more = true}));
    const char *answer = visit_until_answered(&site, &visit);
    static const char *const parts[] = {
        "value=\"two &quot;words&quot;\"",
        "More than 1,000 clips match",
        "rel=\"next\" href=\"/?q=two%20%22words%22&amp;author=9&amp;longer=1m&amp;sort=longest&amp;cursor=n%261\"",
        "rel=\"prev\" "
        "href=\"/?q=two%20%22words%22&amp;author=9&amp;longer=1m&amp;sort=longest&amp;cursor=p1&amp;backwards=1\"",
        "rel=\"first\" href=\"/?q=two%20%22words%22&amp;author=9&amp;longer=1m&amp;sort=longest\"",
        "<a href=\"/?q=two%20%22words%22&amp;guild=7&amp;author=9&amp;longer=1m&amp;sort=longest\">A &amp; B</a> <span "
        "class=\"count\">12+</span>",
        "<option value=\"failed\">Failed (1,200+)</option>",
        "<option value=\"1m\" selected>1 minute</option>",
        "<input type=\"hidden\" name=\"author\" value=\"9\">",
        "href=\"/clip/" SITE_CLIP_ID
        "?q=two%20%22words%22&amp;author=9&amp;longer=1m&amp;sort=longest&amp;cursor=c1&amp;backwards=1\"",
        "At least 1 minute <span aria-hidden=\"true\">",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        site_assert_has(answer, parts[i]);
    visit_end(&visit);
    site_close(&site);
}

static void a_search_that_is_not_understood_is_told(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/?q=%22");
    site_answer_gallery(&site, &(struct ry_gallery_page){.refused = RY_STR("a quote <is> open")});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "This search is not understood</h2><p>a quote &lt;is&gt; open</p>");
    visit_end(&visit);
    visit = visit_get(&site, "/api/clips?q=%22");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
               &((struct ry_gallery_page){.refused = RY_STR("a quote is open")}));
    answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 400);
    site_assert_has(answer, "{\"error\":\"a quote is open\"}");
    visit_end(&visit);
    site_close(&site);
}

static void the_pages_script_gets_further_clips_and_no_more(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    struct visit visit = visit_with(&site, "GET", "/?cursor=c1", "Sec-Fetch-Dest: empty\r\n");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page, &((struct ry_gallery_page){.clips = {&clip, 1}}));
    site_assert_status(visit_until_answered(&site, &visit), 200);
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

static void the_api_pages_by_its_own_cursor(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    struct visit visit = visit_get(&site, "/api/clips?limit=1");
    site_until_asked(&site);
    assert_int_equal(BED_EXPECT(site.bed, gallery_get)->limit, 1);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
               &((struct ry_gallery_page){.clips = {&clip, 1}, .more = true}));
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_has(answer, "\"next\":\"1729350189159." SITE_CLIP_ID "\"");
    site_assert_has(answer, "\"posted_at\":\"2024-10-19T15:03:09.159Z\"");
    site_assert_has(answer, "\"url\":\"https://cdn.example/clip.mp4?ex=1&hm=2\"");
    visit_end(&visit);
    site_close(&site);
}

static void arguments_that_make_no_sense_are_refused_before_anybody_is_asked(void **state)
{
    (void)state;
    static const char *const queries[] = {"limit=0",
                                          "limit=201",
                                          "limit=x",
                                          "limit=-1",
                                          "before=yesterday",
                                          "before=1.",
                                          "before=1.XYZ",
                                          "guild=x",
                                          "channel=%27",
                                          "status=everything",
                                          "guild=99999999999999999999",
                                          "before=99999999999999999999.a"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "/api/clips?%s", queries[i]);
        site_expect_at_once(&site, "GET", path, "", 400, "{\"error\":");
    }
    site_close(&site);
}

static void without_the_archive_the_page_is_503_with_a_reason(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    /* It does not answer. */
    struct visit visit = visit_get(&site, "/");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    (void)BED_EXPECT(site.bed, gallery_get);
    (void)BED_EXPECT(site.bed, facets_get);
    bed_advance(site.bed, 5000);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 503);
    site_assert_has(answer, "The archive did not answer: no answer within 5 seconds");
    visit_end(&visit);
    /* It cannot be reached; the figures alone are no page. */
    visit = visit_get(&site, "/");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, archive_get);
    uint64_t archive_id = bed_envelope(site.bed)->id;
    (void)BED_EXPECT(site.bed, gallery_get);
    bed_undeliverable(site.bed, bed_envelope(site.bed)->id, 0, RY_TAG_gallery_get, RY_UNDELIVERABLE_FULL);
    (void)BED_EXPECT(site.bed, facets_get);
    bed_undeliverable(site.bed, bed_envelope(site.bed)->id, 0, RY_TAG_facets_get, RY_UNDELIVERABLE_FULL);
    struct ry_archive_state archive = site_archive();
    BED_ANSWER(site.bed, archive_id, archive_state, &archive);
    site_assert_status(visit_until_answered(&site, &visit), 503);
    visit_end(&visit);
    /* It says so itself. */
    visit = visit_get(&site, "/api/clips");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, gallery_page,
               &((struct ry_gallery_page){.error = RY_STR("database is locked")}));
    answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 503);
    site_assert_has(answer, "{\"error\":\"The database did not answer: database is locked\"}");
    visit_end(&visit);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_requests), 3);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_errors), 3);
    site_close(&site);
}

static void a_late_answer_and_a_strangers_change_nothing(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/api/clips");
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, gallery_get);
    uint64_t id = bed_envelope(site.bed)->id;
    struct ry_thumbnail_data other = {0};
    BED_ANSWER(site.bed, id, thumbnail_data, &other); /* not what was asked */
    BED_ANSWER(site.bed, id + 1, gallery_page, &((struct ry_gallery_page){0}));
    bed_advance(site.bed, 5000);
    site_assert_status(visit_until_answered(&site, &visit), 503);
    BED_ANSWER(site.bed, id, gallery_page, &((struct ry_gallery_page){0}));
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

static void an_instance_that_ends_lets_its_visitors_go(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, "/");
    site_until_asked(&site);
    site_close(&site); /* while the request waits */
    visit_end(&visit);
}

/* ---- thumbnails -------------------------------------------------------------------------------------------------- */

static void answer_thumbnail(struct site *site, const struct ry_thumbnail_data *data)
{
    site_until_asked(site);
    const struct ry_thumbnail_read *read = BED_EXPECT(site->bed, thumbnail_read);
    assert_true(ry_str_is(read->storage_path, &SITE_THUMBNAIL[1]));
    BED_ANSWER(site->bed, bed_envelope(site->bed)->id, thumbnail_data, data);
}

static void a_thumbnail_is_served_once_and_then_known(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_thumbnail_data data = {.found = true, .bytes = {"RIFFwebp", 8, NULL}};
    struct visit visit = visit_get(&site, SITE_THUMBNAIL);
    answer_thumbnail(&site, &data);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Content-Type: image/webp");
    site_assert_has(answer, "Cache-Control: private, max-age=3600");
    site_assert_has(answer, "\r\n\r\nRIFFwebp");
    const char *tag = strstr(answer, "ETag: ");
    assert_non_null(tag);
    char header[80];
    (void)snprintf(header, sizeof header, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 6, "\r"), tag + 6);
    visit_end(&visit);
    visit = visit_with(&site, "GET", SITE_THUMBNAIL, header);
    answer_thumbnail(&site, &data);
    answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 304);
    site_assert_has_not(answer, "RIFF");
    visit_end(&visit);
    site_close(&site);
}

static void a_thumbnail_that_is_not_there_is_404_and_one_unreadable_503(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = visit_get(&site, SITE_THUMBNAIL);
    answer_thumbnail(&site, &(struct ry_thumbnail_data){.found = false});
    site_assert_status(visit_until_answered(&site, &visit), 404);
    visit_end(&visit);
    visit = visit_get(&site, SITE_THUMBNAIL);
    answer_thumbnail(&site, &(struct ry_thumbnail_data){.error = RY_STR("Input/output error")});
    site_assert_status(visit_until_answered(&site, &visit), 503);
    visit_end(&visit);
    site_close(&site);
}

static void a_path_that_is_no_thumbnails_asks_nobody(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/thumbnails/",
        "/thumbnails/../reelyard.db",
        "/thumbnails/%2e%2e/%2e%2e/etc/passwd",
        "/thumbnails/guild_1/../../reelyard.db",
        "/thumbnails/guild_1/" SITE_CLIP_ID "_small.webp/x",
        "/thumbnails/guild_/" SITE_CLIP_ID "_small.webp",
        "/thumbnails/guild_1/D1523646FD8F70DD6E199D427AE00606_small.webp",
        "/thumbnails/guild_1/" SITE_CLIP_ID "_huge.webp",
    };
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        site_expect_at_once(&site, "GET", paths[i], "", 404, "no such thumbnail");
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_shows_each_clip_with_its_facts),
        cmocka_unit_test(a_card_has_what_its_placeholder_and_storyboard_take),
        cmocka_unit_test(nothing_from_a_message_is_markup),
        cmocka_unit_test(where_a_local_video_lies_is_in_no_list),
        cmocka_unit_test(a_failed_clip_says_why_and_an_unfinished_one_that_it_is),
        cmocka_unit_test(a_damaged_row_is_shown_as_that),
        cmocka_unit_test(an_empty_page_says_what_to_do),
        cmocka_unit_test(an_empty_page_names_this_nodes_folder_to_those_who_may_know_it),
        cmocka_unit_test(a_console_hears_where_the_page_is),
        cmocka_unit_test(a_page_leads_to_the_next_and_keeps_the_filter),
        cmocka_unit_test(a_search_is_asked_for_as_the_url_says_and_stays_in_every_link),
        cmocka_unit_test(a_search_that_is_not_understood_is_told),
        cmocka_unit_test(the_pages_script_gets_further_clips_and_no_more),
        cmocka_unit_test(the_api_pages_by_its_own_cursor),
        cmocka_unit_test(arguments_that_make_no_sense_are_refused_before_anybody_is_asked),
        cmocka_unit_test(without_the_archive_the_page_is_503_with_a_reason),
        cmocka_unit_test(a_late_answer_and_a_strangers_change_nothing),
        cmocka_unit_test(an_instance_that_ends_lets_its_visitors_go),
        cmocka_unit_test(a_thumbnail_is_served_once_and_then_known),
        cmocka_unit_test(a_thumbnail_that_is_not_there_is_404_and_one_unreadable_503),
        cmocka_unit_test(a_path_that_is_no_thumbnails_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

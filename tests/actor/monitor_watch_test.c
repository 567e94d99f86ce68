/* monitor_watch_test.c: watching a clip: what of its video is sent, in which windows, and where viewers are sent who
 * find it elsewhere. */
#include "tests/bed/monitor_site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WATCH      "/watch/" SITE_CLIP_ID
#define KEPT       "media/ab/0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd.mp4"
#define VALIDATOR  "ab0c3f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccd"
#define TAG        "\"" VALIDATOR "\""
#define SIGNED     "https://cdn.discordapp.com/attachments/1/2/clip.mp4?ex=1&is=2&hm=3"
#define FRESH      "https://cdn.discordapp.com/attachments/1/2/clip.mp4?ex=7fffffff&is=2&hm=4"
#define TIMEOUT_MS 10000

static struct ry_gallery_clip kept_clip(uint64_t bytes)
{
    struct ry_gallery_clip clip = site_clip();
    clip.kept_path = RY_STR(KEPT);
    clip.kept_bytes = bytes;
    clip.keep_state = RY_STR("kept");
    return clip;
}

static struct ry_gallery_clip remote_clip(int64_t good_ms)
{
    struct ry_gallery_clip clip = site_clip();
    clip.url = RY_STR(SIGNED);
    clip.expires_wall_ms = BED_START_WALL_MS + good_ms;
    return clip;
}

static void answer_clip(struct site *site, struct ry_gallery_clip *clip)
{
    site_until_asked(site);
    const struct ry_gallery_get *get = BED_EXPECT(site->bed, gallery_get);
    assert_true(ry_str_is(get->clip_id, SITE_CLIP_ID));
    BED_ANSWER(site->bed, bed_envelope(site->bed)->id, gallery_page,
               (&(struct ry_gallery_page){.clips = {clip, clip ? 1 : 0}}));
}

/* What is known of the file is asked for. */
static void answer_look(struct site *site, const struct ry_media_data *data)
{
    site_until_asked(site);
    const struct ry_media_read *read = BED_EXPECT(site->bed, media_read);
    assert_int_equal(read->length, 0);
    BED_ANSWER(site->bed, bed_envelope(site->bed)->id, media_data, data);
}

static char byte_at(uint64_t i)
{
    return (char)('a' + (i * 7 + i / 251) % 26);
}

static void answer_part(struct site *site, uint64_t id, uint64_t offset, uint64_t length, uint64_t total)
{
    struct ry_frame *frame = ry_frame_new((size_t)length);
    assert_non_null(frame);
    for (uint64_t i = 0; i < length; i++)
        ((char *)ry_frame_data(frame))[i] = byte_at(offset + i);
    BED_ANSWER(site->bed, id, media_data,
               (&(struct ry_media_data){.found = true,
                                        .total = total,
                                        .validator = RY_STR(VALIDATOR),
                                        .bytes = {ry_frame_data(frame), (size_t)length, frame}}));
    ry_frame_unref(frame);
}

/* Answers one question for a part; its offset. */
static uint64_t serve_part(struct site *site, uint64_t total)
{
    const struct ry_media_read *read = BED_EXPECT(site->bed, media_read);
    uint64_t offset = read->offset;
    assert_true(read->length > 0 && offset + read->length <= total);
    assert_true(ry_str_is(read->validator, VALIDATOR));
    answer_part(site, bed_envelope(site->bed)->id, offset, read->length, total);
    return offset;
}

static const struct ry_media_data *looked(uint64_t total)
{
    static struct ry_media_data data;
    data = (struct ry_media_data){.found = true, .total = total, .validator = RY_STR(VALIDATOR)};
    return &data;
}

/* Lets a visit be answered, with whatever parts it takes. */
static const char *serve(struct site *site, struct visit *visit, uint64_t total)
{
    for (int turn = 0; !visit->closed; turn++) {
        if (turn == SITE_TURNS_MAX)
            fail_msg("no answer, only: %s", ry_buf_cstr(&visit->got));
        if (bed_next_tag(site->bed) == RY_TAG_media_read)
            (void)serve_part(site, total);
        if (visit_read(visit))
            turn = 0;
        else
            site_pump(site);
    }
    return ry_buf_cstr(&visit->got);
}

static void assert_body(const char *answer, size_t n, uint64_t first, uint64_t bytes)
{
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    assert_int_equal((size_t)(answer + n - body), bytes);
    for (uint64_t i = 0; i < bytes; i++)
        if (body[i] != byte_at(first + i))
            fail_msg("byte %llu of the video is another", (unsigned long long)(first + i));
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void every_range_and_condition_gets_its_head_and_its_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *method, *headers;
        unsigned status;
        const char *length, *range; /* NULL: no Content-Range */
        uint64_t first, bytes;
    } cases[] = {
        {"GET", "", 200, "1000", NULL, 0, 1000},
        {"HEAD", "", 200, "1000", NULL, 0, 0},
        {"HEAD", "Range: bytes=1-2\r\n", 200, "1000", NULL, 0, 0},
        {"GET", "Range: bytes=0-\r\n", 206, "1000", "bytes 0-999/1000", 0, 1000},
        {"GET", "Range: bytes=10-19\r\n", 206, "10", "bytes 10-19/1000", 10, 10},
        {"GET", "Range: bytes=-1\r\n", 206, "1", "bytes 999-999/1000", 999, 1},
        {"GET", "Range: bytes=1000-\r\n", 416, "0", "bytes */1000", 0, 0},
        {"GET", "Range: bytes=0-1,900-901\r\n", 200, "1000", NULL, 0, 1000},
        {"GET", "Range: bytes=5-1\r\n", 200, "1000", NULL, 0, 1000},
        {"GET", "If-Range: " TAG "\r\nRange: bytes=1-2\r\n", 206, "2", "bytes 1-2/1000", 1, 2},
        {"GET", "If-Range: \"x\"\r\nRange: bytes=1-2\r\n", 200, "1000", NULL, 0, 1000},
        {"GET", "If-None-Match: " TAG "\r\n", 304, NULL, NULL, 0, 0},
        {"GET", "If-None-Match: \"x\"\r\n", 200, "1000", NULL, 0, 1000},
        {"GET", "If-Match: \"x\"\r\n", 412, "0", NULL, 0, 0},
    };
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = kept_clip(1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[80];
        struct visit visit = visit_with(&site, cases[i].method, WATCH, cases[i].headers);
        answer_clip(&site, &clip);
        answer_look(&site, looked(1000));
        const char *answer = serve(&site, &visit, 1000);
        site_assert_status(answer, cases[i].status);
        site_assert_has(answer, "ETag: " TAG "\r\n");
        site_assert_has(answer, "Accept-Ranges: bytes\r\n");
        site_assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
        site_assert_has(answer, "Cache-Control: private, max-age=31536000, immutable\r\n");
        (void)snprintf(line, sizeof line, "Content-Length: %s\r\n", cases[i].length ? cases[i].length : "");
        if (cases[i].length)
            site_assert_has(answer, line);
        (void)snprintf(line, sizeof line, "Content-Range: %s\r\n", cases[i].range ? cases[i].range : "");
        if (cases[i].range)
            site_assert_has(answer, line);
        else
            site_assert_has_not(answer, "Content-Range");
        if (cases[i].status == 200 || cases[i].status == 206)
            site_assert_has(answer, "Content-Type: video/mp4\r\n");
        assert_body(answer, visit.got.n, cases[i].first, cases[i].bytes);
        bed_expect_nothing(site.bed);
        visit_end(&visit);
    }
    site_close(&site);
}

static void file_of_an_export_is_asked_for_below_its_folder(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = site_clip();
    clip.url = RY_STR("file:///export/clip.mp4");
    clip.media_root = RY_STR("/export");
    struct visit visit = visit_get(&site, WATCH "?download=1");
    answer_clip(&site, &clip);
    site_until_asked(&site);
    const struct ry_media_read *read = BED_EXPECT(site.bed, media_read);
    assert_true(read->name.p == NULL && ry_str_is(read->url, "file:///export/clip.mp4"));
    assert_true(ry_str_is(read->media_root, "/export"));
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, media_data, looked(10));
    const char *answer = serve(&site, &visit, 10);
    site_assert_status(answer, 200);
    site_assert_has(answer, "Content-Disposition: attachment; filename=\"clip.mp4\"\r\n");
    site_assert_has(answer, "Cache-Control: private, no-cache\r\n");
    visit_end(&visit);
    site_close(&site);
}

static void what_is_no_video_is_never_a_page(void **state)
{
    (void)state;
    static const char *const types[] = {"text/html", "image/svg+xml", "video/mp4, text/html", "application/pdf"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct ry_gallery_clip clip = site_clip();
        clip.url = RY_STR("file:///export/x.html");
        clip.media_root = RY_STR("/export");
        clip.filename = RY_STR("x.html");
        clip.mime_type = ry_str_of(types[i]);
        struct visit visit = visit_get(&site, WATCH);
        answer_clip(&site, &clip);
        answer_look(&site, looked(10));
        const char *answer = serve(&site, &visit, 10);
        site_assert_has(answer, "Content-Type: application/octet-stream\r\n");
        site_assert_has(answer, "Content-Disposition: attachment; filename=\"x.html\"\r\n");
        site_assert_has(answer, "; sandbox\r\n");
        visit_end(&visit);
    }
    site_close(&site);
}

static void only_those_who_may_look_may_watch(void **state)
{
    (void)state;
    struct site site = site_open("secret");
    site_expect_at_once(&site, "GET", WATCH, "", 401, "A token is required");
    site_expect_at_once(&site, "GET", WATCH, "Authorization: Bearer wrong\r\n", 401, "A token is required");
    struct visit visit = visit_with(&site, "HEAD", WATCH, "Authorization: Bearer secret\r\n");
    answer_clip(&site, NULL);
    site_assert_status(visit_until_answered(&site, &visit), 404);
    visit_end(&visit);
    site_close(&site);
    site = site_open(NULL);
    site_expect_at_once(&site, "GET", "/watch/../etc", "", 404, "Not found");
    site_expect_at_once(&site, "POST", WATCH, "Content-Length: 0\r\n", 405, "Not allowed");
    site_close(&site);
}

/* ---- windows ----------------------------------------------------------------------------------------------------- */

#define LONG_BYTES ((uint64_t)24 << 20)

/* A viewer of a long video that has its head. */
static struct visit begin_long(struct site *site)
{
    struct ry_gallery_clip clip = kept_clip(LONG_BYTES);
    struct visit visit = visit_with(site, "GET", WATCH, "Range: bytes=0-\r\n");
    visit.got = ry_buf_make((size_t)32 << 20);
    answer_clip(site, &clip);
    answer_look(site, looked(LONG_BYTES));
    return visit;
}

/* Serves until no more is asked; how many bytes were. */
static uint64_t serve_who_does_not_read(struct site *site)
{
    uint64_t asked = 0;
    for (int quiet = 0; quiet < 5; quiet++) {
        site_pump(site);
        while (bed_next_tag(site->bed) == RY_TAG_media_read) {
            asked = serve_part(site, LONG_BYTES);
            quiet = 0;
        }
    }
    return asked;
}

static void viewer_who_reads_nothing_costs_two_windows_and_then_none(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = begin_long(&site);
    uint64_t last = serve_who_does_not_read(&site);
    assert_true(last < LONG_BYTES - ((uint64_t)4 << 20)); /* the rest of what was asked for is in sockets */
    bed_advance(site.bed, 5 * TIMEOUT_MS);
    bed_expect_nothing(site.bed);
    /* It goes on where it was, and what was let go is asked for again. */
    const char *answer = serve(&site, &visit, LONG_BYTES);
    site_assert_status(answer, 206);
    assert_body(answer, visit.got.n, 0, LONG_BYTES);
    assert_true(bed_counter(site.bed, RY_COUNTER_watch_bytes) == LONG_BYTES);
    visit_end(&visit);
    site_close(&site);
}

static bool was_cut(struct site *site, struct visit *visit)
{
    for (int turn = 0; turn < SITE_TURNS_MAX && !visit->closed; turn++)
        if (!visit_read(visit))
            site_pump(site);
    return visit->closed && visit->got.n < LONG_BYTES;
}

static void paused_player_may_pause_and_is_ended_at_last(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = begin_long(&site);
    (void)serve_who_does_not_read(&site);
    bed_advance(site.bed, 59 * TIMEOUT_MS);
    site_pump(&site);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_turned_away), 0);
    bed_advance(site.bed, TIMEOUT_MS);
    site_pump(&site);
    assert_int_equal(bed_counter(site.bed, RY_COUNTER_http_turned_away), 1);
    assert_true(was_cut(&site, &visit));
    visit_end(&visit);
    site_close(&site);
}

static void viewer_is_cut_when_its_file_is_not_what_it_was(void **state)
{
    (void)state;
    static const struct ry_media_data answers[] = {
        {.changed = true},
        {.found = false},
        {.error = {"cannot be read: Input/output error", 34}},
        {.found = true, .total = LONG_BYTES - 1},
        {.found = true, .total = LONG_BYTES},
    };
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct visit visit = begin_long(&site);
        site_until_asked(&site);
        (void)serve_part(&site, LONG_BYTES);
        site_until_asked(&site);
        (void)BED_EXPECT(site.bed, media_read);
        BED_ANSWER(site.bed, bed_envelope(site.bed)->id, media_data, &answers[i]);
        assert_true(was_cut(&site, &visit));
        assert_int_equal(bed_counter(site.bed, RY_COUNTER_watch_cut), i + 1);
        bed_expect_nothing(site.bed);
        visit_end(&visit);
    }
    site_close(&site);
}

static void storage_that_is_away_is_asked_again_and_then_given_up(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = begin_long(&site);
    for (int turn = 0; turn < 3; turn++) {
        site_until_asked(&site);
        (void)BED_EXPECT(site.bed, media_read);
        uint64_t id = bed_envelope(site.bed)->id;
        bed_undeliverable(site.bed, id, id, RY_TAG_media_read, RY_UNDELIVERABLE_FULL);
        bed_advance(site.bed, 50);
    }
    site_until_asked(&site);
    assert_int_equal(serve_part(&site, LONG_BYTES), 0); /* it goes on */
    site_until_asked(&site);
    for (int turn = 0; bed_counter(site.bed, RY_COUNTER_watch_cut) == 0; turn++) {
        assert_true(turn < 10);
        (void)BED_EXPECT(site.bed, media_read);
        uint64_t id = bed_envelope(site.bed)->id;
        bed_advance(site.bed, 5000);
        bed_undeliverable(site.bed, id, id, RY_TAG_media_read, RY_UNDELIVERABLE_EXPIRED);
        bed_advance(site.bed, 50);
        if (bed_counter(site.bed, RY_COUNTER_watch_cut) == 0)
            site_until_asked(&site);
    }
    assert_true(was_cut(&site, &visit));
    visit_end(&visit);
    site_close(&site);
}

static void viewers_are_cut_when_the_node_stops(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct visit visit = begin_long(&site);
    (void)serve_who_does_not_read(&site);
    bed_drain(site.bed);
    for (int turn = 0; turn < SITE_TURNS_MAX && !bed_finished(site.bed); turn++) {
        site_pump(&site);
        bed_drain(site.bed);
    }
    assert_true(bed_finished(site.bed));
    assert_true(was_cut(&site, &visit));
    visit_end(&visit);
    site_close(&site);
}

/* ---- videos that are elsewhere ----------------------------------------------------------------------------------- */

#define VIEWERS 20

static void expired_link_is_renewed_once_for_all(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = remote_clip(59000);
    struct visit visits[VIEWERS];
    uint64_t id = 0;
    for (size_t i = 0; i < VIEWERS; i++) {
        visits[i] = visit_get(&site, WATCH);
        answer_clip(&site, &clip);
        if (i == 0) {
            const struct ry_urls_refresh *refresh = BED_EXPECT(site.bed, urls_refresh);
            id = bed_envelope(site.bed)->id;
            assert_true(refresh->urls.n == 1 && !refresh->verify);
            assert_true(ry_str_is(refresh->urls.items[0].url, SIGNED));
        }
        bed_expect_nothing(site.bed);
    }
    struct ry_url_fresh fresh = {
        .clip_id = RY_STR(SITE_CLIP_ID), .url = RY_STR(FRESH), .expires_wall_ms = BED_START_WALL_MS + 86400000};
    BED_ANSWER(site.bed, id, urls_refreshed, (&(struct ry_urls_refreshed){.urls = {&fresh, 1}}));
    const struct ry_urls_store *store = BED_EXPECT(site.bed, urls_store);
    assert_true(store->urls.n == 1 && ry_str_is(store->urls.items[0].url, FRESH));
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, urls_stored, (&(struct ry_urls_stored){.error = {NULL, 0}}));
    for (size_t i = 0; i < VIEWERS; i++) {
        const char *answer = visit_until_answered(&site, &visits[i]);
        site_assert_status(answer, 302);
        site_assert_has(answer, "Location: " FRESH "\r\n");
        visit_end(&visits[i]);
    }
    /* The row may be as old as it was: nobody is asked again until the new URL ends. */
    struct visit later = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    site_assert_has(visit_until_answered(&site, &later), "Location: " FRESH "\r\n");
    visit_end(&later);
    bed_expect_nothing(site.bed);
    bed_advance(site.bed, 86400000 - 59000);
    later = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    (void)BED_EXPECT(site.bed, urls_refresh);
    visit_end(&later);
    site_close(&site);
}

static void link_that_is_good_is_not_renewed(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = remote_clip(70000);
    struct visit visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 302);
    site_assert_has(answer, "Location: " SIGNED "\r\n");
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

/* Watches a clip of Discord; the answer. */
static const char *watch_with(struct site *site, struct ry_gallery_clip *clip, const char *headers, struct visit *visit)
{
    *visit = visit_with(site, "GET", WATCH, headers);
    answer_clip(site, clip);
    return visit_until_answered(site, visit);
}

static void video_that_is_gone_is_said_to_be(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *type;
    } readers[] = {{"Accept: text/html,*/*\r\n", "Content-Type: text/html"},
                   {"Accept: */*\r\n", "Content-Type: text/plain"}};
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = remote_clip(-1);
    struct visit visit = visit_with(&site, "GET", WATCH, "Accept: application/json\r\n");
    answer_clip(&site, &clip);
    assert_true(BED_EXPECT(site.bed, urls_refresh)->verify); /* a player's script asks why there was nothing */
    struct ry_url_fresh fresh = {.clip_id = RY_STR(SITE_CLIP_ID), .gone = true};
    BED_ANSWER(site.bed, bed_envelope(site.bed)->id, urls_refreshed,
               (&(struct ry_urls_refreshed){.urls = {&fresh, 1}}));
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 410);
    site_assert_has(answer, "Content-Type: application/json");
    site_assert_has(answer, "deleted on Discord");
    visit_end(&visit);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) { /* and Discord is not asked again */
        answer = watch_with(&site, &clip, readers[i].headers, &visit);
        site_assert_status(answer, 410);
        site_assert_has(answer, readers[i].type);
        bed_expect_nothing(site.bed);
        visit_end(&visit);
    }
    site_close(&site);
}

static void link_that_cannot_be_renewed_is_no_redirect(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = remote_clip(-1);
    struct visit visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    (void)BED_EXPECT(site.bed, urls_refresh);
    uint64_t id = bed_envelope(site.bed)->id;
    bed_undeliverable(site.bed, id, id, RY_TAG_urls_refresh, RY_UNDELIVERABLE_EXPIRED);
    site_assert_status(visit_until_answered(&site, &visit), 503);
    visit_end(&visit);
    clip.message_id = RY_STR("no number");
    site_assert_status(watch_with(&site, &clip, "", &visit), 503);
    bed_expect_nothing(site.bed);
    visit_end(&visit);
    site_close(&site);
}

static void viewers_are_sent_to_allowed_hosts_only(void **state)
{
    (void)state;
    static const char *const urls[] = {"https://evil.example/x.mp4",
                                       "http://cdn.discordapp.com/x.mp4",
                                       "https://cdn.discordapp.com@evil.example/x.mp4",
                                       "https://cdn.discordapp.com\\@evil.example/x.mp4",
                                       "https://cdn.discordapp.com:8443/x.mp4",
                                       "https://cdn.discordapp.com:x/x.mp4",
                                       "https://cdn.discordapp.com\r\nSet-Cookie: a=b/x.mp4",
                                       "https:///x.mp4",
                                       "javascript:alert(1)",
                                       "file:///etc/passwd"};
    struct site site = site_open(NULL);
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct visit visit;
        struct ry_gallery_clip clip = site_clip();
        clip.url = ry_str_of(urls[i]);
        const char *answer = watch_with(&site, &clip, "", &visit);
        site_assert_status(answer, 404);
        site_assert_has_not(answer, "Location");
        bed_expect_nothing(site.bed);
        visit_end(&visit);
    }
    site_close(&site);
}

static void presigned_url_of_the_store_is_a_redirect(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = kept_clip(1000);
    struct visit visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    answer_look(&site,
                &(struct ry_media_data){
                    .found = true, .total = 1000, .validator = RY_STR(VALIDATOR), .url = RY_STR("https://s3/x")});
    const char *answer = visit_until_answered(&site, &visit);
    site_assert_status(answer, 302);
    site_assert_has(answer, "Location: https://s3/x\r\n");
    visit_end(&visit);
    site_close(&site);
}

static void kept_file_that_is_missing_or_short_is_no_crash(void **state)
{
    (void)state;
    struct site site = site_open(NULL);
    struct ry_gallery_clip clip = kept_clip(1000);
    clip.url = RY_STR(SIGNED);
    clip.expires_wall_ms = BED_START_WALL_MS + 3600000;
    struct visit visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    answer_look(&site, looked(999));
    site_assert_status(visit_until_answered(&site, &visit), 500);
    visit_end(&visit);
    visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    answer_look(&site, &(struct ry_media_data){.found = false}); /* but Discord has it */
    site_assert_status(visit_until_answered(&site, &visit), 302);
    visit_end(&visit);
    visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    answer_look(&site, &(struct ry_media_data){.error = RY_STR("the disk fails")});
    site_assert_status(visit_until_answered(&site, &visit), 503);
    visit_end(&visit);
    visit = visit_get(&site, WATCH);
    answer_clip(&site, &clip);
    site_until_asked(&site);
    (void)BED_EXPECT(site.bed, media_read);
    bed_advance(site.bed, 5000);
    site_assert_has(visit_until_answered(&site, &visit), "did not answer within 5 seconds");
    visit_end(&visit);
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_range_and_condition_gets_its_head_and_its_bytes),
        cmocka_unit_test(file_of_an_export_is_asked_for_below_its_folder),
        cmocka_unit_test(what_is_no_video_is_never_a_page),
        cmocka_unit_test(only_those_who_may_look_may_watch),
        cmocka_unit_test(viewer_who_reads_nothing_costs_two_windows_and_then_none),
        cmocka_unit_test(paused_player_may_pause_and_is_ended_at_last),
        cmocka_unit_test(viewer_is_cut_when_its_file_is_not_what_it_was),
        cmocka_unit_test(storage_that_is_away_is_asked_again_and_then_given_up),
        cmocka_unit_test(viewers_are_cut_when_the_node_stops),
        cmocka_unit_test(expired_link_is_renewed_once_for_all),
        cmocka_unit_test(link_that_is_good_is_not_renewed),
        cmocka_unit_test(video_that_is_gone_is_said_to_be),
        cmocka_unit_test(link_that_cannot_be_renewed_is_no_redirect),
        cmocka_unit_test(viewers_are_sent_to_allowed_hosts_only),
        cmocka_unit_test(presigned_url_of_the_store_is_a_redirect),
        cmocka_unit_test(kept_file_that_is_missing_or_short_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

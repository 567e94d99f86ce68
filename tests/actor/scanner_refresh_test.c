/* scanner_refresh_test.c: fresh URLs for clips whose URLs expired, all at once and message by message, against the fake
 * Discord. */
#include "actors/scanner/clip_file.h"
#include "tests/bed/scan_bench.h"
#include "tests/bed/patience.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HIDDEN      "1424914917202464799" /* a channel that the bot may not read */
#define FRESH_S     86400
#define CLIP_DIGITS 32

/* What a clip of the archive is, and what must come of it. */
enum fate { FRESH, GONE, NOT_FRESH };

struct clip {
    const char *says;
    const char *channel;
    uint64_t k;             /* its message's position; its first attachment is meant */
    const char *message_id; /* instead of that of k */
    const char *url;        /* instead of the attachment's; printf format with channel and attachment */
    bool deleted;           /* the message, before it is asked for */
    enum fate fate;
    const char *reason; /* words of it; NULL: any */
};

struct texts {
    char clip_id[CLIP_DIGITS + 1];
    char message_id[24];
    char url[256];
    char part[64]; /* that the fresh URL must have */
};

static void make_ref(const struct scan_bench *bench, const struct clip *clip, size_t i, struct texts *texts,
                     struct ry_url_ref *ref)
{
    struct discord_message made;
    discord_message_make(&bench->channel, clip->k, &made);
    (void)snprintf(texts->clip_id, sizeof texts->clip_id, "%032zu", i);
    (void)snprintf(texts->message_id, sizeof texts->message_id, "%" PRIu64, made.id);
    const struct discord_attachment *attachment = &made.attachments[0];
    (void)snprintf(texts->part, sizeof texts->part, "/attachments/%s/%" PRIu64 "/%s?", clip->channel, attachment->id,
                   attachment->filename);
    if (clip->url)
        (void)snprintf(texts->url, sizeof texts->url, "%s", clip->url);
    else
        (void)snprintf(texts->url, sizeof texts->url, SCAN_BENCH_CDN "%sex=65f0c0de&is=65ef6f5e&hm=00&", texts->part);
    *ref = (struct ry_url_ref){.clip_id = ry_str_of(texts->clip_id),
                               .channel_id = ry_str_of(clip->channel),
                               .message_id = ry_str_of(clip->message_id ? clip->message_id : texts->message_id),
                               .url = ry_str_of(texts->url)};
    if (clip->deleted) {
        char target[64];
        (void)snprintf(target, sizeof target, "/fake/delete?message=%s", texts->message_id);
        assert_int_equal(fake_ask(bench->discord, "POST", target, NULL, 0), 204);
    }
}

static void check_fresh(const struct clip *clip, const struct texts *texts, const struct ry_url_fresh *fresh)
{
    print_message("  %s\n", clip->says);
    scan_bench_text_is(fresh->clip_id, texts->clip_id);
    assert_int_equal(fresh->gone, clip->fate == GONE);
    assert_int_equal(fresh->url.p != NULL, clip->fate == FRESH);
    if (clip->fate == FRESH) {
        assert_non_null(memmem(fresh->url.p, fresh->url.n, texts->part, strlen(texts->part)));
        assert_int_equal(fresh->expires_wall_ms, clip_url_expires_wall_ms(fresh->url, 0));
        int64_t left_ms = fresh->expires_wall_ms - ry_wall_ms(ry_clock_system());
        assert_between(left_ms, 1, FRESH_S * 1000); /* not what the old one said, which is over */
        assert_null(fresh->reason.p);
    } else if (clip->reason) {
        assert_non_null(memmem(fresh->reason.p, fresh->reason.n, clip->reason, strlen(clip->reason)));
    }
}

static uint64_t ask_for(struct scan_bench *bench, const struct clip *clips, size_t n, struct texts *texts)
{
    struct ry_url_ref refs[50];
    for (size_t i = 0; i < n; i++)
        make_ref(bench, &clips[i], i, &texts[i], &refs[i]);
    struct ry_urls_refresh refresh = {.urls = {refs, n}};
    return BED_DELIVER(bench->bed, urls_refresh, &refresh, NULL);
}

static const struct ry_urls_refreshed *expect_refreshed(struct scan_bench *bench, uint64_t id)
{
    scan_bench_listen(bench);
    const struct ry_urls_refreshed *refreshed = BED_EXPECT(bench->bed, urls_refreshed);
    assert_int_equal(bed_envelope(bench->bed)->correlation, id);
    bed_expect_done(bench->bed, id);
    bed_expect_nothing(bench->bed);
    assert_int_equal(bed_kept(bench->bed), 0);
    return refreshed;
}

/* All of these in one request; each must meet its fate. */
static void refresh(const struct scan_bench_setup *setup, const struct clip *clips, size_t n, uint64_t singles)
{
    struct scan_bench bench;
    struct texts texts[50];
    scan_bench_open(&bench, setup);
    uint64_t id = ask_for(&bench, clips, n, texts);
    const struct ry_urls_refreshed *refreshed = expect_refreshed(&bench, id);
    assert_null(refreshed->error.p);
    assert_int_equal(refreshed->urls.n, n);
    for (size_t i = 0; i < n; i++)
        check_fresh(&clips[i], &texts[i], &refreshed->urls.items[i]);
    assert_int_equal(fake_stat(bench.discord, "refresh"), 1);
    assert_int_equal(fake_stat(bench.discord, "message"), singles);
    scan_bench_close(&bench);
}

/* ---- all at once ------------------------------------------------------------------------------------------------- */

static void urls_are_renewed_by_one_request(void **state)
{
    (void)state;
    struct clip clips[50];
    for (size_t i = 0; i < 50; i++)
        clips[i] = (struct clip){.says = "one of fifty", .channel = SCAN_BENCH_CHANNEL, .k = i, .fate = FRESH};
    refresh(&(struct scan_bench_setup){.messages = 60, .clips = 480}, clips, 50, 0);
    refresh(&(struct scan_bench_setup){.messages = 60, .clips = 480}, clips, 1, 0);
}

static void two_clips_of_one_url_both_get_the_fresh_one(void **state)
{
    (void)state;
    static const struct clip CLIPS[] = {
        {.says = "first", .channel = SCAN_BENCH_CHANNEL, .k = 4, .fate = FRESH},
        {.says = "second", .channel = SCAN_BENCH_CHANNEL, .k = 4, .fate = FRESH},
    };
    refresh(&(struct scan_bench_setup){.messages = 60, .clips = 480}, CLIPS, 2, 0);
}

/* ---- message by message ------------------------------------------------------------------------------------------ */

static void where_discord_will_not_renew_each_message_tells_what_became_of_its_clip(void **state)
{
    (void)state;
    static const struct clip CLIPS[] = {
        {.says = "a clip that is there", .channel = SCAN_BENCH_CHANNEL, .k = 3, .fate = FRESH},
        {.says = "a message that was deleted", .channel = SCAN_BENCH_CHANNEL, .k = 4, .deleted = true, .fate = GONE},
        {.says = "a message that never was",
         .channel = SCAN_BENCH_CHANNEL,
         .k = 5,
         .message_id = "1297213456789012480",
         .fate = GONE},
        {.says = "an attachment that its message has no longer",
         .channel = SCAN_BENCH_CHANNEL,
         .k = 6,
         .url = SCAN_BENCH_CDN "/attachments/" SCAN_BENCH_CHANNEL "/77/clip.mp4?ex=65f0c0de",
         .fate = GONE},
        {.says = "a URL that names no attachment, of which nothing is known then",
         .channel = SCAN_BENCH_CHANNEL,
         .k = 7,
         .url = "https://videos.test/clip.mp4",
         .fate = NOT_FRESH,
         .reason = "names no attachment"},
        {.says = "a channel that is hidden", .channel = HIDDEN, .k = 8, .fate = NOT_FRESH, .reason = "403"},
        {.says = "a channel that is gone", .channel = "42", .k = 9, .fate = GONE},
        {.says = "the last one", .channel = SCAN_BENCH_CHANNEL, .k = 10, .fate = FRESH},
    };
    refresh(&(struct scan_bench_setup){.messages = 60,
                                       .clips = 480,
                                       .fake = {"--no-refresh", "--channel", HIDDEN ":10:10", "--forbidden", HIDDEN}},
            CLIPS, sizeof CLIPS / sizeof *CLIPS, sizeof CLIPS / sizeof *CLIPS);
}

/* Discord signs the URL of a deleted file too; whoever must know asks to verify. */
static void asked_to_verify_it_reads_each_message_though_discord_would_renew(void **state)
{
    (void)state;
    static const struct clip CLIPS[] = {
        {.says = "a clip that is there", .channel = SCAN_BENCH_CHANNEL, .k = 3, .fate = FRESH},
        {.says = "a message that was deleted", .channel = SCAN_BENCH_CHANNEL, .k = 4, .deleted = true, .fate = GONE},
    };
    struct scan_bench bench;
    struct texts texts[2];
    struct ry_url_ref refs[2];
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 60, .clips = 480});
    for (size_t i = 0; i < 2; i++)
        make_ref(&bench, &CLIPS[i], i, &texts[i], &refs[i]);
    struct ry_urls_refresh message = {.urls = {refs, 2}, .verify = true};
    const struct ry_urls_refreshed *refreshed =
        expect_refreshed(&bench, BED_DELIVER(bench.bed, urls_refresh, &message, NULL));
    assert_int_equal(refreshed->urls.n, 2);
    for (size_t i = 0; i < 2; i++)
        check_fresh(&CLIPS[i], &texts[i], &refreshed->urls.items[i]);
    assert_int_equal(fake_stat(bench.discord, "refresh"), 0);
    assert_int_equal(fake_stat(bench.discord, "message"), 2);
    scan_bench_close(&bench);
}

/* ---- troubles ---------------------------------------------------------------------------------------------------- */

static void without_an_answer_of_discord_nothing_is_said_of_any_clip(void **state)
{
    (void)state;
    static const struct clip CLIP = {.channel = SCAN_BENCH_CHANNEL, .k = 3};
    static const struct {
        struct scan_bench_setup setup;
        const char *says;
    } CASES[] = {
        {{.bot_token = ""}, "BOT_TOKEN"},
        {{.bot_token = "of-somebody-else"}, "BOT_TOKEN"},
        {{.fake = {"--fault-500", "100"}, .leap_ms = 5000}, "time was over"},
        {{.fake = {"--fault-500", "100", "--no-refresh"}, .leap_ms = 5000}, "time was over"},
        {{.fake = {"--fault-truncate", "100"}, .leap_ms = 5000}, "time was over"},
        {{.fake = {"--fault-close", "100"}, .leap_ms = 5000}, "time was over"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        struct texts texts;
        struct scan_bench_setup setup = CASES[i].setup;
        setup.messages = setup.clips = 60;
        scan_bench_open(&bench, &setup);
        uint64_t id = ask_for(&bench, &CLIP, 1, &texts);
        const struct ry_urls_refreshed *refreshed = expect_refreshed(&bench, id);
        assert_int_equal(refreshed->urls.n, 0);
        assert_int_equal(fake_stat(bench.discord, "message"), 0); /* what would be asked next would not go better */
        if (memmem(refreshed->error.p, refreshed->error.n, CASES[i].says, strlen(CASES[i].says)) == NULL)
            fail_msg("not \"%s\", but %.*s", CASES[i].says, RY_STR_ARG(refreshed->error));
        scan_bench_close(&bench);
    }
}

static void a_scanner_that_ends_in_the_middle_of_a_refresh_leaves_it_to_the_next(void **state)
{
    (void)state;
    static const struct clip CLIP = {.says = "again", .channel = SCAN_BENCH_CHANNEL, .k = 3, .fate = FRESH};
    struct scan_bench bench;
    struct texts texts;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 60, .clips = 480});
    ask_for(&bench, &CLIP, 1, &texts);
    assert_true(bed_wait_engine(bench.bed, PATIENCE_MS)); /* it is sent */
    bed_restart(bench.bed);
    uint64_t id = ask_for(&bench, &CLIP, 1, &texts);
    check_fresh(&CLIP, &texts, expect_refreshed(&bench, id)->urls.items);
    scan_bench_close(&bench);
}

#define THREAD "1424914917202464900"

static void a_clip_of_a_thread_is_found_by_its_url(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 10,
                                                       .clips = 10,
                                                       .fake = {"--no-refresh", "--thread", "active:" THREAD ":9:9"}});
    const struct discord_channel thread = {.id = strtoull(THREAD, NULL, 10),
                                           .guild = bench.channel.guild,
                                           .seed = bench.channel.seed,
                                           .messages = 9,
                                           .clips = 9,
                                           .media = bench.channel.media,
                                           .media_count = bench.channel.media_count};
    struct ry_url_ref refs[2];
    char texts[2][2][256];
    for (uint64_t k = 0; k < 2; k++) {
        struct discord_message made;
        discord_message_make(&thread, k, &made);
        (void)snprintf(texts[k][0], sizeof texts[k][0], "%" PRIu64, made.id);
        (void)snprintf(texts[k][1], sizeof texts[k][1], SCAN_BENCH_CDN "/attachments/" THREAD "/%" PRIu64 "/%s?ex=1",
                       made.attachments[0].id, made.attachments[0].filename);
        refs[k] = (struct ry_url_ref){.clip_id = RY_STR("0123456789abcdef0123456789abcdef"),
                                      .channel_id = RY_STR(SCAN_BENCH_CHANNEL),
                                      .message_id = ry_str_of(texts[k][0]),
                                      .url = ry_str_of(texts[k][1])};
    }
    char target[300];
    (void)snprintf(target, sizeof target, "/fake/delete?message=%s", texts[1][0]);
    assert_int_equal(fake_ask(bench.discord, "POST", target, NULL, 0), 204);
    struct ry_urls_refresh refresh = {.urls = {refs, 2}};
    const struct ry_urls_refreshed *refreshed =
        expect_refreshed(&bench, BED_DELIVER(bench.bed, urls_refresh, &refresh, NULL));
    assert_int_equal(refreshed->urls.n, 2);
    assert_non_null(refreshed->urls.items[0].url.p);
    assert_false(refreshed->urls.items[0].gone);
    assert_true(refreshed->urls.items[1].gone);
    assert_int_equal(fake_stat(bench.discord, "message"), 4); /* each in the channel first */
    scan_bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_renewed_by_one_request),
        cmocka_unit_test(two_clips_of_one_url_both_get_the_fresh_one),
        cmocka_unit_test(where_discord_will_not_renew_each_message_tells_what_became_of_its_clip),
        cmocka_unit_test(asked_to_verify_it_reads_each_message_though_discord_would_renew),
        cmocka_unit_test(without_an_answer_of_discord_nothing_is_said_of_any_clip),
        cmocka_unit_test(a_scanner_that_ends_in_the_middle_of_a_refresh_leaves_it_to_the_next),
        cmocka_unit_test(a_clip_of_a_thread_is_found_by_its_url),
    };
    return cmocka_run_group_tests_name("scanner_refresh", tests, NULL, NULL);
}

/* scanner_purge_test.c: jobs that read nothing: deletions, thumbnails to try again, clips that are stuck. Each asks the
 * writer until there is no more, bears its answers, and tells what came of it. */
#include "tests/bed/scan_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_ID "1424914917202464001"

static const struct {
    const char *type;
    const char *more;
    uint64_t scope;
} DELETIONS[] = {
    {"message_deletion", ",\"message_id\":\"" MESSAGE_ID "\"", RY_PURGE_MESSAGE},
    {"purge_channel", "", RY_PURGE_CHANNEL},
    {"purge_guild", "", RY_PURGE_GUILD},
};

#define DELETION_COUNT (sizeof DELETIONS / sizeof *DELETIONS)

static void expect_purge(struct scan_bench *bench, uint64_t scope)
{
    const struct ry_purge *purge = BED_EXPECT(bench->bed, purge);
    scan_bench_text_is(purge->job_id, SCAN_BENCH_JOB);
    assert_int_equal(purge->token, SCAN_BENCH_TOKEN);
    assert_int_equal(purge->scope, scope);
    scan_bench_text_is(purge->guild_id, SCAN_BENCH_GUILD);
    scan_bench_text_is(purge->channel_id, scope == RY_PURGE_GUILD ? NULL : SCAN_BENCH_CHANNEL);
    scan_bench_text_is(purge->message_id, scope == RY_PURGE_MESSAGE ? MESSAGE_ID : NULL);
    assert_between(purge->limit, 1, 10000);
}

static void answer_purged(struct scan_bench *bench, struct ry_purged purged)
{
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, purged, &purged);
}

/* ---- deletions --------------------------------------------------------------------------------------------------- */

static void a_deletion_goes_on_until_there_is_no_more_and_a_guild_is_then_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < DELETION_COUNT; i++) {
        struct scan_bench bench;
        bool guild = DELETIONS[i].scope == RY_PURGE_GUILD;
        scan_bench_open(&bench, &(struct scan_bench_setup){0});
        scan_bench_run(&bench, DELETIONS[i].type, DELETIONS[i].more);
        for (int step = 0; step < 3; step++) {
            expect_purge(&bench, DELETIONS[i].scope);
            assert_int_equal(fake_stat(bench.discord, "leave"), 0); /* not while rows are left */
            answer_purged(&bench, (struct ry_purged){.more = step < 2, .messages = 500, .clips = 7, .files = 14});
        }
        scan_bench_expect_done(&bench, 1500, 21);
        assert_int_equal(fake_stat(bench.discord, "leave"), guild);
        assert_int_equal(fake_stat(bench.discord, "requests"), guild);
        if (guild) {
            char stats[4096];
            (void)fake_ask(bench.discord, "GET", "/stats", stats, sizeof stats);
            assert_non_null(strstr(stats, "\"left_guilds\": [\"" SCAN_BENCH_GUILD "\"]"));
        }
        scan_bench_close(&bench);
    }
}

static void a_deletion_that_comes_twice_is_done_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < DELETION_COUNT; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){0});
        for (unsigned attempt = 1; attempt < 3; attempt++) {
            scan_bench_run_as(&bench, DELETIONS[i].type, DELETIONS[i].more, attempt, false);
            expect_purge(&bench, DELETIONS[i].scope);
            answer_purged(&bench, (struct ry_purged){0});
            scan_bench_expect_done(&bench, 0, 0); /* a guild that was left already is none that is left wrongly */
        }
        scan_bench_close(&bench);
    }
}

static void a_channel_cools_down_as_the_options_say(void **state)
{
    (void)state;
    static const struct {
        const char *minutes; /* NULL: the default */
        int64_t cooldown_ms;
    } CASES[] = {{NULL, 300000}, {"7", 420000}, {"0", 0}, {"-1", -60000}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        struct scan_bench_setup setup = {0};
        if (CASES[i].minutes) {
            setup.options[0][0] = "purge_cooldown_minutes";
            setup.options[0][1] = CASES[i].minutes;
        }
        scan_bench_open(&bench, &setup);
        scan_bench_run(&bench, "purge_channel", "");
        for (int step = 0; step < 2; step++) {
            assert_int_equal(BED_EXPECT(bench.bed, purge)->cooldown_ms, CASES[i].cooldown_ms);
            answer_purged(&bench, (struct ry_purged){.more = step == 0});
        }
        scan_bench_expect_done(&bench, 0, 0);
        scan_bench_close(&bench);
    }
}

static void a_deletion_that_the_writer_does_not_commit_is_tried_again(void **state)
{
    (void)state;
    static const struct {
        struct ry_purged purged;
        const char *says;
    } CASES[] = {
        {{.fenced = true}, "another worker has taken the job over"},
        {{.error = {"database is locked", 18}}, "deleting: database is locked"},
    };
    for (size_t i = 0; i < DELETION_COUNT; i++)
        for (size_t k = 0; k < sizeof CASES / sizeof *CASES; k++) {
            struct scan_bench bench;
            scan_bench_open(&bench, &(struct scan_bench_setup){0});
            scan_bench_run(&bench, DELETIONS[i].type, DELETIONS[i].more);
            expect_purge(&bench, DELETIONS[i].scope);
            answer_purged(&bench, (struct ry_purged){.more = true, .messages = 500});
            expect_purge(&bench, DELETIONS[i].scope);
            answer_purged(&bench, CASES[k].purged);
            scan_bench_expect_failed(&bench, true, CASES[k].says);
            assert_int_equal(fake_stat(bench.discord, "leave"), 0);
            scan_bench_close(&bench);
        }
}

static void a_guild_that_cannot_be_left_now_is_left_later(void **state)
{
    (void)state;
    static const struct {
        struct scan_bench_setup setup;
        const char *says;
    } CASES[] = {
        {{.bot_token = ""}, "BOT_TOKEN"},
        {{.bot_token = "of-somebody-else"}, "BOT_TOKEN"},
        {{.fake = {"--fault-500", "100"}, .leap_ms = 3600000}, "Discord: "},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &CASES[i].setup);
        scan_bench_run(&bench, "purge_guild", "");
        expect_purge(&bench, RY_PURGE_GUILD);
        answer_purged(&bench, (struct ry_purged){.messages = 3});
        scan_bench_expect_failed(&bench, true, CASES[i].says);
        scan_bench_close(&bench);
    }
}

/* A job that reads nothing, for what it asks of the settings. */
static bool asks_for_settings(struct scan_bench *bench)
{
    scan_bench_run(bench, "message", ",\"message_ids\":[]");
    bool asks = bed_next_tag(bench->bed) == RY_TAG_settings_get;
    if (asks)
        scan_bench_answer_settings(bench);
    scan_bench_expect_done(bench, 0, 0);
    return asks;
}

static void settings_of_what_was_purged_are_believed_no_longer(void **state)
{
    (void)state;
    for (size_t i = 0; i < DELETION_COUNT; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){.options = {{"settings_cache_ttl", "300"}}});
        assert_true(asks_for_settings(&bench));
        assert_false(asks_for_settings(&bench));
        scan_bench_run(&bench, DELETIONS[i].type, DELETIONS[i].more);
        expect_purge(&bench, DELETIONS[i].scope);
        answer_purged(&bench, (struct ry_purged){0});
        scan_bench_expect_done(&bench, 0, 0);
        assert_int_equal(asks_for_settings(&bench), DELETIONS[i].scope != RY_PURGE_MESSAGE);
        scan_bench_close(&bench);
    }
}

/* ---- thumbnails -------------------------------------------------------------------------------------------------- */

/* ,"clip_ids":[..] with so many ids, "clip-0" and on. */
static char *clip_ids(unsigned n)
{
    char *more = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&more, &size);
    fprintf(stream, ",\"retry_count\":1,\"clip_ids\":[");
    for (unsigned i = 0; i < n; i++)
        fprintf(stream, "%s\"clip-%u\"", i > 0 ? "," : "", i);
    fprintf(stream, "]");
    fclose(stream);
    return more;
}

static void named_clips_are_tried_again_each_once(void **state)
{
    (void)state;
    static const unsigned COUNTS[] = {0, 1, 1000, 1001, 2500};
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        struct scan_bench bench;
        char *more = clip_ids(COUNTS[i]);
        scan_bench_open(&bench, &(struct scan_bench_setup){0});
        scan_bench_run(&bench, "thumbnail_retry", more);
        unsigned asked = 0;
        while (asked < COUNTS[i]) {
            const struct ry_failed_retry *retry = BED_EXPECT(bench.bed, failed_retry);
            assert_between(retry->clip_ids.n, 1, COUNTS[i] - asked); /* none would mean all */
            for (size_t k = 0; k < retry->clip_ids.n; k++) {
                char id[16];
                (void)snprintf(id, sizeof id, "clip-%u", asked++);
                scan_bench_text_is(retry->clip_ids.items[k], id);
            }
            struct ry_failed_retried retried = {.count = retry->clip_ids.n};
            BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, failed_retried, &retried);
        }
        scan_bench_expect_done(&bench, 0, COUNTS[i]);
        free(more);
        scan_bench_close(&bench);
    }
}

static void a_retry_without_names_leaves_it_to_the_scheduler(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){0});
    scan_bench_run(&bench, "thumbnail_retry", ",\"retry_count\":2");
    scan_bench_expect_done(&bench, 0, 0);
    scan_bench_close(&bench);
}

static void clips_that_are_stuck_are_marked_until_there_are_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        uint64_t older_ms;
        const char *reason;
    } CASES[] = {
        {"", 30 * 60000, "nobody worked on it for 30 minutes"},
        {",\"timeout_minutes\":5", 5 * 60000, "nobody worked on it for 5 minutes"},
        {",\"timeout_minutes\":0", 0, "nobody worked on it for 0 minutes"},
        {",\"timeout_minutes\":0.5", 30000, "nobody worked on it for 0.5 minutes"},
        {",\"timeout_minutes\":9223372036854775807", UINT64_C(60000000000000),
         "nobody worked on it for 1000000000 minutes"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){0});
        scan_bench_run(&bench, "thumbnail_cleanup", CASES[i].more);
        uint64_t marked = 0;
        for (int step = 0; step < 3; step++) {
            const struct ry_clips_stale *stale = BED_EXPECT(bench.bed, clips_stale);
            scan_bench_text_is(stale->guild_id, SCAN_BENCH_GUILD);
            assert_int_equal(stale->older_ms, CASES[i].older_ms);
            assert_true(ry_str_starts(stale->reason, ry_str_of(CASES[i].reason)));
            struct ry_clips_staled staled = {.count = step < 2 ? stale->limit : 1};
            marked += staled.count;
            BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, clips_staled, &staled);
        }
        scan_bench_expect_done(&bench, 0, marked);
        scan_bench_close(&bench);
    }
}

static void a_chore_that_the_writer_does_not_commit_is_tried_again(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){0});
    scan_bench_run(&bench, "thumbnail_retry", ",\"clip_ids\":[\"clip-0\"]");
    (void)BED_EXPECT(bench.bed, failed_retry);
    struct ry_failed_retried retried = {.error = RY_STR("disk full")};
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, failed_retried, &retried);
    scan_bench_expect_failed(&bench, true, "trying thumbnails again: disk full");
    scan_bench_run(&bench, "thumbnail_cleanup", "");
    (void)BED_EXPECT(bench.bed, clips_stale);
    struct ry_clips_staled staled = {.error = RY_STR("disk full")};
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, clips_staled, &staled);
    scan_bench_expect_failed(&bench, true, "looking for clips that are stuck: disk full");
    scan_bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deletion_goes_on_until_there_is_no_more_and_a_guild_is_then_left),
        cmocka_unit_test(a_deletion_that_comes_twice_is_done_twice),
        cmocka_unit_test(a_channel_cools_down_as_the_options_say),
        cmocka_unit_test(a_deletion_that_the_writer_does_not_commit_is_tried_again),
        cmocka_unit_test(a_guild_that_cannot_be_left_now_is_left_later),
        cmocka_unit_test(settings_of_what_was_purged_are_believed_no_longer),
        cmocka_unit_test(named_clips_are_tried_again_each_once),
        cmocka_unit_test(a_retry_without_names_leaves_it_to_the_scheduler),
        cmocka_unit_test(clips_that_are_stuck_are_marked_until_there_are_no_more),
        cmocka_unit_test(a_chore_that_the_writer_does_not_commit_is_tried_again),
    };
    return cmocka_run_group_tests_name("scanner_purge", tests, NULL, NULL);
}

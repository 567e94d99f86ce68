/* scanner_live_test.c: jobs that name messages of a channel, and scans of a node's own queue, against the fake Discord:
 * how few requests find the messages, which of them are gone, and what is written. */
#include "tests/bed/scan_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MAX 160

static const struct ry_strs NONE;

/* The messages of the case under way, by their positions. */
static uint64_t wanted[IDS_MAX];
static size_t wanted_count;

static bool is_wanted(uint64_t k)
{
    for (size_t i = 0; i < wanted_count; i++)
        if (wanted[i] == k)
            return true;
    return false;
}

static void run_message_job(struct scan_bench *bench)
{
    char *more = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&more, &size);
    fprintf(stream, ",\"message_ids\":[");
    for (size_t i = 0; i < wanted_count; i++)
        fprintf(stream, "%s\"%s\"", i > 0 ? "," : "", scan_bench_id(bench, wanted[i]).text);
    fprintf(stream, "]");
    fclose(stream);
    scan_bench_run(bench, "message", more);
    free(more);
}

static void delete_message(const struct scan_bench *bench, uint64_t k)
{
    char target[64];
    (void)snprintf(target, sizeof target, "/fake/delete?message=%s", scan_bench_id(bench, k).text);
    assert_int_equal(fake_ask(bench->discord, "POST", target, NULL, 0), 204);
}

/* Clips of the wanted messages that are still there. */
static uint64_t clips_of_wanted(const struct scan_bench *bench)
{
    uint64_t clips = 0;
    for (uint64_t k = 0; k < bench->channel.messages; k++)
        clips += is_wanted(k) ? scan_bench_clips(bench, k, k + 1) : 0;
    return clips;
}

/* Expects the rows of what is wanted now, live, and the end of the job. */
static void expect_live(struct scan_bench *bench, uint64_t newest, uint64_t seen)
{
    if (clips_of_wanted(bench) > 0)
        scan_bench_answer_known(bench, NONE, true);
    const struct ry_batch_write *batch = scan_bench_expect_rows(bench, 0, bench->channel.messages, is_wanted);
    assert_int_equal(batch->progress.n, 1);
    scan_bench_text_is(batch->progress.items[0].direction, "live");
    scan_bench_text_is(batch->progress.items[0].newest_id, scan_bench_id(bench, newest).text);
    assert_false(batch->progress.items[0].ended);
    assert_false(batch->cancellable);
    for (size_t i = 0; i < batch->clips.n; i++)
        assert_true(ry_str_starts(batch->clips.items[i].url, RY_STR(SCAN_BENCH_PROXY "/attachments/")));
    scan_bench_answer_written(bench);
    assert_int_equal(scan_bench_expect_done(bench, seen, clips_of_wanted(bench))->next.n, 0);
}

/* ---- which requests find them ------------------------------------------------------------------------------------ */

static void messages_named_by_their_ids_are_found_by_few_requests(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        uint64_t ids[8];
        size_t n;
        uint64_t run; /* the last of them stands for this many, down from it */
        uint64_t pages;
        uint64_t single;
        uint64_t seen;
    } CASES[] = {
        {"one", {599}, 1, 1, 0, 1, 1},
        {"the newest ten", {599}, 1, 10, 1, 0, 10},
        {"one hundred", {599}, 1, 100, 1, 0, 100},
        {"one hundred and one: the last alone", {599}, 1, 101, 1, 1, 101},
        {"one hundred and fifty", {599}, 1, 150, 2, 0, 150},
        {"the newest, and one far older", {599, 3}, 2, 1, 1, 1, 2},
        {"far from each other", {599, 450, 300, 150}, 4, 1, 3, 1, 4},
        {"two pairs", {599, 598, 301, 300}, 4, 1, 2, 0, 4},
        {"in any order, some twice", {3, 599, 3, 598, 599}, 5, 1, 1, 1, 3},
        {"among the oldest, where a page is not full", {5, 3}, 2, 1, 1, 0, 2},
        {"the very oldest", {0, 599}, 2, 1, 1, 1, 2},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        print_message("  %s\n", CASES[i].says);
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 600, .clips = 600});
        wanted_count = 0;
        for (size_t k = 0; k < CASES[i].n; k++)
            wanted[wanted_count++] = CASES[i].ids[k];
        for (uint64_t k = 1; k < CASES[i].run; k++)
            wanted[wanted_count++] = CASES[i].ids[CASES[i].n - 1] - k;
        run_message_job(&bench);
        scan_bench_answer_settings(&bench);
        uint64_t newest = 0;
        for (size_t k = 0; k < wanted_count; k++)
            newest = wanted[k] > newest ? wanted[k] : newest;
        expect_live(&bench, newest, CASES[i].seen);
        assert_int_equal(fake_stat(bench.discord, "messages"), CASES[i].pages);
        assert_int_equal(fake_stat(bench.discord, "message"), CASES[i].single);
        scan_bench_close(&bench);
    }
}

static void messages_that_are_deleted_are_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        uint64_t ids[6];
        size_t n;
        uint64_t deleted[3];
        size_t deleted_count;
    } CASES[] = {
        {"the newest", {599, 598, 597}, 3, {599}, 1},
        {"one among them", {599, 598, 597}, 3, {598}, 1},
        {"the oldest", {599, 598, 597}, 3, {597}, 1},
        {"all but one", {599, 300, 3}, 3, {599, 3}, 2},
        {"one far away", {599, 3}, 2, {3}, 1},
        {"one at the oldest end", {599, 0}, 2, {0}, 1},
        {"on a page that is not full", {5, 3, 2}, 3, {3}, 1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        uint64_t newest = 0;
        print_message("  %s\n", CASES[i].says);
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 600, .clips = 600});
        wanted_count = CASES[i].n;
        memcpy(wanted, CASES[i].ids, sizeof CASES[i].ids);
        run_message_job(&bench);
        for (size_t d = 0; d < CASES[i].deleted_count; d++) {
            delete_message(&bench, CASES[i].deleted[d]);
            for (size_t k = 0; k < wanted_count; k++)
                if (wanted[k] == CASES[i].deleted[d])
                    wanted[k] = wanted[--wanted_count];
        }
        for (size_t k = 0; k < wanted_count; k++)
            newest = wanted[k] > newest ? wanted[k] : newest;
        scan_bench_answer_settings(&bench);
        expect_live(&bench, newest, wanted_count);
        scan_bench_close(&bench);
    }
}

static void a_job_whose_messages_are_all_gone_is_done_without_a_word(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 600, .clips = 600});
        wanted_count = n;
        wanted[0] = 599;
        wanted[1] = 3;
        run_message_job(&bench);
        for (size_t i = 0; i < n; i++)
            delete_message(&bench, wanted[i]);
        scan_bench_answer_settings(&bench);
        scan_bench_expect_done(&bench, 0, 0);
        scan_bench_close(&bench);
    }
}

static void a_message_without_clips_still_raises_the_newest_id(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 600, .clips = 0});
    wanted_count = 1;
    wanted[0] = 412;
    run_message_job(&bench);
    scan_bench_answer_settings(&bench);
    expect_live(&bench, 412, 1);
    scan_bench_close(&bench);
}

static void an_author_of_a_live_message_is_asked_for_alone(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 600, .clips = 600});
    wanted_count = 1;
    wanted[0] = scan_bench_with_clips(&bench, 500);
    run_message_job(&bench);
    scan_bench_answer_settings(&bench);
    scan_bench_listen(&bench);
    const struct ry_known_get *get = BED_EXPECT(bench.bed, known_get);
    assert_int_equal(get->message_ids.n, 0); /* it is written whether it is stored or not */
    assert_int_equal(get->user_ids.n, 1);
    struct ry_known_got got = {0};
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, known_got, &got);
    scan_bench_expect_rows(&bench, wanted[0], wanted[0] + 1, NULL);
    assert_int_equal(fake_stat(bench.discord, "member"), 1);
    scan_bench_close(&bench);
}

/* ---- a node's own scan ------------------------------------------------------------------------------------------- */

static void answer_nothing_known(struct scan_bench *bench, bool guild, bool channel)
{
    (void)BED_EXPECT(bench->bed, settings_get);
    struct ry_settings_got got = {.guild_exists = guild, .channel_exists = channel};
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, settings_got, &got);
}

static void a_scan_of_ones_own_makes_the_rows_it_lacks_from_what_discord_says(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 50, .clips = 10});
    scan_bench_run_as(&bench, "batch", ",\"restart\":true", 1, true);
    answer_nothing_known(&bench, false, false);
    scan_bench_listen(&bench);
    const struct ry_batch_write *batch = BED_EXPECT(bench.bed, batch_write);
    assert_int_equal(batch->guilds.n, 1);
    assert_int_equal(batch->channels.n, 1);
    scan_bench_text_is(batch->guilds.items[0].id, SCAN_BENCH_GUILD);
    scan_bench_text_is(batch->guilds.items[0].name, "Guild 700 n\u00e9");
    scan_bench_text_is(batch->guilds.items[0].icon_url,
                       "https://cdn.discordapp.com/icons/" SCAN_BENCH_GUILD "/a_0123456789abcdef0123456789abcdef.gif");
    scan_bench_text_is(batch->channels.items[0].id, SCAN_BENCH_CHANNEL);
    scan_bench_text_is(batch->channels.items[0].name, "clips-798");
    scan_bench_text_is(batch->channels.items[0].type, "text");
    scan_bench_text_is(batch->channels.items[0].topic, "Clips, n\u00e9");
    assert_null(batch->channels.items[0].parent_id.p);
    assert_int_equal(batch->messages.n + batch->progress.n, 0);
    scan_bench_answer_written(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_answer_known(&bench, NONE, true);
    scan_bench_expect_rows(&bench, 0, 50, NULL);
    scan_bench_answer_written(&bench);
    scan_bench_expect_done(&bench, 50, 10);
    scan_bench_close(&bench);
}

static void messages_of_ones_own_are_read_by_their_ids_when_the_rows_are_made(void **state)
{
    (void)state;
    struct scan_bench bench;
    char more[64];
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 50, .clips = 50});
    wanted_count = 1;
    wanted[0] = scan_bench_with_clips(&bench, 20);
    (void)snprintf(more, sizeof more, ",\"message_ids\":[\"%s\"]", scan_bench_id(&bench, wanted[0]).text);
    scan_bench_run_as(&bench, "message", more, 1, true);
    answer_nothing_known(&bench, false, false);
    scan_bench_listen(&bench);
    assert_int_equal(BED_EXPECT(bench.bed, batch_write)->guilds.n, 1);
    scan_bench_answer_written(&bench);
    expect_live(&bench, wanted[0], 1); /* and no scan of the channel begins */
    assert_int_equal(fake_stat(bench.discord, "messages"), 0);
    scan_bench_close(&bench);
}

static void a_scan_of_ones_own_needs_a_channel_that_discord_shows(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.channel_is_absent = true});
    scan_bench_run_as(&bench, "batch", "", 1, true);
    answer_nothing_known(&bench, true, false);
    scan_bench_expect_failed(&bench, false, "channel " SCAN_BENCH_CHANNEL ": Discord knows none");
    scan_bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_named_by_their_ids_are_found_by_few_requests),
        cmocka_unit_test(messages_that_are_deleted_are_skipped),
        cmocka_unit_test(a_job_whose_messages_are_all_gone_is_done_without_a_word),
        cmocka_unit_test(a_message_without_clips_still_raises_the_newest_id),
        cmocka_unit_test(an_author_of_a_live_message_is_asked_for_alone),
        cmocka_unit_test(a_scan_of_ones_own_makes_the_rows_it_lacks_from_what_discord_says),
        cmocka_unit_test(messages_of_ones_own_are_read_by_their_ids_when_the_rows_are_made),
        cmocka_unit_test(a_scan_of_ones_own_needs_a_channel_that_discord_shows),
    };
    return cmocka_run_group_tests_name("scanner_live", tests, NULL, NULL);
}

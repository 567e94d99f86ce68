/* scanner_ends_test.c: how scans end that do not go well: channels that are not to be scanned or not to be read, scans
 * that are cancelled, workers that lost their lease, a writer or a Discord that is away, a scanner that stops. */
#include "tests/bed/scan_bench.h"
#include "tests/bed/patience.h"

#include <stdio.h>
#include <string.h>

#define ONE_ID ",\"message_ids\":[\"1297213456789012480\"]"

static const struct ry_strs NONE;

/* Expects scan_end with this status and error, and answers. */
static void expect_scan_end(struct scan_bench *bench, const char *status, const char *error, struct ry_scan_ended ended)
{
    scan_bench_listen(bench);
    const struct ry_scan_end *end = BED_EXPECT(bench->bed, scan_end);
    scan_bench_text_is(end->job_id, SCAN_BENCH_JOB);
    scan_bench_text_is(end->guild_id, SCAN_BENCH_GUILD);
    scan_bench_text_is(end->channel_id, SCAN_BENCH_CHANNEL);
    assert_int_equal(end->token, SCAN_BENCH_TOKEN);
    scan_bench_text_is(end->status, status);
    scan_bench_text_is(end->error_message, error);
    BED_ANSWER(bench->bed, bed_envelope(bench->bed)->id, scan_ended, &ended);
}

/* ---- channels that are not scanned ------------------------------------------------------------------------------- */

static void a_channel_that_must_not_be_scanned_has_its_scan_cancelled_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        bool guild_lacks, channel_lacks, guild_disabled, channel_disabled, nsfw;
        const char *type;
        const char *error;
    } CASES[] = {
        {.guild_lacks = true, .error = "Guild or channel not found in database"},
        {.channel_lacks = true, .error = "Guild or channel not found in database"},
        {.guild_disabled = true, .error = "Guild scanning disabled"},
        {.channel_disabled = true, .error = "Channel scanning disabled for this channel"},
        {.type = "category", .error = "Cannot scan category channels"},
        {.nsfw = true, .error = "Channel is NSFW and ignore_nsfw_channels setting is enabled"},
    };
    static const char *const TYPES[][2] = {{"batch", ""}, {"rescan", ""}, {"message", ONE_ID}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        for (size_t t = 0; t < 3; t++) {
            struct scan_bench bench;
            scan_bench_open(&bench, &(struct scan_bench_setup){0});
            scan_bench_run(&bench, TYPES[t][0], TYPES[t][1]);
            (void)BED_EXPECT(bench.bed, settings_get);
            struct ry_settings_got got = {.guild_exists = !CASES[i].guild_lacks,
                                          .channel_exists = !CASES[i].channel_lacks,
                                          .guild_enabled = !CASES[i].guild_disabled,
                                          .channel_enabled = !CASES[i].channel_disabled,
                                          .nsfw = CASES[i].nsfw,
                                          .channel_type = ry_str_of(CASES[i].type ? CASES[i].type : "text"),
                                          .guild_settings = RY_STR("{\"ignore_nsfw_channels\":true}")};
            BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, settings_got, &got);
            if (t < 2) /* a message job is skipped silently */
                expect_scan_end(&bench, "CANCELLED", CASES[i].error, (struct ry_scan_ended){0});
            assert_int_equal(scan_bench_expect_done(&bench, 0, 0)->next.n, 0);
            assert_int_equal(fake_stat(bench.discord, "requests"), 0);
            scan_bench_close(&bench);
        }
}

static void a_channel_that_discord_does_not_show_has_its_scan_failed(void **state)
{
    (void)state;
    static const struct {
        struct scan_bench_setup setup;
        const char *error;
    } CASES[] = {
        {{.fake = {"--forbidden", SCAN_BENCH_CHANNEL}},
         "Bot does not have permission to read message history in this channel"},
        {{.channel_is_absent = true}, "Discord has no such channel, or the bot cannot see it"},
    };
    static const char *const TYPES[] = {"batch", "rescan"};
    for (size_t i = 0; i < 2; i++)
        for (size_t t = 0; t < 2; t++) {
            struct scan_bench bench;
            scan_bench_open(&bench, &CASES[i].setup);
            scan_bench_run(&bench, TYPES[t], "");
            scan_bench_answer_settings(&bench);
            scan_bench_answer_begin(&bench, NULL);
            expect_scan_end(&bench, "FAILED", CASES[i].error, (struct ry_scan_ended){0});
            assert_int_equal(scan_bench_expect_done(&bench, 0, 0)->next.n, 0);
            scan_bench_close(&bench);
        }
}

static void messages_that_discord_does_not_show_are_left_without_a_word(void **state)
{
    (void)state;
    static const struct {
        struct scan_bench_setup setup;
        const char *more;
    } CASES[] = {
        {{.fake = {"--forbidden", SCAN_BENCH_CHANNEL}}, ONE_ID},
        {{.fake = {"--forbidden", SCAN_BENCH_CHANNEL}}, ",\"message_ids\":[\"1297213456789012480\",\"5\"]"},
        {{.channel_is_absent = true}, ONE_ID},
        {{.channel_is_absent = true}, ",\"message_ids\":[\"1297213456789012480\",\"5\"]"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &CASES[i].setup);
        scan_bench_run(&bench, "message", CASES[i].more);
        scan_bench_answer_settings(&bench);
        scan_bench_expect_done(&bench, 0, 0);
        assert_int_equal(fake_stat(bench.discord, "requests"), 1);
        scan_bench_close(&bench);
    }
}

/* ---- what the writer says ---------------------------------------------------------------------------------------- */

/* A batch of a channel of 50 messages with 20 clips, up to its write. */
static void open_at_write(struct scan_bench *bench, const struct scan_bench_setup *setup)
{
    struct scan_bench_setup with_messages = *setup;
    with_messages.messages = 50;
    with_messages.clips = 20;
    scan_bench_open(bench, &with_messages);
    scan_bench_run(bench, "batch", ",\"limit\":50,\"auto_continue\":true");
    scan_bench_answer_settings(bench);
    scan_bench_answer_begin(bench, NULL);
    scan_bench_answer_known(bench, NONE, true);
    scan_bench_expect_rows(bench, 0, 50, NULL);
}

static void a_scan_that_is_cancelled_stops_before_it_reads(void **state)
{
    (void)state;
    static const char *const TYPES[] = {"batch", "rescan"};
    for (size_t i = 0; i < 2; i++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 50, .clips = 20});
        scan_bench_run(&bench, TYPES[i], "");
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, &(struct ry_scan_begun){.cancelled = true});
        assert_int_equal(scan_bench_expect_done(&bench, 0, 0)->next.n, 0);
        assert_int_equal(fake_stat(bench.discord, "requests"), 0);
        scan_bench_close(&bench);
    }
}

static void a_scan_that_is_cancelled_before_its_write_does_not_go_on(void **state)
{
    (void)state;
    struct scan_bench bench;
    open_at_write(&bench, &(struct scan_bench_setup){0});
    BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, batch_written, &(struct ry_batch_written){.cancelled = true});
    assert_int_equal(scan_bench_expect_done(&bench, 50, 20)->next.n, 0); /* as many as were looked at */
    scan_bench_close(&bench);
}

static void a_scan_that_nobody_cancelled_goes_on(void **state)
{
    (void)state;
    struct scan_bench bench;
    open_at_write(&bench, &(struct scan_bench_setup){0});
    scan_bench_answer_written(&bench);
    assert_int_equal(scan_bench_expect_done(&bench, 50, 20)->next.n, 1);
    scan_bench_close(&bench);
}

/* The places where a scan waits for the writer. */
enum place { AT_SETTINGS, AT_BEGIN, AT_KNOWN, AT_WRITE, AT_END, PLACES };

static void answer_badly(struct scan_bench *bench, enum place place, bool fenced, bool refused)
{
    struct ry_str error = fenced ? (struct ry_str){0} : RY_STR("disk full");
    struct ry_settings_got settings = {.error = error};
    struct ry_scan_begun begun = {.error = error, .fenced = fenced, .refused = refused};
    struct ry_known_got known = {.error = error};
    struct ry_batch_written written = {.error = error, .fenced = fenced};
    struct ry_scan_ended ended = {.error = error, .fenced = fenced, .refused = refused};
    uint64_t id = bed_envelope(bench->bed)->id;
    switch (place) {
    case AT_SETTINGS: BED_ANSWER(bench->bed, id, settings_got, &settings); break;
    case AT_BEGIN: BED_ANSWER(bench->bed, id, scan_begun, &begun); break;
    case AT_KNOWN: BED_ANSWER(bench->bed, id, known_got, &known); break;
    case AT_WRITE: BED_ANSWER(bench->bed, id, batch_written, &written); break;
    default: BED_ANSWER(bench->bed, id, scan_ended, &ended);
    }
}

static void run_to(struct scan_bench *bench, enum place place)
{
    scan_bench_run(bench, "batch", "");
    if (place > AT_SETTINGS)
        scan_bench_answer_settings(bench);
    if (place > AT_BEGIN)
        scan_bench_answer_begin(bench, NULL);
    if (place == AT_WRITE)
        scan_bench_answer_known(bench, NONE, true);
    scan_bench_listen(bench);
    static const enum ry_tag TAGS[PLACES] = {RY_TAG_settings_get, RY_TAG_scan_begin, RY_TAG_known_get,
                                             RY_TAG_batch_write, RY_TAG_scan_end};
    (void)bed_expect(bench->bed, TAGS[place]);
}

static void an_answer_that_is_none_of_the_writers_fails_the_job_for_now(void **state)
{
    (void)state;
    enum how { AWAY, FENCED, LOST, FULL };
    static const char *const SAYS[] = {"disk full", "another worker has taken the job over", "could not be asked",
                                       "asking the writer"};
    for (enum how how = AWAY; how <= FULL; how++)
        for (enum place place = AT_SETTINGS; place < PLACES; place++) {
            struct scan_bench bench;
            struct scan_bench_setup setup = {.messages = 50, .clips = 20};
            if (how == FENCED && (place == AT_SETTINGS || place == AT_KNOWN))
                continue; /* questions are not fenced */
            if (place == AT_END) {
                setup.fake[0] = "--forbidden";
                setup.fake[1] = SCAN_BENCH_CHANNEL;
            }
            scan_bench_open(&bench, &setup);
            run_to(&bench, place);
            const struct ry_envelope *asked = bed_envelope(bench.bed);
            if (how >= LOST)
                bed_undeliverable(bench.bed, asked->id, bench.job, (enum ry_tag)asked->tag,
                                  how == LOST ? RY_UNDELIVERABLE_DEAD : RY_UNDELIVERABLE_FULL);
            else
                answer_badly(&bench, place, how == FENCED, false);
            /* A database or a writer that is away for long makes no dead letter. */
            assert_int_equal(scan_bench_expect_failed(&bench, true, SAYS[how]), how == AWAY || how == FULL);
            scan_bench_close(&bench);
        }
}

static void what_the_database_refuses_for_good_is_a_dead_letter(void **state)
{
    (void)state;
    static const enum place PLACES_OF_IT[] = {AT_BEGIN, AT_END};
    for (size_t i = 0; i < sizeof PLACES_OF_IT / sizeof *PLACES_OF_IT; i++) {
        struct scan_bench bench;
        struct scan_bench_setup setup = {.messages = 50, .clips = 20};
        if (PLACES_OF_IT[i] == AT_END) {
            setup.fake[0] = "--forbidden";
            setup.fake[1] = SCAN_BENCH_CHANNEL;
        }
        scan_bench_open(&bench, &setup);
        run_to(&bench, PLACES_OF_IT[i]);
        answer_badly(&bench, PLACES_OF_IT[i], false, true);
        assert_false(scan_bench_expect_failed(&bench, false, "disk full"));
        scan_bench_close(&bench);
    }
}

/* ---- what Discord does ------------------------------------------------------------------------------------------- */

static void a_discord_that_is_away_or_does_not_know_the_bot_fails_the_job_for_now(void **state)
{
    (void)state;
    static const struct {
        struct scan_bench_setup setup;
        const char *says;
    } CASES[] = {
        {{.bot_token = ""}, "set BOT_TOKEN"},
        {{.bot_token = "of-somebody-else"}, "set BOT_TOKEN"},
        {{.fake = {"--fault-500", "100"}, .leap_ms = 600000}, "its time was over before another try"},
        {{.fake = {"--fault-truncate", "100"}, .leap_ms = 600000}, "its time was over before another try"},
        {{.fake = {"--fault-close", "100"}, .leap_ms = 600000}, "its time was over before another try"},
    };
    static const char *const TYPES[][2] = {{"batch", ""}, {"message", ONE_ID}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        for (size_t t = 0; t < 2; t++) {
            struct scan_bench bench;
            struct scan_bench_setup setup = CASES[i].setup;
            setup.messages = 50;
            scan_bench_open(&bench, &setup);
            int64_t began_mono_ms = bed_clock(bench.bed)->now_mono_ms;
            scan_bench_run(&bench, TYPES[t][0], TYPES[t][1]);
            scan_bench_answer_settings(&bench);
            if (t == 0)
                scan_bench_answer_begin(&bench, NULL);
            scan_bench_expect_failed(&bench, true, CASES[i].says);
            if (setup.leap_ms > 0) /* it waited for hours before it gave up */
                assert_true(bed_clock(bench.bed)->now_mono_ms - began_mono_ms >= INT64_C(6) * 3600000);
            scan_bench_close(&bench);
        }
}

static void a_discord_that_stumbles_is_asked_again_until_all_is_read(void **state)
{
    (void)state;
    static const char *const FAULTS[][2] = {
        {"--fault-500", "40"}, {"--fault-truncate", "40"}, {"--fault-close", "40"}, {"--fault-429", "40"}};
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        struct scan_bench bench;
        struct scan_bench_setup setup = {.messages = 500, .clips = 150, .leap_ms = 1000};
        setup.fake[0] = FAULTS[i][0];
        setup.fake[1] = FAULTS[i][1];
        scan_bench_open(&bench, &setup);
        scan_bench_run(&bench, "batch", ",\"limit\":500");
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, NULL);
        scan_bench_answer_known(&bench, NONE, false);
        scan_bench_expect_rows(&bench, 0, 500, NULL);
        scan_bench_answer_written(&bench);
        scan_bench_expect_done(&bench, 500, 150);
        uint64_t faults = fake_stat(bench.discord, "server_errors") + fake_stat(bench.discord, "truncated") +
                          fake_stat(bench.discord, "closed") + fake_stat(bench.discord, "limited");
        assert_true(faults > 0);
        scan_bench_close(&bench);
    }
}

static void a_discord_that_goes_away_while_members_are_looked_up_fails_the_job_once(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 500, .clips = 150, .leap_ms = 3600000});
    scan_bench_run(&bench, "batch", ",\"limit\":100");
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_listen(&bench);
    assert_int_equal(fake_ask(bench.discord, "POST", "/fake/down?ms=3600000", NULL, 0), 200);
    scan_bench_answer_known(&bench, NONE, false);
    scan_bench_expect_failed(&bench, true, "Discord: ");
    scan_bench_close(&bench);
}

/* ---- a scanner that stops ---------------------------------------------------------------------------------------- */

static void a_scanner_that_drains_brings_its_scan_to_an_end(void **state)
{
    (void)state;
    struct scan_bench bench;
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 50, .clips = 20});
    scan_bench_run(&bench, "batch", "");
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    assert_true(bed_wait_engine(bench.bed, PATIENCE_MS)); /* a page is asked for */
    bed_drain(bench.bed);
    assert_false(bed_finished(bench.bed));
    scan_bench_answer_known(&bench, NONE, false);
    assert_false(bed_finished(bench.bed));
    scan_bench_expect_rows(&bench, 0, 50, NULL);
    assert_false(bed_finished(bench.bed));
    scan_bench_answer_written(&bench);
    scan_bench_expect_done(&bench, 50, 20);
    assert_true(bed_finished(bench.bed));
    scan_bench_close(&bench);
}

static void a_scanner_that_is_cut_off_anywhere_leaves_its_scan_to_the_next(void **state)
{
    (void)state;
    enum { BEFORE_PAGE = PLACES, BEFORE_MEMBERS, POINTS };
    for (int point = AT_SETTINGS; point < POINTS; point++) {
        struct scan_bench bench;
        if (point == AT_END)
            continue;
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = 50, .clips = 20});
        if (point < PLACES) {
            run_to(&bench, (enum place)point);
        } else {
            run_to(&bench, point == BEFORE_PAGE ? AT_BEGIN : AT_KNOWN);
            if (point == BEFORE_PAGE)
                BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, scan_begun, &(struct ry_scan_begun){0});
            else
                BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, known_got, &(struct ry_known_got){0});
            assert_true(bed_wait_engine(bench.bed, PATIENCE_MS)); /* requests are under way */
            assert_int_equal(bed_next_tag(bench.bed), RY_TAG_NONE);
        }
        bed_restart(bench.bed);
        scan_bench_run_as(&bench, "batch", "", 2, false);
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, NULL);
        scan_bench_answer_known(&bench, NONE, false);
        scan_bench_expect_rows(&bench, 0, 50, NULL);
        scan_bench_answer_written(&bench);
        scan_bench_expect_done(&bench, 50, 20);
        scan_bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_that_must_not_be_scanned_has_its_scan_cancelled_with_the_reason),
        cmocka_unit_test(a_channel_that_discord_does_not_show_has_its_scan_failed),
        cmocka_unit_test(messages_that_discord_does_not_show_are_left_without_a_word),
        cmocka_unit_test(a_scan_that_is_cancelled_stops_before_it_reads),
        cmocka_unit_test(a_scan_that_is_cancelled_before_its_write_does_not_go_on),
        cmocka_unit_test(a_scan_that_nobody_cancelled_goes_on),
        cmocka_unit_test(an_answer_that_is_none_of_the_writers_fails_the_job_for_now),
        cmocka_unit_test(what_the_database_refuses_for_good_is_a_dead_letter),
        cmocka_unit_test(a_discord_that_is_away_or_does_not_know_the_bot_fails_the_job_for_now),
        cmocka_unit_test(a_discord_that_stumbles_is_asked_again_until_all_is_read),
        cmocka_unit_test(a_discord_that_goes_away_while_members_are_looked_up_fails_the_job_once),
        cmocka_unit_test(a_scanner_that_drains_brings_its_scan_to_an_end),
        cmocka_unit_test(a_scanner_that_is_cut_off_anywhere_leaves_its_scan_to_the_next),
    };
    return cmocka_run_group_tests_name("scanner_ends", tests, NULL, NULL);
}

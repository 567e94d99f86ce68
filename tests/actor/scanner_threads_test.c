/* scanner_threads_test.c: a channel's threads (include_threads), against the fake Discord. The test plays the queue and
 * the writer: it runs a job, and the job that goes on from it, until there is none. */
#include "tests/bed/scan_bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/json/json.h"

#define COUNT(a)     (sizeof(a) / sizeof(a)[0])
#define THREADS_ON   "{\"include_threads\":true}"
#define ACTIVE_ID    "1424914917202464900"
#define PUBLIC_ID    "1424914917302464901"
#define PRIVATE_ID   "1424914917402464902"
#define ELSEWHERE_ID "1424914917502464903"
#define SEEN_MAX     2000
#define JOBS_MAX     400

static const char *const MEDIA[] = {"clip.mp4", "more.webm", "other.mov"};

struct chain {
    struct scan_bench bench;
    const char *settings;     /* the guild's */
    const char *channel_type; /* of the channel's row */
    uint64_t jobs;
    uint64_t seen[SEEN_MAX]; /* messages that were written */
    size_t seen_count;
    uint64_t bounded; /* slices that moved a bound */
    bool ended;       /* by the last slice's progress */
    char next[70000]; /* the job that goes on; "": none */
    char next_id[80];
};

static void open_chain(struct chain *chain, const struct scan_bench_setup *setup, const char *settings)
{
    *chain = (struct chain){.settings = settings, .channel_type = "text"};
    scan_bench_open(&chain->bench, setup);
}

static void answer_settings(struct chain *chain)
{
    const struct ry_settings_get *get = BED_EXPECT(chain->bench.bed, settings_get);
    bool known = ry_str_is(get->channel_id, SCAN_BENCH_CHANNEL);
    struct ry_settings_got got = {.guild_exists = true,
                                  .guild_enabled = true,
                                  .channel_exists = known,
                                  .channel_enabled = known,
                                  .channel_type = known ? ry_str_of(chain->channel_type) : (struct ry_str){0},
                                  .guild_settings = ry_str_of(chain->settings)};
    BED_ANSWER(chain->bench.bed, bed_envelope(chain->bench.bed)->id, settings_got, &got);
}

static void take_batch(struct chain *chain)
{
    const struct ry_batch_write *batch = BED_EXPECT(chain->bench.bed, batch_write);
    scan_bench_text_is(batch->channel_id, SCAN_BENCH_CHANNEL);
    for (size_t i = 0; i < batch->messages.n; i++) {
        assert_true(chain->seen_count < SEEN_MAX);
        (void)ry_str_u64(batch->messages.items[i].id, &chain->seen[chain->seen_count++]);
    }
    if (batch->progress.n > 0) {
        chain->bounded += batch->progress.items[0].newest_id.p != NULL;
        chain->ended = batch->progress.items[0].ended;
    }
    scan_bench_answer_written(&chain->bench);
}

static void take_done(struct chain *chain)
{
    const struct ry_job_done *done = BED_EXPECT(chain->bench.bed, job_done);
    assert_true(done->next.n <= 1);
    chain->next[0] = '\0';
    if (done->next.n == 0)
        return;
    (void)snprintf(chain->next, sizeof chain->next, "%.*s", RY_STR_ARG(done->next.items[0].json));
    (void)snprintf(chain->next_id, sizeof chain->next_id, "%.*s", RY_STR_ARG(done->next.items[0].job_id));
}

/* Answers what the job under way asks until it is done. */
static void finish_job(struct chain *chain)
{
    struct bed *bed = chain->bench.bed;
    static const struct ry_scan_begun begun;
    for (bool done = false; !done;) {
        scan_bench_listen(&chain->bench);
        switch (bed_next_tag(bed)) {
        case RY_TAG_settings_get: answer_settings(chain); break;
        case RY_TAG_scan_begin:
            (void)BED_EXPECT(bed, scan_begin);
            BED_ANSWER(bed, bed_envelope(bed)->id, scan_begun, &begun);
            break;
        case RY_TAG_known_get: {
            const struct ry_known_get *get = BED_EXPECT(bed, known_get);
            struct ry_known_got got = {.user_ids = get->user_ids};
            BED_ANSWER(bed, bed_envelope(bed)->id, known_got, &got);
            break;
        }
        case RY_TAG_batch_write: take_batch(chain); break;
        case RY_TAG_job_done:
            take_done(chain);
            done = true;
            break;
        default: fail_msg("%d was said", (int)bed_next_tag(bed));
        }
    }
    bed_expect_done(bed, chain->bench.job);
    bed_expect_nothing(bed);
    chain->jobs++;
}

static void run_json(struct chain *chain, const char *type, const char *id, const char *json)
{
    struct ry_job_run run = {.job_id = ry_str_of(id),
                             .type = ry_str_of(type),
                             .token = SCAN_BENCH_TOKEN,
                             .attempts = 1,
                             .job = {.p = json, .n = strlen(json)}};
    chain->bench.job = BED_DELIVER(chain->bench.bed, job_run, &run, NULL);
    finish_job(chain);
}

static void run_next(struct chain *chain)
{
    static char json[sizeof chain->next];
    char id[sizeof chain->next_id];
    assert_true(chain->jobs < JOBS_MAX);
    memcpy(json, chain->next, sizeof json);
    memcpy(id, chain->next_id, sizeof id);
    run_json(chain, "batch", id, json);
}

static void run_chain(struct chain *chain, const char *more)
{
    scan_bench_run(&chain->bench, "batch", more);
    finish_job(chain);
    while (chain->next[0] != '\0')
        run_next(chain);
    assert_true(chain->ended);
}

/* How many messages from position `from` on have clips in a channel or thread of the fake; each must have been seen, if
 * seen. */
static size_t check(const struct chain *chain, const char *id, uint64_t messages, uint64_t clips, uint64_t from)
{
    const struct discord_channel made = {.id = strtoull(id, NULL, 10),
                                         .guild = chain->bench.channel.guild,
                                         .seed = chain->bench.channel.seed,
                                         .messages = messages,
                                         .clips = clips,
                                         .media = MEDIA,
                                         .media_count = 3};
    size_t count = 0;
    for (uint64_t k = from; k < messages; k++) {
        struct discord_message message;
        bool has_clip = false, seen = false;
        discord_message_make(&made, k, &message);
        for (size_t i = 0; i < message.attachment_count; i++)
            has_clip = has_clip || message.attachments[i].is_clip;
        for (size_t i = 0; i < chain->seen_count; i++)
            seen = seen || chain->seen[i] == message.id;
        if (has_clip && !seen)
            fail_msg("message %" PRIu64 " of %s was not seen", k, id);
        count += has_clip;
    }
    return count;
}

static const struct scan_bench_setup many = {.messages = 150,
                                             .clips = 20,
                                             .fake = {"--thread", "active:" ACTIVE_ID ":120:15", "--thread",
                                                      "public:" PUBLIC_ID ":30:10", "--thread",
                                                      "private:" PRIVATE_ID ":5:2", "--channel", ELSEWHERE_ID ":10:5",
                                                      "--thread", "active:1424914917502464999:9:9"}};

static void a_scan_covers_the_channels_threads_active_and_archived(void **state)
{
    (void)state;
    struct chain chain;
    open_chain(&chain, &many, THREADS_ON);
    run_chain(&chain, ",\"auto_continue\":true");
    size_t count = check(&chain, SCAN_BENCH_CHANNEL, 150, 20, 0) + check(&chain, ACTIVE_ID, 120, 15, 0) +
                   check(&chain, PUBLIC_ID, 30, 10, 0) + check(&chain, PRIVATE_ID, 5, 2, 0);
    assert_int_equal(chain.seen_count, count); /* and nothing of another channel's threads */
    assert_int_equal(chain.jobs, 2 + 2 + 1 + 1);
    assert_int_equal(chain.bounded, 2); /* the channel's own slices */
    assert_int_equal(fake_stat(chain.bench.discord, "active_threads"), 1);
    assert_int_equal(fake_stat(chain.bench.discord, "public_threads"), 1);
    assert_int_equal(fake_stat(chain.bench.discord, "private_threads"), 1);
    scan_bench_close(&chain.bench);
}

static void without_the_setting_no_thread_is_looked_for(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL, "{\"include_threads\":false}", "{\"include_threads\":\"true\"}"};
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct chain chain;
        open_chain(&chain, &many, settings[i]);
        scan_bench_run(&chain.bench, "batch", ",\"auto_continue\":true");
        finish_job(&chain);
        assert_null(strstr(chain.next, "threads"));
        run_next(&chain);
        assert_true(chain.ended);
        assert_int_equal(chain.seen_count, check(&chain, SCAN_BENCH_CHANNEL, 150, 20, 0));
        assert_int_equal(fake_stat(chain.bench.discord, "active_threads"), 0);
        scan_bench_close(&chain.bench);
    }
}

static void a_job_of_one_slice_reads_no_thread(void **state)
{
    (void)state;
    static const char *const jobs[] = {",\"limit\":200", ",\"auto_continue\":true,\"messages_max\":20"};
    for (size_t i = 0; i < COUNT(jobs); i++) {
        struct chain chain;
        open_chain(&chain, &many, THREADS_ON);
        scan_bench_run(&chain.bench, "batch", jobs[i]);
        finish_job(&chain);
        assert_string_equal(chain.next, "");
        assert_int_equal(fake_stat(chain.bench.discord, "active_threads"), 0);
        scan_bench_close(&chain.bench);
    }
}

static void a_long_list_of_archived_threads_is_read_page_by_page(void **state)
{
    (void)state;
    struct chain chain;
    open_chain(&chain, &(struct scan_bench_setup){.messages = 3, .clips = 1, .fake = {"--archived", "130"}},
               THREADS_ON);
    run_chain(&chain, ",\"auto_continue\":true");
    assert_int_equal(chain.seen_count, 1 + 130);
    assert_int_equal(chain.jobs, 1 + 130);
    assert_int_equal(fake_stat(chain.bench.discord, "public_threads"), 2);
    assert_int_equal(fake_stat(chain.bench.discord, "private_threads"), 1); /* 403, which is no trouble */
    scan_bench_close(&chain.bench);
}

static void a_forum_has_posts_alone(void **state)
{
    (void)state;
    struct chain chain;
    open_chain(&chain,
               &(struct scan_bench_setup){.messages = 0,
                                          .fake = {"--forum", "--thread", "active:" ACTIVE_ID ":20:5", "--thread",
                                                   "public:" PUBLIC_ID ":9:9"}},
               THREADS_ON);
    chain.channel_type = "forum";
    run_chain(&chain, ",\"auto_continue\":true");
    assert_int_equal(chain.seen_count, check(&chain, ACTIVE_ID, 20, 5, 0) + check(&chain, PUBLIC_ID, 9, 9, 0));
    assert_int_equal(chain.bounded, 0);
    assert_int_equal(fake_stat(chain.bench.discord, "messages"), 2);
    assert_int_equal(fake_stat(chain.bench.discord, "private_threads"), 0); /* a forum has none */
    scan_bench_close(&chain.bench);
}

static void a_thread_that_cannot_be_read_is_left_out(void **state)
{
    (void)state;
    struct scan_bench_setup setup = many;
    setup.fake[10] = "--forbidden";
    setup.fake[11] = PUBLIC_ID;
    struct chain chain;
    open_chain(&chain, &setup, THREADS_ON);
    run_chain(&chain, ",\"auto_continue\":true");
    assert_int_equal(chain.seen_count, check(&chain, SCAN_BENCH_CHANNEL, 150, 20, 0) +
                                           check(&chain, ACTIVE_ID, 120, 15, 0) + check(&chain, PRIVATE_ID, 5, 2, 0));
    scan_bench_close(&chain.bench);
}

static void a_forward_scan_reads_of_threads_what_is_newer_too(void **state)
{
    (void)state;
    struct chain chain;
    char more[128];
    open_chain(&chain, &many, THREADS_ON);
    (void)snprintf(more, sizeof more, ",\"direction\":\"forward\",\"auto_continue\":true,\"after_message_id\":\"%s\"",
                   scan_bench_id(&chain.bench, 99).text);
    run_chain(&chain, more);
    /* Messages come one a minute, so of the active thread those from about the 100th on are newer. */
    const struct discord_channel active = {.id = strtoull(ACTIVE_ID, NULL, 10),
                                           .seed = chain.bench.channel.seed,
                                           .messages = 120,
                                           .clips = 15,
                                           .media = MEDIA,
                                           .media_count = 3};
    uint64_t from = discord_messages_before(&active, strtoull(scan_bench_id(&chain.bench, 99).text, NULL, 10));
    assert_int_equal(chain.seen_count,
                     check(&chain, SCAN_BENCH_CHANNEL, 150, 20, 100) + check(&chain, ACTIVE_ID, 120, 15, from));
    assert_int_equal(chain.jobs, 2); /* the others have nothing that is newer, and were not asked for */
    scan_bench_close(&chain.bench);
}

/* A live job for the thread, and the ids of two of its messages. */
static void live_job(const struct chain *chain, char *json, size_t size)
{
    const struct discord_channel active = {.id = strtoull(ACTIVE_ID, NULL, 10),
                                           .seed = chain->bench.channel.seed,
                                           .messages = 120,
                                           .clips = 15,
                                           .media = MEDIA,
                                           .media_count = 3};
    uint64_t with_clip[2] = {0};
    size_t n = 0;
    for (uint64_t k = 0; n < 2; k++) {
        struct discord_message message;
        bool has_clip = false;
        discord_message_make(&active, k, &message);
        for (size_t i = 0; i < message.attachment_count; i++)
            has_clip = has_clip || message.attachments[i].is_clip;
        if (has_clip)
            with_clip[n++] = message.id;
    }
    (void)snprintf(json, size,
                   "{\"job_id\":\"j\",\"type\":\"message\",\"guild_id\":\"" SCAN_BENCH_GUILD
                   "\",\"channel_id\":\"" ACTIVE_ID
                   "\",\"created_at\":\"2024-10-19T15:03:09Z\",\"message_ids\":[\"%" PRIu64 "\",\"%" PRIu64 "\"]}",
                   with_clip[0], with_clip[1]);
}

static void live_messages_of_a_thread_are_stored_under_its_channel(void **state)
{
    (void)state;
    struct chain chain;
    char json[512];
    open_chain(&chain, &many, THREADS_ON);
    live_job(&chain, json, sizeof json);
    run_json(&chain, "message", "j", json);
    assert_int_equal(chain.seen_count, 2);
    assert_int_equal(chain.bounded, 0);
    assert_int_equal(fake_stat(chain.bench.discord, "channel"), 1);
    scan_bench_close(&chain.bench);
}

/* Also what is no thread; for as long as settings are believed. */
static void a_threads_channel_is_asked_for_once(void **state)
{
    (void)state;
    static const struct {
        const char *channel; /* in the place of the thread's id; NULL: that */
        size_t seen;         /* messages of a job */
    } CASES[] = {{NULL, 2}, {ELSEWHERE_ID, 0}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct chain chain;
        struct scan_bench_setup setup = many;
        char json[512];
        setup.options[0][0] = "settings_cache_ttl";
        setup.options[0][1] = "300";
        open_chain(&chain, &setup, THREADS_ON);
        live_job(&chain, json, sizeof json);
        if (CASES[i].channel != NULL)
            (void)memcpy(strstr(json, ACTIVE_ID), CASES[i].channel, strlen(ACTIVE_ID));
        for (size_t job = 1; job <= 3; job++) {
            run_json(&chain, "message", "j", json);
            assert_int_equal(chain.seen_count, job * CASES[i].seen);
            assert_int_equal(fake_stat(chain.bench.discord, "channel"), 1);
        }
        bed_advance(chain.bench.bed, 301000);
        run_json(&chain, "message", "j", json);
        assert_int_equal(fake_stat(chain.bench.discord, "channel"), 2);
        scan_bench_close(&chain.bench);
    }
}

static void live_messages_of_what_is_no_thread_to_be_scanned_are_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        const char *channel; /* in the place of the thread's id; NULL: that */
        uint64_t calls;
    } CASES[] = {{NULL, NULL, 0}, {THREADS_ON, ELSEWHERE_ID, 1}, {THREADS_ON, "7", 1}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct chain chain;
        char json[512];
        open_chain(&chain, &many, CASES[i].settings);
        live_job(&chain, json, sizeof json);
        if (CASES[i].channel != NULL)
            (void)snprintf(json, sizeof json,
                           "{\"job_id\":\"j\",\"type\":\"message\",\"guild_id\":\"" SCAN_BENCH_GUILD
                           "\",\"channel_id\":\"%s\",\"created_at\":\"2024-10-19T15:03:09Z\",\"message_ids\":[\"5\"]}",
                           CASES[i].channel);
        run_json(&chain, "message", "j", json);
        assert_int_equal(chain.seen_count, 0);
        assert_int_equal(bed_counter(chain.bench.bed, RY_COUNTER_jobs_skipped), 1);
        assert_int_equal(fake_stat(chain.bench.discord, "channel"), CASES[i].calls);
        assert_int_equal(fake_stat(chain.bench.discord, "messages"), 0);
        scan_bench_close(&chain.bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_covers_the_channels_threads_active_and_archived),
        cmocka_unit_test(without_the_setting_no_thread_is_looked_for),
        cmocka_unit_test(a_job_of_one_slice_reads_no_thread),
        cmocka_unit_test(a_long_list_of_archived_threads_is_read_page_by_page),
        cmocka_unit_test(a_forum_has_posts_alone),
        cmocka_unit_test(a_thread_that_cannot_be_read_is_left_out),
        cmocka_unit_test(a_forward_scan_reads_of_threads_what_is_newer_too),
        cmocka_unit_test(live_messages_of_a_thread_are_stored_under_its_channel),
        cmocka_unit_test(a_threads_channel_is_asked_for_once),
        cmocka_unit_test(live_messages_of_what_is_no_thread_to_be_scanned_are_skipped),
    };
    return cmocka_run_group_tests_name("scanner_threads", tests, NULL, NULL);
}

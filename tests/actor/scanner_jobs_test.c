/* scanner_jobs_test.c: jobs that read a channel's history, against the fake Discord: which slice is read, what becomes
 * of what is known already, what goes on from there, and what a job that comes twice does. */
#include "runtime/json/writer.h"
#include "tests/bed/scan_bench.h"

#include <stdio.h>
#include <string.h>

static const struct ry_strs NONE;

/* ---- the job that goes on ---------------------------------------------------------------------------------------- */

/* The text of a member of a job's JSON; "": null or none. */
static void member_of(struct ry_str json, const char *key, char *text, size_t size)
{
    RY_JSON_AUTO *doc = NULL;
    struct ry_error err;
    assert_int_equal(ry_json_parse(json, &doc, &err), RY_OK);
    RY_BUF_AUTO printed = ry_buf_make(size);
    struct ry_json_writer writer = ry_json_writer(&printed, false);
    const struct ry_json *value = ry_json_get(ry_json_root(doc), key);
    if (value != NULL && !ry_json_is(value, RY_JSON_STRING))
        ry_json_put_value(&writer, NULL, value);
    struct ry_str string = ry_json_is(value, RY_JSON_STRING) ? ry_json_str(value) : ry_buf_str(&printed);
    (void)snprintf(text, size, "%.*s", RY_STR_ARG(string));
}

static void assert_member(struct ry_str json, const char *key, const char *wanted)
{
    char text[128];
    member_of(json, key, text, sizeof text);
    assert_string_equal(text, wanted);
}

/* job_done must have one job that goes on behind message k. */
static void assert_goes_on(const struct scan_bench *bench, const struct ry_job_done *done, bool forward, uint64_t k,
                           const char *limit, const char *rescan)
{
    char id[128];
    assert_int_equal(done->next.n, 1);
    const struct ry_job_spec *next = &done->next.items[0];
    scan_bench_text_is(next->type, "batch");
    scan_bench_text_is(next->guild_id, SCAN_BENCH_GUILD);
    scan_bench_text_is(next->channel_id, SCAN_BENCH_CHANNEL);
    member_of(next->json, "job_id", id, sizeof id);
    scan_bench_text_is(next->job_id, id);
    assert_int_equal(strlen(id), 36);
    assert_string_not_equal(id, SCAN_BENCH_JOB);
    assert_member(next->json, "type", "batch");
    assert_member(next->json, "guild_id", SCAN_BENCH_GUILD);
    assert_member(next->json, "channel_id", SCAN_BENCH_CHANNEL);
    assert_member(next->json, "direction", forward ? "forward" : "backward");
    assert_member(next->json, forward ? "after_message_id" : "before_message_id", scan_bench_id(bench, k).text);
    assert_member(next->json, forward ? "before_message_id" : "after_message_id", "");
    assert_member(next->json, "auto_continue", "true");
    assert_member(next->json, "limit", limit);
    assert_member(next->json, "rescan", rescan);
}

/* ---- a slice ----------------------------------------------------------------------------------------------------- */

#define WHOLE  250 /* messages of the channel */
#define NOBODY UINT64_MAX

struct slice {
    const char *says;
    bool forward;
    unsigned limit; /* 0: left out */
    uint64_t from;  /* the message that the slice begins behind; NOBODY: at the channel's end */
    bool alone;     /* auto_continue is false */
    uint64_t first; /* what it must have */
    uint64_t end;
    uint64_t pages;
    bool goes_on;
};

static void job_of(const struct scan_bench *bench, const struct slice *slice, const char *rescan, char *more,
                   size_t size)
{
    char limit[32] = "";
    char from[80] = "";
    if (slice->limit > 0)
        (void)snprintf(limit, sizeof limit, ",\"limit\":%u", slice->limit);
    if (slice->from != NOBODY)
        (void)snprintf(from, sizeof from, ",\"%s_message_id\":\"%s\"", slice->forward ? "after" : "before",
                       scan_bench_id(bench, slice->from).text);
    (void)snprintf(more, size, ",\"direction\":\"%s\",\"auto_continue\":%s,\"rescan\":\"%s\"%s%s",
                   slice->forward ? "forward" : "backward", slice->alone ? "false" : "true", rescan, limit, from);
}

static void expect_progress(const struct scan_bench *bench, const struct slice *slice,
                            const struct ry_batch_write *batch)
{
    bool empty = slice->first == slice->end;
    assert_true(batch->cancellable);
    assert_int_equal(batch->progress.n, 1);
    const struct ry_scan_progress *progress = &batch->progress.items[0];
    scan_bench_text_is(progress->direction, slice->forward ? "forward" : "backward");
    scan_bench_text_is(progress->newest_id, empty ? NULL : scan_bench_id(bench, slice->end - 1).text);
    scan_bench_text_is(progress->oldest_id, empty ? NULL : scan_bench_id(bench, slice->first).text);
    assert_int_equal(progress->messages, slice->end - slice->first);
    assert_int_equal(progress->clips, scan_bench_clips(bench, slice->first, slice->end));
    assert_int_equal(progress->rejected, 0);
    assert_int_equal(progress->ended, !slice->goes_on);
    assert_int_equal(progress->next.n > 0, slice->goes_on);
}

static void read_slice(const struct slice *slice)
{
    struct scan_bench bench;
    char more[512];
    char limit[16] = "";
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
    job_of(&bench, slice, "stop", more, sizeof more);
    scan_bench_run(&bench, "batch", more);
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    if (slice->first < slice->end)
        scan_bench_answer_known(&bench, NONE, true);
    const struct ry_batch_write *batch = scan_bench_expect_rows(&bench, slice->first, slice->end, NULL);
    expect_progress(&bench, slice, batch);
    char next[2048];
    (void)snprintf(next, sizeof next, "%.*s", RY_STR_ARG(batch->progress.items[0].next));
    scan_bench_answer_written(&bench);
    const struct ry_job_done *done =
        scan_bench_expect_done(&bench, slice->end - slice->first, scan_bench_clips(&bench, slice->first, slice->end));
    if (slice->limit > 0)
        (void)snprintf(limit, sizeof limit, "%u", slice->limit);
    if (slice->goes_on) {
        assert_goes_on(&bench, done, slice->forward, slice->forward ? slice->end - 1 : slice->first, limit, "stop");
        scan_bench_text_is(done->next.items[0].json, next); /* what was committed is what is queued */
    } else {
        assert_int_equal(done->next.n, 0);
    }
    assert_int_equal(fake_stat(bench.discord, "messages"), slice->pages);
    assert_int_equal(fake_stat(bench.discord, "member"), 0);
    scan_bench_close(&bench);
}

static void a_batch_reads_one_slice_and_says_what_goes_on(void **state)
{
    (void)state;
    static const struct slice CASES[] = {
        {"backward from the newest", false, 100, NOBODY, false, 150, 250, 1, true},
        {"as many as the default says", false, 0, NOBODY, false, 150, 250, 1, true},
        {"a small slice", false, 7, NOBODY, false, 243, 250, 1, true},
        {"several pages", false, 230, NOBODY, false, 20, 250, 3, true},
        {"backward from a message", false, 100, 120, false, 20, 120, 1, true},
        {"backward to the end", false, 100, 50, false, 0, 50, 1, false},
        {"several pages to the end", false, 1000, NOBODY, false, 0, 250, 3, false},
        {"a full slice at the end goes on, for there may be more", false, 100, 100, false, 0, 100, 1, true},
        {"an empty slice ends the scan", false, 100, 0, false, 0, 0, 1, false},
        {"forward from the oldest", true, 100, NOBODY, false, 0, 100, 1, true},
        {"forward from a message", true, 100, 29, false, 30, 130, 1, true},
        {"forward by several pages", true, 150, 29, false, 30, 180, 2, true},
        {"forward to the newest", true, 100, 199, false, 200, 250, 1, false},
        {"forward, nothing new", true, 100, 249, false, 250, 250, 1, false},
        {"not to go on", false, 100, NOBODY, true, 150, 250, 1, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        print_message("  %s\n", CASES[i].says);
        read_slice(&CASES[i]);
    }
}

static void a_rescan_reads_everything_again_whatever_the_scan_says(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        struct scan_bench bench;
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
        scan_bench_run(&bench, "rescan", reset ? ",\"reset_scan_status\":true" : ",\"reason\":\"settings\"");
        scan_bench_answer_settings(&bench);
        const struct ry_scan_begin *begin = BED_EXPECT(bench.bed, scan_begin);
        assert_true(begin->restart);
        assert_int_equal(begin->reset, reset);
        BED_ANSWER(bench.bed, bed_envelope(bench.bed)->id, scan_begun, &(struct ry_scan_begun){0});
        scan_bench_expect_rows(&bench, 150, 250, NULL); /* nobody is asked what is known */
        scan_bench_answer_written(&bench);
        const struct ry_job_done *done = scan_bench_expect_done(&bench, 100, scan_bench_clips(&bench, 150, 250));
        assert_goes_on(&bench, done, false, 150, "", "update");
        scan_bench_close(&bench);
    }
}

/* ---- twice ------------------------------------------------------------------------------------------------------- */

static const struct slice NEWEST = {"", false, 100, NOBODY, false, 150, 250, 1, true};

static void a_slice_on_record_only_goes_on_under_the_same_id(void **state)
{
    (void)state;
    struct scan_bench bench;
    char more[512];
    char next[2048];
    char id[64];
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
    job_of(&bench, &NEWEST, "stop", more, sizeof more);
    scan_bench_run(&bench, "batch", more);
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    scan_bench_answer_known(&bench, NONE, true);
    const struct ry_batch_write *batch = scan_bench_expect_rows(&bench, 150, 250, NULL);
    (void)snprintf(next, sizeof next, "%.*s", RY_STR_ARG(batch->progress.items[0].next));
    member_of(batch->progress.items[0].next, "job_id", id, sizeof id);
    bed_restart(bench.bed); /* the commit was heard by nobody */

    uint64_t requests = fake_stat(bench.discord, "requests");
    ry_clock_manual_advance(bed_clock(bench.bed), 3600000);
    scan_bench_run_as(&bench, "batch", more, 2, false);
    scan_bench_answer_settings(&bench);
    struct ry_slice_record record = {.messages = 100, .clips = 24, .rejected = 0, .next = ry_str_of(next)};
    scan_bench_answer_begin(&bench, &(struct ry_scan_begun){.slices = {&record, 1}});
    const struct ry_job_done *done = scan_bench_expect_done(&bench, 100, 24);
    assert_goes_on(&bench, done, false, 150, "100", "stop");
    scan_bench_text_is(done->next.items[0].job_id, id);
    assert_int_equal(fake_stat(bench.discord, "requests"), requests);

    /* What no message can carry, by another hand: the job ends all the same. */
    static const char *const damaged[] = {"{", "{}", "{\"job_id\":\"\",\"type\":\"batch\"}",
                                          "{\"job_id\":\"a\",\"type\":\"a type that no message has room for\"}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        record.next = ry_str_of(damaged[i]);
        scan_bench_run_as(&bench, "batch", more, 2, false);
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, &(struct ry_scan_begun){.slices = {&record, 1}});
        assert_int_equal(scan_bench_expect_done(&bench, 100, 24)->next.n, 0);
    }

    record.next = (struct ry_str){0}; /* the scan's last slice */
    scan_bench_run_as(&bench, "batch", more, 2, false);
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, &(struct ry_scan_begun){.slices = {&record, 1}});
    assert_int_equal(scan_bench_expect_done(&bench, 100, 24)->next.n, 0);
    assert_int_equal(fake_stat(bench.discord, "requests"), requests);
    scan_bench_close(&bench);
}

static void a_slice_that_is_read_twice_goes_on_under_one_id_and_others_under_theirs(void **state)
{
    (void)state;
    char ids[3][64];
    for (size_t i = 0; i < 3; i++) {
        struct scan_bench bench;
        char more[512];
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
        struct slice slice = NEWEST;
        slice.limit = i < 2 ? 100 : 99;
        job_of(&bench, &slice, "stop", more, sizeof more);
        scan_bench_run(&bench, "batch", more);
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, NULL);
        scan_bench_answer_known(&bench, NONE, true);
        member_of(scan_bench_expect_rows(&bench, i < 2 ? 150 : 151, 250, NULL)->progress.items[0].next, "job_id",
                  ids[i], sizeof ids[i]);
        scan_bench_close(&bench);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
}

/* ---- what is known already --------------------------------------------------------------------------------------- */

static uint64_t known_one; /* the message that has rows */

static bool is_not_known(uint64_t k)
{
    return k != known_one;
}

static void what_is_stored_is_left_out_or_ends_the_scan_as_the_mode_says(void **state)
{
    (void)state;
    static const struct {
        const char *rescan;
        unsigned attempts;     /* leases */
        unsigned mail_attempt; /* hand-outs of one lease */
        bool known;
        bool goes_on;
    } CASES[] = {
        {"stop", 1, 1, false, true}, {"stop", 1, 1, true, false},    {"stop", 2, 1, true, true}, /* perhaps its own */
        {"stop", 1, 2, true, true},  {"continue", 1, 1, true, true}, {"continue", 2, 1, true, true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct scan_bench bench;
        char more[512];
        scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
        known_one = scan_bench_with_clips(&bench, 200);
        struct scan_bench_id id = scan_bench_id(&bench, known_one);
        struct ry_str item = ry_str_of(id.text);
        job_of(&bench, &NEWEST, CASES[i].rescan, more, sizeof more);
        bench.mail_attempt = CASES[i].mail_attempt;
        scan_bench_run_as(&bench, "batch", more, CASES[i].attempts, false);
        scan_bench_answer_settings(&bench);
        scan_bench_answer_begin(&bench, NULL);
        scan_bench_answer_known(&bench, CASES[i].known ? (struct ry_strs){&item, 1} : NONE, true);
        uint64_t left_out = CASES[i].known ? scan_bench_clips(&bench, known_one, known_one + 1) : 0;
        uint64_t clips = scan_bench_clips(&bench, 150, 250) - left_out;
        uint64_t messages = CASES[i].known ? 99 : 100;
        const struct ry_batch_write *batch =
            scan_bench_expect_rows(&bench, 150, 250, CASES[i].known ? is_not_known : NULL);
        assert_int_equal(batch->progress.items[0].messages, messages);
        assert_int_equal(batch->progress.items[0].clips, clips);
        assert_int_equal(batch->progress.items[0].ended, !CASES[i].goes_on);
        scan_bench_text_is(batch->progress.items[0].oldest_id, scan_bench_id(&bench, 150).text);
        scan_bench_answer_written(&bench);
        const struct ry_job_done *done = scan_bench_expect_done(&bench, messages, clips);
        if (CASES[i].goes_on)
            assert_goes_on(&bench, done, false, 150, "100", CASES[i].rescan);
        else
            assert_int_equal(done->next.n, 0);
        scan_bench_close(&bench);
    }
}

static void an_update_asks_nobody_what_is_stored_and_writes_it_again(void **state)
{
    (void)state;
    struct scan_bench bench;
    char more[512];
    scan_bench_open(&bench, &(struct scan_bench_setup){.messages = WHOLE, .clips = 60});
    job_of(&bench, &NEWEST, "update", more, sizeof more);
    scan_bench_run(&bench, "batch", more);
    scan_bench_answer_settings(&bench);
    scan_bench_answer_begin(&bench, NULL);
    const struct ry_batch_write *batch = scan_bench_expect_rows(&bench, 150, 250, NULL);
    assert_int_equal(fake_stat(bench.discord, "member"), batch->authors.n); /* all of them, known or not */
    scan_bench_answer_written(&bench);
    assert_goes_on(&bench, scan_bench_expect_done(&bench, 100, scan_bench_clips(&bench, 150, 250)), false, 150, "100",
                   "update");
    scan_bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_reads_one_slice_and_says_what_goes_on),
        cmocka_unit_test(a_rescan_reads_everything_again_whatever_the_scan_says),
        cmocka_unit_test(a_slice_on_record_only_goes_on_under_the_same_id),
        cmocka_unit_test(a_slice_that_is_read_twice_goes_on_under_one_id_and_others_under_theirs),
        cmocka_unit_test(what_is_stored_is_left_out_or_ends_the_scan_as_the_mode_says),
        cmocka_unit_test(an_update_asks_nobody_what_is_stored_and_writes_it_again),
    };
    return cmocka_run_group_tests_name("scanner_jobs", tests, NULL, NULL);
}

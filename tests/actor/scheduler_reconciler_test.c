/* scheduler_reconciler_test.c: open scans that no job goes on with are requeued, reported or cancelled. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <string.h>

#include "actors/scheduler/scheduler.h"

#define NEXT(id) "{\"job_id\": \"" id "\", \"type\": \"batch\", \"guild_id\": \"1\"}"
#define MINUTES  INT64_C(60000)

/* Leaves a bed with the question of its first round said. */
static struct bed *bed_at_first_round(uint64_t *get)
{
    struct bed *bed = bed_new(&ry_scheduler_spec, (const char *const[][2]){{"stale_scan_interval", "240"},
                                                                           {"stale_scan_minutes", "30"},
                                                                           {"clip_lease_seconds", "86400"},
                                                                           {NULL, NULL}});
    bed_pass_over(bed, RY_TAG_keep_claim); /* originals are kept by tests of their own */
    bed_advance(bed, 0);
    (void)BED_EXPECT(bed, clips_claim); /* never answered: no other mail comes */
    bed_advance(bed, 7999);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    const struct ry_scans_open_get *question = BED_EXPECT(bed, scans_open_get);
    assert_int_equal(question->older_ms, 60000);
    assert_null(question->after_channel_id.p);
    *get = bed_envelope(bed)->id;
    return bed;
}

static struct ry_scan_row scan_of(struct bed *bed, const char *channel, int64_t untouched_ms, const char *next)
{
    return (struct ry_scan_row){.guild_id = RY_STR("1"),
                                .channel_id = ry_str_of(channel),
                                .status = RY_STR("RUNNING"),
                                .updated_wall_ms = ry_wall_ms(&bed_clock(bed)->clock) - untouched_ms,
                                .next = next ? ry_str_of(next) : (struct ry_str){0}};
}

/* Answers with these scans; the queue is asked for their channels. Returns the question's id. */
static uint64_t answer_open(struct bed *bed, uint64_t get, struct ry_scan_row *scans, size_t n, bool more)
{
    struct ry_scans_open_got got = {.scans = {scans, n}, .more = more};
    BED_ANSWER(bed, get, scans_open_got, &got);
    const struct ry_jobs_find *find = BED_EXPECT(bed, jobs_find);
    assert_int_equal(find->channels.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(ry_str_eq(find->channels.items[i].channel_id, scans[i].channel_id));
        assert_true(ry_str_eq(find->channels.items[i].guild_id, scans[i].guild_id));
    }
    return bed_envelope(bed)->id;
}

static void answer_found(struct bed *bed, uint64_t find, const char *const *without, size_t n)
{
    struct ry_channel_ref refs[8];
    for (size_t i = 0; i < n; i++)
        refs[i] = (struct ry_channel_ref){.guild_id = RY_STR("1"), .channel_id = ry_str_of(without[i])};
    struct ry_jobs_found found = {.without = {refs, n}};
    BED_ANSWER(bed, find, jobs_found, &found);
}

/* The only open scan is this one, of channel 10, and the queue has no job for it. */
static void answer_without_job(struct bed *bed, uint64_t get, struct ry_scan_row *scan)
{
    answer_found(bed, answer_open(bed, get, scan, 1, false), (const char *const[]){"10"}, 1);
}

static void a_scan_whose_job_was_lost_goes_on_under_the_same_job_id(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    struct ry_scan_row scans[] = {scan_of(bed, "10", 2 * MINUTES, NEXT("a")),
                                  scan_of(bed, "11", 2 * MINUTES, NEXT("b")), scan_of(bed, "12", 2 * MINUTES, NULL)};
    uint64_t find = answer_open(bed, get, scans, 3, false);
    answer_found(bed, find, (const char *const[]){"11", "12"}, 2);
    const struct ry_jobs_push *push = BED_EXPECT(bed, jobs_push);
    assert_int_equal(push->jobs.n, 1);
    assert_true(ry_str_is(push->jobs.items[0].job_id, "b"));
    assert_true(ry_str_is(push->jobs.items[0].type, "batch"));
    assert_true(ry_str_is(push->jobs.items[0].channel_id, "11"));
    assert_true(ry_str_is(push->jobs.items[0].json, NEXT("b")));
    struct ry_jobs_pushed pushed = {.accepted = 1};
    BED_ANSWER(bed, bed_envelope(bed)->id, jobs_pushed, &pushed);
    assert_int_equal(bed_counter(bed, RY_COUNTER_scans_mended), 1);
    bed_advance(bed, 239999);
    bed_expect_nothing(bed);
    bed_advance(bed, 1);
    (void)BED_EXPECT(bed, scans_open_get);
    bed_free(bed);
}

/* A row may have been written by another hand. */
static void a_job_that_no_message_can_carry_is_not_queued(void **state)
{
    (void)state;
    static const char *const next[] = {"{", "[]", "{\"job_id\": \"\", \"type\": \"batch\"}", "{\"job_id\": \"a\"}",
                                       "{\"job_id\": \"a\", \"type\": \"a type that no message has room for\"}"};
    for (size_t i = 0; i < sizeof next / sizeof *next; i++) {
        uint64_t get = 0;
        struct bed *bed = bed_at_first_round(&get);
        struct ry_scan_row scan = scan_of(bed, "10", 2 * MINUTES, next[i]);
        answer_without_job(bed, get, &scan);
        bed_expect_nothing(bed);
        bed_free(bed);
    }
}

static void a_job_that_is_lost_again_is_not_queued_a_third_time(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    struct ry_scan_row scan = scan_of(bed, "10", 40 * MINUTES, NEXT("a"));
    answer_without_job(bed, get, &scan);
    (void)BED_EXPECT(bed, jobs_push);
    struct ry_jobs_pushed pushed = {.accepted = 1};
    BED_ANSWER(bed, bed_envelope(bed)->id, jobs_pushed, &pushed);
    bed_advance(bed, 240000);
    (void)BED_EXPECT(bed, scans_open_get);
    answer_without_job(bed, bed_envelope(bed)->id, &scan);
    assert_int_equal(BED_EXPECT(bed, scans_stale)->channel_ids.n, 1);
    bed_free(bed);
}

static void a_job_that_could_not_be_queued_is_tried_again(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    struct ry_scan_row scan = scan_of(bed, "10", 40 * MINUTES, NEXT("a"));
    answer_without_job(bed, get, &scan);
    (void)BED_EXPECT(bed, jobs_push);
    struct ry_jobs_pushed pushed = {.error = RY_STR("Redis is away")};
    BED_ANSWER(bed, bed_envelope(bed)->id, jobs_pushed, &pushed);
    bed_advance(bed, 5501);
    (void)BED_EXPECT(bed, scans_open_get);
    answer_without_job(bed, bed_envelope(bed)->id, &scan);
    (void)BED_EXPECT(bed, jobs_push);
    bed_free(bed);
}

static void a_scan_is_cancelled_only_when_it_is_old_and_no_job_waits(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    struct ry_scan_row scans[] = {scan_of(bed, "10", 31 * MINUTES, NULL), scan_of(bed, "11", 29 * MINUTES, NULL),
                                  scan_of(bed, "12", 31 * MINUTES, NULL),
                                  scan_of(bed, "13", 31 * MINUTES, "{\"job_id\": 7}")};
    uint64_t find = answer_open(bed, get, scans, 4, true);
    answer_found(bed, find, (const char *const[]){"10", "11", "13"}, 3);
    const struct ry_scans_stale *stale = BED_EXPECT(bed, scans_stale);
    assert_int_equal(stale->older_ms, 30 * MINUTES);
    assert_true(ry_str_is(stale->reason, "No worker went on with this scan for 30 minutes"));
    assert_int_equal(stale->channel_ids.n, 2);
    assert_true(ry_str_is(stale->channel_ids.items[0], "10"));
    assert_true(ry_str_is(stale->channel_ids.items[1], "13"));
    struct ry_scans_staled staled = {.count = 2};
    BED_ANSWER(bed, bed_envelope(bed)->id, scans_staled, &staled);
    assert_int_equal(bed_counter(bed, RY_COUNTER_scans_cancelled), 2);
    assert_true(ry_str_is(BED_EXPECT(bed, scans_open_get)->after_channel_id, "13")); /* the next page */
    bed_free(bed);
}

static void a_round_that_fails_begins_again_soon_and_changes_nothing(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 4; way++) {
        uint64_t get = 0;
        struct bed *bed = bed_at_first_round(&get);
        struct ry_scan_row scan = scan_of(bed, "10", 40 * MINUTES, NULL);
        struct ry_scans_open_got no_scans = {.error = RY_STR("the database is away")};
        struct ry_jobs_found no_jobs = {.error = RY_STR("Redis is away")};
        if (way == 0)
            BED_ANSWER(bed, get, scans_open_got, &no_scans);
        else if (way == 1)
            bed_undeliverable(bed, get, get, RY_TAG_scans_open_get, RY_UNDELIVERABLE_DEAD);
        else if (way == 2)
            BED_ANSWER(bed, answer_open(bed, get, &scan, 1, false), jobs_found, &no_jobs);
        else {
            uint64_t find = answer_open(bed, get, &scan, 1, false);
            bed_undeliverable(bed, find, find, RY_TAG_jobs_find, RY_UNDELIVERABLE_DEAD);
        }
        bed_advance(bed, 4499);
        bed_expect_nothing(bed);
        bed_advance(bed, 1002);
        (void)BED_EXPECT(bed, scans_open_get);
        bed_free(bed);
    }
}

static void no_step_is_begun_while_the_node_drains(void **state)
{
    (void)state;
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    struct ry_scan_row scan = scan_of(bed, "10", 40 * MINUTES, NEXT("a"));
    uint64_t find = answer_open(bed, get, &scan, 1, false);
    bed_drain(bed);
    answer_found(bed, find, (const char *const[]){"10"}, 1);
    bed_advance(bed, 600000);
    bed_expect_nothing(bed);
    bed_free(bed);
}

/* A writer that was taken over may answer so. */
static void of_a_page_that_is_too_long_the_beginning_counts(void **state)
{
    (void)state;
    enum { ANSWERED = 1000, A_PAGE = 100 };
    static struct ry_scan_row scans[ANSWERED];
    static char ids[ANSWERED][64];
    uint64_t get = 0;
    struct bed *bed = bed_at_first_round(&get);
    for (size_t i = 0; i < ANSWERED; i++) {
        (void)snprintf(ids[i], sizeof ids[i], NEXT("%zu"), i);
        scans[i] = scan_of(bed, "10", 40 * MINUTES, ids[i]);
    }
    struct ry_scans_open_got got = {.scans = {scans, ANSWERED}};
    BED_ANSWER(bed, get, scans_open_got, &got);
    assert_int_equal(BED_EXPECT(bed, jobs_find)->channels.n, A_PAGE);
    answer_found(bed, bed_envelope(bed)->id, (const char *const[]){"10"}, 1);
    assert_int_equal(BED_EXPECT(bed, jobs_push)->jobs.n, A_PAGE);
    struct ry_jobs_pushed pushed = {.accepted = A_PAGE};
    BED_ANSWER(bed, bed_envelope(bed)->id, jobs_pushed, &pushed);
    assert_true(ry_str_is(BED_EXPECT(bed, scans_open_get)->after_channel_id, "10"));
    bed_free(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scan_whose_job_was_lost_goes_on_under_the_same_job_id),
        cmocka_unit_test(a_job_that_no_message_can_carry_is_not_queued),
        cmocka_unit_test(a_job_that_is_lost_again_is_not_queued_a_third_time),
        cmocka_unit_test(a_job_that_could_not_be_queued_is_tried_again),
        cmocka_unit_test(a_scan_is_cancelled_only_when_it_is_old_and_no_job_waits),
        cmocka_unit_test(a_round_that_fails_begins_again_soon_and_changes_nothing),
        cmocka_unit_test(no_step_is_begun_while_the_node_drains),
        cmocka_unit_test(of_a_page_that_is_too_long_the_beginning_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

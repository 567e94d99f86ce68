/* ingester_test.c: jobs from the queue to the scanner and back, and what happens when either fails to do its part.
 *
 * The queue is a real one, in the bed's folder; the test looks at it and disturbs it through a connection of its own.
 */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/ingester/ingester.h"
#include "runtime/queue/sqlite_queue.h"
#include "tests/bed/redis_server.h"
#include "tests/bed/patience.h"

#define GUILD    "41771983423143937"
#define LEASE_MS 30000
#define JSON     "{\"type\":\"messages\"}"
#define BATCH(id) \
    "{\"job_id\":\"" id "\",\"type\":\"batch\",\"guild_id\":\"" GUILD \
    "\",\"channel_id\":\"2\",\"created_at\":\"2024-10-19T15:03:09\"}"

struct scene {
    struct bed *bed;
    struct ry_job_queue *queue; /* the test's own connection */
    struct ry_arena arena;
};

static struct ry_job_queue *queue_of(struct bed *bed)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    if (ry_job_queue_sqlite_open(path, &bed_clock(bed)->clock, &queue, &err) != RY_OK)
        fail_msg("%s", err.text);
    return queue;
}

static struct scene *scene_new(const char *batch, const char *mailbox)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->bed = bed_new(&ry_ingester_spec, (const char *const[][2]){{"job_batch_size", batch},
                                                                     {"mailbox", mailbox},
                                                                     {"lease_seconds", "30"},
                                                                     {"job_attempts_max", "4"},
                                                                     {"poll_ms", "200"},
                                                                     {NULL, NULL}});
    scene->queue = queue_of(scene->bed);
    scene->arena = ry_arena_make((size_t)1 << 20);
    return scene;
}

static void scene_free(struct scene *scene)
{
    bed_expect_nothing(scene->bed);
    bed_free(scene->bed);
    ry_job_queue_close(&scene->queue);
    ry_arena_free(&scene->arena);
    free(scene);
}

static void push_of(struct scene *scene, const char *id, const char *type, enum ry_priority priority)
{
    struct ry_job_push job = {
        .job_id = ry_str_of(id),
        .type = ry_str_of(type),
        .guild_id = RY_STR(GUILD),
        .channel_id = RY_STR("2"),
        .priority = priority,
        .json = RY_STR(JSON),
    };
    size_t accepted = 0;
    struct ry_error err;
    if (scene->queue->ops->push(scene->queue, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &err))
        fail_msg("%s", err.text);
    assert_int_equal(accepted, 1);
}

static void push(struct scene *scene, const char *id, enum ry_priority priority)
{
    push_of(scene, id, "messages", priority);
}

static void sql(struct scene *scene, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(ry_sqlite_queue_of(scene->queue)->db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
}

/* Leases a job to another worker. */
static struct ry_lease lease_to(struct scene *scene, const char *consumer)
{
    struct ry_lease lease;
    size_t n = 0;
    assert_int_equal(scene->queue->ops->read(scene->queue, ry_str_of(consumer), 1, RY_PRIORITY_BACKFILL, LEASE_MS,
                                             &scene->arena, &lease, &n, NULL),
                     RY_OK);
    assert_int_equal(n, 1);
    return lease;
}

static void expect_depth(struct scene *scene, uint64_t ready, uint64_t leased, uint64_t dead)
{
    struct ry_depth depth;
    assert_int_equal(scene->queue->ops->depth(scene->queue, &depth, NULL), RY_OK);
    assert_int_equal(depth.ready, ready);
    assert_int_equal(depth.leased, leased);
    assert_int_equal(depth.dead, dead);
}

static struct ry_dead only_letter(struct scene *scene)
{
    struct ry_dead letters[2];
    size_t n = 0;
    assert_int_equal(scene->queue->ops->dead_list(scene->queue, 0, 2, &scene->arena, letters, &n, NULL), RY_OK);
    assert_int_equal(n, 1);
    assert_int_equal(scene->queue->ops->dead_get(scene->queue, letters[0].id, &scene->arena, &letters[0], NULL), RY_OK);
    return letters[0];
}

/* The next thing said must be the run of this job: the mail's id. */
static uint64_t expect_run(struct scene *scene, const char *id)
{
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    if (!ry_str_is(run->job_id, id))
        fail_msg("job %.*s is run, not %s", RY_STR_ARG(run->job_id), id);
    return bed_envelope(scene->bed)->id;
}

static void say_done(struct scene *scene, uint64_t mail_id, const char *id)
{
    struct ry_job_done done = {.job_id = ry_str_of(id), .messages = 1};
    BED_ANSWER(scene->bed, mail_id, job_done, &done);
}

static void say_failed(struct scene *scene, uint64_t mail_id, const char *id, bool retry)
{
    struct ry_job_failed failed = {.job_id = ry_str_of(id), .retry = retry, .reason = RY_STR("no such guild")};
    BED_ANSWER(scene->bed, mail_id, job_failed, &failed);
}

static struct ry_queue_state queue_state(struct scene *scene)
{
    struct ry_queue_get get = {0};
    uint64_t id = BED_DELIVER(scene->bed, queue_get, &get, NULL);
    struct ry_queue_state state = *BED_EXPECT(scene->bed, queue_state);
    assert_int_equal(bed_envelope(scene->bed)->correlation, id);
    state.reason = ry_arena_str(&scene->arena, state.reason);
    bed_expect_done(scene->bed, id);
    return state;
}

/* ---- the good course --------------------------------------------------------------------------------------------- */

static void ingester_takes_a_job_to_the_scanner_and_acks_it_when_it_is_done(void **state)
{
    (void)state;
    struct scene *scene = scene_new("4", "256");
    push(scene, "x", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    const struct ry_envelope *envelope = bed_envelope(scene->bed);
    assert_true(ry_str_is(run->job_id, "x"));
    assert_true(ry_str_is(run->type, "messages"));
    assert_true(ry_str_is((struct ry_str){run->job.p, run->job.n}, JSON));
    assert_true(run->token > 0);
    assert_true(run->local_media);
    assert_int_equal(envelope->tenant, strtoull(GUILD, NULL, 10));
    assert_int_equal(envelope->priority, RY_PRIORITY_LIVE);
    assert_int_equal(envelope->correlation, envelope->id);
    expect_depth(scene, 0, 1, 0);
    say_done(scene, envelope->id, "x");
    expect_depth(scene, 0, 0, 0);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_read), 1);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 1);
    scene_free(scene);
}

static void ingester_holds_no_more_jobs_than_its_window(void **state)
{
    (void)state;
    const struct {
        const char *batch;
        const char *mailbox;
    } cases[] = {{"2", "256"}, {"10", "2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new(cases[i].batch, cases[i].mailbox);
        push(scene, "a", RY_PRIORITY_BACKFILL);
        push(scene, "b", RY_PRIORITY_BACKFILL);
        push(scene, "c", RY_PRIORITY_BACKFILL);
        bed_advance(scene->bed, 1000);
        uint64_t a = expect_run(scene, "a");
        (void)expect_run(scene, "b");
        bed_expect_nothing(scene->bed);
        say_done(scene, a, "a");
        (void)expect_run(scene, "c"); /* without waiting for the next poll */
        scene_free(scene);
    }
}

static void ingester_answers_for_the_state_of_the_queue(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "a", RY_PRIORITY_BACKFILL);
    push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 3000);
    (void)expect_run(scene, "a");
    struct ry_queue_state answer = queue_state(scene);
    assert_true(answer.healthy);
    assert_int_equal(answer.ready, 1);
    assert_int_equal(answer.leased, 1);
    assert_int_equal(answer.dead, 0);
    assert_int_equal(answer.oldest_ms, 3000);
    assert_null(answer.reason.p);
    scene_free(scene);
}

static void ingester_keeps_the_lease_of_a_slow_job(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t mail_id = expect_run(scene, "x");
    for (int i = 0; i < 10; i++) {
        bed_advance(scene->bed, LEASE_MS - 1000);
        struct ry_lease lease;
        size_t n = 0;
        assert_int_equal(scene->queue->ops->read(scene->queue, RY_STR("thief/1"), 1, RY_PRIORITY_BACKFILL, LEASE_MS,
                                                 &scene->arena, &lease, &n, NULL),
                         RY_OK);
        assert_int_equal(n, 0);
    }
    say_done(scene, mail_id, "x");
    expect_depth(scene, 0, 0, 0);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 0);
    scene_free(scene);
}

/* ---- failures of jobs -------------------------------------------------------------------------------------------- */

static void ingester_tries_a_failed_job_later_and_later_and_then_buries_it(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    /* The wait after each failure, without its jitter of a fifth and the poll. */
    const int64_t waits_ms[] = {1000, 2000, 4000};
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        say_failed(scene, expect_run(scene, "x"), "x", true);
        expect_depth(scene, 1, 0, 0);
        bed_advance(scene->bed, waits_ms[i] * 8 / 10 - 1);
        bed_expect_nothing(scene->bed);
        bed_advance(scene->bed, waits_ms[i] * 4 / 10 + 201);
    }
    say_failed(scene, expect_run(scene, "x"), "x", true);
    expect_depth(scene, 0, 0, 1);
    struct ry_dead letter = only_letter(scene);
    assert_true(ry_str_is(letter.reason, "failed 4 times; the last time: no such guild"));
    assert_true(ry_str_is(letter.body, JSON));
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_retried), 3);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_dead), 1);
    scene_free(scene);
}

/* What is wrong with the database is no fault of the job's. */
static void ingester_never_buries_a_job_that_the_database_does_not_take(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    struct ry_job_failed failed = {
        .job_id = RY_STR("x"), .retry = true, .held = true, .reason = RY_STR("clip.new_column must not be empty")};
    for (size_t i = 0; i < 20; i++) {
        BED_ANSWER(scene->bed, expect_run(scene, "x"), job_failed, &failed);
        expect_depth(scene, 1, 0, 0);
        bed_expect_nothing(scene->bed);
        bed_advance(scene->bed, 72201); /* a minute, its jitter of a fifth, and the poll */
    }
    say_done(scene, expect_run(scene, "x"), "x");
    expect_depth(scene, 0, 0, 0);
    scene_free(scene);
}

/* A round of several jobs counts once. */
static void ingester_tries_held_jobs_again_later_each_time(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {5000, 10000, 20000, 40000, 60000, 60000, 60000};
    struct scene *scene = scene_new("4", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    push(scene, "y", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        for (unsigned k = 0; k < 2; k++) {
            struct ry_job_failed failed = {.retry = true, .held = true, .reason = RY_STR("no such column")};
            failed.job_id = BED_EXPECT(scene->bed, job_run)->job_id;
            BED_ANSWER(scene->bed, bed_envelope(scene->bed)->id, job_failed, &failed);
        }
        bed_advance(scene->bed, waits_ms[i] * 4 / 5 - 1);
        bed_expect_nothing(scene->bed);
        bed_advance(scene->bed, waits_ms[i] * 2 / 5 + 202);
    }
    (void)BED_EXPECT(scene->bed, job_run);
    (void)BED_EXPECT(scene->bed, job_run);
    scene_free(scene);
}

/* The schema is mended: the first one that is taken tells, and the others do not wait for their time. */
static void ingester_hurries_held_jobs_when_one_is_taken(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    struct ry_job_failed failed = {.retry = true, .held = true, .reason = RY_STR("no such column")};
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    for (size_t i = 0; i < 6; i++) {
        failed.job_id = RY_STR("x");
        BED_ANSWER(scene->bed, expect_run(scene, "x"), job_failed, &failed);
        if (i == 5)
            break;
        bed_advance(scene->bed, 72201);
    }
    push(scene, "y", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 30000);
    failed.job_id = RY_STR("y");
    BED_ANSWER(scene->bed, expect_run(scene, "y"), job_failed, &failed);
    /* One that was never held tells nothing. */
    push(scene, "z", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    say_done(scene, expect_run(scene, "z"), "z");
    bed_expect_nothing(scene->bed);
    bed_advance(scene->bed, 42201); /* the time of x, not yet of y */
    say_done(scene, expect_run(scene, "x"), "x");
    say_done(scene, expect_run(scene, "y"), "y");
    expect_depth(scene, 0, 0, 0);
    scene_free(scene);
}

static void ingester_buries_a_hopeless_job_and_goes_on(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    push(scene, "y", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    say_failed(scene, expect_run(scene, "x"), "x", false);
    (void)expect_run(scene, "y");
    assert_true(ry_str_is(only_letter(scene).reason, "no such guild"));
    scene_free(scene);
}

static void ingester_buries_a_job_that_was_worked_on_at_too_many_crashes(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    for (int i = 0; i < 4; i++) {
        (void)lease_to(scene, "other/1");
        ry_clock_manual_advance(bed_clock(scene->bed), LEASE_MS);
    }
    bed_advance(scene->bed, 200);
    bed_expect_nothing(scene->bed);
    expect_depth(scene, 0, 0, 1);
    assert_true(ry_str_is(only_letter(scene).reason, "was being worked on at 4 crashes"));
    scene_free(scene);
}

static void ingester_buries_a_job_that_the_queue_has_damaged(void **state)
{
    (void)state;
    const char *const damages[] = {"DELETE FROM reelyard_queue_body",
                                   "UPDATE reelyard_queue_job SET type = printf('%040d', 1)",
                                   "UPDATE reelyard_queue_job SET job_id = ''"};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct scene *scene = scene_new("1", "256");
        push(scene, "x", RY_PRIORITY_BACKFILL);
        sql(scene, damages[i]);
        bed_advance(scene->bed, 200);
        bed_expect_nothing(scene->bed);
        expect_depth(scene, 0, 0, 1);
        scene_free(scene);
    }
}

static void ingester_gives_a_job_back_untried_when_the_mailbox_is_full(void **state)
{
    (void)state;
    struct scene *scene = scene_new("2", "256");
    push(scene, "a", RY_PRIORITY_BACKFILL);
    push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t a = expect_run(scene, "a");
    uint64_t b = expect_run(scene, "b");
    bed_undeliverable(scene->bed, b, b, RY_TAG_job_run, RY_UNDELIVERABLE_FULL);
    expect_depth(scene, 1, 1, 0);
    bed_advance(scene->bed, 10000);
    bed_expect_nothing(scene->bed); /* it has learned: one at a time */
    say_done(scene, a, "a");
    b = expect_run(scene, "b");
    for (int i = 0; i < 10; i++) { /* more often than job_attempts_max */
        bed_undeliverable(scene->bed, b, b, RY_TAG_job_run, RY_UNDELIVERABLE_FULL);
        bed_expect_nothing(scene->bed); /* not at once again */
        expect_depth(scene, 1, 0, 0);
        bed_advance(scene->bed, 10000);
        b = expect_run(scene, "b");
    }
    say_done(scene, b, "b");
    expect_depth(scene, 0, 0, 0);
    scene_free(scene);
}

static void ingester_tries_again_when_the_mail_of_a_job_died(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    for (int i = 0; i < 4; i++) {
        uint64_t id = expect_run(scene, "x");
        bed_undeliverable(scene->bed, id, id, RY_TAG_job_run, RY_UNDELIVERABLE_DEAD);
        expect_depth(scene, i < 3, 0, i == 3);
        bed_advance(scene->bed, 10000);
    }
    assert_true(ry_str_is(only_letter(scene).reason, "failed 4 times; the last time: said the bed"));
    scene_free(scene);
}

/* ---- leases that are lost or left -------------------------------------------------------------------------------- */

static void ingester_leaves_a_job_that_another_worker_has_taken(void **state)
{
    (void)state;
    const char *const answers[] = {"done", "failed", "renew"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct scene *scene = scene_new("1", "256");
        push(scene, "x", RY_PRIORITY_BACKFILL);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = expect_run(scene, "x");
        ry_clock_manual_advance(bed_clock(scene->bed), LEASE_MS); /* it was asleep */
        struct ry_lease lease = lease_to(scene, "thief/1");
        if (i == 0)
            say_done(scene, mail_id, "x");
        else if (i == 1)
            say_failed(scene, mail_id, "x", false);
        else
            bed_advance(scene->bed, LEASE_MS / 3);
        assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 1);
        expect_depth(scene, 0, 1, 0);
        assert_int_equal(scene->queue->ops->ack(scene->queue, lease.job_id, lease.token, NULL, 0, NULL), RY_OK);
        say_done(scene, mail_id, "x"); /* too late, and twice */
        assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 0);
        scene_free(scene);
    }
}

static void ingester_takes_over_the_leases_of_its_former_self_at_once(void **state)
{
    (void)state;
    struct scene *scene = scene_new("4", "256");
    push(scene, "mine", RY_PRIORITY_LIVE);
    push(scene, "foreign", RY_PRIORITY_BACKFILL);
    (void)lease_to(scene, "bed/0");
    (void)lease_to(scene, "bed2/0");
    bed_restart(scene->bed);
    bed_advance(scene->bed, 0);
    (void)expect_run(scene, "mine");
    bed_expect_nothing(scene->bed);
    scene_free(scene);
}

static void ingester_gives_back_untried_what_it_leaves_behind(void **state)
{
    (void)state;
    struct scene *scene = scene_new("4", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    for (int i = 0; i < 6; i++) {
        bed_advance(scene->bed, 200);
        (void)expect_run(scene, "x");
        bed_restart(scene->bed);
        expect_depth(scene, 1, 0, 0);
    }
    assert_int_equal(lease_to(scene, "other/1").attempts, 1);
    scene_free(scene);
}

static void ingester_drains_by_reading_no_more_and_waiting_for_what_runs(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "a", RY_PRIORITY_BACKFILL);
    push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t a = expect_run(scene, "a");
    bed_drain(scene->bed);
    assert_false(bed_finished(scene->bed));
    bed_advance(scene->bed, 1000);
    say_done(scene, a, "a");
    bed_expect_nothing(scene->bed);
    assert_true(bed_finished(scene->bed));
    expect_depth(scene, 1, 0, 0);
    scene_free(scene);
}

/* ---- dead mail --------------------------------------------------------------------------------------------------- */

static const struct ry_mail_dead dead_mail = {
    .id = 4294967297,
    .role = {"storage", 7},
    .message = {"thumbnail_store", 15},
    .attempts = 3,
    .reason = {"the disk is full", 16},
    .summary = {"thumbnail_store{}", 17},
    .mail = {.p = "\x92\0\xff", .n = 3},
};

static void ingester_keeps_dead_mail_once_and_whole(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    struct ry_send send = {.tenant = 41771983423143937};
    uint64_t id = BED_DELIVER(scene->bed, mail_dead, &dead_mail, &send);
    bed_expect_done(scene->bed, id);
    bed_redeliver(scene->bed, id, 2, RY_TAG_mail_dead, &dead_mail, &send);
    bed_expect_done(scene->bed, id);
    struct ry_dead letter = only_letter(scene);
    assert_int_equal(letter.kind, RY_DEAD_MAIL);
    assert_true(ry_str_is(letter.job_id, "4294967297"));
    assert_true(ry_str_is(letter.type, "thumbnail_store"));
    assert_true(ry_str_is(letter.guild_id, GUILD));
    assert_true(ry_str_is(letter.reason, "the disk is full"));
    assert_true(ry_str_is(letter.summary, "thumbnail_store{}"));
    assert_true(ry_str_eq(letter.body, (struct ry_str){"\x92\0\xff", 3}));
    assert_int_equal(letter.attempts, 3);
    scene_free(scene);
}

/* ---- a queue that fails ------------------------------------------------------------------------------------------ */

static void break_queue(struct scene *scene)
{
    sql(scene,
        "ALTER TABLE reelyard_queue_job RENAME TO away_job; ALTER TABLE reelyard_queue_dead RENAME TO away_dead");
}

static void mend_queue(struct scene *scene)
{
    sql(scene,
        "ALTER TABLE away_job RENAME TO reelyard_queue_job; ALTER TABLE away_dead RENAME TO reelyard_queue_dead");
}

static void ingester_says_ends_again_when_the_queue_has_recovered(void **state)
{
    (void)state;
    struct scene *scene = scene_new("4", "256");
    push(scene, "done", RY_PRIORITY_BACKFILL);
    push(scene, "bad", RY_PRIORITY_BACKFILL);
    push(scene, "slow", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t done = expect_run(scene, "done");
    uint64_t bad = expect_run(scene, "bad");
    uint64_t slow = expect_run(scene, "slow");
    break_queue(scene);
    say_done(scene, done, "done");
    say_failed(scene, bad, "bad", false);
    uint64_t mail = BED_DELIVER(scene->bed, mail_dead, &dead_mail, NULL);
    assert_int_equal(bed_kept(scene->bed), 1);
    struct ry_queue_state sick = queue_state(scene);
    assert_false(sick.healthy);
    assert_non_null(memmem(sick.reason.p, sick.reason.n, "no such table", 13));
    bed_advance(scene->bed, LEASE_MS - 1000);
    bed_expect_nothing(scene->bed);
    say_done(scene, slow, "slow");
    mend_queue(scene);
    bed_advance(scene->bed, LEASE_MS * 2);
    bed_expect_done(scene->bed, mail);
    expect_depth(scene, 0, 0, 2);
    assert_true(queue_state(scene).healthy);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 2);
    push(scene, "next", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    (void)expect_run(scene, "next");
    scene_free(scene);
}

static void ingester_makes_up_for_a_renewal_as_soon_as_the_queue_has_recovered(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    (void)expect_run(scene, "x");
    bed_advance(scene->bed, LEASE_MS / 3 - 300);
    break_queue(scene);
    bed_advance(scene->bed, 150); /* the renewal falls in here */
    mend_queue(scene);
    bed_advance(scene->bed, 1000);
    ry_clock_manual_advance(bed_clock(scene->bed), LEASE_MS - 2000); /* asleep until after the first lease's end */
    struct ry_lease lease;
    size_t n = 0;
    assert_int_equal(scene->queue->ops->read(scene->queue, RY_STR("thief/1"), 1, RY_PRIORITY_BACKFILL, LEASE_MS,
                                             &scene->arena, &lease, &n, NULL),
                     RY_OK);
    assert_int_equal(n, 0);
    scene_free(scene);
}

static void ingester_lets_no_end_that_is_refused_hold_up_the_others(void **state)
{
    (void)state;
    struct scene *scene = scene_new("4", "256");
    push(scene, "bad", RY_PRIORITY_BACKFILL);
    push(scene, "good", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t bad = expect_run(scene, "bad");
    uint64_t good = expect_run(scene, "good");
    sql(scene, "ALTER TABLE reelyard_queue_dead RENAME TO away_dead");
    say_failed(scene, bad, "bad", false);
    say_done(scene, good, "good");
    bed_advance(scene->bed, LEASE_MS);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 1);
    sql(scene, "ALTER TABLE away_dead RENAME TO reelyard_queue_dead");
    bed_advance(scene->bed, LEASE_MS);
    expect_depth(scene, 0, 0, 1);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 0);
    scene_free(scene);
}

static void ingester_ends_when_its_queue_is_damaged(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_BACKFILL);
    sql(scene, "DELETE FROM reelyard_queue_meta WHERE name = 'token'");
    bed_advance(scene->bed, 200);
    struct ry_error why;
    assert_true(bed_exited(scene->bed, &why));
    assert_int_equal(why.code, RY_ECORRUPT);
    scene_free(scene);
}

static void ingester_refuses_to_open_a_file_that_is_no_database(void **state)
{
    (void)state;
    struct ry_error err;
    bed_new_fails(&ry_ingester_spec, (const char *const[][2]){{"sqlite_path", "/proc/self/cmdline"}, {NULL, NULL}},
                  &err);
    assert_non_null(strstr(err.text, "/proc/self/cmdline"));
}

/* ---- what other actors ask --------------------------------------------------------------------------------------- */

static struct ry_job_spec spec_of(const char *id, const char *type, const char *channel)
{
    return (struct ry_job_spec){.job_id = ry_str_of(id),
                                .type = ry_str_of(type),
                                .guild_id = RY_STR(GUILD),
                                .channel_id = ry_str_of(channel),
                                .json = RY_STR(JSON)};
}

/* What goes on from a job of channel 2. */
static struct ry_job_spec next_of(const char *id, struct ry_str json)
{
    struct ry_job_spec spec = spec_of(id, "batch", "2");
    spec.json = json;
    return spec;
}

static void ingester_pushes_what_goes_on_from_a_job_with_its_ack(void **state)
{
    (void)state;
    static const char *const types[] = {"batch", "rescan"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct scene *scene = scene_new("1", "256");
        push_of(scene, "x", types[i], RY_PRIORITY_LIVE);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = expect_run(scene, "x");
        struct ry_job_spec next[] = {next_of("y", RY_STR(BATCH("y"))), next_of("z", RY_STR(BATCH("z")))};
        struct ry_job_done done = {.job_id = RY_STR("x"), .next = {next, 2}};
        BED_ANSWER(scene->bed, mail_id, job_done, &done);
        mail_id = expect_run(scene, "y");
        assert_int_equal(bed_envelope(scene->bed)->priority, RY_PRIORITY_BACKFILL);
        say_done(scene, mail_id, "y");
        (void)expect_run(scene, "z");
        expect_depth(scene, 0, 1, 0);
        scene_free(scene);
    }
}

static void ingester_queues_nothing_that_does_not_go_on_from_the_job(void **state)
{
    (void)state;
#define OTHER "5"
#define JOB(type, guild, channel) \
    "{\"job_id\":\"y\",\"type\":\"" type "\",\"guild_id\":\"" guild "\",\"channel_id\":\"" channel "\"}"
    static const struct {
        const char *done; /* the job's type */
        const char *type;
        const char *guild_id;
        const char *channel_id;
        const char *json;
    } cases[] = {
        {"batch", "purge_guild", OTHER, "0", JOB("purge_guild", OTHER, "0")},
        {"batch", "purge_guild", GUILD, "0", JOB("purge_guild", GUILD, "0")},
        {"batch", "rescan", GUILD, "2", JOB("rescan", GUILD, "2")},
        {"batch", "batch", OTHER, "2", JOB("batch", OTHER, "2")},
        {"batch", "batch", GUILD, OTHER, JOB("batch", GUILD, OTHER)},
        {"batch", "batch", GUILD, "2", JOB("purge_channel", GUILD, "2")},
        {"batch", "batch", GUILD, "2", JOB("batch", OTHER, "2")},
        {"batch", "batch", GUILD, "2", JOB("batch", GUILD, OTHER)},
        {"batch", "batch", GUILD, "2", BATCH("not y")},
        {"batch", "batch", GUILD, "2", "nonsense"},
        {"message", "batch", GUILD, "2", JOB("batch", GUILD, "2")},
        {"messages", "messages", GUILD, "2", JOB("messages", GUILD, "2")},
        {"purge_guild", "purge_guild", GUILD, "2", JOB("purge_guild", GUILD, "2")},
        {"thumbnail_retry", "thumbnail_retry", GUILD, "2", JOB("thumbnail_retry", GUILD, "2")},
        {"no such type", "no such type", GUILD, "2", JOB("no such type", GUILD, "2")},
    };
#undef JOB
#undef OTHER
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new("1", "256");
        push_of(scene, "x", cases[i].done, RY_PRIORITY_LIVE);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = expect_run(scene, "x");
        struct ry_job_spec next[] = {{.job_id = RY_STR("y"),
                                      .type = ry_str_of(cases[i].type),
                                      .guild_id = ry_str_of(cases[i].guild_id),
                                      .channel_id = ry_str_of(cases[i].channel_id),
                                      .json = ry_str_of(cases[i].json)}};
        struct ry_job_done done = {.job_id = RY_STR("x"), .next = {next, 1}};
        BED_ANSWER(scene->bed, mail_id, job_done, &done);
        bed_expect_nothing(scene->bed);
        expect_depth(scene, 0, 0, 0);
        scene_free(scene);
    }
}

static void ingester_pushes_what_goes_on_once_the_queue_takes_it(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push_of(scene, "x", "batch", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    uint64_t mail_id = expect_run(scene, "x");
    break_queue(scene);
    struct ry_job_spec next = next_of("y", RY_STR(BATCH("y")));
    struct ry_job_done done = {.job_id = RY_STR("x"), .next = {&next, 1}};
    BED_ANSWER(scene->bed, mail_id, job_done, &done);
    bed_expect_nothing(scene->bed);
    mend_queue(scene);
    bed_advance(scene->bed, 60000);
    (void)expect_run(scene, "y");
    scene_free(scene);
}

static void ingester_tells_the_scanner_how_often_a_job_was_leased(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "x", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    assert_int_equal(run->attempts, 1);
    say_failed(scene, bed_envelope(scene->bed)->id, "x", true);
    bed_advance(scene->bed, 60000);
    run = BED_EXPECT(scene->bed, job_run);
    assert_int_equal(run->attempts, 2);
    scene_free(scene);
}

static void ingester_queues_jobs_for_others(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    push(scene, "w", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t w = expect_run(scene, "w");
    struct ry_job_spec specs[] = {spec_of("x", "batch", "5"), spec_of("w", "batch", "5"), spec_of("z", "message", "5")};
    struct ry_jobs_push ask = {.jobs = {specs, 3}};
    uint64_t id = BED_DELIVER(scene->bed, jobs_push, &ask, NULL);
    const struct ry_jobs_pushed *pushed = BED_EXPECT(scene->bed, jobs_pushed);
    assert_int_equal(pushed->accepted, 2);
    assert_null(pushed->error.p);
    assert_int_equal(bed_envelope(scene->bed)->correlation, id);
    bed_expect_done(scene->bed, id);
    say_done(scene, w, "w");
    (void)expect_run(scene, "z"); /* the priority follows from the type */
    scene_free(scene);
}

static void ingester_says_why_it_queues_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    struct ry_job_spec spec = spec_of("x", "batch", "5");
    struct ry_jobs_push ask = {.jobs = {&spec, 1}};
    struct ry_channel_ref channel = {.guild_id = RY_STR(GUILD), .channel_id = RY_STR("5")};
    struct ry_jobs_find find = {.channels = {&channel, 1}};
    break_queue(scene);
    for (int i = 0; i < 2; i++) {
        uint64_t id = BED_DELIVER(scene->bed, jobs_push, &ask, NULL);
        const struct ry_jobs_pushed *pushed = BED_EXPECT(scene->bed, jobs_pushed);
        assert_int_equal(pushed->accepted, 0);
        assert_true(pushed->error.n > 0);
        bed_expect_done(scene->bed, id);
        id = BED_DELIVER(scene->bed, jobs_find, &find, NULL);
        const struct ry_jobs_found *found = BED_EXPECT(scene->bed, jobs_found);
        assert_int_equal(found->without.n, 0);
        assert_true(found->error.n > 0);
        bed_expect_done(scene->bed, id);
    }
    mend_queue(scene);
    bed_advance(scene->bed, 60000);
    scene_free(scene);
}

static void ingester_finds_the_channels_that_no_scan_waits_for(void **state)
{
    (void)state;
    struct scene *scene = scene_new("1", "256");
    struct ry_job_spec specs[] = {spec_of("a", "batch", "5"), spec_of("b", "rescan", "6"),
                                  spec_of("c", "message", "7")};
    struct ry_jobs_push ask = {.jobs = {specs, 3}};
    uint64_t id = BED_DELIVER(scene->bed, jobs_push, &ask, NULL);
    assert_int_equal(BED_EXPECT(scene->bed, jobs_pushed)->accepted, 3);
    (void)expect_run(scene, "c");
    bed_expect_done(scene->bed, id);
    struct ry_channel_ref channels[] = {{.guild_id = RY_STR(GUILD), .channel_id = RY_STR("5")},
                                        {.guild_id = RY_STR(GUILD), .channel_id = RY_STR("6")},
                                        {.guild_id = RY_STR(GUILD), .channel_id = RY_STR("7")},
                                        {.guild_id = RY_STR("1"), .channel_id = RY_STR("5")}};
    struct ry_jobs_find find = {.channels = {channels, 4}};
    id = BED_DELIVER(scene->bed, jobs_find, &find, NULL);
    const struct ry_jobs_found *found = BED_EXPECT(scene->bed, jobs_found);
    assert_int_equal(found->without.n, 2);
    assert_true(ry_str_is(found->without.items[0].channel_id, "7"));
    assert_true(ry_str_is(found->without.items[1].guild_id, "1"));
    bed_expect_done(scene->bed, id);
    scene_free(scene);
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

static void ingester_keeps_places_for_live_jobs(void **state)
{
    (void)state;
    struct scene *scene = scene_new("8", "256");
    for (int i = 0; i < 20; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "b%d", i);
        push(scene, id, RY_PRIORITY_BACKFILL);
    }
    bed_advance(scene->bed, 200);
    for (int i = 0; i < 6; i++)
        (void)BED_EXPECT(scene->bed, job_run);
    bed_expect_nothing(scene->bed);
    push(scene, "l1", RY_PRIORITY_LIVE);
    push(scene, "l2", RY_PRIORITY_LIVE);
    push(scene, "l3", RY_PRIORITY_LIVE);
    push(scene, "d", RY_PRIORITY_DELETE);
    bed_advance(scene->bed, 200);
    uint64_t l1 = expect_run(scene, "l1");
    (void)expect_run(scene, "l2");
    bed_expect_nothing(scene->bed);
    say_done(scene, l1, "l1");
    (void)expect_run(scene, "l3");
    scene_free(scene);
}

/* ---- a queue that others fill ------------------------------------------------------------------------------------ */

struct yard {
    struct redis_server *server;
    struct bed *bed;
};

static struct yard yard_new(void)
{
    struct yard yard = {.server = redis_server_start(NULL)};
    yard.bed = bed_new(&ry_ingester_spec, (const char *const[][2]){{"redis_url", redis_server_url(yard.server)},
                                                                   {"job_batch_size", "4"},
                                                                   {"lease_seconds", "30"},
                                                                   {NULL, NULL}});
    return yard;
}

static void yard_free(struct yard *yard)
{
    bed_expect_nothing(yard->bed);
    bed_free(yard->bed);
    redis_server_free(yard->server);
}

/* An entry whose copies tell nothing. */
static void produce(struct yard *yard, const char *type, const char *json)
{
    char stream[128];
    (void)snprintf(stream, sizeof stream, "jobs:guild:" GUILD ":%s", type);
    (void)redis_server_say(yard->server, "XADD", stream, "*", "job", json, NULL);
}

static void ingester_runs_a_job_of_redis_by_its_json(void **state)
{
    (void)state;
    struct yard yard = yard_new();
    produce(&yard, "rescan", BATCH("6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d"));
    bed_advance(yard.bed, 2000);
    const struct ry_job_run *run = BED_EXPECT(yard.bed, job_run);
    const struct ry_envelope *envelope = bed_envelope(yard.bed);
    assert_true(ry_str_is(run->job_id, "6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d"));
    assert_true(ry_str_is(run->type, "batch"));
    assert_false(run->local_media);
    assert_int_equal(envelope->tenant, strtoull(GUILD, NULL, 10));
    struct ry_job_spec next = next_of("y", RY_STR(BATCH("y")));
    struct ry_job_done done = {.job_id = run->job_id, .next = {&next, 1}};
    BED_ANSWER(yard.bed, envelope->id, job_done, &done);
    assert_int_equal(redis_server_int(yard.server, "XLEN", "jobs:guild:" GUILD ":rescan", NULL), 0);
    run = BED_EXPECT(yard.bed, job_run);
    assert_true(ry_str_is(run->job_id, "y"));
    yard_free(&yard);
}

static void ingester_is_woken_by_redis(void **state)
{
    (void)state;
    struct yard yard = yard_new();
    produce(&yard, "batch", BATCH("a"));
    bed_advance(yard.bed, 2000);
    (void)BED_EXPECT(yard.bed, job_run);
    produce(&yard, "batch", BATCH("b"));
    while (bed_next_tag(yard.bed) == RY_TAG_NONE)
        assert_true(bed_wait_engine(yard.bed, PATIENCE_MS));
    const struct ry_job_run *run = BED_EXPECT(yard.bed, job_run);
    assert_true(ry_str_is(run->job_id, "b"));
    yard_free(&yard);
}

static void ingester_puts_bad_jobs_aside_with_the_field_named(void **state)
{
    (void)state;
#define HEAD "\"type\":\"batch\",\"guild_id\":\"1\",\"channel_id\":\"2\""
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"", "empty"},
        {"nonsense", "not JSON"},
        {"{} {}", "not JSON"},
        {"[1]", "not a JSON object"},
        {"{\"job_id\":\"\xff\"}", "UTF-8"},
        {"{" HEAD "}", "job_id is missing"},
        {"{" HEAD ",\"job_id\":7}", "job_id is not a string"},
        {"{" HEAD ",\"job_id\":\"\"}", "no job_id"},
        {"{" HEAD ",\"job_id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
         "job_id has 70"},
        {"{\"job_id\":\"a\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "type is missing"},
        {"{\"job_id\":\"a\",\"type\":\"dance\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "type is \"dance\""},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":1,\"channel_id\":\"2\"}", "guild_id is not a string"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"x\",\"channel_id\":\"2\"}",
         "guild_id must be a snowflake"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"1\"}", "channel_id is missing"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"1\",\"channel_id\":\"-3\"}", "channel_id must be"},
        {"{\"job_id\":\"a\",\"type\":\"message\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "message_ids is missing"},
        {"{\"job_id\":\"a\",\"type\":\"message\",\"guild_id\":\"1\",\"channel_id\":\"2\",\"message_ids\":\"5\"}",
         "message_ids must be a list"},
    };
    struct yard yard = yard_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        produce(&yard, "batch", cases[i].json);
        bed_advance(yard.bed, 2000);
        while (redis_server_int(yard.server, "XLEN", "reelyard:dead", NULL) == (int64_t)i)
            assert_true(bed_wait_engine(yard.bed, PATIENCE_MS));
        const char *letter = redis_server_say(yard.server, "XREVRANGE", "reelyard:dead", "+", "-", "COUNT", "1", NULL);
        if (strstr(letter, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].json, letter);
        assert_int_equal(redis_server_int(yard.server, "XLEN", "reelyard:dead", NULL), i + 1);
        assert_int_equal(redis_server_int(yard.server, "XLEN", "jobs:guild:" GUILD ":batch", NULL), 0);
        bed_expect_nothing(yard.bed);
    }
    yard_free(&yard);
}

static void ingester_waits_for_a_redis_that_is_away(void **state)
{
    (void)state;
    struct redis_server_options options = {.append_only = true};
    struct redis_server *server = redis_server_start(&options);
    redis_server_stop(server);
    struct bed *bed =
        bed_new(&ry_ingester_spec, (const char *const[][2]){{"redis_url", redis_server_url(server)}, {NULL, NULL}});
    bed_advance(bed, 5000);
    struct ry_queue_get get = {0};
    uint64_t id = BED_DELIVER(bed, queue_get, &get, NULL);
    const struct ry_queue_state *queue = BED_EXPECT(bed, queue_state);
    assert_false(queue->healthy);
    assert_true(ry_str_is(queue->engine, "redis"));
    assert_true(queue->reason.n > 0);
    bed_expect_done(bed, id);
    redis_server_restart(server);
    (void)redis_server_say(server, "XADD", "jobs:guild:1:batch", "*", "job", BATCH("a"), NULL);
    bed_advance(bed, 120000);
    (void)BED_EXPECT(bed, job_run);
    id = BED_DELIVER(bed, queue_get, &get, NULL);
    queue = BED_EXPECT(bed, queue_state);
    assert_true(queue->healthy);
    assert_int_equal(queue->leased, 1);
    assert_int_equal(queue->streams, 1);
    bed_expect_done(bed, id);
    bed_free(bed);
    /* It gave back what it left behind, untried. */
    assert_int_equal(redis_server_int(server, "HLEN", "reelyard:leases", NULL), 0);
    assert_int_equal(redis_server_int(server, "ZCARD", "reelyard:when", NULL), 1);
    redis_server_free(server);
}

static void ingester_refuses_a_url_that_it_cannot_use(void **state)
{
    (void)state;
    struct ry_error err = {0};
    bed_new_fails(&ry_ingester_spec, (const char *const[][2]){{"redis_url", "rediss://me:secret@cache"}, {NULL, NULL}},
                  &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_non_null(strstr(err.text, "TLS"));
    assert_null(strstr(err.text, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_takes_a_job_to_the_scanner_and_acks_it_when_it_is_done),
        cmocka_unit_test(ingester_holds_no_more_jobs_than_its_window),
        cmocka_unit_test(ingester_answers_for_the_state_of_the_queue),
        cmocka_unit_test(ingester_keeps_the_lease_of_a_slow_job),
        cmocka_unit_test(ingester_tries_a_failed_job_later_and_later_and_then_buries_it),
        cmocka_unit_test(ingester_never_buries_a_job_that_the_database_does_not_take),
        cmocka_unit_test(ingester_tries_held_jobs_again_later_each_time),
        cmocka_unit_test(ingester_hurries_held_jobs_when_one_is_taken),
        cmocka_unit_test(ingester_never_buries_a_job_that_the_database_does_not_take),
        cmocka_unit_test(ingester_tries_held_jobs_again_later_each_time),
        cmocka_unit_test(ingester_hurries_held_jobs_when_one_is_taken),
        cmocka_unit_test(ingester_buries_a_hopeless_job_and_goes_on),
        cmocka_unit_test(ingester_buries_a_job_that_was_worked_on_at_too_many_crashes),
        cmocka_unit_test(ingester_buries_a_job_that_the_queue_has_damaged),
        cmocka_unit_test(ingester_gives_a_job_back_untried_when_the_mailbox_is_full),
        cmocka_unit_test(ingester_tries_again_when_the_mail_of_a_job_died),
        cmocka_unit_test(ingester_leaves_a_job_that_another_worker_has_taken),
        cmocka_unit_test(ingester_takes_over_the_leases_of_its_former_self_at_once),
        cmocka_unit_test(ingester_gives_back_untried_what_it_leaves_behind),
        cmocka_unit_test(ingester_drains_by_reading_no_more_and_waiting_for_what_runs),
        cmocka_unit_test(ingester_keeps_dead_mail_once_and_whole),
        cmocka_unit_test(ingester_says_ends_again_when_the_queue_has_recovered),
        cmocka_unit_test(ingester_makes_up_for_a_renewal_as_soon_as_the_queue_has_recovered),
        cmocka_unit_test(ingester_lets_no_end_that_is_refused_hold_up_the_others),
        cmocka_unit_test(ingester_ends_when_its_queue_is_damaged),
        cmocka_unit_test(ingester_refuses_to_open_a_file_that_is_no_database),
        cmocka_unit_test(ingester_pushes_what_goes_on_from_a_job_with_its_ack),
        cmocka_unit_test(ingester_pushes_what_goes_on_once_the_queue_takes_it),
        cmocka_unit_test(ingester_queues_nothing_that_does_not_go_on_from_the_job),
        cmocka_unit_test(ingester_tells_the_scanner_how_often_a_job_was_leased),
        cmocka_unit_test(ingester_queues_jobs_for_others),
        cmocka_unit_test(ingester_says_why_it_queues_nothing),
        cmocka_unit_test(ingester_finds_the_channels_that_no_scan_waits_for),
        cmocka_unit_test(ingester_keeps_places_for_live_jobs),
        cmocka_unit_test(ingester_runs_a_job_of_redis_by_its_json),
        cmocka_unit_test(ingester_is_woken_by_redis),
        cmocka_unit_test(ingester_puts_bad_jobs_aside_with_the_field_named),
        cmocka_unit_test(ingester_waits_for_a_redis_that_is_away),
        cmocka_unit_test(ingester_refuses_a_url_that_it_cannot_use),
    };
    redis_server_needed();
    return cmocka_run_group_tests_name("ingester", tests, NULL, NULL);
}

/* ingester_failures_test.c: jobs that fail are tried again, held or made dead letters. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

static void ingester_tries_a_failed_job_later_and_later_and_then_buries_it(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    /* The wait after each failure, without its jitter of a fifth and the poll. */
    const int64_t waits_ms[] = {1000, 2000, 4000};
    for (size_t i = 0; i < sizeof waits_ms / sizeof *waits_ms; i++) {
        job_scene_failed(scene, job_scene_expect_run(scene, "x"), "x", true);
        job_scene_expect_depth(scene, 1, 0, 0);
        bed_advance(scene->bed, waits_ms[i] * 8 / 10 - 1);
        bed_expect_nothing(scene->bed);
        bed_advance(scene->bed, waits_ms[i] * 4 / 10 + 201);
    }
    job_scene_failed(scene, job_scene_expect_run(scene, "x"), "x", true);
    job_scene_expect_depth(scene, 0, 0, 1);
    struct ry_dead letter = job_scene_only_letter(scene);
    assert_true(ry_str_is(letter.reason, "failed 4 times; the last time: no such guild"));
    assert_true(ry_str_is(letter.body, JOB_SCENE_JSON));
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_retried), 3);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_dead), 1);
    job_scene_free(scene);
}

/* What is wrong with the database is no fault of the job's. */
static void ingester_never_buries_a_job_that_the_database_does_not_take(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    struct ry_job_failed failed = {
        .job_id = RY_STR("x"), .retry = true, .held = true, .reason = RY_STR("clip.new_column must not be empty")};
    for (size_t i = 0; i < 20; i++) {
        BED_ANSWER(scene->bed, job_scene_expect_run(scene, "x"), job_failed, &failed);
        job_scene_expect_depth(scene, 1, 0, 0);
        bed_expect_nothing(scene->bed);
        bed_advance(scene->bed, 72201); /* a minute, its jitter of a fifth, and the poll */
    }
    job_scene_done(scene, job_scene_expect_run(scene, "x"), "x");
    job_scene_expect_depth(scene, 0, 0, 0);
    job_scene_free(scene);
}

/* A round of several jobs counts once. */
static void ingester_tries_held_jobs_again_later_each_time(void **state)
{
    (void)state;
    static const int64_t waits_ms[] = {5000, 10000, 20000, 40000, 60000, 60000, 60000};
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "y", RY_PRIORITY_BACKFILL);
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
    job_scene_free(scene);
}

/* The schema is mended: the first one that is taken tells, and the others do not wait for their time. */
static void ingester_hurries_held_jobs_when_one_is_taken(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    struct ry_job_failed failed = {.retry = true, .held = true, .reason = RY_STR("no such column")};
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    for (size_t i = 0; i < 6; i++) {
        failed.job_id = RY_STR("x");
        BED_ANSWER(scene->bed, job_scene_expect_run(scene, "x"), job_failed, &failed);
        if (i == 5)
            break;
        bed_advance(scene->bed, 72201);
    }
    job_scene_push(scene, "y", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 30000);
    failed.job_id = RY_STR("y");
    BED_ANSWER(scene->bed, job_scene_expect_run(scene, "y"), job_failed, &failed);
    /* One that was never held tells nothing. */
    job_scene_push(scene, "z", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    job_scene_done(scene, job_scene_expect_run(scene, "z"), "z");
    bed_expect_nothing(scene->bed);
    bed_advance(scene->bed, 42201); /* the time of x, not yet of y */
    job_scene_done(scene, job_scene_expect_run(scene, "x"), "x");
    job_scene_done(scene, job_scene_expect_run(scene, "y"), "y");
    job_scene_expect_depth(scene, 0, 0, 0);
    job_scene_free(scene);
}

static void ingester_buries_a_hopeless_job_and_goes_on(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "y", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    job_scene_failed(scene, job_scene_expect_run(scene, "x"), "x", false);
    (void)job_scene_expect_run(scene, "y");
    assert_true(ry_str_is(job_scene_only_letter(scene).reason, "no such guild"));
    job_scene_free(scene);
}

static void ingester_buries_a_job_that_was_worked_on_at_too_many_crashes(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    for (int i = 0; i < 4; i++) {
        (void)job_scene_lease_to(scene, "other/1");
        ry_clock_manual_advance(bed_clock(scene->bed), JOB_SCENE_LEASE_MS);
    }
    bed_advance(scene->bed, 200);
    bed_expect_nothing(scene->bed);
    job_scene_expect_depth(scene, 0, 0, 1);
    assert_true(ry_str_is(job_scene_only_letter(scene).reason, "was being worked on at 4 crashes"));
    job_scene_free(scene);
}

static void ingester_buries_a_job_that_the_queue_has_damaged(void **state)
{
    (void)state;
    const char *const damages[] = {"DELETE FROM reelyard_queue_body",
                                   "UPDATE reelyard_queue_job SET type = printf('%040d', 1)",
                                   "UPDATE reelyard_queue_job SET job_id = ''"};
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct job_scene *scene = job_scene_new("1", "256");
        job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
        job_scene_sql(scene, damages[i]);
        bed_advance(scene->bed, 200);
        bed_expect_nothing(scene->bed);
        job_scene_expect_depth(scene, 0, 0, 1);
        job_scene_free(scene);
    }
}

static void ingester_gives_a_job_back_untried_when_the_mailbox_is_full(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("2", "256");
    job_scene_push(scene, "a", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t a = job_scene_expect_run(scene, "a");
    uint64_t b = job_scene_expect_run(scene, "b");
    bed_undeliverable(scene->bed, b, b, RY_TAG_job_run, RY_UNDELIVERABLE_FULL);
    job_scene_expect_depth(scene, 1, 1, 0);
    bed_advance(scene->bed, 10000);
    bed_expect_nothing(scene->bed); /* it has learned: one at a time */
    job_scene_done(scene, a, "a");
    b = job_scene_expect_run(scene, "b");
    for (int i = 0; i < 10; i++) { /* more often than job_attempts_max */
        bed_undeliverable(scene->bed, b, b, RY_TAG_job_run, RY_UNDELIVERABLE_FULL);
        bed_expect_nothing(scene->bed); /* not at once again */
        job_scene_expect_depth(scene, 1, 0, 0);
        bed_advance(scene->bed, 10000);
        b = job_scene_expect_run(scene, "b");
    }
    job_scene_done(scene, b, "b");
    job_scene_expect_depth(scene, 0, 0, 0);
    job_scene_free(scene);
}

static void ingester_tries_again_when_the_mail_of_a_job_died(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    for (int i = 0; i < 4; i++) {
        uint64_t id = job_scene_expect_run(scene, "x");
        bed_undeliverable(scene->bed, id, id, RY_TAG_job_run, RY_UNDELIVERABLE_DEAD);
        job_scene_expect_depth(scene, i < 3, 0, i == 3);
        bed_advance(scene->bed, 10000);
    }
    assert_true(ry_str_is(job_scene_only_letter(scene).reason, "failed 4 times; the last time: said the bed"));
    job_scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests_name("ingester_failures", tests, NULL, NULL);
}

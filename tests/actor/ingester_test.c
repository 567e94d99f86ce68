/* ingester_test.c: jobs from the queue to the scanner and back, when nothing fails. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the good course --------------------------------------------------------------------------------------------- */

static void ingester_takes_a_job_to_the_scanner_and_acks_it_when_it_is_done(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "x", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    const struct ry_envelope *envelope = bed_envelope(scene->bed);
    assert_true(ry_str_is(run->job_id, "x"));
    assert_true(ry_str_is(run->type, "messages"));
    assert_true(ry_str_is((struct ry_str){run->job.p, run->job.n}, JOB_SCENE_JSON));
    assert_true(run->token > 0);
    assert_true(run->local_media);
    assert_int_equal(envelope->tenant, strtoull(JOB_SCENE_GUILD, NULL, 10));
    assert_int_equal(envelope->priority, RY_PRIORITY_LIVE);
    assert_int_equal(envelope->correlation, envelope->id);
    job_scene_expect_depth(scene, 0, 1, 0);
    job_scene_done(scene, envelope->id, "x");
    job_scene_expect_depth(scene, 0, 0, 0);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_read), 1);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 1);
    job_scene_free(scene);
}

static void ingester_holds_no_more_jobs_than_its_window(void **state)
{
    (void)state;
    const struct {
        const char *batch;
        const char *mailbox;
    } cases[] = {{"2", "256"}, {"10", "2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_scene *scene = job_scene_new(cases[i].batch, cases[i].mailbox);
        job_scene_push(scene, "a", RY_PRIORITY_BACKFILL);
        job_scene_push(scene, "b", RY_PRIORITY_BACKFILL);
        job_scene_push(scene, "c", RY_PRIORITY_BACKFILL);
        bed_advance(scene->bed, 1000);
        uint64_t a = job_scene_expect_run(scene, "a");
        (void)job_scene_expect_run(scene, "b");
        bed_expect_nothing(scene->bed);
        job_scene_done(scene, a, "a");
        (void)job_scene_expect_run(scene, "c"); /* without waiting for the next poll */
        job_scene_free(scene);
    }
}

static void ingester_answers_for_the_state_of_the_queue(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "a", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 3000);
    (void)job_scene_expect_run(scene, "a");
    struct ry_queue_state answer = job_scene_queue_state(scene);
    assert_true(answer.healthy);
    assert_int_equal(answer.ready, 1);
    assert_int_equal(answer.leased, 1);
    assert_int_equal(answer.dead, 0);
    assert_int_equal(answer.oldest_ms, 3000);
    assert_null(answer.reason.p);
    job_scene_free(scene);
}

static void ingester_keeps_the_lease_of_a_slow_job(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t mail_id = job_scene_expect_run(scene, "x");
    for (int i = 0; i < 10; i++) {
        bed_advance(scene->bed, JOB_SCENE_LEASE_MS - 1000);
        struct ry_lease lease;
        size_t n = 0;
        assert_int_equal(scene->queue->ops->read(scene->queue, RY_STR("thief/1"), 1, RY_PRIORITY_BACKFILL,
                                                 JOB_SCENE_LEASE_MS, &scene->arena, &lease, &n, NULL),
                         RY_OK);
        assert_int_equal(n, 0);
    }
    job_scene_done(scene, mail_id, "x");
    job_scene_expect_depth(scene, 0, 0, 0);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 0);
    job_scene_free(scene);
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

static void ingester_keeps_places_for_live_jobs(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("8", "256");
    for (int i = 0; i < 20; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "b%d", i);
        job_scene_push(scene, id, RY_PRIORITY_BACKFILL);
    }
    bed_advance(scene->bed, 200);
    for (int i = 0; i < 6; i++)
        (void)BED_EXPECT(scene->bed, job_run);
    bed_expect_nothing(scene->bed);
    job_scene_push(scene, "l1", RY_PRIORITY_LIVE);
    job_scene_push(scene, "l2", RY_PRIORITY_LIVE);
    job_scene_push(scene, "l3", RY_PRIORITY_LIVE);
    job_scene_push(scene, "d", RY_PRIORITY_DELETE);
    bed_advance(scene->bed, 200);
    uint64_t l1 = job_scene_expect_run(scene, "l1");
    (void)job_scene_expect_run(scene, "l2");
    bed_expect_nothing(scene->bed);
    job_scene_done(scene, l1, "l1");
    (void)job_scene_expect_run(scene, "l3");
    job_scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_takes_a_job_to_the_scanner_and_acks_it_when_it_is_done),
        cmocka_unit_test(ingester_holds_no_more_jobs_than_its_window),
        cmocka_unit_test(ingester_answers_for_the_state_of_the_queue),
        cmocka_unit_test(ingester_keeps_the_lease_of_a_slow_job),
        cmocka_unit_test(ingester_keeps_places_for_live_jobs),
    };
    return cmocka_run_group_tests_name("ingester", tests, NULL, NULL);
}

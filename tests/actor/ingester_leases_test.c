/* ingester_leases_test.c: leases that another worker has, that a previous incarnation left, and that remain when it
 * ends. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

static void ingester_leaves_a_job_that_another_worker_has_taken(void **state)
{
    (void)state;
    const char *const answers[] = {"done", "failed", "renew"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct job_scene *scene = job_scene_new("1", "256");
        job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = job_scene_expect_run(scene, "x");
        ry_clock_manual_advance(bed_clock(scene->bed), JOB_SCENE_LEASE_MS); /* it was asleep */
        struct ry_lease lease = job_scene_lease_to(scene, "thief/1");
        if (i == 0)
            job_scene_done(scene, mail_id, "x");
        else if (i == 1)
            job_scene_failed(scene, mail_id, "x", false);
        else
            bed_advance(scene->bed, JOB_SCENE_LEASE_MS / 3);
        assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 1);
        job_scene_expect_depth(scene, 0, 1, 0);
        assert_int_equal(scene->queue->ops->ack(scene->queue, lease.job_id, lease.token, NULL, 0, NULL), RY_OK);
        job_scene_done(scene, mail_id, "x"); /* too late, and twice */
        assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 0);
        job_scene_free(scene);
    }
}

static void ingester_takes_over_the_leases_of_its_former_self_at_once(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "mine", RY_PRIORITY_LIVE);
    job_scene_push(scene, "foreign", RY_PRIORITY_BACKFILL);
    (void)job_scene_lease_to(scene, "bed/0");
    (void)job_scene_lease_to(scene, "bed2/0");
    bed_restart(scene->bed);
    bed_advance(scene->bed, 0);
    (void)job_scene_expect_run(scene, "mine");
    bed_expect_nothing(scene->bed);
    job_scene_free(scene);
}

static void ingester_gives_back_untried_what_it_leaves_behind(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    for (int i = 0; i < 6; i++) {
        bed_advance(scene->bed, 200);
        (void)job_scene_expect_run(scene, "x");
        bed_restart(scene->bed);
        job_scene_expect_depth(scene, 1, 0, 0);
    }
    assert_int_equal(job_scene_lease_to(scene, "other/1").attempts, 1);
    job_scene_free(scene);
}

static void ingester_drains_by_reading_no_more_and_waiting_for_what_runs(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "a", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "b", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t a = job_scene_expect_run(scene, "a");
    bed_drain(scene->bed);
    assert_false(bed_finished(scene->bed));
    bed_advance(scene->bed, 1000);
    job_scene_done(scene, a, "a");
    bed_expect_nothing(scene->bed);
    assert_true(bed_finished(scene->bed));
    job_scene_expect_depth(scene, 1, 0, 0);
    job_scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_leaves_a_job_that_another_worker_has_taken),
        cmocka_unit_test(ingester_takes_over_the_leases_of_its_former_self_at_once),
        cmocka_unit_test(ingester_gives_back_untried_what_it_leaves_behind),
        cmocka_unit_test(ingester_drains_by_reading_no_more_and_waiting_for_what_runs),
    };
    return cmocka_run_group_tests_name("ingester_leases", tests, NULL, NULL);
}

/* ingester_trouble_test.c: a queue that fails for a while or for good, and mail that died. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

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
    struct job_scene *scene = job_scene_new("1", "256");
    struct ry_send send = {.tenant = 41771983423143937};
    uint64_t id = BED_DELIVER(scene->bed, mail_dead, &dead_mail, &send);
    bed_expect_done(scene->bed, id);
    bed_redeliver(scene->bed, id, 2, RY_TAG_mail_dead, &dead_mail, &send);
    bed_expect_done(scene->bed, id);
    struct ry_dead letter = job_scene_only_letter(scene);
    assert_int_equal(letter.kind, RY_DEAD_MAIL);
    assert_true(ry_str_is(letter.job_id, "4294967297"));
    assert_true(ry_str_is(letter.type, "thumbnail_store"));
    assert_true(ry_str_is(letter.guild_id, JOB_SCENE_GUILD));
    assert_true(ry_str_is(letter.reason, "the disk is full"));
    assert_true(ry_str_is(letter.summary, "thumbnail_store{}"));
    assert_true(ry_str_eq(letter.body, (struct ry_str){"\x92\0\xff", 3}));
    assert_int_equal(letter.attempts, 3);
    job_scene_free(scene);
}

/* ---- a queue that fails ------------------------------------------------------------------------------------------ */

static void ingester_says_ends_again_when_the_queue_has_recovered(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "done", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "bad", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "slow", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t done = job_scene_expect_run(scene, "done");
    uint64_t bad = job_scene_expect_run(scene, "bad");
    uint64_t slow = job_scene_expect_run(scene, "slow");
    job_scene_break(scene);
    job_scene_done(scene, done, "done");
    job_scene_failed(scene, bad, "bad", false);
    uint64_t mail = BED_DELIVER(scene->bed, mail_dead, &dead_mail, NULL);
    assert_int_equal(bed_kept(scene->bed), 1);
    struct ry_queue_state sick = job_scene_queue_state(scene);
    assert_false(sick.healthy);
    assert_non_null(memmem(sick.reason.p, sick.reason.n, "no such table", 13));
    bed_advance(scene->bed, JOB_SCENE_LEASE_MS - 1000);
    bed_expect_nothing(scene->bed);
    job_scene_done(scene, slow, "slow");
    job_scene_mend(scene);
    bed_advance(scene->bed, JOB_SCENE_LEASE_MS * 2);
    bed_expect_done(scene->bed, mail);
    job_scene_expect_depth(scene, 0, 0, 2);
    assert_true(job_scene_queue_state(scene).healthy);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 2);
    job_scene_push(scene, "next", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    (void)job_scene_expect_run(scene, "next");
    job_scene_free(scene);
}

static void ingester_makes_up_for_a_renewal_as_soon_as_the_queue_has_recovered(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    (void)job_scene_expect_run(scene, "x");
    bed_advance(scene->bed, JOB_SCENE_LEASE_MS / 3 - 300);
    job_scene_break(scene);
    bed_advance(scene->bed, 150); /* the renewal falls in here */
    job_scene_mend(scene);
    bed_advance(scene->bed, 1000);
    ry_clock_manual_advance(bed_clock(scene->bed),
                            JOB_SCENE_LEASE_MS - 2000); /* asleep until after the first lease's end */
    struct ry_lease lease;
    size_t n = 0;
    assert_int_equal(scene->queue->ops->read(scene->queue, RY_STR("thief/1"), 1, RY_PRIORITY_BACKFILL,
                                             JOB_SCENE_LEASE_MS, &scene->arena, &lease, &n, NULL),
                     RY_OK);
    assert_int_equal(n, 0);
    job_scene_free(scene);
}

static void ingester_lets_no_end_that_is_refused_hold_up_the_others(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("4", "256");
    job_scene_push(scene, "bad", RY_PRIORITY_BACKFILL);
    job_scene_push(scene, "good", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t bad = job_scene_expect_run(scene, "bad");
    uint64_t good = job_scene_expect_run(scene, "good");
    job_scene_sql(scene, "ALTER TABLE reelyard_queue_dead RENAME TO away_dead");
    job_scene_failed(scene, bad, "bad", false);
    job_scene_done(scene, good, "good");
    bed_advance(scene->bed, JOB_SCENE_LEASE_MS);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_jobs_done), 1);
    job_scene_sql(scene, "ALTER TABLE away_dead RENAME TO reelyard_queue_dead");
    bed_advance(scene->bed, JOB_SCENE_LEASE_MS);
    job_scene_expect_depth(scene, 0, 0, 1);
    assert_int_equal(bed_counter(scene->bed, RY_COUNTER_leases_lost), 0);
    job_scene_free(scene);
}

static void ingester_ends_when_its_queue_is_damaged(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_BACKFILL);
    job_scene_sql(scene, "DELETE FROM reelyard_queue_meta WHERE name = 'token'");
    bed_advance(scene->bed, 200);
    struct ry_error why;
    assert_true(bed_exited(scene->bed, &why));
    assert_int_equal(why.code, RY_ECORRUPT);
    job_scene_free(scene);
}

static void ingester_refuses_to_open_a_file_that_is_no_database(void **state)
{
    (void)state;
    struct ry_error err;
    bed_new_fails(&ry_ingester_spec, (const char *const[][2]){{"sqlite_path", "/proc/self/cmdline"}, {NULL, NULL}},
                  &err);
    assert_non_null(strstr(err.text, "/proc/self/cmdline"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_keeps_dead_mail_once_and_whole),
        cmocka_unit_test(ingester_says_ends_again_when_the_queue_has_recovered),
        cmocka_unit_test(ingester_makes_up_for_a_renewal_as_soon_as_the_queue_has_recovered),
        cmocka_unit_test(ingester_lets_no_end_that_is_refused_hold_up_the_others),
        cmocka_unit_test(ingester_ends_when_its_queue_is_damaged),
        cmocka_unit_test(ingester_refuses_to_open_a_file_that_is_no_database),
    };
    return cmocka_run_group_tests_name("ingester_trouble", tests, NULL, NULL);
}

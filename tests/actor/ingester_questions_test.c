/* ingester_questions_test.c: what other actors ask of the queue: push jobs, find jobs, attempts. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

static void ingester_pushes_what_goes_on_from_a_job_with_its_ack(void **state)
{
    (void)state;
    static const char *const types[] = {"batch", "rescan"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct job_scene *scene = job_scene_new("1", "256");
        job_scene_push_of(scene, "x", types[i], RY_PRIORITY_LIVE);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = job_scene_expect_run(scene, "x");
        struct ry_job_spec next[] = {job_scene_next("y", RY_STR(JOB_SCENE_BATCH("y"))),
                                     job_scene_next("z", RY_STR(JOB_SCENE_BATCH("z")))};
        struct ry_job_done done = {.job_id = RY_STR("x"), .next = {next, 2}};
        BED_ANSWER(scene->bed, mail_id, job_done, &done);
        mail_id = job_scene_expect_run(scene, "y");
        assert_int_equal(bed_envelope(scene->bed)->priority, RY_PRIORITY_BACKFILL);
        job_scene_done(scene, mail_id, "y");
        (void)job_scene_expect_run(scene, "z");
        job_scene_expect_depth(scene, 0, 1, 0);
        job_scene_free(scene);
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
        {"batch", "purge_guild", JOB_SCENE_GUILD, "0", JOB("purge_guild", JOB_SCENE_GUILD, "0")},
        {"batch", "rescan", JOB_SCENE_GUILD, "2", JOB("rescan", JOB_SCENE_GUILD, "2")},
        {"batch", "batch", OTHER, "2", JOB("batch", OTHER, "2")},
        {"batch", "batch", JOB_SCENE_GUILD, OTHER, JOB("batch", JOB_SCENE_GUILD, OTHER)},
        {"batch", "batch", JOB_SCENE_GUILD, "2", JOB("purge_channel", JOB_SCENE_GUILD, "2")},
        {"batch", "batch", JOB_SCENE_GUILD, "2", JOB("batch", OTHER, "2")},
        {"batch", "batch", JOB_SCENE_GUILD, "2", JOB("batch", JOB_SCENE_GUILD, OTHER)},
        {"batch", "batch", JOB_SCENE_GUILD, "2", JOB_SCENE_BATCH("not y")},
        {"batch", "batch", JOB_SCENE_GUILD, "2", "nonsense"},
        {"message", "batch", JOB_SCENE_GUILD, "2", JOB("batch", JOB_SCENE_GUILD, "2")},
        {"messages", "messages", JOB_SCENE_GUILD, "2", JOB("messages", JOB_SCENE_GUILD, "2")},
        {"purge_guild", "purge_guild", JOB_SCENE_GUILD, "2", JOB("purge_guild", JOB_SCENE_GUILD, "2")},
        {"thumbnail_retry", "thumbnail_retry", JOB_SCENE_GUILD, "2", JOB("thumbnail_retry", JOB_SCENE_GUILD, "2")},
        {"no such type", "no such type", JOB_SCENE_GUILD, "2", JOB("no such type", JOB_SCENE_GUILD, "2")},
    };
#undef JOB
#undef OTHER
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job_scene *scene = job_scene_new("1", "256");
        job_scene_push_of(scene, "x", cases[i].done, RY_PRIORITY_LIVE);
        bed_advance(scene->bed, 200);
        uint64_t mail_id = job_scene_expect_run(scene, "x");
        struct ry_job_spec next[] = {{.job_id = RY_STR("y"),
                                      .type = ry_str_of(cases[i].type),
                                      .guild_id = ry_str_of(cases[i].guild_id),
                                      .channel_id = ry_str_of(cases[i].channel_id),
                                      .json = ry_str_of(cases[i].json)}};
        struct ry_job_done done = {.job_id = RY_STR("x"), .next = {next, 1}};
        BED_ANSWER(scene->bed, mail_id, job_done, &done);
        bed_expect_nothing(scene->bed);
        job_scene_expect_depth(scene, 0, 0, 0);
        job_scene_free(scene);
    }
}

static void ingester_pushes_what_goes_on_once_the_queue_takes_it(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push_of(scene, "x", "batch", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    uint64_t mail_id = job_scene_expect_run(scene, "x");
    job_scene_break(scene);
    struct ry_job_spec next = job_scene_next("y", RY_STR(JOB_SCENE_BATCH("y")));
    struct ry_job_done done = {.job_id = RY_STR("x"), .next = {&next, 1}};
    BED_ANSWER(scene->bed, mail_id, job_done, &done);
    bed_expect_nothing(scene->bed);
    job_scene_mend(scene);
    bed_advance(scene->bed, 60000);
    (void)job_scene_expect_run(scene, "y");
    job_scene_free(scene);
}

static void ingester_tells_the_scanner_how_often_a_job_was_leased(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "x", RY_PRIORITY_LIVE);
    bed_advance(scene->bed, 200);
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    assert_int_equal(run->attempts, 1);
    job_scene_failed(scene, bed_envelope(scene->bed)->id, "x", true);
    bed_advance(scene->bed, 60000);
    run = BED_EXPECT(scene->bed, job_run);
    assert_int_equal(run->attempts, 2);
    job_scene_free(scene);
}

static void ingester_queues_jobs_for_others(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    job_scene_push(scene, "w", RY_PRIORITY_BACKFILL);
    bed_advance(scene->bed, 200);
    uint64_t w = job_scene_expect_run(scene, "w");
    struct ry_job_spec specs[] = {job_scene_spec("x", "batch", "5"), job_scene_spec("w", "batch", "5"),
                                  job_scene_spec("z", "message", "5")};
    struct ry_jobs_push ask = {.jobs = {specs, 3}};
    uint64_t id = BED_DELIVER(scene->bed, jobs_push, &ask, NULL);
    const struct ry_jobs_pushed *pushed = BED_EXPECT(scene->bed, jobs_pushed);
    assert_int_equal(pushed->accepted, 2);
    assert_null(pushed->error.p);
    assert_int_equal(bed_envelope(scene->bed)->correlation, id);
    bed_expect_done(scene->bed, id);
    job_scene_done(scene, w, "w");
    (void)job_scene_expect_run(scene, "z"); /* the priority follows from the type */
    job_scene_free(scene);
}

static void ingester_says_why_it_queues_nothing(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    struct ry_job_spec spec = job_scene_spec("x", "batch", "5");
    struct ry_jobs_push ask = {.jobs = {&spec, 1}};
    struct ry_channel_ref channel = {.guild_id = RY_STR(JOB_SCENE_GUILD), .channel_id = RY_STR("5")};
    struct ry_jobs_find find = {.channels = {&channel, 1}};
    job_scene_break(scene);
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
    job_scene_mend(scene);
    bed_advance(scene->bed, 60000);
    job_scene_free(scene);
}

static void ingester_finds_the_channels_that_no_scan_waits_for(void **state)
{
    (void)state;
    struct job_scene *scene = job_scene_new("1", "256");
    struct ry_job_spec specs[] = {job_scene_spec("a", "batch", "5"), job_scene_spec("b", "rescan", "6"),
                                  job_scene_spec("c", "message", "7")};
    struct ry_jobs_push ask = {.jobs = {specs, 3}};
    uint64_t id = BED_DELIVER(scene->bed, jobs_push, &ask, NULL);
    assert_int_equal(BED_EXPECT(scene->bed, jobs_pushed)->accepted, 3);
    (void)job_scene_expect_run(scene, "c");
    bed_expect_done(scene->bed, id);
    struct ry_channel_ref channels[] = {{.guild_id = RY_STR(JOB_SCENE_GUILD), .channel_id = RY_STR("5")},
                                        {.guild_id = RY_STR(JOB_SCENE_GUILD), .channel_id = RY_STR("6")},
                                        {.guild_id = RY_STR(JOB_SCENE_GUILD), .channel_id = RY_STR("7")},
                                        {.guild_id = RY_STR("1"), .channel_id = RY_STR("5")}};
    struct ry_jobs_find find = {.channels = {channels, 4}};
    id = BED_DELIVER(scene->bed, jobs_find, &find, NULL);
    const struct ry_jobs_found *found = BED_EXPECT(scene->bed, jobs_found);
    assert_int_equal(found->without.n, 2);
    assert_true(ry_str_is(found->without.items[0].channel_id, "7"));
    assert_true(ry_str_is(found->without.items[1].guild_id, "1"));
    bed_expect_done(scene->bed, id);
    job_scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_pushes_what_goes_on_from_a_job_with_its_ack),
        cmocka_unit_test(ingester_pushes_what_goes_on_once_the_queue_takes_it),
        cmocka_unit_test(ingester_queues_nothing_that_does_not_go_on_from_the_job),
        cmocka_unit_test(ingester_tells_the_scanner_how_often_a_job_was_leased),
        cmocka_unit_test(ingester_queues_jobs_for_others),
        cmocka_unit_test(ingester_says_why_it_queues_nothing),
        cmocka_unit_test(ingester_finds_the_channels_that_no_scan_waits_for),
    };
    return cmocka_run_group_tests_name("ingester_questions", tests, NULL, NULL);
}

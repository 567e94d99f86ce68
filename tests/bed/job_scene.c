/* job_scene.c: see job_scene.h. A scene owns its bed and both connections to the queue. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

static struct ry_job_queue *job_scene_queue_of(struct bed *bed)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/reelyard.db", bed_data(bed));
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    if (ry_job_queue_sqlite_open(path, &bed_clock(bed)->clock, &queue, &err) != RY_OK)
        fail_msg("%s", err.text);
    return queue;
}

struct job_scene *job_scene_new(const char *batch, const char *mailbox)
{
    struct job_scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->bed = bed_new(&ry_ingester_spec, (const char *const[][2]){{"job_batch_size", batch},
                                                                     {"mailbox", mailbox},
                                                                     {"lease_seconds", "30"},
                                                                     {"job_attempts_max", "4"},
                                                                     {"poll_ms", "200"},
                                                                     {NULL, NULL}});
    scene->queue = job_scene_queue_of(scene->bed);
    scene->arena = ry_arena_make((size_t)1 << 20);
    return scene;
}

void job_scene_free(struct job_scene *scene)
{
    bed_expect_nothing(scene->bed);
    bed_free(scene->bed);
    ry_job_queue_close(&scene->queue);
    ry_arena_free(&scene->arena);
    free(scene);
}

void job_scene_push_of(struct job_scene *scene, const char *id, const char *type, enum ry_priority priority)
{
    struct ry_job_push job = {
        .job_id = ry_str_of(id),
        .type = ry_str_of(type),
        .guild_id = RY_STR(JOB_SCENE_GUILD),
        .channel_id = RY_STR("2"),
        .priority = priority,
        .json = RY_STR(JOB_SCENE_JSON),
    };
    size_t accepted = 0;
    struct ry_error err;
    if (scene->queue->ops->push(scene->queue, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &err))
        fail_msg("%s", err.text);
    assert_int_equal(accepted, 1);
}

void job_scene_push(struct job_scene *scene, const char *id, enum ry_priority priority)
{
    job_scene_push_of(scene, id, "messages", priority);
}

void job_scene_sql(struct job_scene *scene, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(ry_sqlite_queue_of(scene->queue)->db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
}

struct ry_lease job_scene_lease_to(struct job_scene *scene, const char *consumer)
{
    struct ry_lease lease;
    size_t n = 0;
    assert_int_equal(scene->queue->ops->read(scene->queue, ry_str_of(consumer), 1, RY_PRIORITY_BACKFILL,
                                             JOB_SCENE_LEASE_MS, &scene->arena, &lease, &n, NULL),
                     RY_OK);
    assert_int_equal(n, 1);
    return lease;
}

void job_scene_expect_depth(struct job_scene *scene, uint64_t ready, uint64_t leased, uint64_t dead)
{
    struct ry_depth depth;
    assert_int_equal(scene->queue->ops->depth(scene->queue, &depth, NULL), RY_OK);
    assert_int_equal(depth.ready, ready);
    assert_int_equal(depth.leased, leased);
    assert_int_equal(depth.dead, dead);
}

struct ry_dead job_scene_only_letter(struct job_scene *scene)
{
    struct ry_dead letters[2];
    size_t n = 0;
    assert_int_equal(scene->queue->ops->dead_list(scene->queue, 0, 2, &scene->arena, letters, &n, NULL), RY_OK);
    assert_int_equal(n, 1);
    assert_int_equal(scene->queue->ops->dead_get(scene->queue, letters[0].id, &scene->arena, &letters[0], NULL), RY_OK);
    return letters[0];
}

uint64_t job_scene_expect_run(struct job_scene *scene, const char *id)
{
    const struct ry_job_run *run = BED_EXPECT(scene->bed, job_run);
    if (!ry_str_is(run->job_id, id))
        fail_msg("job %.*s is run, not %s", RY_STR_ARG(run->job_id), id);
    return bed_envelope(scene->bed)->id;
}

void job_scene_done(struct job_scene *scene, uint64_t mail_id, const char *id)
{
    struct ry_job_done done = {.job_id = ry_str_of(id), .messages = 1};
    BED_ANSWER(scene->bed, mail_id, job_done, &done);
}

void job_scene_failed(struct job_scene *scene, uint64_t mail_id, const char *id, bool retry)
{
    struct ry_job_failed failed = {.job_id = ry_str_of(id), .retry = retry, .reason = RY_STR("no such guild")};
    BED_ANSWER(scene->bed, mail_id, job_failed, &failed);
}

struct ry_queue_state job_scene_queue_state(struct job_scene *scene)
{
    struct ry_queue_get get = {0};
    uint64_t id = BED_DELIVER(scene->bed, queue_get, &get, NULL);
    struct ry_queue_state state = *BED_EXPECT(scene->bed, queue_state);
    assert_int_equal(bed_envelope(scene->bed)->correlation, id);
    state.reason = ry_arena_str(&scene->arena, state.reason);
    bed_expect_done(scene->bed, id);
    return state;
}

void job_scene_break(struct job_scene *scene)
{
    job_scene_sql(
        scene,
        "ALTER TABLE reelyard_queue_job RENAME TO away_job; ALTER TABLE reelyard_queue_dead RENAME TO away_dead");
}

void job_scene_mend(struct job_scene *scene)
{
    job_scene_sql(
        scene,
        "ALTER TABLE away_job RENAME TO reelyard_queue_job; ALTER TABLE away_dead RENAME TO reelyard_queue_dead");
}

struct ry_job_spec job_scene_spec(const char *id, const char *type, const char *channel)
{
    return (struct ry_job_spec){.job_id = ry_str_of(id),
                                .type = ry_str_of(type),
                                .guild_id = RY_STR(JOB_SCENE_GUILD),
                                .channel_id = ry_str_of(channel),
                                .json = RY_STR(JOB_SCENE_JSON)};
}

struct ry_job_spec job_scene_next(const char *id, struct ry_str json)
{
    struct ry_job_spec spec = job_scene_spec(id, "batch", "2");
    spec.json = json;
    return spec;
}

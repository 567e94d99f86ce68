/* redis_dead.c: the dead letters of the queue on Redis: the stream reelyard:dead.
 *
 * An entry's id there is NUMBER-0; the numbers come from a counter, are never used again, and are the ids that
 * job_queue.h and people know. What is known of a letter stands in fields dead_*, beside the entry's own fields as they
 * were. */
#include "runtime/queue/redis_queue.h"

#include <inttypes.h>

static int unknown(int64_t id, struct ry_error *err)
{
    return ry_fail(err, RY_ENOENT, "there is no dead letter %" PRId64, id);
}

int ry_redis_dead_add(struct ry_job_queue *queue, const struct ry_dead *dead, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    redisReply *reply = NULL;
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_dead_add, 0, 11);
    ry_redis_arg_int(&command, dead->kind);
    ry_redis_arg(&command, dead->job_id);
    ry_redis_arg(&command, dead->type);
    ry_redis_arg(&command, dead->guild_id);
    ry_redis_arg(&command, dead->channel_id);
    ry_redis_arg(&command, dead->reason);
    ry_redis_arg(&command, dead->summary);
    ry_redis_arg_int(&command, dead->priority);
    ry_redis_arg_int(&command, dead->attempts);
    ry_redis_arg_int(&command, dead->died_wall_ms);
    ry_redis_arg(&command, dead->body);
    rc = ry_redis_call(redis, &command, &reply, err);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

/* {id, kind, job id, type, guild, channel, reason, summary, priority, attempts, when it died, body} */
static int take_letter(const redisReply *row, struct ry_arena *arena, struct ry_dead *letter, struct ry_error *err)
{
    int64_t id = ry_redis_int(ry_redis_at(row, 0));
    int64_t priority = ry_redis_int(ry_redis_at(row, 8));
    *letter = (struct ry_dead){
        .id = id,
        .kind = ry_redis_int(ry_redis_at(row, 1)) == RY_DEAD_MAIL ? RY_DEAD_MAIL : RY_DEAD_JOB,
        .priority = priority < RY_PRIORITY_COUNT ? (enum ry_priority)priority : RY_PRIORITY_BACKFILL,
        .attempts = (unsigned)ry_redis_int(ry_redis_at(row, 9)),
        .died_wall_ms = ry_redis_int(ry_redis_at(row, 10)),
    };
    struct ry_str *texts[] = {&letter->job_id,     &letter->type,   &letter->guild_id,
                              &letter->channel_id, &letter->reason, &letter->summary};
    bool fits = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && fits; i++) {
        struct ry_str text = ry_redis_text(ry_redis_at(row, i + 2));
        *texts[i] = ry_arena_str(arena, text.p ? text : RY_STR(""));
        fits = texts[i]->p != NULL;
    }
    struct ry_str body = ry_redis_text(ry_redis_at(row, 11));
    letter->body = ry_arena_str(arena, body);
    fits = fits && (body.p == NULL || letter->body.p != NULL);
    return fits ? RY_OK : ry_fail(err, RY_ENOMEM, "no room to read dead letter %" PRId64, id);
}

static int list(struct ry_redis *redis, int64_t after_id, size_t max, bool with_bodies, redisReply **reply,
                struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make(4096);
    *reply = NULL;
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_dead_list, 0, 3);
    ry_redis_arg_int(&command, after_id > 0 ? after_id : 0);
    ry_redis_arg_int(&command, max > INT32_MAX ? INT32_MAX : (int64_t)max);
    ry_redis_arg_int(&command, with_bodies ? 1 : 0);
    return ry_redis_call(redis, &command, reply, err);
}

int ry_redis_dead_list(struct ry_job_queue *queue, int64_t after_id, size_t max, struct ry_arena *arena,
                       struct ry_dead *letters, size_t *n, struct ry_error *err)
{
    redisReply *reply = NULL;
    *n = 0;
    int rc = list(ry_redis_of(queue), after_id, max, false, &reply, err);
    while (rc == RY_OK && *n < max && ry_redis_at(reply, *n)) {
        rc = take_letter(ry_redis_at(reply, *n), arena, &letters[*n], err);
        if (rc == RY_OK)
            (*n)++;
    }
    if (reply)
        freeReplyObject(reply);
    return rc;
}

int ry_redis_dead_get(struct ry_job_queue *queue, int64_t id, struct ry_arena *arena, struct ry_dead *letter,
                      struct ry_error *err)
{
    redisReply *reply = NULL;
    if (id <= 0)
        return unknown(id, err);
    int rc = list(ry_redis_of(queue), id - 1, 1, true, &reply, err);
    if (rc == RY_OK && ry_redis_int(ry_redis_at(ry_redis_at(reply, 0), 0)) != id)
        rc = unknown(id, err);
    if (rc == RY_OK)
        rc = take_letter(ry_redis_at(reply, 0), arena, letter, err);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

static int take(struct ry_redis *redis, int64_t id, bool replay, struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make(4096);
    redisReply *reply = NULL;
    int rc = id <= 0 ? unknown(id, err) : ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_dead_drop, 0, 2);
    ry_redis_arg_int(&command, id);
    ry_redis_arg_int(&command, replay ? 1 : 0);
    rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str said = ry_redis_text(reply);
    if (ry_str_is(said, "gone"))
        rc = unknown(id, err);
    else if (ry_str_is(said, "mail"))
        rc = ry_fail(err, RY_EUNSUPPORTED, "dead letter %" PRId64 " is a mail, which only a running node can replay",
                     id);
    else if (ry_str_is(said, "empty"))
        rc = ry_fail(err, RY_EDATA, "the body of dead letter %" PRId64 " was lost before it died; drop the letter", id);
    else if (!ry_str_is(said, "ok"))
        rc = ry_fail(err, RY_EDATA,
                     "the job of dead letter %" PRId64 " is in the queue already; wait for it, or drop the letter", id);
    freeReplyObject(reply);
    return rc;
}

int ry_redis_dead_take(struct ry_job_queue *queue, const int64_t *ids, size_t n, bool replay, struct ry_error *outcomes,
                       struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    for (size_t i = 0; i < n; i++) {
        outcomes[i] = (struct ry_error){.code = RY_OK};
        int rc = take(redis, ids[i], replay, &outcomes[i]);
        if (rc != RY_OK && rc != RY_ENOENT && rc != RY_EUNSUPPORTED && rc != RY_EDATA)
            return ry_fail(err, (enum ry_err)rc, "%s", outcomes[i].text);
    }
    return RY_OK;
}

/* redis_lease.c: what a lease's holder says: renew, ack, nack, bury; and the end of a dead node's leases.
 *
 * The fence is in each script: it does nothing unless the entry's record has this very token. The queue remembers which
 * entry each of its leases is of, because job ids of other producers need not be unique. */
#include "runtime/queue/redis_queue.h"

#include <stdlib.h>

#include "runtime/base/assert.h"

int ry_redis_hold(struct ry_redis *redis, uint64_t token, struct ry_str member)
{
    RY_ASSERT(redis->held_count <= redis->held_room, "%zu held, room for %zu", redis->held_count, redis->held_room);
    if (redis->held_count == redis->held_room) {
        size_t room = redis->held_room ? redis->held_room * 2 : 16;
        struct ry_redis_held *held = reallocarray(redis->held, room, sizeof *held);
        if (held == NULL)
            return RY_ENOMEM;
        redis->held = held;
        redis->held_room = room;
    }
    char *copy = strndup(member.p, member.n);
    if (copy == NULL)
        return RY_ENOMEM;
    redis->held[redis->held_count++] = (struct ry_redis_held){.token = token, .member = copy};
    return RY_OK;
}

static struct ry_redis_held *find_held(struct ry_redis *redis, uint64_t token)
{
    for (size_t i = 0; i < redis->held_count; i++)
        if (redis->held[i].token == token)
            return &redis->held[i];
    return NULL;
}

static void let_go(struct ry_redis *redis, uint64_t token)
{
    struct ry_redis_held *held = find_held(redis, token);
    if (held == NULL)
        return;
    RY_ASSERT(redis->held_count > 0, "token %llu", (unsigned long long)token);
    free(held->member);
    *held = redis->held[--redis->held_count];
}

/* Begins a script of the holder: member, token and job id are its first arguments. */
static int begin(struct ry_redis *redis, struct ry_buf *command, enum ry_redis_script script, struct ry_str job_id,
                 uint64_t token, size_t args, struct ry_error *err)
{
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_redis_held *held = find_held(redis, token);
    ry_redis_script(redis, command, script, 0, 3 + args);
    ry_redis_arg_text(command, held ? held->member : "");
    ry_redis_arg_int(command, (int64_t)token);
    ry_redis_arg(command, job_id);
    return RY_OK;
}

/* Runs it and reads ok, fenced or gone. ends: the lease is over when it says so. */
static int finish(struct ry_redis *redis, struct ry_buf *command, struct ry_str job_id, uint64_t token, bool ends,
                  struct ry_error *err)
{
    redisReply *reply = NULL;
    int rc = ry_redis_call(redis, command, &reply, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str said = ry_redis_text(reply);
    if (ry_str_is(said, "fenced"))
        rc = ry_fail(err, RY_EFENCED, "the lease of job %.*s was lost to another worker", RY_STR_ARG(job_id));
    else if (!ry_str_is(said, "ok"))
        rc = ry_fail(err, RY_ENOENT, "there is no job %.*s in the queue", RY_STR_ARG(job_id));
    if (ends || rc != RY_OK)
        let_go(redis, token);
    freeReplyObject(reply);
    return rc;
}

int ry_redis_renew(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t lease_ms,
                   struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(4096);
    int rc = begin(redis, &command, RY_REDIS_renew, job_id, token, 2, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock) + lease_ms);
    ry_redis_arg_text(&command, redis->node);
    return finish(redis, &command, job_id, token, false, err);
}

int ry_redis_ack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, const struct ry_job_push *next,
                 size_t n, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    int rc = RY_OK;
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = ry_job_check(&next[i], err);
    if (rc == RY_OK)
        rc = begin(redis, &command, RY_REDIS_ack, job_id, token, 2 + 6 * n, err);
    if (rc != RY_OK)
        return rc;
    int64_t now_wall_ms = ry_wall_ms(redis->clock);
    ry_redis_arg_int(&command, now_wall_ms);
    ry_redis_arg_int(&command, now_wall_ms + RY_JOB_REMEMBERED_MS);
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_job(&command, &next[i]);
    rc = finish(redis, &command, job_id, token, true, err);
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        ry_redis_know(redis, &next[i]);
    return rc;
}

int ry_redis_nack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t delay_ms, bool counted,
                  struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(4096);
    int rc = begin(redis, &command, RY_REDIS_nack, job_id, token, 3, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock) + delay_ms);
    ry_redis_arg_int(&command, counted ? 1 : 0);
    ry_redis_arg_int(&command, !counted && delay_ms > 0 ? 1 : 0);
    return finish(redis, &command, job_id, token, true, err);
}

int ry_redis_hurry(struct ry_job_queue *queue, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(4096);
    redisReply *reply = NULL;
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_hurry, 0, 1);
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    rc = ry_redis_call(redis, &command, &reply, err);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

int ry_redis_bury(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, struct ry_str reason,
                  struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make((size_t)16 << 10);
    int rc = begin(redis, &command, RY_REDIS_bury, job_id, token, 2, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    ry_redis_arg(&command, reason);
    return finish(redis, &command, job_id, token, true, err);
}

int ry_redis_release(struct ry_job_queue *queue, struct ry_str consumer_prefix, struct ry_str except, size_t *released,
                     struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(4096);
    redisReply *reply = NULL;
    *released = 0;
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_release, 0, 3);
    ry_redis_arg(&command, consumer_prefix);
    ry_redis_arg(&command, except);
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    rc = ry_redis_call(redis, &command, &reply, err);
    if (rc == RY_OK)
        *released = (size_t)ry_redis_int(reply);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

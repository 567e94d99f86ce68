/* redis_push.c: the producer's side of the queue on Redis: push, cursor, depth, find.
 *
 * An entry is written as DiscordClipSaver's bot writes it: the job as JSON in `job`, and copies of guild_id,
 * channel_id, job_type and job_id as strings. Nothing is ever trimmed: finished entries are deleted, and all others are
 * needed. */
#include "runtime/queue/redis_queue.h"

#include <stdio.h>

#define NAME_BYTES (sizeof RY_REDIS_STREAM_PREFIX + RY_JOB_GUILD_MAX + RY_JOB_TYPE_MAX + 2)
/* Channels that one script looks for. */
#define FIND_MAX 100
/* Streams that depth looks at by itself; of more it tells what the surveys have found. */
#define DEPTH_STREAMS 250

/* "jobs:guild:GUILD:TYPE"; jobs of no guild are `global`. */
static struct ry_str stream_name(const struct ry_job_push *job, char name[NAME_BYTES])
{
    struct ry_str guild = job->guild_id.n > 0 ? job->guild_id : RY_STR("global");
    int n = snprintf(name, NAME_BYTES, RY_REDIS_STREAM_PREFIX "%.*s:%.*s", RY_STR_ARG(guild), RY_STR_ARG(job->type));
    return (struct ry_str){name, (size_t)n};
}

void ry_redis_arg_job(struct ry_buf *command, const struct ry_job_push *job)
{
    char name[NAME_BYTES];
    ry_redis_arg(command, stream_name(job, name));
    ry_redis_arg(command, job->guild_id);
    ry_redis_arg(command, job->channel_id);
    ry_redis_arg(command, job->type);
    ry_redis_arg(command, job->job_id);
    ry_redis_arg(command, job->json);
}

void ry_redis_know(struct ry_redis *redis, const struct ry_job_push *job)
{
    char name[NAME_BYTES];
    struct ry_redis_stream *stream = ry_redis_streams_add(&redis->streams, stream_name(job, name), NULL);
    if (stream == NULL)
        return;
    stream->seen = redis->scan_round;
    ry_redis_stream_set_hot(&redis->streams, stream, true);
}

int ry_redis_push(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor_key,
                  struct ry_str cursor, size_t *accepted, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    redisReply *reply = NULL;
    *accepted = 0;
    int rc = RY_OK;
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        rc = ry_job_check(&jobs[i], err);
    if (rc == RY_OK)
        rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_push, 0, 4 + 6 * n);
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    ry_redis_arg_int(&command, cursor_key.p == NULL ? 0 : cursor.p ? 1 : 2);
    ry_redis_arg(&command, cursor_key);
    ry_redis_arg(&command, cursor);
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_job(&command, &jobs[i]);
    rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    *accepted = (size_t)ry_redis_int(reply);
    freeReplyObject(reply);
    for (size_t i = 0; i < n; i++)
        ry_redis_know(redis, &jobs[i]);
    return RY_OK;
}

int ry_redis_cursor_get(struct ry_job_queue *queue, struct ry_str key, struct ry_arena *arena, struct ry_str *cursor,
                        struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make((size_t)64 << 10);
    redisReply *reply = NULL;
    *cursor = (struct ry_str){NULL, 0};
    ry_redis_argc(&command, 3);
    ry_redis_arg_text(&command, "HGET");
    ry_redis_arg_text(&command, "reelyard:cursors");
    ry_redis_arg(&command, key);
    int rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str found = ry_redis_text(reply);
    *cursor = ry_arena_str(arena, found);
    if (found.p && cursor->p == NULL)
        rc = ry_fail(err, RY_ENOMEM, "no memory for the cursor %.*s", RY_STR_ARG(key));
    freeReplyObject(reply);
    return rc;
}

int ry_redis_depth(struct ry_job_queue *queue, struct ry_depth *depth, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    RY_BUF_AUTO command = ry_buf_make(256);
    redisReply *reply = NULL;
    *depth = (struct ry_depth){0};
    int rc = ry_redis_connect(redis, err);
    /* A command line's queue has just been opened and knows no stream yet. */
    if (rc == RY_OK && redis->scan_round == 0)
        rc = ry_redis_discover_all(redis, err);
    if (rc == RY_OK && redis->streams.n <= DEPTH_STREAMS)
        rc = ry_redis_survey(redis, 0, DEPTH_STREAMS, err);
    if (rc != RY_OK)
        return rc;
    ry_redis_script(redis, &command, RY_REDIS_totals, 0, 0);
    rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    depth->leased = (uint64_t)ry_redis_int(ry_redis_at(reply, 0));
    depth->dead = (uint64_t)ry_redis_int(ry_redis_at(reply, 1));
    depth->malformed = (uint64_t)ry_redis_int(ry_redis_at(reply, 2));
    depth->streams = redis->streams.n;
    freeReplyObject(reply);
    /* Finished entries are deleted, so every entry that is left waits or is leased. */
    uint64_t entries = 0;
    int64_t now_wall_ms = ry_wall_ms(redis->clock);
    for (size_t i = 0; i < redis->streams.n; i++) {
        int64_t oldest_wall_ms = redis->streams.items[i]->oldest_wall_ms;
        entries += redis->streams.items[i]->entries;
        if (oldest_wall_ms != 0 && now_wall_ms - oldest_wall_ms > depth->oldest_ms)
            depth->oldest_ms = now_wall_ms - oldest_wall_ms;
    }
    depth->ready = entries > depth->leased ? entries - depth->leased : 0;
    return RY_OK;
}

static int find_some(struct ry_redis *redis, const struct ry_job_queue_channel *channels, size_t n,
                     const char *const *types, size_t type_count, bool *found, struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make((size_t)256 << 10);
    redisReply *reply = NULL;
    ry_redis_script(redis, &command, RY_REDIS_find, 0, 1 + type_count + 2 * n);
    ry_redis_arg_int(&command, (int64_t)type_count);
    for (size_t i = 0; i < type_count; i++)
        ry_redis_arg_text(&command, types[i]);
    for (size_t i = 0; i < n; i++) {
        ry_redis_arg(&command, channels[i].guild_id);
        ry_redis_arg(&command, channels[i].channel_id);
    }
    int rc = ry_redis_call(redis, &command, &reply, err);
    for (size_t i = 0; i < n && rc == RY_OK; i++)
        found[i] = ry_redis_int(ry_redis_at(reply, i)) != 0;
    if (reply)
        freeReplyObject(reply);
    return rc;
}

int ry_redis_find(struct ry_job_queue *queue, const struct ry_job_queue_channel *channels, size_t n,
                  const char *const *types, bool *found, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    size_t type_count = 0;
    while (types[type_count])
        type_count++;
    int rc = ry_redis_connect(redis, err);
    for (size_t i = 0; i < n && rc == RY_OK; i += FIND_MAX)
        rc = find_some(redis, channels + i, n - i < FIND_MAX ? n - i : FIND_MAX, types, type_count, found + i, err);
    return rc;
}

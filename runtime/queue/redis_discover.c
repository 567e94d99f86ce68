/* redis_discover.c: which streams there are, and how they are.
 *
 * Every discovery_ms a SCAN goes around the key space, a few steps at a time; a stream that it finds is hot, so the
 * next read looks into it (and makes its group), and one that a whole round has not seen is forgotten. In the same
 * rhythm the next few streams are surveyed: how much waits in them, and whether an entry is pending that is in none of
 * our records, because its consumer died right after it had been read. */
#include "runtime/queue/redis_queue.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/log.h"

#define SCAN_STEPS  4
#define SCAN_COUNT  1000
#define SURVEY_STEP 250
/* Of the clocks of this node and of Redis, when entries of the previous incarnation are told from those of this one. */
#define OWN_MARGIN_MS 1000

/* One step; the round is over when the cursor comes back to 0. */
static int scan_step(struct ry_redis *redis, struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make(512);
    redisReply *reply = NULL;
    ry_redis_argc(&command, 8);
    ry_redis_arg_text(&command, "SCAN");
    ry_redis_arg_text(&command, redis->scan_cursor);
    ry_redis_arg_text(&command, "MATCH");
    ry_redis_arg_text(&command, RY_REDIS_STREAM_PREFIX "*");
    ry_redis_arg_text(&command, "COUNT");
    ry_redis_arg_int(&command, SCAN_COUNT);
    ry_redis_arg_text(&command, "TYPE");
    ry_redis_arg_text(&command, "stream");
    int rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    (void)snprintf(redis->scan_cursor, sizeof redis->scan_cursor, "%.*s",
                   RY_STR_ARG(ry_redis_text(ry_redis_at(reply, 0))));
    const redisReply *names = ry_redis_at(reply, 1);
    for (size_t i = 0; ry_redis_at(names, i); i++) {
        struct ry_str name = ry_redis_text(ry_redis_at(names, i));
        struct ry_redis_stream *stream = name.p ? ry_redis_streams_add(&redis->streams, name, NULL) : NULL;
        if (stream)
            stream->seen = redis->scan_round;
    }
    freeReplyObject(reply);
    return RY_OK;
}

/* At most `steps` steps of a round that has begun. */
static int scan(struct ry_redis *redis, size_t steps, struct ry_error *err)
{
    int rc = RY_OK;
    for (size_t i = 0; i < steps && redis->scanning && rc == RY_OK; i++) {
        rc = scan_step(redis, err);
        if (rc == RY_OK && strcmp(redis->scan_cursor, "0") == 0) {
            redis->scanning = false;
            size_t forgotten = ry_redis_streams_remove_unseen(&redis->streams, redis->scan_round);
            if (forgotten > 0)
                RY_LOG(RY_DEBUG, "streams_forgotten", "streams=%zu", forgotten);
        }
    }
    return rc;
}

static void begin_round(struct ry_redis *redis)
{
    redis->scanning = true;
    redis->scan_round++;
    redis->next_scan_mono_ms = ry_mono_ms(redis->clock) + redis->discovery_ms;
    (void)snprintf(redis->scan_cursor, sizeof redis->scan_cursor, "0");
}

int ry_redis_survey(struct ry_redis *redis, size_t from, size_t n, struct ry_error *err)
{
    if (from >= redis->streams.n)
        return RY_OK;
    n = n < redis->streams.n - from ? n : redis->streams.n - from;
    struct ry_redis_stream **streams = redis->streams.items + from;
    RY_BUF_AUTO command = ry_buf_make((size_t)1 << 20);
    RY_BUF_AUTO classes = ry_buf_make(SURVEY_STEP);
    redisReply *reply = NULL;
    int64_t own_idle_ms = ry_mono_ms(redis->clock) - redis->opened_mono_ms + OWN_MARGIN_MS;
    ry_redis_script(redis, &command, RY_REDIS_survey, n, 5);
    for (size_t i = 0; i < n; i++) {
        char class = (char)('0' + streams[i]->class);
        ry_redis_arg(&command, (struct ry_str){streams[i]->name, streams[i]->name_bytes});
        (void)ry_buf_add(&classes, &class, 1);
    }
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    ry_redis_arg_int(&command, redis->lease_ms);
    ry_redis_arg(&command, ry_buf_str(&classes));
    ry_redis_arg_text(&command, redis->node);
    ry_redis_arg_int(&command, redis->surveyed_all || redis->node[0] == '\0' ? -1 : own_idle_ms);
    int rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; i < n && ry_redis_at(reply, 2 * i + 1); i++) {
        int64_t entries = ry_redis_int(ry_redis_at(reply, 2 * i));
        streams[i]->entries = entries > 0 ? (uint64_t)entries : 0;
        streams[i]->oldest_wall_ms = ry_redis_int(ry_redis_at(reply, 2 * i + 1));
        /* Should a blocking read ever have missed it. */
        if (streams[i]->oldest_wall_ms != 0)
            ry_redis_stream_set_hot(&redis->streams, streams[i], true);
    }
    freeReplyObject(reply);
    return RY_OK;
}

static int survey_next(struct ry_redis *redis, struct ry_error *err)
{
    if (redis->survey_at >= redis->streams.n)
        redis->survey_at = 0;
    int rc = ry_redis_survey(redis, redis->survey_at, SURVEY_STEP, err);
    redis->survey_at += SURVEY_STEP;
    if (rc == RY_OK && !redis->scanning && redis->survey_at >= redis->streams.n)
        redis->surveyed_all = true;
    return rc;
}

int ry_redis_discover(struct ry_redis *redis, struct ry_error *err)
{
    if (redis->scanning)
        return scan(redis, SCAN_STEPS, err);
    if (ry_mono_ms(redis->clock) < redis->next_scan_mono_ms)
        return RY_OK;
    begin_round(redis);
    int rc = scan(redis, SCAN_STEPS, err);
    return rc == RY_OK ? survey_next(redis, err) : rc;
}

int ry_redis_discover_all(struct ry_redis *redis, struct ry_error *err)
{
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    begin_round(redis);
    return scan(redis, SIZE_MAX, err);
}

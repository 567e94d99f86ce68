/* redis_call.c: commands of the queue: its scripts are loaded into Redis whenever a connection is made, and again when
 * Redis has forgotten them; keys of another type are put aside. What was under way when a connection broke may have
 * happened or not: every script is idempotent. */
#include "runtime/queue/redis_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

struct ry_redis *ry_redis_of(struct ry_job_queue *queue)
{
    struct ry_redis *redis = (struct ry_redis *)queue;
    RY_ASSERT(redis->magic == RY_REDIS_MAGIC, "magic %x", redis->magic);
    return redis;
}

static int load_scripts(struct ry_redis *redis, struct ry_error *err)
{
    for (size_t i = 0; i < RY_REDIS_SCRIPT_COUNT; i++) {
        RY_BUF_AUTO command = ry_buf_make((size_t)64 << 10);
        redisReply *reply = NULL;
        ry_redis_argc(&command, 3);
        ry_redis_arg_text(&command, "SCRIPT");
        ry_redis_arg_text(&command, "LOAD");
        ry_redis_arg_text(&command, ry_redis_scripts[i]);
        int rc = command.failed ? ry_fail(err, RY_ENOMEM, "no memory to load a script into Redis")
                                : ry_redis_connection_call(&redis->connection, &command, &reply, err);
        if (rc != RY_OK)
            return rc;
        struct ry_str sha = ry_redis_text(reply);
        if (sha.n == sizeof redis->shas[i] - 1)
            memcpy(redis->shas[i], sha.p, sha.n);
        freeReplyObject(reply);
    }
    return RY_OK;
}

/* An evicted stream is a lost job. Told once; a user that may not ask is not told. */
static void look_at_policy(struct ry_redis *redis)
{
    static const char *const words[] = {"INFO", "memory"};
    static const struct ry_str wanted = {"maxmemory_policy:noeviction", 27};
    if (redis->policy_told)
        return;
    RY_BUF_AUTO command = ry_buf_make(256);
    redisReply *reply = NULL;
    ry_redis_argc(&command, 2);
    ry_redis_arg_text(&command, words[0]);
    ry_redis_arg_text(&command, words[1]);
    if (ry_redis_connection_call(&redis->connection, &command, &reply, NULL) != RY_OK)
        return;
    struct ry_str info = ry_redis_text(reply);
    if (info.p && memmem(info.p, info.n, wanted.p, wanted.n) == NULL)
        RY_LOG(RY_WARNING, "redis_may_evict", "advice=%s",
               "set maxmemory-policy to noeviction, or Redis may throw jobs away when its memory is full");
    redis->policy_told = true;
    freeReplyObject(reply);
}

static void on_connected(struct ry_redis *redis)
{
    if (redis->connection.tries > 0)
        RY_LOG(RY_INFO, "redis_connected", "host=%s port=%u tries=%u", redis->url.host, redis->url.port,
               redis->connection.tries);
    if (redis->was_connected)
        redis->grace_wall_ms = ry_wall_ms(redis->clock) + redis->lease_ms;
    redis->was_connected = true;
    ry_redis_connection_works(&redis->connection);
    redis->watch.connection.tries = 0;
    /* What is known of the streams may be of before a loss. */
    ry_redis_streams_set_all_hot(&redis->streams);
    redis->scanning = false;
    redis->next_scan_mono_ms = 0;
    look_at_policy(redis);
}

static void report_away(struct ry_redis *redis)
{
    const struct ry_error *why = ry_redis_connection_report(&redis->connection);
    if (why != NULL)
        RY_LOG(RY_WARNING, "redis_away", "code=%s reason=%s", ry_err_name(why->code), why->text);
}

int ry_redis_connect(struct ry_redis *redis, struct ry_error *err)
{
    if (redis->connection.link.fd >= 0)
        return RY_OK;
    struct ry_error why = {0};
    int rc = ry_redis_connection_open(&redis->connection, &why);
    if (rc == RY_OK) {
        rc = load_scripts(redis, &why);
        if (rc != RY_OK && redis->connection.link.fd >= 0)
            ry_redis_connection_lost(&redis->connection, &why);
    }
    if (rc == RY_OK) {
        on_connected(redis);
        if (redis->connection.link.fd >= 0)
            return RY_OK;
        why = redis->connection.away; /* it hung up on a question of on_connected */
    }
    report_away(redis);
    return ry_fail(err, why.code, "%s", why.text);
}

void ry_redis_script(struct ry_redis *redis, struct ry_buf *command, enum ry_redis_script script, size_t keys,
                     size_t args)
{
    ry_redis_argc(command, 3 + keys + args);
    ry_redis_arg_text(command, "EVALSHA");
    ry_redis_arg(command, (struct ry_str){redis->shas[script], sizeof redis->shas[script] - 1});
    ry_redis_arg_int(command, (int64_t)keys);
}

/* Puts keys of another type than ours aside. True: there were some, so that a call may succeed now. */
static bool mend(struct ry_redis *redis)
{
    RY_BUF_AUTO command = ry_buf_make(256);
    redisReply *reply = NULL;
    size_t n = 0;
    ry_redis_script(redis, &command, RY_REDIS_mend, 0, 0);
    if (ry_redis_connection_call(&redis->connection, &command, &reply, NULL) != RY_OK)
        return false;
    for (; ry_redis_at(reply, n); n++) {
        struct ry_str key = ry_redis_text(ry_redis_at(reply, n));
        RY_LOG(RY_ERROR, "redis_key_put_aside", "key=%.*s reason=%s", RY_STR_ARG(key),
               "it is of another type than reelyard's; it is kept as reelyard:malformed:KEY");
    }
    freeReplyObject(reply);
    return n > 0;
}

int ry_redis_call(struct ry_redis *redis, struct ry_buf *command, redisReply **reply, struct ry_error *err)
{
    *reply = NULL;
    if (command->failed)
        return ry_fail(err, RY_ELIMIT, "a command to Redis is too large, or there is no memory for it");
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    struct ry_error why = {0};
    struct ry_redis_connection *connection = &redis->connection;
    rc = ry_redis_connection_call(connection, command, reply, &why);
    if (rc != RY_OK && connection->link.fd >= 0 && strstr(why.text, "NOSCRIPT") != NULL) {
        rc = load_scripts(redis, &why);
        if (rc == RY_OK)
            rc = ry_redis_connection_call(connection, command, reply, &why);
    }
    if (rc != RY_OK && connection->link.fd >= 0 && strstr(why.text, "WRONGTYPE") != NULL && mend(redis))
        rc = ry_redis_connection_call(connection, command, reply, &why);
    if (rc == RY_OK)
        return RY_OK;
    report_away(redis);
    return ry_fail(err, why.code, "%s", why.text);
}

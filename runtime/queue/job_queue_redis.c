/* job_queue_redis.c: the queue on Redis Streams, as DiscordClipSaver's bot and interface fill it.
 *
 * Owns      two connections (redis_connection.c): one for commands (redis_call.c), one for the blocking read
 *           (redis_watch.c); the records of leases, delays and dead letters under reelyard:* (docs/REDIS.md). The
 *           streams themselves are shared with other producers, and with other consumers of the group.
 *
 * Promises  what job_queue.h says, each call one script, so all of it or nothing happens. An entry leaves its stream
 * only by ack, or as a dead letter; one that no one finishes is given again. Redis may be away at any time: calls then
 * fail at once with the reason, and the connection is tried again by the backoff.
 *
 * A crash leaves the leases, which the next self releases or others see run out; an entry that was read and not yet
 * recorded is found by the survey (redis_discover.c). If Redis loses its data, what was in the queue is lost with it,
 * and the groups are made again; if it loses the last moments (a failover), jobs may run twice, which upserts bear.
 *
 * Times are those of this node's clock, so the clocks of nodes must agree within a fraction of a lease. */
#include "runtime/queue/redis_queue.h"

#include <stdlib.h>

#include "runtime/config/config.h"

/* What survey and grace go by before the first read. */
#define LEASE_MS_FIRST 60000

static void close_queue(struct ry_job_queue *queue)
{
    struct ry_redis *redis = ry_redis_of(queue);
    ry_redis_watch_end(redis);
    ry_redis_watch_close(redis);
    ry_redis_connection_close(&redis->connection);
    ry_redis_streams_free(&redis->streams);
    for (size_t i = 0; i < redis->held_count; i++)
        free(redis->held[i].member);
    free(redis->held);
    explicit_bzero(redis, sizeof *redis);
    free(redis);
}

static const struct ry_job_queue_ops redis_ops = {
    .name = "redis",
    .push = ry_redis_push,
    .cursor_get = ry_redis_cursor_get,
    .read = ry_redis_read,
    .renew = ry_redis_renew,
    .ack = ry_redis_ack,
    .nack = ry_redis_nack,
    .hurry = ry_redis_hurry,
    .bury = ry_redis_bury,
    .release = ry_redis_release,
    .depth = ry_redis_depth,
    .find = ry_redis_find,
    .fd = ry_redis_fd,
    .ready = ry_redis_ready,
    .dead_add = ry_redis_dead_add,
    .dead_list = ry_redis_dead_list,
    .dead_get = ry_redis_dead_get,
    .dead_take = ry_redis_dead_take,
    .close = close_queue,
};

static void configure(struct ry_redis *redis, const struct ry_config *config)
{
    ry_redis_connection_init(&redis->connection, &redis->url, config, redis->clock);
    ry_redis_connection_init(&redis->watch.connection, &redis->url, config, redis->clock);
    redis->block_ms = ry_config_int(config, RY_OPT_redis_block_ms);
    redis->discovery_ms = ry_config_int(config, RY_OPT_redis_discovery_ms);
}

int ry_job_queue_redis_open(const struct ry_job_queue_redis_options *options, struct ry_job_queue **queue,
                            struct ry_error *err)
{
    *queue = NULL;
    struct ry_redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to open the queue on Redis");
    redis->base.ops = &redis_ops;
    redis->magic = RY_REDIS_MAGIC;
    redis->clock = options->clock;
    redis->lease_ms = LEASE_MS_FIRST;
    redis->opened_mono_ms = ry_mono_ms(options->clock);
    configure(redis, options->config);
    redis->watch.epoll_fd = -1;
    int rc = ry_redis_url_parse(&redis->url, options->url, err);
    if (rc == RY_OK)
        rc = ry_redis_watch_init(redis, err);
    if (rc != RY_OK) {
        close_queue(&redis->base);
        return rc;
    }
    *queue = &redis->base;
    rc = ry_redis_connect(redis, err);
    return rc == RY_OK ? RY_OK : RY_EAWAY;
}

/* redis_connection.c: see redis_connection.h.
 *
 * Owns a link, and the reason and the time of its next try while it does not stand. What was under way when a link
 * broke may have happened or not: whoever sends a command that changes something makes it idempotent. */
#include "runtime/queue/redis_connection.h"

#include <stdlib.h>
#include <sys/random.h>

#include "runtime/base/assert.h"

#define JITTER_PERCENT 20

void ry_redis_connection_init(struct ry_redis_connection *connection, const struct ry_redis_url *url,
                              const struct ry_config *config, const struct ry_clock *clock)
{
    *connection = (struct ry_redis_connection){
        .clock = clock,
        .backoff_initial_ms = (int64_t)(ry_config_real(config, RY_OPT_redis_backoff_initial) * 1000),
        .backoff_max_ms = (int64_t)(ry_config_real(config, RY_OPT_redis_backoff_max) * 1000),
        .backoff_multiplier = ry_config_real(config, RY_OPT_redis_backoff_multiplier),
    };
    if (getrandom(&connection->rng.state, sizeof connection->rng.state, 0) < 0)
        connection->rng.state = (uint64_t)ry_mono_ms(clock);
    ry_redis_link_init(&connection->link, url, (int)(ry_config_real(config, RY_OPT_redis_connect_timeout) * 1000));
}

void ry_redis_connection_limit(struct ry_redis_connection *connection, int64_t backoff_max_ms, int timeout_max_ms)
{
    RY_ASSERT(backoff_max_ms > 0 && timeout_max_ms > 0, "%d ms", timeout_max_ms);
    if (connection->backoff_max_ms > backoff_max_ms)
        connection->backoff_max_ms = backoff_max_ms;
    if (connection->link.timeout_ms > timeout_max_ms)
        connection->link.timeout_ms = timeout_max_ms;
}

void ry_redis_connection_close(struct ry_redis_connection *connection)
{
    ry_redis_link_close(&connection->link);
}

bool ry_redis_connection_may_try(const struct ry_redis_connection *connection)
{
    return connection->tries == 0 || ry_mono_ms(connection->clock) >= connection->next_mono_ms;
}

void ry_redis_connection_try_now(struct ry_redis_connection *connection)
{
    connection->next_mono_ms = ry_mono_ms(connection->clock);
}

/* Whether the server takes writes: a replica lets a client log in and read. The key is never there. A server that
 * refuses the command for another reason may take others. */
static int ask_for_writes(struct ry_redis_link *link, struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make(256);
    redisReply *reply = NULL;
    ry_redis_argc(&command, 2);
    ry_redis_arg_text(&command, "DEL");
    ry_redis_arg_text(&command, "reelyard:mail:");
    int rc = command.failed ? ry_fail(err, RY_ENOMEM, "no memory for a command to Redis")
                            : ry_redis_link_call(link, ry_buf_str(&command), &reply, err);
    if (reply != NULL)
        freeReplyObject(reply);
    return rc == RY_EAWAY || link->fd < 0 ? rc : RY_OK;
}

int ry_redis_connection_open(struct ry_redis_connection *connection, struct ry_error *err)
{
    struct ry_error why = {0};
    if (connection->link.fd >= 0)
        return RY_OK;
    if (!ry_redis_connection_may_try(connection)) {
        RY_ASSERT(connection->away.code != RY_OK, "tries %u", connection->tries);
        return ry_fail(err, connection->away.code, "%s", connection->away.text);
    }
    if (ry_redis_link_open(&connection->link, &why) == RY_OK && ask_for_writes(&connection->link, &why) == RY_OK)
        return RY_OK;
    ry_redis_connection_lost(connection, &why);
    return ry_fail(err, why.code, "%s", why.text);
}

void ry_redis_connection_works(struct ry_redis_connection *connection)
{
    RY_ASSERT(connection->link.fd >= 0, "tries %u", connection->tries);
    connection->away = (struct ry_error){0};
    connection->reported = false;
    connection->tries = 0;
}

static int64_t wait_ms(const struct ry_redis_connection *connection)
{
    double wait = (double)connection->backoff_initial_ms;
    for (unsigned i = 0; i < connection->tries && wait < (double)connection->backoff_max_ms; i++)
        wait *= connection->backoff_multiplier;
    return wait < (double)connection->backoff_max_ms ? (int64_t)wait : connection->backoff_max_ms;
}

void ry_redis_connection_lost(struct ry_redis_connection *connection, const struct ry_error *why)
{
    RY_ASSERT(why->code != RY_OK, "tries %u", connection->tries);
    ry_redis_link_close(&connection->link);
    connection->reported = connection->reported && connection->away.code == why->code;
    connection->away = *why;
    ry_redis_connection_back_off(connection);
}

void ry_redis_connection_back_off(struct ry_redis_connection *connection)
{
    connection->next_mono_ms =
        ry_mono_ms(connection->clock) + ry_rng_jitter(&connection->rng, wait_ms(connection), JITTER_PERCENT);
    connection->tries++;
}

const struct ry_error *ry_redis_connection_report(struct ry_redis_connection *connection)
{
    if (connection->away.code == RY_OK || connection->reported)
        return NULL;
    connection->reported = true;
    return &connection->away;
}

int ry_redis_connection_call(struct ry_redis_connection *connection, const struct ry_buf *command, redisReply **reply,
                             struct ry_error *err)
{
    struct ry_error why = {0};
    int rc = ry_redis_link_call(&connection->link, ry_buf_str(command), reply, &why);
    if (rc == RY_OK)
        return RY_OK;
    /* After a failover the name may lead to another server. */
    if (connection->link.fd < 0 || strstr(why.text, "READONLY") != NULL)
        ry_redis_connection_lost(connection, &why);
    return ry_fail(err, why.code, "%s", why.text);
}

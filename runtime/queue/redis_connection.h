/* redis_connection.h: a link to Redis that is made again after a loss: the one path of connecting, waiting and failing.
 *
 * While the link does not stand, calls fail at once with the reason of the last try; the next try is made when the
 * backoff of REDIS_CONNECT_BACKOFF_* is over. Every wait ends after REDIS_CONNECT_TIMEOUT_SECONDS. A user of the
 * connection may lower both limits. One thread. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_CONNECTION_H
#define REELYARD_RUNTIME_QUEUE_REDIS_CONNECTION_H

#include "runtime/base/clock.h"
#include "runtime/base/rng.h"
#include "runtime/config/config.h"
#include "runtime/queue/redis_link.h"

struct ry_redis_connection {
    struct ry_redis_link link;
    const struct ry_clock *clock;
    struct ry_rng rng;
    struct ry_error away; /* why the link does not stand; RY_OK: it stands, or was never tried */
    bool reported;        /* `away` was, or has the code of one that was */
    unsigned tries;       /* that failed, in a row */
    int64_t next_mono_ms; /* of the next try, where tries > 0 */
    /* From the configuration. */
    int64_t backoff_initial_ms;
    int64_t backoff_max_ms;
    double backoff_multiplier;
};

/* Holds nothing yet. url and clock are borrowed. */
void ry_redis_connection_init(struct ry_redis_connection *connection, const struct ry_redis_url *url,
                              const struct ry_config *config, const struct ry_clock *clock);
/* Lowers the longest wait between two tries, and that for an answer; a shorter configured one stays. */
void ry_redis_connection_limit(struct ry_redis_connection *connection, int64_t backoff_max_ms, int timeout_max_ms);
void ry_redis_connection_close(struct ry_redis_connection *connection);

/* Whether a try may be made now. */
bool ry_redis_connection_may_try(const struct ry_redis_connection *connection);

/* Allows one try now, whatever the backoff says. */
void ry_redis_connection_try_now(struct ry_redis_connection *connection);

/* Connects if the link does not stand and the backoff allows it, to a server that takes writes. On success the caller says that it is of use
 * (_works); on failure _lost has been called. RY_EAWAY and its kind. */
int ry_redis_connection_open(struct ry_redis_connection *connection, struct ry_error *err);

/* The link stands and is of use: the next loss begins with the shortest wait. */
void ry_redis_connection_works(struct ry_redis_connection *connection);

/* Closes the link, keeps the reason, and backs off. */
void ry_redis_connection_lost(struct ry_redis_connection *connection, const struct ry_error *why);

/* Sets the time of the next try, later each time, with jitter. */
void ry_redis_connection_back_off(struct ry_redis_connection *connection);

/* Why the link does not stand, once for each kind of reason; NULL: that was told. For the log. */
const struct ry_error *ry_redis_connection_report(struct ry_redis_connection *connection);

/* Sends a command over a link that stands and waits for the reply; on an error *reply is NULL. A link that broke, or
 * leads to a server that has become a replica, is lost. */
int ry_redis_connection_call(struct ry_redis_connection *connection, const struct ry_buf *command, redisReply **reply,
                             struct ry_error *err);

#endif

/* redis_queue.h: the queue on Redis Streams, shared by the files that implement it (redis_*.c, job_queue_redis.c).
 *
 * Used by runtime/queue alone; everybody else sees job_queue.h. One thread per queue. docs/REDIS.md tells the keys. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_QUEUE_H
#define REELYARD_RUNTIME_QUEUE_REDIS_QUEUE_H

#include "runtime/base/log.h"
#include "runtime/queue/redis_connection.h"
#include "runtime/queue/redis_ops.h"
#include "runtime/queue/redis_script.h"
#include "runtime/queue/redis_streams.h"
#include "runtime/queue/job_queue.h"

#define RY_REDIS_MAGIC      0x72656469u
#define RY_REDIS_GROUP      "worker_group"
#define RY_REDIS_NODE_BYTES 128

/* A lease that this queue has given out; its token is unique in the whole queue, so it names the entry. */
struct ry_redis_held {
    uint64_t token;
    char *member; /* owned: "CLASS STREAM ID" */
};

/* The blocking read: XREADGROUP over all cold streams on a connection of its own. */
struct ry_redis_watch {
    struct ry_redis_connection connection;
    struct ry_buf command; /* of the last read; sent again while the streams are the same */
    unsigned version;      /* of the streams in command */
    enum ry_priority least;
    int64_t client_id;   /* of the connection, for CLIENT UNBLOCK */
    bool outstanding;    /* a read has been sent and not been answered */
    bool unblocked;      /* and was asked to end */
    int64_t due_mono_ms; /* when an answer to it is overdue: the server is gone without a word */
    int epoll_fd;
};

struct ry_redis {
    struct ry_job_queue base; /* first, so that the ops find the rest */
    unsigned magic;           /* RY_REDIS_MAGIC */
    const struct ry_clock *clock;
    struct ry_redis_url url;

    struct ry_redis_connection connection; /* for everything but the blocking read */
    bool was_connected;
    bool policy_told;
    int64_t opened_mono_ms;
    int64_t grace_wall_ms;      /* until then, leases of others that ran out while Redis was away are prolonged */
    int64_t look_ahead_mono_ms; /* when it is asked again for what a wrong clock has put off */
    char shas[RY_REDIS_SCRIPT_COUNT][41];

    struct ry_redis_streams streams;
    struct ry_redis_watch watch;
    struct ry_buf surplus; /* members that the blocking read has brought, as arguments of a command */
    size_t surplus_count;

    struct ry_redis_held *held;
    size_t held_count;
    size_t held_room;

    /* Discovery: a SCAN in steps, and a survey of the streams in turn. */
    bool scanning;
    char scan_cursor[24];
    unsigned scan_round;
    int64_t next_scan_mono_ms;
    size_t survey_at;
    bool surveyed_all; /* once around since the queue was opened */

    char node[RY_REDIS_NODE_BYTES]; /* the consumer: what stands before the slash of the last reader's name */
    int64_t lease_ms;               /* of the last read */

    struct ry_log_limit malformed_log;

    /* From the configuration. */
    int64_t block_ms;
    int64_t discovery_ms;
};

/* The Redis queue behind a job queue, which must be one: another kind fails an assertion. */
struct ry_redis *ry_redis_of(struct ry_job_queue *queue);

/* ---- redis_call.c: commands -------------------------------------------------------------------------------------- */

/* Connects if the link does not stand and the backoff allows it. RY_EAWAY and kin at once while it does not. */
int ry_redis_connect(struct ry_redis *redis, struct ry_error *err);

/* Begins a command that runs a script; then keys, then arguments, are added by ry_redis_arg. */
void ry_redis_script(struct ry_redis *redis, struct ry_buf *command, enum ry_redis_script script, size_t keys,
                     size_t args);

/* Runs a command. *reply is the caller's to free, NULL on error. Scripts that Redis has forgotten are loaded again. */
int ry_redis_call(struct ry_redis *redis, struct ry_buf *command, redisReply **reply, struct ry_error *err);

/* ---- redis_discover.c -------------------------------------------------------------------------------------------- */

/* Goes on with the search for streams and the survey of those known: a bounded number of commands, most times none. */
int ry_redis_discover(struct ry_redis *redis, struct ry_error *err);
/* Searches to the end, now. */
int ry_redis_discover_all(struct ry_redis *redis, struct ry_error *err);
/* Surveys n streams from `from` on. */
int ry_redis_survey(struct ry_redis *redis, size_t from, size_t n, struct ry_error *err);

/* ---- redis_watch.c ----------------------------------------------------------------------------------------------- */

int ry_redis_watch_init(struct ry_redis *redis, struct ry_error *err);
/* Lets the blocking read cover all streams of priority `least` or more urgent. Failures are the watch's own: it tries
 * again later, and reads find the jobs meanwhile. */
void ry_redis_watch(struct ry_redis *redis, enum ry_priority least);
/* Ends a blocking read, and keeps what it has brought. */
void ry_redis_watch_end(struct ry_redis *redis);
/* Puts what blocking reads have brought to the entries that are ready. */
int ry_redis_give_surplus(struct ry_redis *redis, struct ry_error *err);
void ry_redis_watch_close(struct ry_redis *redis);

/* ---- redis_lease.c: leases given out ----------------------------------------------------------------------------- */

int ry_redis_hold(struct ry_redis *redis, uint64_t token, struct ry_str member);

/* ---- redis_push.c ------------------------------------------------------------------------------------------------ */

/* A job to be pushed as six arguments of a command: stream, guild, channel, type, id, JSON. */
void ry_redis_arg_job(struct ry_buf *command, const struct ry_job_push *job);
/* A job was pushed: its stream is known, and hot. */
void ry_redis_know(struct ry_redis *redis, const struct ry_job_push *job);

#endif

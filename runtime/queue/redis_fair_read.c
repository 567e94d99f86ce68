/* redis_fair_read.c: which entries are leased next.
 *
 * One script looks at what has run out or was held back, then at hot streams in the order of their urgency, in turn
 * between guilds, and leases what there is room for: XREADGROUP's COUNT is per stream, so a read over all streams at
 * once would lease thousands. A stream that the script found empty is cold, and the blocking read (redis_watch.c) tells
 * when that changes. A poll of an idle queue is this one script without streams. */
#include "runtime/queue/redis_queue.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/log.h"

/* Streams that one script looks at: a millisecond of the server's time. */
#define STREAMS_MAX 256
/* Bodies that end a read; the last one may be as large as a job may be. */
#define MALFORMED_LOGGED  3 /* within MALFORMED_LOG_MS */
#define MALFORMED_LOG_MS  60000
#define READ_ENOUGH_BYTES ((size_t)1 << 20)

struct reading {
    struct ry_redis *redis;
    struct ry_str consumer;
    size_t max;
    enum ry_priority least;
    struct ry_arena *arena;
    struct ry_lease *leases;
    size_t n;
    size_t bytes;   /* of their bodies */
    size_t refused; /* entries that found no place in the arena, and were given back */
};

/* The node's name: a consumer's without what stands behind the slash. */
static void set_node(struct ry_redis *redis, struct ry_str consumer)
{
    const char *slash = memrchr(consumer.p, '/', consumer.n);
    size_t n = slash ? (size_t)(slash - consumer.p) : consumer.n;
    (void)snprintf(redis->node, sizeof redis->node, "%.*s", (int)(n < sizeof redis->node ? n : sizeof redis->node - 1),
                   consumer.p);
}

static struct ry_str within(struct ry_str text, size_t max)
{
    return text.n > 0 && text.n <= max && ry_str_is_utf8(text) && memchr(text.p, '\0', text.n) == NULL ? text
                                                                                                       : RY_STR("");
}

/* {member, token, attempts, job, job_id, type, guild, channel} as a lease; false when the arena is full. */
static bool take_entry(struct reading *reading, const redisReply *entry, struct ry_lease *lease)
{
    struct ry_str member = ry_redis_text(ry_redis_at(entry, 0));
    const char *blank = member.n < 2 ? NULL : memrchr(member.p, ' ', member.n);
    if (blank == NULL || member.p[0] < '0' || member.p[0] > '0' + (int)RY_PRIORITY_BACKFILL)
        return true; /* no member of ours: Redis may answer anything */
    struct ry_str id = {blank + 1, member.n - (size_t)(blank + 1 - member.p)};
    const char *dash = memchr(id.p, '-', id.n);
    uint64_t pushed_wall_ms = 0;
    (void)ry_str_u64((struct ry_str){id.p, dash ? (size_t)(dash - id.p) : 0}, &pushed_wall_ms);
    struct ry_str job_id = within(ry_redis_text(ry_redis_at(entry, 4)), RY_JOB_ID_MAX);
    struct ry_str hints[] = {
        job_id.n > 0 ? job_id : id,
        within(ry_redis_text(ry_redis_at(entry, 5)), RY_JOB_TYPE_MAX),
        within(ry_redis_text(ry_redis_at(entry, 6)), RY_JOB_GUILD_MAX),
        within(ry_redis_text(ry_redis_at(entry, 7)), RY_JOB_CHANNEL_MAX),
        ry_redis_text(ry_redis_at(entry, 3)),
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        hints[i] = ry_arena_str(reading->arena, hints[i]);
        if (hints[i].p == NULL)
            return false;
    }
    *lease = (struct ry_lease){
        .job_id = hints[0],
        .type = hints[1],
        .guild_id = hints[2],
        .channel_id = hints[3],
        .json = hints[4],
        .priority = (enum ry_priority)(member.p[0] - '0'),
        .token = (uint64_t)ry_redis_int(ry_redis_at(entry, 1)),
        .attempts = (unsigned)ry_redis_int(ry_redis_at(entry, 2)),
        .pushed_wall_ms = (int64_t)pushed_wall_ms,
        .hints = true,
    };
    return true;
}

/* The guild of a member, "CLASS jobs:guild:GUILD:TYPE ID". */
static struct ry_str guild_of(struct ry_str member)
{
    static const size_t before = 2 + sizeof RY_REDIS_STREAM_PREFIX - 1;
    if (member.n < before)
        return RY_STR("");
    const char *guild = member.p + before;
    const char *colon = memchr(guild, ':', member.n - before);
    return (struct ry_str){guild, colon ? (size_t)(colon - guild) : 0};
}

static int take_entries(struct reading *reading, const redisReply *entries, struct ry_error *err)
{
    struct ry_redis *redis = reading->redis;
    int rc = RY_OK;
    for (size_t i = 0; ry_redis_at(entries, i) && rc == RY_OK; i++) {
        const redisReply *entry = ry_redis_at(entries, i);
        struct ry_str member = ry_redis_text(ry_redis_at(entry, 0));
        struct ry_lease lease = {0};
        bool fits = reading->refused == 0 && reading->n < reading->max && take_entry(reading, entry, &lease);
        if (fits && lease.token == 0)
            continue;
        if (!fits)
            lease = (struct ry_lease){.job_id = member, .token = (uint64_t)ry_redis_int(ry_redis_at(entry, 1))};
        rc = ry_redis_hold(redis, lease.token, member);
        if (rc != RY_OK)
            return ry_fail(err, rc, "no memory to remember a lease");
        if (!fits) {
            reading->refused++;
            rc = ry_redis_nack(&redis->base, lease.job_id, lease.token, 0, false, err);
            continue;
        }
        ry_redis_streams_serve(&redis->streams, lease.priority, guild_of(member));
        reading->leases[reading->n++] = lease;
        reading->bytes += lease.json.n;
    }
    return rc;
}

static void mark_streams(struct ry_redis *redis, const redisReply *empty, const redisReply *gone,
                         struct ry_redis_stream **asked, size_t n)
{
    for (size_t i = 0; ry_redis_at(empty, i); i++) {
        size_t at = (size_t)ry_redis_int(ry_redis_at(empty, i));
        if (at >= 1 && at <= n)
            ry_redis_stream_set_hot(&redis->streams, asked[at - 1], false);
    }
    for (size_t i = 0; ry_redis_at(gone, i); i++) {
        size_t at = (size_t)ry_redis_int(ry_redis_at(gone, i));
        if (at < 1 || at > n || asked[at - 1] == NULL)
            continue;
        ry_redis_streams_remove(&redis->streams, asked[at - 1]);
        asked[at - 1] = NULL; /* Redis may name it twice */
    }
}

static void tell_of_malformed(struct ry_redis *redis, const redisReply *records)
{
    for (size_t i = 0; ry_redis_at(records, i); i++) {
        struct ry_str what = ry_redis_text(ry_redis_at(records, i));
        unsigned suppressed = 0;
        if (ry_log_allowed(&redis->malformed_log, MALFORMED_LOGGED, MALFORMED_LOG_MS, &suppressed))
            RY_LOG(RY_ERROR, "record_put_aside", "record=%.*s to=%s held_back=%u", RY_STR_ARG(what),
                   "reelyard:malformed", suppressed);
    }
}

static void tell_of_buried(const redisReply *buried)
{
    for (size_t i = 0; ry_redis_at(buried, i); i++) {
        struct ry_str what = ry_redis_text(ry_redis_at(buried, i));
        RY_LOG(RY_ERROR, "entry_dead", "entry=%.*s", RY_STR_ARG(what));
    }
}

/* How often it is asked for what a clock that was ahead has put off. */
#define LOOK_AHEAD_MS 60000

/* One script over n streams. below: entries of classes before this one may be taken from those that are ready. */
static int take(struct reading *reading, struct ry_redis_stream **streams, size_t n, unsigned below,
                struct ry_error *err)
{
    struct ry_redis *redis = reading->redis;
    RY_BUF_AUTO command = ry_buf_make((size_t)1 << 20);
    char classes[STREAMS_MAX];
    ry_redis_script(redis, &command, RY_REDIS_take, n, 12);
    for (size_t i = 0; i < n; i++) {
        ry_redis_arg(&command, (struct ry_str){streams[i]->name, streams[i]->name_bytes});
        classes[i] = (char)('0' + streams[i]->class);
    }
    ry_redis_arg_text(&command, redis->node);
    ry_redis_arg(&command, reading->consumer);
    ry_redis_arg_int(&command, (int64_t)(reading->max - reading->n));
    ry_redis_arg_int(&command, reading->least);
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    ry_redis_arg_int(&command, redis->lease_ms);
    ry_redis_arg_int(&command, redis->grace_wall_ms);
    ry_redis_arg_int(&command, (int64_t)READ_ENOUGH_BYTES);
    ry_redis_arg_int(&command, (int64_t)RY_JOB_MAX_BYTES);
    ry_redis_arg(&command, (struct ry_str){classes, n});
    ry_redis_arg_int(&command, below);
    int64_t now_mono_ms = ry_mono_ms(redis->clock);
    bool look_ahead = now_mono_ms >= redis->look_ahead_mono_ms;
    ry_redis_arg_int(&command, look_ahead ? RY_JOB_PUT_OFF_MAX_MS : 0);
    if (look_ahead)
        redis->look_ahead_mono_ms = now_mono_ms + LOOK_AHEAD_MS;
    redisReply *reply = NULL;
    int rc = ry_redis_call(redis, &command, &reply, err);
    if (rc != RY_OK)
        return rc;
    rc = take_entries(reading, ry_redis_at(reply, 0), err);
    tell_of_buried(ry_redis_at(reply, 3));
    tell_of_malformed(redis, ry_redis_at(reply, 4));
    mark_streams(redis, ry_redis_at(reply, 1), ry_redis_at(reply, 2), streams, n);
    freeReplyObject(reply);
    return rc;
}

/* Looks at hot streams until there is no room, or none is left. */
static int take_all(struct reading *reading, struct ry_error *err)
{
    struct ry_redis_streams *known = &reading->redis->streams;
    struct ry_redis_stream *streams[STREAMS_MAX];
    for (;;) {
        size_t hot_before = ry_redis_streams_hot(known, reading->least);
        size_t before = reading->n;
        size_t n = ry_redis_streams_pick(known, reading->least, streams, STREAMS_MAX);
        /* Ready entries of a class wait while more urgent streams are left for the next script. */
        unsigned below = hot_before > n ? (unsigned)streams[n - 1]->class + 1 : (unsigned)reading->least + 1;
        int rc = take(reading, streams, n, below, err);
        if (rc != RY_OK)
            return rc;
        size_t hot = ry_redis_streams_hot(known, reading->least);
        if (hot == 0 || reading->n >= reading->max || reading->refused > 0 || reading->bytes >= READ_ENOUGH_BYTES)
            return RY_OK;
        /* Only entries that were buried were found, as many as make a read. */
        if (hot == hot_before && reading->n == before)
            return RY_OK;
    }
}

int ry_redis_read(struct ry_job_queue *queue, struct ry_str consumer, size_t max, enum ry_priority least,
                  int64_t lease_ms, struct ry_arena *arena, struct ry_lease *leases, size_t *n, struct ry_error *err)
{
    struct ry_redis *redis = ry_redis_of(queue);
    struct reading reading = {
        .redis = redis, .consumer = consumer, .max = max, .least = least, .arena = arena, .leases = leases};
    *n = 0;
    redis->lease_ms = lease_ms;
    set_node(redis, consumer);
    int rc = max == 0 ? RY_OK : ry_redis_connect(redis, err);
    if (rc != RY_OK || max == 0)
        return rc;
    rc = ry_redis_discover(redis, err);
    if (rc == RY_OK)
        rc = ry_redis_give_surplus(redis, err);
    if (rc == RY_OK)
        rc = take_all(&reading, err);
    *n = reading.n;
    /* What was leased before the failure is the reader's. */
    if (rc != RY_OK && reading.n > 0)
        return RY_OK;
    if (rc == RY_OK && reading.n == 0 && reading.refused > 0)
        return ry_fail(err, RY_ELIMIT, "no room to read a job");
    if (rc == RY_OK && reading.n < max && ry_redis_streams_hot(&redis->streams, least) == 0)
        ry_redis_watch(redis, least);
    return rc;
}

/* redis_malformed_test.c: whatever somebody has written into the records of the queue on Redis, it harms itself alone:
 * the jobs beside it are read, renewed, given back, acknowledged and buried as if it was not there.
 *
 * One life of a queue for each row of a table, on a real server; before it, the row's command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/log.h"
#include "runtime/config/config.h"
#include "runtime/queue/redis_queue.h"
#include "tests/bed/patience.h"
#include "tests/bed/redis_server.h"

#define START_MS INT64_C(1729350189000)
#define LEASE_MS 60000
#define READ_MAX 16
#define STREAM   "jobs:guild:1:batch"
#define WORDS    6

static struct redis_server *server;
static struct ry_config *config;

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Writes into every record of the entries of STREAM: KEYS[1] a hash, ARGV[1] the value. */
#define INTO_ALL \
    "for _, e in ipairs(redis.call('XRANGE', '" STREAM "', '-', '+')) do" \
    " redis.call('HSET', KEYS[1], '4 " STREAM " ' .. e[1], ARGV[1]) end return 1"
/* Two hundred members before all others. */
#define MANY "for i = 1, 200 do redis.call('ZADD', KEYS[1], 0, 'none ' .. i) end return 1"

static const struct {
    const char *what;
    const char *words[WORDS];
    unsigned aside; /* at least so many are put aside */
} cases[] = {
    {"nothing", {"PING"}, 0},
    {"due: no member", {"ZADD", "reelyard:when", "0", "garbage"}, 1},
    {"due: a class that there is not", {"ZADD", "reelyard:when", "0", "9 " STREAM " 1-1"}, 1},
    {"due: bytes", {"ZADD", "reelyard:when", "-inf", "\xff\xfe"}, 1},
    {"due: an entry that there is not", {"ZADD", "reelyard:when", "0", "0 " STREAM " 1-1"}, 0},
    {"due: many", {"EVAL", MANY, "1", "reelyard:when"}, 100},
    {"ready: no member", {"ZADD", "reelyard:ready", "0", "garbage"}, 1},
    {"ready: empty", {"ZADD", "reelyard:ready", "-inf", ""}, 1},
    {"ready: a class that there is not", {"ZADD", "reelyard:ready", "0", "9 " STREAM " 1-1"}, 1},
    {"ready: before its class", {"ZADD", "reelyard:ready", "0", "4 " STREAM " 1-1"}, 0},
    {"ready: an id beyond all", {"ZADD", "reelyard:ready", "0", "0 " STREAM " 99999999999999999999999-0"}, 0},
    {"ready: a key that is not a stream", {"ZADD", "reelyard:ready", "0", "0 reelyard:token 1-1"}, 0},
    {"ready: many", {"EVAL", MANY, "1", "reelyard:ready"}, 100},
    {"held: garbage", {"ZADD", "reelyard:held", "0", "garbage"}, 0},
    {"held: many", {"EVAL", MANY, "1", "reelyard:held"}, 0},
    {"lease: no member", {"HSET", "reelyard:leases", "garbage", "1 1 somebody"}, 1},
    {"lease: no record", {"HSET", "reelyard:leases", "4 " STREAM " 1-1", "garbage"}, 1},
    {"lease: of all entries, no record", {"EVAL", INTO_ALL, "1", "reelyard:leases", "\xff"}, 1},
    {"lease: of all entries, endless tries", {"EVAL", INTO_ALL, "1", "reelyard:leases", "1 99999999999999999999 x"}, 0},
    {"tries: text", {"EVAL", INTO_ALL, "1", "reelyard:tried", "many"}, 0},
    {"tries: no count", {"EVAL", INTO_ALL, "1", "reelyard:tried", "-1e400"}, 0},
    {"token: text", {"SET", "reelyard:token", "abc"}, 1},
    {"token: the largest", {"SET", "reelyard:token", "9223372036854775807"}, 1},
    {"token: below none", {"SET", "reelyard:token", "-5"}, 1},
    {"job ids: no record", {"HSET", "reelyard:jobs", "next", "garbage"}, 1},
    {"job ids: a record of nothing", {"HSET", "reelyard:jobs", "next", "w no-stream 1-1"}, 0},
    {"job ids: one that was pushed", {"HSET", "reelyard:jobs", "one", ""}, 0},
    {"ended: an id that there is not", {"ZADD", "reelyard:ended", "0", "\xff"}, 0},
    {"dead: the last number is text", {"SET", "reelyard:dead:last", "abc"}, 1},
    {"dead: the last number is the largest", {"SET", "reelyard:dead:last", "9223372036854775807"}, 1},
    {"dead: a letter with an id before ours", {"XADD", "reelyard:dead", "9000000-1", "a", "b"}, 1},
    {"dead: a letter with the last id", {"XADD", "reelyard:dead", "18446744073709551615-9", "a", "b"}, 1},
    {"dead: a letter without fields of ours", {"XADD", "reelyard:dead", "5-0", "a", "b"}, 0},
    {"dead: a digest that is none", {"HSET", "reelyard:dead:sums", "\xff", "\xff"}, 0},
    {"entry: without a job", {"XADD", STREAM, "*", "nothing", "known"}, 0},
    {"entry: an empty field", {"XADD", STREAM, "*", "", ""}, 0},
    {"stream: of another type", {"SET", "jobs:guild:1:purge_guild", "x"}, 0},
    {"key when: of another type", {"SET", "reelyard:when", "x"}, 1},
    {"key ready: of another type", {"LPUSH", "reelyard:ready", "x"}, 1},
    {"key held: of another type", {"SET", "reelyard:held", "x"}, 1},
    {"key leases: of another type", {"SADD", "reelyard:leases", "x"}, 1},
    {"key tried: of another type", {"SET", "reelyard:tried", "x"}, 1},
    {"key jobs: of another type", {"SET", "reelyard:jobs", "x"}, 1},
    {"key ended: of another type", {"HSET", "reelyard:ended", "x", "y"}, 1},
    {"key token: of another type", {"LPUSH", "reelyard:token", "x"}, 1},
    {"key dead: of another type", {"SET", "reelyard:dead", "x"}, 1},
    {"key dead:sums: of another type", {"SET", "reelyard:dead:sums", "x"}, 1},
    {"key dead:last: of another type", {"SADD", "reelyard:dead:last", "x"}, 1},
    {"key malformed: of another type", {"SET", "reelyard:malformed", "x"}, 0},
};

/* ---- one life ---------------------------------------------------------------------------------------------------- */

struct life {
    const char *what;
    struct ry_clock_manual clock;
    struct ry_job_queue *queue;
    struct ry_arena arena;
    struct ry_lease leases[READ_MAX];
    size_t n;
    struct ry_error err;
};

#define OK(life, call) \
    do { \
        int rc_ = (call); \
        if (rc_ != RY_OK) \
            fail_msg("%s: %s: %s", (life)->what, #call, (life)->err.text); \
    } while (0)

static struct ry_job_push job_of(const char *id)
{
    return (struct ry_job_push){.job_id = ry_str_of(id),
                                .type = RY_STR("batch"),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("7"),
                                .priority = RY_PRIORITY_BACKFILL,
                                .json = RY_STR("{\"type\":\"batch\"}")};
}

static void push(struct life *life, const char *id)
{
    const struct ry_job_push job = job_of(id);
    size_t accepted = 0;
    OK(life,
       life->queue->ops->push(life->queue, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &life->err));
    if (accepted != 1)
        fail_msg("%s: %s was not taken", life->what, id);
}

/* The last lease of a job. */
static const struct ry_lease *leased(const struct life *life, const char *id)
{
    for (size_t i = life->n; i > 0; i--)
        if (ry_str_is(life->leases[i - 1].job_id, id))
            return &life->leases[i - 1];
    return NULL;
}

/* Takes what a read that blocks at Redis has brought, if something comes soon; and time passes: where a script broke
 * off in its middle, at a key of another type, what it had leased comes when that lease has ended. */
static void take_what_came(struct life *life)
{
    struct pollfd fd = {.fd = life->queue->ops->fd(life->queue), .events = POLLIN};
    if (poll(&fd, 1, 5) > 0)
        (void)life->queue->ops->ready(life->queue);
}

/* Reads until both are here; each read may clear away some of what is none. */
static void read_both(struct life *life, const char *first, const char *second)
{
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    life->n = 0;
    ry_arena_reset(&life->arena);
    while (leased(life, first) == NULL || leased(life, second) == NULL) {
        size_t n = 0;
        if (time(NULL) > until)
            fail_msg("%s: reads do not bring %s and %s", life->what, first, second);
        OK(life, ry_redis_discover_all(ry_redis_of(life->queue), &life->err));
        ry_redis_streams_set_all_hot(&ry_redis_of(life->queue)->streams);
        OK(life, life->queue->ops->read(life->queue, RY_STR("node/x"), READ_MAX - life->n, RY_PRIORITY_BACKFILL,
                                        LEASE_MS, &life->arena, life->leases + life->n, &n, &life->err));
        life->n += n;
        if (n == 0)
            take_what_came(life);
    }
}

static void ack(struct life *life, const char *id, const struct ry_job_push *next)
{
    const struct ry_lease *lease = leased(life, id);
    OK(life, life->queue->ops->ack(life->queue, lease->job_id, lease->token, next, next != NULL, &life->err));
}

/* Whether the letter of a job is among the dead ones. */
static bool is_dead(struct life *life, const char *id)
{
    struct ry_dead letters[READ_MAX];
    size_t n = 0;
    bool found = false;
    OK(life, life->queue->ops->dead_list(life->queue, 0, READ_MAX, &life->arena, letters, &n, &life->err));
    for (size_t i = 0; i < n; i++)
        found = found || ry_str_is(letters[i].job_id, id);
    return found;
}

static void live(struct life *life)
{
    const struct ry_job_queue_ops *ops = life->queue->ops;
    const struct ry_job_push next = job_of("next");
    const struct ry_job_queue_channel channel = {RY_STR("1"), RY_STR("7")};
    const char *const types[] = {"batch", NULL};
    struct ry_depth depth;
    size_t released = 0;
    bool found = false;
    OK(life, ops->release(life->queue, RY_STR("node/"), RY_STR("node/x"), &released, &life->err));
    OK(life, ops->find(life->queue, &channel, 1, types, &found, &life->err));
    assert_true(found);
    read_both(life, "one", "two");
    const struct ry_lease *one = leased(life, "one"), *two = leased(life, "two");
    assert_true(one->attempts >= 1 && one->attempts < 1000000001 && one->token != two->token);
    OK(life, ops->renew(life->queue, two->job_id, two->token, LEASE_MS, &life->err));
    OK(life, ops->nack(life->queue, one->job_id, one->token, 0, true, &life->err));
    ack(life, "two", &next);
    read_both(life, "one", "next");
    one = leased(life, "one");
    OK(life, ops->bury(life->queue, one->job_id, one->token, RY_STR("because"), &life->err));
    ack(life, "next", NULL);
    if (!is_dead(life, "one"))
        fail_msg("%s: the buried job is not among the dead letters", life->what);
    OK(life, ops->release(life->queue, RY_STR("node/"), (struct ry_str){0}, &released, &life->err));
    OK(life, ops->depth(life->queue, &depth, &life->err));
    if (depth.leased != 0)
        fail_msg("%s: %" PRIu64 " jobs seem to be worked on", life->what, depth.leased);
}

static void run(size_t i)
{
    struct life life = {.what = cases[i].what, .arena = ry_arena_make((size_t)8 << 20)};
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(server), .clock = &life.clock.clock, .config = config};
    const char *const *w = cases[i].words;
    struct ry_depth depth;
    (void)redis_server_say(server, "FLUSHALL", NULL);
    ry_clock_manual_init(&life.clock, START_MS);
    OK(&life, ry_job_queue_redis_open(&options, &life.queue, &life.err));
    push(&life, "one");
    push(&life, "two");
    (void)redis_server_say(server, w[0], w[1], w[2], w[3], w[4], w[5], NULL);
    live(&life);
    OK(&life, life.queue->ops->depth(life.queue, &depth, &life.err));
    if (depth.malformed < cases[i].aside || (cases[i].aside == 0 && depth.malformed > 0))
        fail_msg("%s: %" PRIu64 " were put aside, not %u", life.what, depth.malformed, cases[i].aside);
    ry_job_queue_close(&life.queue);
    ry_arena_free(&life.arena);
}

static void what_is_malformed_in_a_record_harms_itself_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run(i);
}

static void no_more_than_a_thousand_are_kept(void **state)
{
    (void)state;
    struct life life = {.what = "many", .arena = ry_arena_make((size_t)8 << 20)};
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(server), .clock = &life.clock.clock, .config = config};
    (void)redis_server_say(server, "FLUSHALL", NULL);
    ry_clock_manual_init(&life.clock, START_MS);
    OK(&life, ry_job_queue_redis_open(&options, &life.queue, &life.err));
    push(&life, "one");
    push(&life, "two");
    (void)redis_server_say(server, "EVAL",
                           "for i = 1, 1500 do redis.call('ZADD', 'reelyard:ready', 0, 'none ' .. i) end return 1", "0",
                           NULL);
    read_both(&life, "one", "two");
    while (redis_server_int(server, "ZCARD", "reelyard:ready", NULL) > 0) {
        size_t n = 0;
        OK(&life, life.queue->ops->read(life.queue, RY_STR("node/x"), 1, RY_PRIORITY_BACKFILL, LEASE_MS, &life.arena,
                                        life.leases, &n, &life.err));
    }
    assert_int_equal(redis_server_int(server, "HLEN", "reelyard:malformed", NULL), 1000);
    assert_int_equal(redis_server_int(server, "GET", "reelyard:malformed:count", NULL), 1500);
    ry_job_queue_close(&life.queue);
    ry_arena_free(&life.arena);
}

int main(void)
{
    char *const no_environment[] = {NULL};
    struct ry_error err;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_malformed_in_a_record_harms_itself_alone),
        cmocka_unit_test(no_more_than_a_thousand_are_kept),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    if (ry_config_load(&config, no_environment, &err) != RY_OK)
        return 1;
    redis_server_needed();
    server = redis_server_start(NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_server_free(server);
    ry_config_free(&config);
    return failed;
}

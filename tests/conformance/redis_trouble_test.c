/* redis_trouble_test.c: what the queue on Redis bears: dead consumers, other producers, lost data, a server that goes.
 *
 * Real servers, and a clock of the test's own: nothing waits for time to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/config/config.h"
#include "runtime/queue/redis_queue.h"
#include "tests/bed/between.h"
#include "tests/bed/redis_server.h"
#include "tests/bed/patience.h"

#define START_MS INT64_C(1729350189000)
#define LEASE_MS 60000
#define READ_MAX 64
#define JSON     "{\"type\":\"batch\"}"

struct scene {
    struct redis_server *server;
    struct ry_config *config;
    struct ry_clock_manual clock;
    struct ry_job_queue *a;
    struct ry_arena arena;
    struct ry_lease leases[READ_MAX];
    struct ry_error err;
};

static struct ry_job_queue *open_at(struct scene *scene, const char *url)
{
    struct ry_job_queue *queue = NULL;
    const struct ry_job_queue_redis_options options = {
        .url = url, .clock = &scene->clock.clock, .config = scene->config};
    (void)ry_job_queue_redis_open(&options, &queue, &scene->err);
    return queue;
}

/* block_ms: how long a read blocks at Redis. Nothing here waits for its end, except where Redis tells by it and where
 * the user may not end it. */
static struct scene *scene_blocking(bool append_only, const char *block_ms)
{
    static const char *const none[] = {NULL};
    const struct redis_server_options options = {.append_only = append_only};
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    assert_int_equal(ry_config_load(&scene->config, (char *const *)(uintptr_t)none, NULL), RY_OK);
    assert_int_equal(ry_config_set(scene->config, RY_OPT_redis_block_ms, block_ms, NULL), RY_OK);
    assert_int_equal(ry_config_set(scene->config, RY_OPT_redis_connect_timeout, "600", NULL), RY_OK);
    ry_clock_manual_init(&scene->clock, START_MS);
    scene->arena = ry_arena_make((size_t)8 << 20);
    scene->server = redis_server_start(&options);
    scene->a = open_at(scene, redis_server_url(scene->server));
    assert_non_null(scene->a);
    return scene;
}

static struct scene *scene_new(bool append_only)
{
    return scene_blocking(append_only, "600000");
}

static void scene_free(struct scene *scene)
{
    ry_job_queue_close(&scene->a);
    redis_server_free(scene->server);
    ry_config_free(&scene->config);
    ry_arena_free(&scene->arena);
    free(scene);
}

#define OK(scene, call) \
    do { \
        int rc_ = (call); \
        if (rc_ != RY_OK) \
            fail_msg("%s: %s: %s", #call, ry_err_name((enum ry_err)rc_), (scene)->err.text); \
    } while (0)

static void expect_str(struct ry_str got, const char *want)
{
    if (!ry_str_is(got, want))
        fail_msg("got '%.*s', not '%s'", RY_STR_ARG(got), want);
}

/* An entry as the bot writes it. */
static void produce(struct scene *scene, const char *guild, const char *type, const char *job_id)
{
    char stream[128];
    (void)snprintf(stream, sizeof stream, "jobs:guild:%s:%s", guild, type);
    (void)redis_server_say(scene->server, "XADD", stream, "*", "job", JSON, "guild_id", guild, "channel_id", "7",
                           "job_type", type, "job_id", job_id, NULL);
}

static void discover(struct scene *scene, struct ry_job_queue *queue)
{
    OK(scene, ry_redis_discover_all(ry_redis_of(queue), &scene->err));
}

static size_t read_by(struct scene *scene, struct ry_job_queue *queue, const char *consumer, size_t max)
{
    size_t n = 0;
    ry_arena_reset(&scene->arena);
    OK(scene, queue->ops->read(queue, ry_str_of(consumer), max, RY_PRIORITY_BACKFILL, LEASE_MS, &scene->arena,
                               scene->leases, &n, &scene->err));
    return n;
}

static void ack_all(struct scene *scene, struct ry_job_queue *queue, size_t n)
{
    for (size_t i = 0; i < n; i++)
        OK(scene, queue->ops->ack(queue, scene->leases[i].job_id, scene->leases[i].token, NULL, 0, &scene->err));
}

static struct ry_depth depth_of(struct scene *scene, struct ry_job_queue *queue)
{
    struct ry_depth depth;
    OK(scene, queue->ops->depth(queue, &depth, &scene->err));
    return depth;
}

static struct ry_dead only_letter(struct scene *scene)
{
    struct ry_dead letters[2];
    size_t n = 0;
    OK(scene, scene->a->ops->dead_list(scene->a, 0, 2, &scene->arena, letters, &n, &scene->err));
    assert_int_equal(n, 1);
    OK(scene, scene->a->ops->dead_get(scene->a, letters[0].id, &scene->arena, &letters[0], &scene->err));
    return letters[0];
}

/* ---- consumers that die ------------------------------------------------------------------------------------------ */

static void read_until_killed(struct scene *scene, int tell)
{
    struct ry_job_queue *queue = open_at(scene, redis_server_url(scene->server));
    discover(scene, queue);
    if (read_by(scene, queue, "killed/1", 1) == 1 && write(tell, "+", 1) == 1)
        (void)pause();
    _exit(1);
}

static void queue_gives_the_job_of_a_killed_consumer_to_another(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    int tell[2];
    char byte = 0;
    produce(scene, "1", "batch", "x");
    assert_int_equal(pipe(tell), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        read_until_killed(scene, tell[1]);
    assert_int_equal(read(tell[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(tell[0]), (void)close(tell[1]);

    discover(scene, scene->a);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 0);
    ry_clock_manual_advance(&scene->clock, LEASE_MS);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    expect_str(scene->leases[0].job_id, "x");
    assert_int_equal(scene->leases[0].attempts, 2);
    ack_all(scene, scene->a, 1);
    assert_int_equal(redis_server_int(scene->server, "XLEN", "jobs:guild:1:batch", NULL), 0);
    expect_str(ry_str_of(redis_server_say(scene->server, "XPENDING", "jobs:guild:1:batch", RY_REDIS_GROUP, NULL)),
               "0\n\n\n");
    scene_free(scene);
}

/* Entries that a consumer has read and of which nothing is recorded; idle_ms: since then. */
static void leave_pending(struct scene *scene, const char *consumer, const char *idle_ms)
{
    char id[64];
    (void)redis_server_try(scene->server, "XGROUP", "CREATE", "jobs:guild:1:batch", RY_REDIS_GROUP, "0", NULL);
    (void)redis_server_say(scene->server, "XREADGROUP", "GROUP", RY_REDIS_GROUP, consumer, "STREAMS",
                           "jobs:guild:1:batch", ">", NULL);
    const char *pending =
        redis_server_say(scene->server, "XPENDING", "jobs:guild:1:batch", RY_REDIS_GROUP, "-", "+", "1", NULL);
    (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(pending, "\n"), pending);
    (void)redis_server_say(scene->server, "XCLAIM", "jobs:guild:1:batch", RY_REDIS_GROUP, consumer, "0", id, "IDLE",
                           idle_ms, "JUSTID", NULL);
}

static void queue_adopts_what_was_read_and_never_recorded(void **state)
{
    (void)state;
    const struct {
        const char *consumer;
        const char *idle_ms;
        bool adopted;
    } cases[] = {
        {"old-worker", "60001", true},
        {"old-worker", "30000", false}, /* may be at work */
        {"n", "30000", true},           /* the previous incarnation's: this one has only just begun */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene *scene = scene_new(false);
        produce(scene, "1", "batch", "x");
        leave_pending(scene, cases[i].consumer, cases[i].idle_ms);
        assert_int_equal(read_by(scene, scene->a, "n/1", 1), cases[i].adopted);
        assert_int_equal(read_by(scene, scene->a, "n/1", 1), 0);
        scene_free(scene);
    }
}

static void queue_renews_a_lease_in_the_pending_list_too(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    char id[64];
    const char *pending =
        redis_server_say(scene->server, "XPENDING", "jobs:guild:1:batch", RY_REDIS_GROUP, "-", "+", "1", NULL);
    (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(pending, "\n"), pending);
    (void)redis_server_say(scene->server, "XCLAIM", "jobs:guild:1:batch", RY_REDIS_GROUP, "n", "0", id, "IDLE", "90000",
                           "JUSTID", NULL);
    OK(scene, scene->a->ops->renew(scene->a, RY_STR("x"), scene->leases[0].token, LEASE_MS, &scene->err));
    expect_str(ry_str_of(redis_server_say(scene->server, "XPENDING", "jobs:guild:1:batch", RY_REDIS_GROUP, "IDLE",
                                          "80000", "-", "+", "1", NULL)),
               "");
    scene_free(scene);
}

/* ---- other producers --------------------------------------------------------------------------------------------- */

static void queue_tells_apart_entries_with_one_job_id(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce(scene, "1", "batch", "same");
    produce(scene, "1", "batch", "same");
    produce(scene, "2", "message", "same");
    assert_int_equal(read_by(scene, scene->a, "n/1", 3), 3);
    OK(scene, scene->a->ops->ack(scene->a, RY_STR("same"), scene->leases[1].token, NULL, 0, &scene->err));
    assert_int_equal(depth_of(scene, scene->a).leased, 2);
    OK(scene, scene->a->ops->nack(scene->a, RY_STR("same"), scene->leases[2].token, 0, true, &scene->err));
    assert_int_equal(read_by(scene, scene->a, "n/1", 3), 1);
    assert_int_equal(scene->leases[0].attempts, 2);
    scene_free(scene);
}

static void queue_reads_entries_without_copies_and_of_any_type(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    (void)redis_server_say(scene->server, "XADD", "jobs:guild:1:unheard_of", "5-1", "job", JSON, NULL);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    expect_str(scene->leases[0].job_id, "5-1");
    expect_str(scene->leases[0].json, JSON);
    expect_str(scene->leases[0].type, "");
    assert_int_equal(scene->leases[0].pushed_wall_ms, 5);
    assert_int_equal(scene->leases[0].priority, RY_PRIORITY_BACKFILL);
    scene_free(scene);
}

static void queue_buries_an_entry_that_is_no_job(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    (void)redis_server_say(scene->server, "XADD", "jobs:guild:1:batch", "*", "guild_id", "1", "colour", "red", NULL);
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 2), 1);
    expect_str(scene->leases[0].job_id, "x");
    struct ry_dead letter = only_letter(scene);
    expect_str(letter.reason, "the entry has no field job");
    expect_str(letter.guild_id, "1");
    expect_str(letter.type, "batch");
    const char *kept = redis_server_say(scene->server, "XRANGE", "reelyard:dead", "-", "+", NULL);
    assert_non_null(strstr(kept, "colour\nred"));
    assert_int_equal(redis_server_int(scene->server, "XLEN", "jobs:guild:1:batch", NULL), 1);
    scene_free(scene);
}

static void queue_bears_jobs_of_the_largest_size_and_buries_larger_ones(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    (void)redis_server_say(
        scene->server, "EVAL",
        "local most = string.rep(string.rep('x', 1048576), 64) for _, job in ipairs({most, most, most .. 'x'})"
        " do redis.call('XADD', 'jobs:guild:1:messages', '*', 'job', job) end",
        "0", NULL);
    ry_arena_free(&scene->arena);
    scene->arena = ry_arena_make(RY_JOB_MAX_BYTES + ((size_t)1 << 20));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read_by(scene, scene->a, "n/1", 3), 1);
        assert_int_equal(scene->leases[0].json.n, RY_JOB_MAX_BYTES);
        assert_int_equal(scene->leases[0].attempts, 1);
        ack_all(scene, scene->a, 1);
    }
    assert_int_equal(read_by(scene, scene->a, "n/1", 3), 0);
    assert_int_equal(depth_of(scene, scene->a).dead, 1);
    assert_int_equal(depth_of(scene, scene->a).ready, 0);
    struct ry_dead letter;
    size_t n = 0;
    OK(scene, scene->a->ops->dead_list(scene->a, 0, 1, &scene->arena, &letter, &n, &scene->err));
    expect_str(letter.reason, "the job has 67108865 bytes; at most 67108864 are allowed");
    scene_free(scene);
}

static void queue_keeps_a_dead_letter_of_a_body_that_vanished(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    (void)redis_server_say(scene->server, "XTRIM", "jobs:guild:1:batch", "MAXLEN", "0", NULL);
    ry_clock_manual_advance(&scene->clock, LEASE_MS);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 0);
    struct ry_dead letter = only_letter(scene);
    assert_non_null(memmem(letter.reason.p, letter.reason.n, "trimmed or deleted", 18));
    assert_int_equal(letter.attempts, 1);
    ry_clock_manual_advance(&scene->clock, LEASE_MS);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 0);
    assert_int_equal(depth_of(scene, scene->a).dead, 1);
    struct ry_error outcome;
    assert_int_equal(scene->a->ops->dead_take(scene->a, &letter.id, 1, true, &outcome, &scene->err), RY_OK);
    assert_int_equal(outcome.code, RY_EDATA);
    scene_free(scene);
}

static void queue_drops_an_entry_that_another_consumer_has_finished(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    (void)redis_server_say(scene->server, "XADD", "jobs:guild:1:batch", "5-1", "job", JSON, NULL);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    (void)redis_server_say(scene->server, "XACK", "jobs:guild:1:batch", RY_REDIS_GROUP, "5-1", NULL);
    (void)redis_server_say(scene->server, "XDEL", "jobs:guild:1:batch", "5-1", NULL);
    ry_clock_manual_advance(&scene->clock, LEASE_MS);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 0);
    struct ry_depth depth = depth_of(scene, scene->a);
    assert_int_equal(depth.ready + depth.leased + depth.dead, 0);
    scene_free(scene);
}

static void queue_never_trims_what_it_pushes_to(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    struct ry_job_push job = {.type = RY_STR("batch"), .guild_id = RY_STR("1"), .channel_id = RY_STR("7")};
    char id[16];
    job.json = RY_STR(JSON);
    job.priority = RY_PRIORITY_BACKFILL;
    for (int i = 0; i < 300; i++) {
        size_t accepted = 0;
        (void)snprintf(id, sizeof id, "j%d", i);
        job.job_id = ry_str_of(id);
        OK(scene,
           scene->a->ops->push(scene->a, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &scene->err));
    }
    assert_int_equal(redis_server_int(scene->server, "XLEN", "jobs:guild:1:batch", NULL), 300);
    expect_str(
        ry_str_of(redis_server_say(scene->server, "XRANGE", "jobs:guild:1:batch", "-", "+", "COUNT", "1", NULL) +
                  strcspn(redis_server_say(scene->server, "XRANGE", "jobs:guild:1:batch", "-", "+", "COUNT", "1", NULL),
                          "\n")),
        "\njob\n" JSON "\nguild_id\n1\nchannel_id\n7\njob_type\nbatch\njob_id\nj0");
    scene_free(scene);
}

/* ---- many streams ------------------------------------------------------------------------------------------------ */

#define MANY 1000

static void produce_many(struct scene *scene)
{
    char script[400];
    (void)snprintf(
        script, sizeof script,
        "for i = 1, %d do for j = 1, 3 do redis.call('XADD', 'jobs:guild:' .. i .. ':batch', '*', 'job', '{}', "
        "'job_id', i .. '-' .. j) end end",
        MANY);
    (void)redis_server_say(scene->server, "EVAL", script, "0", NULL);
}

static void queue_leases_no_more_than_it_was_asked_for(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce_many(scene);
    assert_int_equal(read_by(scene, scene->a, "n/1", 10), 10);
    for (size_t i = 0; i < 10; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(ry_str_eq(scene->leases[i].job_id, scene->leases[j].job_id));
    discover(scene, scene->a);
    assert_int_equal(redis_server_int(scene->server, "HLEN", "reelyard:leases", NULL), 10);
    struct ry_redis *redis = ry_redis_of(scene->a);
    OK(scene, ry_redis_survey(redis, 0, MANY, &scene->err));
    struct ry_depth depth = depth_of(scene, scene->a);
    assert_int_equal(depth.streams, MANY);
    assert_int_equal(depth.ready, 3 * MANY - 10);
    scene_free(scene);
}

/* Waits for the blocking read's answer; real time, since Redis has no other. */
static void wait_told(struct ry_job_queue *queue)
{
    struct pollfd item = {.fd = queue->ops->fd(queue), .events = POLLIN};
    do
        assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
    while (!queue->ops->ready(queue));
}

static void queue_gives_what_a_blocking_read_brings_too_much_to_others(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce_many(scene);
    /* A read that takes the streams for empty, as after a time without room: one entry of each comes. */
    struct ry_redis *redis = ry_redis_of(scene->a);
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    for (size_t i = 0; i < redis->streams.n; i++) {
        (void)redis_server_try(scene->server, "XGROUP", "CREATE", redis->streams.items[i]->name, RY_REDIS_GROUP, "0",
                               NULL);
        ry_redis_stream_set_hot(&redis->streams, redis->streams.items[i], false);
    }
    ry_redis_watch(redis, RY_PRIORITY_BACKFILL);
    wait_told(scene->a);
    assert_int_equal(redis_server_int(scene->server, "ZCARD", "reelyard:ready", NULL), MANY);
    assert_int_equal(redis_server_int(scene->server, "HLEN", "reelyard:leases", NULL), 1);
    struct ry_job_queue *b = open_at(scene, redis_server_url(scene->server));
    assert_int_equal(read_by(scene, b, "m/1", READ_MAX), READ_MAX);
    assert_int_equal(read_by(scene, scene->a, "n/1", READ_MAX), READ_MAX);
    ry_job_queue_close(&b);
    scene_free(scene);
}

static void queue_is_told_of_an_entry_in_an_empty_stream(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce(scene, "1", "message", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    ack_all(scene, scene->a, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read_by(scene, scene->a, "n/1", 4), 0);
        assert_false(scene->a->ops->ready(scene->a));
        produce(scene, "1", "message", "y");
        wait_told(scene->a);
        assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
        expect_str(scene->leases[0].job_id, "y");
        ack_all(scene, scene->a, 1);
    }
    scene_free(scene);
}

static void queue_polls_an_idle_server_with_three_commands(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce_many(scene);
    size_t n = 0;
    while ((n = read_by(scene, scene->a, "n/1", READ_MAX)) > 0)
        ack_all(scene, scene->a, n);
    (void)redis_server_say(scene->server, "CONFIG", "RESETSTAT", NULL);
    for (int i = 0; i < 10; i++)
        assert_int_equal(read_by(scene, scene->a, "n/1", READ_MAX), 0);
    assert_between(redis_server_commands(scene->server), 10, 30);
    scene_free(scene);
}

static void queue_gives_each_job_to_one_of_several_workers(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    struct ry_job_queue *b = open_at(scene, redis_server_url(scene->server));
    produce_many(scene);
    size_t seen = 0;
    for (size_t n = 1, m = 1; n + m > 0;) {
        n = read_by(scene, scene->a, "n/1", READ_MAX);
        ack_all(scene, scene->a, n);
        m = read_by(scene, b, "m/1", READ_MAX);
        ack_all(scene, b, m);
        seen += n + m;
    }
    assert_int_equal(seen, 3 * MANY);
    struct ry_depth depth = depth_of(scene, scene->a);
    assert_int_equal(depth.leased + depth.dead, 0);
    ry_job_queue_close(&b);
    scene_free(scene);
}

/* ---- a server that goes ------------------------------------------------------------------------------------------ */

static void queue_goes_on_when_redis_comes_back(void **state)
{
    (void)state;
    struct scene *scene = scene_new(true);
    struct ry_job_queue *b = open_at(scene, redis_server_url(scene->server));
    produce(scene, "1", "batch", "x");
    produce(scene, "1", "batch", "y");
    assert_int_equal(read_by(scene, scene->a, "n/1", 1), 1);
    uint64_t token = scene->leases[0].token;
    assert_int_equal(read_by(scene, b, "m/1", 1), 1);
    redis_server_kill(scene->server);
    assert_int_equal(scene->a->ops->renew(scene->a, RY_STR("x"), token, LEASE_MS, &scene->err), RY_EAWAY);
    /* At once, without a try. */
    assert_int_equal(scene->a->ops->ack(scene->a, RY_STR("x"), token, NULL, 0, &scene->err), RY_EAWAY);
    assert_non_null(strstr(scene->err.text, "see whether it runs"));
    redis_server_restart(scene->server);
    ry_clock_manual_advance(&scene->clock, LEASE_MS);

    /* The other's lease ran out while nobody could renew it: it has one more. */
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 0);
    OK(scene, scene->a->ops->ack(scene->a, RY_STR("x"), token, NULL, 0, &scene->err));
    ry_clock_manual_advance(&scene->clock, LEASE_MS);
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    expect_str(scene->leases[0].job_id, "y");
    ry_job_queue_close(&b);
    scene_free(scene);
}

static void queue_opens_while_redis_is_away(void **state)
{
    (void)state;
    struct scene *scene = scene_new(true);
    produce(scene, "1", "batch", "x");
    redis_server_stop(scene->server);
    struct ry_job_queue *b = open_at(scene, redis_server_url(scene->server));
    assert_non_null(b);
    size_t n = 0;
    assert_int_equal(b->ops->read(b, RY_STR("m/1"), 1, RY_PRIORITY_BACKFILL, LEASE_MS, &scene->arena, scene->leases, &n,
                                  &scene->err),
                     RY_EAWAY);
    redis_server_restart(scene->server);
    ry_clock_manual_advance(&scene->clock, 60000);
    assert_int_equal(read_by(scene, b, "m/1", 1), 1);
    ry_job_queue_close(&b);
    scene_free(scene);
}

static void queue_works_on_after_all_keys_were_lost(void **state)
{
    (void)state;
    struct scene *scene = scene_blocking(false, "500");
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    uint64_t token = scene->leases[0].token;
    (void)redis_server_say(scene->server, "FLUSHALL", NULL);
    wait_told(scene->a);
    assert_int_equal(scene->a->ops->ack(scene->a, RY_STR("x"), token, NULL, 0, &scene->err), RY_ENOENT);
    produce(scene, "1", "batch", "y");
    ry_clock_manual_advance(&scene->clock, 10000);
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    expect_str(scene->leases[0].job_id, "y");
    assert_true(scene->leases[0].token > token);
    ack_all(scene, scene->a, 1);
    scene_free(scene);
}

static void queue_does_not_turn_in_circles_when_a_group_is_gone(void **state)
{
    (void)state;
    struct scene *scene = scene_blocking(false, "500");
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    ack_all(scene, scene->a, 1);
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 0);
    (void)redis_server_say(scene->server, "XGROUP", "DESTROY", "jobs:guild:1:batch", RY_REDIS_GROUP, NULL);
    wait_told(scene->a);
    (void)redis_server_say(scene->server, "CONFIG", "RESETSTAT", NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(read_by(scene, scene->a, "n/1", 4), 0);
    /* The group is made again once, the blocking read rests. */
    assert_between(redis_server_commands(scene->server), 20, 70);
    produce(scene, "1", "batch", "y");
    ry_clock_manual_advance(&scene->clock, 10000);
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    scene_free(scene);
}

static void queue_says_when_redis_is_full(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    struct ry_job_push job = {
        .job_id = RY_STR("x"), .type = RY_STR("batch"), .guild_id = RY_STR("1"), .json = RY_STR(JSON)};
    size_t accepted = 0;
    (void)redis_server_say(scene->server, "CONFIG", "SET", "maxmemory", "1", NULL);
    assert_int_equal(
        scene->a->ops->push(scene->a, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &scene->err),
        RY_EFULL);
    assert_non_null(strstr(scene->err.text, "maxmemory"));
    (void)redis_server_say(scene->server, "CONFIG", "SET", "maxmemory", "0", NULL);
    OK(scene, scene->a->ops->push(scene->a, &job, 1, (struct ry_str){0}, (struct ry_str){0}, &accepted, &scene->err));
    assert_int_equal(accepted, 1);
    scene_free(scene);
}

static void queue_loads_its_scripts_again(void **state)
{
    (void)state;
    struct scene *scene = scene_new(false);
    produce(scene, "1", "batch", "x");
    (void)redis_server_say(scene->server, "SCRIPT", "FLUSH", NULL);
    assert_int_equal(read_by(scene, scene->a, "n/1", 4), 1);
    scene_free(scene);
}

/* ---- users ------------------------------------------------------------------------------------------------------- */

static void queue_logs_in_as_a_user_with_few_rights(void **state)
{
    (void)state;
    struct scene *scene = scene_blocking(false, "500");
    char url[256];
    (void)redis_server_say(scene->server, "ACL", "SETUSER", "yard", "on", ">p@ss:w/rd%", "resetkeys", "~jobs:*",
                           "~reelyard:*", "+@all", "-@dangerous", NULL);
    (void)snprintf(url, sizeof url, "redis://yard:p%%40ss%%3Aw%%2Frd%%25@127.0.0.1:%u/3",
                   redis_server_port(scene->server));
    struct ry_job_queue *b = open_at(scene, url);
    (void)redis_server_say(scene->server, "SELECT", "3", NULL);
    produce(scene, "1", "batch", "x");
    assert_int_equal(read_by(scene, b, "n/1", 4), 1);
    ack_all(scene, b, 1);
    assert_int_equal(depth_of(scene, b).streams, 1);
    ry_job_queue_close(&b);

    (void)snprintf(url, sizeof url, "redis://yard:verysecret@127.0.0.1:%u/3", redis_server_port(scene->server));
    b = open_at(scene, url);
    assert_non_null(b);
    assert_non_null(strstr(scene->err.text, "WRONGPASS"));
    assert_null(strstr(scene->err.text, "verysecret"));
    ry_job_queue_close(&b);
    scene_free(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_gives_the_job_of_a_killed_consumer_to_another),
        cmocka_unit_test(queue_adopts_what_was_read_and_never_recorded),
        cmocka_unit_test(queue_renews_a_lease_in_the_pending_list_too),
        cmocka_unit_test(queue_tells_apart_entries_with_one_job_id),
        cmocka_unit_test(queue_reads_entries_without_copies_and_of_any_type),
        cmocka_unit_test(queue_buries_an_entry_that_is_no_job),
        cmocka_unit_test(queue_bears_jobs_of_the_largest_size_and_buries_larger_ones),
        cmocka_unit_test(queue_keeps_a_dead_letter_of_a_body_that_vanished),
        cmocka_unit_test(queue_drops_an_entry_that_another_consumer_has_finished),
        cmocka_unit_test(queue_never_trims_what_it_pushes_to),
        cmocka_unit_test(queue_leases_no_more_than_it_was_asked_for),
        cmocka_unit_test(queue_gives_what_a_blocking_read_brings_too_much_to_others),
        cmocka_unit_test(queue_is_told_of_an_entry_in_an_empty_stream),
        cmocka_unit_test(queue_polls_an_idle_server_with_three_commands),
        cmocka_unit_test(queue_gives_each_job_to_one_of_several_workers),
        cmocka_unit_test(queue_goes_on_when_redis_comes_back),
        cmocka_unit_test(queue_opens_while_redis_is_away),
        cmocka_unit_test(queue_works_on_after_all_keys_were_lost),
        cmocka_unit_test(queue_does_not_turn_in_circles_when_a_group_is_gone),
        cmocka_unit_test(queue_says_when_redis_is_full),
        cmocka_unit_test(queue_loads_its_scripts_again),
        cmocka_unit_test(queue_logs_in_as_a_user_with_few_rights),
    };
    redis_server_needed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

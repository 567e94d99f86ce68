/* poll_bench.c [GUILDS]: what it costs to look for jobs on a real Redis, with five streams for each guild.
 *
 * First the poll of an idle queue, in one run against the way of the worker that reelyard replaces: SCAN, then XGROUP
 * CREATE and XPENDING for each stream, then XREADGROUP over all. Then how long a live job waits until it is leased:
 * with nothing else to do, and while 100,000 entries of backfill wait and all places for them are taken. Prints a
 * table; fails if a poll takes more than three commands or a live job more than a second. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/config/config.h"
#include "runtime/queue/redis_queue.h"
#include "tests/bed/redis_server.h"

#define GUILDS       1000
#define BACKFILL     100000
#define OLD_POLLS    5
#define POLLS        500
#define LIVE_JOBS    100
#define LEASE_MS     60000
#define PLACES       10
#define LIVE_PLACES  2
#define COMMANDS_MAX 3
#define LIVE_MAX_MS  1000
#define TOLD_MAX_MS  20000

static const char *const types[] = {"batch", "message", "rescan", "thumbnail_retry", "message_deletion"};

struct bench {
    struct redis_server *server;
    struct ry_config *config;
    struct ry_redis_url url;
    struct ry_redis_link link; /* the old worker's */
    struct ry_job_queue *queue;
    struct ry_arena arena;
    struct ry_lease leases[PLACES];
    struct ry_error err;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void check(const struct bench *b, int rc)
{
    if (rc == RY_OK)
        return;
    fprintf(stderr, "poll_bench: %s\n", b->err.text);
    exit(1);
}

static size_t take(struct bench *b, size_t max, enum ry_priority least)
{
    size_t n = 0;
    ry_arena_reset(&b->arena);
    check(b, b->queue->ops->read(b->queue, RY_STR("bench/1"), max, least, LEASE_MS, &b->arena, b->leases, &n, &b->err));
    return n;
}

static void ack(struct bench *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(b, b->queue->ops->ack(b->queue, b->leases[i].job_id, b->leases[i].token, NULL, 0, &b->err));
}

/* Streams that have had a job and are empty. */
static void make_streams(struct bench *b, unsigned guilds)
{
    char script[512];
    (void)snprintf(
        script, sizeof script,
        "for g = 1, %u do for _, t in ipairs({'%s', '%s', '%s', '%s', '%s'}) do local s = 'jobs:guild:' .. g .. "
        "':' .. t local id = redis.call('XADD', s, '*', 'job', '{}') redis.call('XGROUP', 'CREATE', s, "
        "'worker_group', '0') redis.call('XDEL', s, id) end end",
        guilds, types[0], types[1], types[2], types[3], types[4]);
    (void)redis_server_say(b->server, "EVAL", script, "0", NULL);
}

/* ---- the old way ------------------------------------------------------------------------------------------------- */

static redisReply *old_say(struct bench *b, struct ry_buf *command)
{
    redisReply *reply = NULL;
    check(b, ry_redis_link_send(&b->link, ry_buf_str(command), &b->err));
    while (reply == NULL) {
        struct pollfd item = {.fd = b->link.fd, .events = POLLIN};
        if (ry_redis_link_sending(&b->link))
            item.events |= POLLOUT;
        (void)poll(&item, 1, TOLD_MAX_MS);
        check(b, ry_redis_link_take(&b->link, &reply, &b->err));
    }
    return reply;
}

static void old_command(struct bench *b, const char *const *words, size_t n, redisReply **kept)
{
    RY_BUF_AUTO command = ry_buf_make(4096);
    ry_redis_argc(&command, n);
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_text(&command, words[i]);
    redisReply *reply = old_say(b, &command);
    if (kept)
        *kept = reply;
    else
        freeReplyObject(reply); /* BUSYGROUP is what it usually hears */
}

/* One poll; how many commands it took. */
static size_t old_poll(struct bench *b)
{
    RY_BUF_AUTO read = ry_buf_make((size_t)16 << 20);
    RY_BUF_AUTO names = ry_buf_make((size_t)16 << 20);
    size_t commands = 0;
    size_t streams = 0;
    char cursor[24] = "0";
    do {
        redisReply *reply = NULL;
        old_command(b, (const char *const[]){"SCAN", cursor, "MATCH", "jobs:guild:*", "COUNT", "100"}, 6, &reply);
        commands++;
        (void)snprintf(cursor, sizeof cursor, "%.*s", RY_STR_ARG(ry_redis_text(ry_redis_at(reply, 0))));
        for (size_t i = 0; ry_redis_at(ry_redis_at(reply, 1), i); i++) {
            const char *name = ry_redis_at(ry_redis_at(reply, 1), i)->str;
            old_command(b, (const char *const[]){"XGROUP", "CREATE", name, "worker_group", "0", "MKSTREAM"}, 6, NULL);
            old_command(b, (const char *const[]){"XPENDING", name, "worker_group", "-", "+", "10"}, 6, NULL);
            ry_redis_arg_text(&names, name);
            streams++;
            commands += 2;
        }
        freeReplyObject(reply);
    } while (strcmp(cursor, "0") != 0);
    ry_redis_argc(&read, 7 + 2 * streams);
    static const char *const head[] = {"XREADGROUP", "GROUP", "worker_group", "old", "COUNT", "10", "STREAMS"};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        ry_redis_arg_text(&read, head[i]);
    (void)ry_buf_add_str(&read, ry_buf_str(&names));
    for (size_t i = 0; i < streams; i++)
        ry_redis_arg_text(&read, ">");
    freeReplyObject(old_say(b, &read));
    return commands + 1;
}

/* ---- polls ------------------------------------------------------------------------------------------------------- */

static bool compare_polls(struct bench *b)
{
    double begin = now_ms();
    size_t old_commands = 0;
    for (int i = 0; i < OLD_POLLS; i++)
        old_commands = old_poll(b);
    double old_each = (now_ms() - begin) / OLD_POLLS;

    check(b, ry_redis_discover_all(ry_redis_of(b->queue), &b->err));
    begin = now_ms();
    (void)take(b, PLACES, RY_PRIORITY_BACKFILL);
    double first = now_ms() - begin;
    (void)redis_server_say(b->server, "CONFIG", "RESETSTAT", NULL);
    begin = now_ms();
    for (int i = 0; i < POLLS; i++)
        (void)take(b, PLACES, RY_PRIORITY_BACKFILL);
    double each = (now_ms() - begin) / POLLS;
    double commands = (double)redis_server_commands(b->server) / POLLS;
    printf("%-44s %10.3f ms %8zu commands\n", "an idle poll, the old way", old_each, old_commands);
    printf("%-44s %10.3f ms %8.1f commands\n", "an idle poll", each, commands);
    printf("%-44s %10.3f ms\n", "the first look into all streams", first);
    printf("%-44s %10.0f times\n", "ratio", old_each / each);
    return commands <= COMMANDS_MAX;
}

/* ---- live jobs --------------------------------------------------------------------------------------------------- */

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From the push of a live job until it is leased. */
static double lease_live(struct bench *b, unsigned i)
{
    char stream[64];
    (void)snprintf(stream, sizeof stream, "jobs:guild:%u:message", i + 1);
    while (take(b, LIVE_PLACES, RY_PRIORITY_LIVE) > 0)
        ack(b, 1);
    (void)redis_server_say(b->server, "XADD", stream, "*", "job", "{}", "job_id", "live", NULL);
    double begin = now_ms();
    size_t n = 0;
    while (n == 0) {
        struct pollfd item = {.fd = b->queue->ops->fd(b->queue), .events = POLLIN};
        if (poll(&item, 1, TOLD_MAX_MS) == 0) {
            fprintf(stderr, "poll_bench: the live job is not told of\n");
            exit(1);
        }
        if (b->queue->ops->ready(b->queue))
            n = take(b, LIVE_PLACES, RY_PRIORITY_LIVE);
    }
    double took = now_ms() - begin;
    ack(b, n);
    return took;
}

static bool time_live(struct bench *b, const char *when)
{
    double took[LIVE_JOBS];
    for (unsigned i = 0; i < LIVE_JOBS; i++)
        took[i] = lease_live(b, i);
    qsort(took, LIVE_JOBS, sizeof *took, compare_double);
    printf("%-44s %10.3f ms median, %.3f ms worst\n", when, took[LIVE_JOBS / 2], took[LIVE_JOBS - 1]);
    return took[LIVE_JOBS - 1] <= LIVE_MAX_MS;
}

static void push_backfill(struct bench *b, unsigned guilds)
{
    char script[300];
    (void)snprintf(script, sizeof script,
                   "for i = 1, %d do redis.call('XADD', 'jobs:guild:' .. (i %% %u + 1) .. ':batch', '*', 'job', '{}', "
                   "'job_id', 'b' .. i) end",
                   BACKFILL, guilds);
    (void)redis_server_say(b->server, "EVAL", script, "0", NULL);
}

int main(int argc, char **argv)
{
    char *const no_environment[] = {NULL};
    unsigned guilds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : GUILDS;
    struct bench b = {.arena = ry_arena_make((size_t)128 << 20)};
    b.server = redis_server_start(NULL);
    check(&b, ry_config_load(&b.config, no_environment, &b.err));
    check(&b, ry_redis_url_parse(&b.url, redis_server_url(b.server), &b.err));
    ry_redis_link_init(&b.link, &b.url, TOLD_MAX_MS);
    check(&b, ry_redis_link_open(&b.link, &b.err));
    /* Discovery is in the background; a poll is measured without it. */
    check(&b, ry_config_set(b.config, RY_OPT_redis_discovery_ms, "600000", &b.err));
    make_streams(&b, guilds);
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(b.server), .clock = ry_clock_system(), .config = b.config};
    check(&b, ry_job_queue_redis_open(&options, &b.queue, &b.err));
    printf("%u streams of %u guilds\n", guilds * 5, guilds);
    bool well = compare_polls(&b);
    well = time_live(&b, "a live job until its lease, idle") && well;
    push_backfill(&b, guilds);
    ry_redis_streams_set_all_hot(&ry_redis_of(b.queue)->streams);
    well = take(&b, PLACES - LIVE_PLACES, RY_PRIORITY_BACKFILL) == PLACES - LIVE_PLACES && well;
    well = time_live(&b, "the same, 100,000 entries of backfill waiting") && well;
    ry_job_queue_close(&b.queue);
    ry_redis_link_close(&b.link);
    redis_server_free(b.server);
    ry_config_free(&b.config);
    ry_arena_free(&b.arena);
    return well ? 0 : 1;
}

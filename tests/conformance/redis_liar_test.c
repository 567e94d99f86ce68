/* redis_liar_test.c: a Redis that answers with nonsense ends no program and no call of it goes on for ever; what it says
 * is an error or is taken for what it looks like. Once it tells the truth again, everything works.
 *
 * A real server behind tests/fakes/liar.c, one run of a queue and of a mail stream for each of SEEDS seeds. Runs under
 * the sanitizers too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/config/config.h"
#include "runtime/queue/mail_stream.h"
#include "runtime/queue/redis_queue.h"
#include "tests/bed/fake.h"
#include "tests/bed/redis_server.h"

#define START_MS INT64_C(1729350189000)
#define LEASE_MS 60000
#define STEP_MS  1000 /* longer than the first waits before connecting again */
#define READ_MAX 8
#define SEEDS    24
#define ROUNDS   40
#define LIES     "60"
#define STREAM   "reelyard:mail:encoder"
#define NODE_TTL 10

static struct redis_server *server;

struct scene {
    unsigned seed;
    struct fake *liar;
    char url[64];
    struct ry_config *config;
    struct ry_clock_manual clock;
    struct ry_rng rng;
    struct ry_arena arena;
    unsigned errors, calls;
};

/* Each call ends, and says why if it fails, in UTF-8. */
static void ends(struct scene *scene, int rc, const struct ry_error *err)
{
    scene->calls++;
    if (rc == RY_OK)
        return;
    scene->errors++;
    char mended[sizeof err->text];
    memcpy(mended, err->text, sizeof mended);
    ry_utf8_mend(mended, strnlen(mended, sizeof mended));
    if (err->text[0] == '\0' || strcmp(mended, err->text) != 0)
        fail_msg("seed %u: error %d says \"%s\"", scene->seed, rc, err->text);
}

static struct ry_config *config_of(const char *url)
{
    static char *const none[] = {NULL};
    struct ry_config *config = NULL;
    struct ry_error err;
    assert_int_equal(ry_config_load(&config, none, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_redis_url, url, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_fleet_open, "true", &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_redis_block_ms, "10", &err), RY_OK);
    return config;
}

static void scene_begin(struct scene *scene, unsigned seed)
{
    char port[16], seed_text[16];
    (void)redis_server_say(server, "FLUSHALL", NULL);
    (void)snprintf(port, sizeof port, "%u", redis_server_port(server));
    (void)snprintf(seed_text, sizeof seed_text, "%u", seed);
    *scene = (struct scene){.seed = seed, .rng = {seed}, .arena = ry_arena_make((size_t)8 << 20)};
    ry_clock_manual_init(&scene->clock, START_MS);
    scene->liar = fake_start_with("liar", (const char *const[]){port, seed_text, LIES, NULL});
    (void)snprintf(scene->url, sizeof scene->url, "redis://127.0.0.1:%u", fake_port(scene->liar));
    scene->config = config_of(scene->url);
}

static void scene_end(struct scene *scene)
{
    assert_true(scene->errors > 0 && scene->errors < scene->calls);
    fake_stop(scene->liar);
    ry_config_free(&scene->config);
    ry_arena_free(&scene->arena);
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

static struct ry_job_push job_of(const char *id)
{
    return (struct ry_job_push){.job_id = ry_str_of(id),
                                .type = RY_STR("batch"),
                                .guild_id = RY_STR("1"),
                                .channel_id = RY_STR("7"),
                                .priority = RY_PRIORITY_BACKFILL,
                                .json = RY_STR("{\"type\":\"batch\"}")};
}

static struct ry_job_queue *queue_open(const struct scene *scene, const char *url)
{
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    const struct ry_job_queue_redis_options options = {
        .url = url, .clock = &scene->clock.clock, .config = scene->config};
    (void)ry_job_queue_redis_open(&options, &queue, &err);
    assert_non_null(queue);
    return queue;
}

static size_t read_jobs(struct scene *scene, struct ry_job_queue *queue, struct ry_lease leases[READ_MAX])
{
    size_t n = 0;
    struct ry_error err = {0};
    ry_arena_reset(&scene->arena);
    ends(scene, ry_redis_discover_all(ry_redis_of(queue), &err), &err);
    ry_redis_streams_set_all_hot(&ry_redis_of(queue)->streams);
    ends(scene,
         queue->ops->read(queue, RY_STR("node/x"), READ_MAX, RY_PRIORITY_BACKFILL, LEASE_MS, &scene->arena, leases, &n,
                          &err),
         &err);
    assert_true(n <= READ_MAX);
    return n;
}

static void end_lease(struct scene *scene, struct ry_job_queue *queue, const struct ry_lease *lease)
{
    const struct ry_job_queue_ops *ops = queue->ops;
    struct ry_error err = {0};
    switch (ry_rng_below(&scene->rng, 4)) {
    case 0: ends(scene, ops->ack(queue, lease->job_id, lease->token, NULL, 0, &err), &err); break;
    case 1: ends(scene, ops->renew(queue, lease->job_id, lease->token, LEASE_MS, &err), &err); break;
    case 2: ends(scene, ops->nack(queue, lease->job_id, lease->token, 0, true, &err), &err); break;
    default: ends(scene, ops->bury(queue, lease->job_id, lease->token, RY_STR("because"), &err), &err); break;
    }
}

/* What is asked beside the work. */
static void look_around(struct scene *scene, struct ry_job_queue *queue)
{
    const struct ry_job_queue_ops *ops = queue->ops;
    const struct ry_job_queue_channel channel = {RY_STR("1"), RY_STR("7")};
    const char *const types[] = {"batch", NULL};
    struct ry_dead letters[READ_MAX];
    struct ry_error err = {0}, outcome;
    struct ry_depth depth;
    struct ry_str cursor;
    size_t n = 0;
    bool found = false;
    ends(scene, ops->depth(queue, &depth, &err), &err);
    ends(scene, ops->find(queue, &channel, 1, types, &found, &err), &err);
    ends(scene, ops->cursor_get(queue, RY_STR("key"), &scene->arena, &cursor, &err), &err);
    ends(scene, ops->hurry(queue, &err), &err);
    ends(scene, ops->release(queue, RY_STR("node/"), (struct ry_str){0}, &n, &err), &err);
    n = 0;
    ends(scene, ops->dead_list(queue, 0, READ_MAX, &scene->arena, letters, &n, &err), &err);
    assert_true(n <= READ_MAX);
    for (size_t i = 0; i < n; i++)
        ends(scene, ops->dead_take(queue, &letters[i].id, 1, true, &outcome, &err), &err);
    struct pollfd fd = {.fd = ops->fd(queue), .events = POLLIN};
    if (poll(&fd, 1, 0) > 0)
        (void)ops->ready(queue);
}

static void push_one(struct scene *scene, struct ry_job_queue *queue, const char *id)
{
    const struct ry_job_push job = job_of(id);
    struct ry_error err = {0};
    size_t accepted = 0;
    ends(scene, queue->ops->push(queue, &job, 1, RY_STR("key"), RY_STR("cursor"), &accepted, &err), &err);
}

static void work_among_lies(struct scene *scene)
{
    struct ry_job_queue *queue = queue_open(scene, scene->url);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ry_lease leases[READ_MAX];
        char id[32];
        (void)snprintf(id, sizeof id, "job-%u", round);
        push_one(scene, queue, id);
        size_t n = read_jobs(scene, queue, leases);
        for (size_t i = 0; i < n; i++)
            end_lease(scene, queue, &leases[i]);
        look_around(scene, queue);
        ry_clock_manual_advance(&scene->clock, STEP_MS);
    }
    ry_job_queue_close(&queue);
}

/* A queue that hears the truth, on whatever the lies have left. */
static void work_among_truths(struct scene *scene)
{
    struct ry_job_queue *queue = queue_open(scene, redis_server_url(server));
    push_one(scene, queue, "true");
    bool done = false;
    for (unsigned round = 0; round < 2 * ROUNDS && !done; round++) {
        struct ry_lease leases[READ_MAX];
        size_t n = read_jobs(scene, queue, leases);
        for (size_t i = 0; i < n; i++) {
            struct ry_error err = {0};
            assert_int_equal(queue->ops->ack(queue, leases[i].job_id, leases[i].token, NULL, 0, &err), RY_OK);
            done = done || ry_str_is(leases[i].job_id, "true");
        }
        struct pollfd fd = {.fd = queue->ops->fd(queue), .events = POLLIN};
        if (n == 0 && poll(&fd, 1, 50) > 0)
            (void)queue->ops->ready(queue);
    }
    if (!done)
        fail_msg("seed %u: a job is not read any more", scene->seed);
    ry_job_queue_close(&queue);
}

static void jobs_survive_a_redis_that_lies(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct scene scene;
        scene_begin(&scene, seed);
        work_among_lies(&scene);
        work_among_truths(&scene);
        scene_end(&scene);
    }
}

/* ---- mail -------------------------------------------------------------------------------------------------------- */

struct heard {
    char ids[READ_MAX][RY_MAIL_ENTRY_BYTES];
    size_t n;
    size_t nodes;
};

static void on_entry(void *arg, const struct ry_mail_entry *entry)
{
    struct heard *heard = arg;
    assert_true(strlen(entry->id) < RY_MAIL_ENTRY_BYTES && entry->n <= RY_MAIL_FIELDS_MAX);
    (void)ry_mail_entry_get(entry, "mail");
    if (heard->n < READ_MAX)
        memcpy(heard->ids[heard->n++], entry->id, RY_MAIL_ENTRY_BYTES);
}

static void on_node(void *arg, const struct ry_mail_node *node)
{
    (void)node;
    ((struct heard *)arg)->nodes++;
}

/* One round of everything; returns what was heard. */
static struct heard exchange(struct scene *scene, struct ry_mail_stream *mail)
{
    const struct ry_mail_field fields[] = {{RY_STR("mail"), RY_STR("bytes")}, {RY_STR("more"), RY_STR("\xff")}};
    const char *const streams[] = {STREAM ":urgent", STREAM};
    const struct ry_node_record record = {.owner = RY_STR("liar/1"), .said_wall_ms = scene->clock.now_wall_ms};
    struct heard heard = {.n = 0};
    struct ry_error err = {0};
    char id[RY_MAIL_ENTRY_BYTES] = "";
    uint64_t length;
    bool is;
    ends(scene, ry_mail_stream_announce(mail, "liar", &record, NODE_TTL, &err), &err);
    ends(scene, ry_mail_stream_nodes(mail, on_node, &heard, &err), &err);
    ends(scene, ry_mail_stream_add(mail, STREAM, fields, 2, 0, id, &err), &err);
    assert_true(strlen(id) < RY_MAIL_ENTRY_BYTES);
    ends(scene, ry_mail_stream_add(mail, STREAM ":urgent", fields, 2, NODE_TTL, NULL, &err), &err);
    ends(scene, ry_mail_stream_length(mail, STREAM, &length, &err), &err);
    ends(scene, ry_mail_stream_has(mail, STREAM, "1-1", &is, &err), &err);
    ends(scene, ry_mail_stream_withdraw(mail, STREAM, "1-1", &is, &err), &err);
    ends(scene, ry_mail_stream_read(mail, streams, 2, READ_MAX, on_entry, &heard, &err), &err);
    ends(scene, ry_mail_stream_claim(mail, STREAM, 0, READ_MAX, on_entry, &heard, &err), &err);
    if (heard.n > 0) {
        ends(scene, ry_mail_stream_renew(mail, STREAM, (const char(*)[RY_MAIL_ENTRY_BYTES])heard.ids, heard.n, &err),
             &err);
        ends(scene, ry_mail_stream_release(mail, STREAM, heard.ids[0], &err), &err);
    }
    ends(scene, ry_mail_stream_take(mail, "reelyard:mail:node:liar/1", READ_MAX, on_entry, &heard, &err), &err);
    const struct ry_mail_step steps[] = {{.stream = STREAM, .fields = fields, .n = 2},
                                         {.stream = STREAM, .end = heard.n > 0 ? heard.ids[0] : "1-1"}};
    int results[2];
    assert_true(ry_mail_stream_do(mail, steps, 2, results, &err) <= 2);
    ry_mail_stream_listen(mail, streams, 2);
    struct pollfd fd = {.fd = ry_mail_stream_fd(mail), .events = POLLIN};
    if (fd.fd >= 0 && poll(&fd, 1, 0) > 0)
        ry_mail_stream_heard(mail);
    return heard;
}

static void mail_survives_a_redis_that_lies(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct scene scene;
        struct ry_mail_stream *mail = NULL;
        struct ry_error err;
        scene_begin(&scene, seed);
        assert_int_equal(ry_mail_stream_new(&mail, scene.config, "liar/1", &scene.clock.clock, &err), RY_OK);
        for (unsigned round = 0; round < ROUNDS; round++) {
            (void)exchange(&scene, mail);
            ry_clock_manual_advance(&scene.clock, STEP_MS);
            ry_mail_stream_try_now(mail);
        }
        ry_mail_stream_free(&mail);
        struct ry_config *honest = config_of(redis_server_url(server));
        assert_int_equal(ry_mail_stream_new(&mail, honest, "liar/2", &scene.clock.clock, &err), RY_OK);
        struct heard heard = exchange(&scene, mail);
        assert_true(heard.n > 0 && heard.nodes > 0);
        ry_mail_stream_free(&mail);
        ry_config_free(&honest);
        scene_end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_survive_a_redis_that_lies),
        cmocka_unit_test(mail_survives_a_redis_that_lies),
    };
    signal(SIGPIPE, SIG_IGN);
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    redis_server_needed();
    server = redis_server_start(NULL);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_server_free(server);
    return failed;
}

/* job_queue_suite.c: the claims of job_queue.h, as tests of any implementation. */
#include "tests/conformance/job_queue_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LEASE_MS    60000
#define START_MS    INT64_C(1729350189000)
#define READ_MAX    64
#define ARENA_BYTES ((size_t)1 << 20)

/* One store with two queues on it, as two workers would have. */
struct bench {
    const struct job_queue_factory *factory;
    void *store;
    struct ry_clock_manual clock;
    struct ry_job_queue *a;
    struct ry_job_queue *b;
    struct ry_arena arena;
    struct ry_lease leases[READ_MAX];
    struct ry_error err;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    bench->factory = *state;
    ry_clock_manual_init(&bench->clock, START_MS);
    bench->arena = ry_arena_make(ARENA_BYTES);
    bench->store = bench->factory->store_new();
    bench->a = bench->factory->open(bench->store, &bench->clock.clock);
    bench->b = bench->factory->open(bench->store, &bench->clock.clock);
    assert_non_null(bench->a);
    assert_non_null(bench->b);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ry_job_queue_close(&bench->a);
    ry_job_queue_close(&bench->b);
    ry_arena_free(&bench->arena);
    bench->factory->store_free(bench->store);
    *state = (void *)(uintptr_t)bench->factory;
    free(bench);
    return 0;
}

#define OK(bench, call) \
    do { \
        int rc_ = (call); \
        if (rc_ != RY_OK) \
            fail_msg("%s: %s: %s", #call, ry_err_name((enum ry_err)rc_), (bench)->err.text); \
    } while (0)

/* A type of this priority. */
static struct ry_str type_of(enum ry_priority priority)
{
    switch (priority) {
    case RY_PRIORITY_CONTROL:
    case RY_PRIORITY_LIVE: return RY_STR("message");
    case RY_PRIORITY_DELETE: return RY_STR("message_deletion");
    case RY_PRIORITY_RETRY: return RY_STR("thumbnail_retry");
    case RY_PRIORITY_BACKFILL:
    case RY_PRIORITY_COUNT: break;
    }
    return RY_STR("messages");
}

static struct ry_job_push job_of(const char *id, const char *guild, enum ry_priority priority)
{
    return (struct ry_job_push){
        .job_id = ry_str_of(id),
        .type = type_of(priority),
        .guild_id = ry_str_of(guild),
        .channel_id = RY_STR("7"),
        .priority = priority,
        .json = RY_STR("{\"type\":\"messages\"}"),
    };
}

static size_t push(struct bench *bench, const struct ry_job_push *jobs, size_t n)
{
    size_t accepted = 0;
    OK(bench, bench->a->ops->push(bench->a, jobs, n, (struct ry_str){0}, (struct ry_str){0}, &accepted, &bench->err));
    return accepted;
}

static void push_one(struct bench *bench, const char *id)
{
    struct ry_job_push job = job_of(id, "1", RY_PRIORITY_BACKFILL);
    assert_int_equal(push(bench, &job, 1), 1);
}

static size_t read_least(struct bench *bench, struct ry_job_queue *queue, const char *consumer, size_t max,
                         enum ry_priority least)
{
    size_t n = 0;
    ry_arena_reset(&bench->arena);
    if (bench->factory->notice)
        bench->factory->notice(queue);
    OK(bench, queue->ops->read(queue, ry_str_of(consumer), max, least, LEASE_MS, &bench->arena, bench->leases, &n,
                               &bench->err));
    return n;
}

static size_t read_by(struct bench *bench, struct ry_job_queue *queue, const char *consumer, size_t max)
{
    return read_least(bench, queue, consumer, max, RY_PRIORITY_BACKFILL);
}

/* Reads one job that must be there; its token. */
static uint64_t lease_one(struct bench *bench, struct ry_job_queue *queue)
{
    assert_int_equal(read_by(bench, queue, "n/1", 1), 1);
    return bench->leases[0].token;
}

static struct ry_depth depth_of(struct bench *bench)
{
    struct ry_depth depth;
    OK(bench, bench->a->ops->depth(bench->a, &depth, &bench->err));
    return depth;
}

static void expect_depth(struct bench *bench, uint64_t ready, uint64_t leased, uint64_t dead)
{
    struct ry_depth depth = depth_of(bench);
    assert_int_equal(depth.ready, ready);
    assert_int_equal(depth.leased, leased);
    assert_int_equal(depth.dead, dead);
}

static void expect_str(struct ry_str got, const char *want)
{
    if (!ry_str_is(got, want))
        fail_msg("got '%.*s', not '%s'", RY_STR_ARG(got), want);
}

/* ---- pushing ----------------------------------------------------------------------------------------------------- */

static void stream_gives_a_job_as_it_was_pushed(void **state)
{
    struct bench *bench = *state;
    struct ry_job_push job = {
        .job_id = RY_STR("0b3e-é"),
        .type = RY_STR("message"),
        .guild_id = RY_STR("175928847299117063"),
        .channel_id = RY_STR("41771983423143937"),
        .priority = RY_PRIORITY_LIVE,
        .json = {"{\0not\xff utf-8}", 13},
    };
    assert_int_equal(push(bench, &job, 1), 1);
    assert_int_equal(read_by(bench, bench->b, "n/1", READ_MAX), 1);
    const struct ry_lease *lease = &bench->leases[0];
    assert_true(ry_str_eq(lease->job_id, job.job_id));
    assert_true(ry_str_eq(lease->type, job.type));
    assert_true(ry_str_eq(lease->guild_id, job.guild_id));
    assert_true(ry_str_eq(lease->channel_id, job.channel_id));
    assert_true(ry_str_eq(lease->json, job.json));
    assert_int_equal(lease->priority, RY_PRIORITY_LIVE);
    assert_int_equal(lease->attempts, 1);
    if (bench->factory->foreign)
        assert_true(lease->pushed_wall_ms > 0);
    else
        assert_int_equal(lease->pushed_wall_ms, START_MS);
    assert_int_equal(lease->hints, bench->factory->foreign);
    assert_true(lease->token > 0);
}

static void stream_takes_an_id_once_while_it_waits_or_is_leased(void **state)
{
    struct bench *bench = *state;
    struct ry_job_push jobs[] = {job_of("x", "1", RY_PRIORITY_LIVE), job_of("x", "2", RY_PRIORITY_BACKFILL)};
    assert_int_equal(push(bench, jobs, 2), 1);
    assert_int_equal(push(bench, jobs, 1), 0);
    uint64_t token = lease_one(bench, bench->a);
    assert_int_equal(push(bench, jobs, 1), 0);
    expect_depth(bench, 0, 1, 0);
    OK(bench, bench->a->ops->ack(bench->a, RY_STR("x"), token, NULL, 0, &bench->err));
    assert_int_equal(push(bench, jobs, 1), 1);
}

static void stream_refuses_a_bad_job_and_all_pushed_with_it(void **state)
{
    struct bench *bench = *state;
    static char long_text[RY_JOB_GUILD_MAX + 2];
    memset(long_text, '1', sizeof long_text - 1);
    const struct ry_job_push good = job_of("good", "1", RY_PRIORITY_LIVE);
    const struct {
        const char *what;
        struct ry_job_push job;
        int want;
    } cases[] = {
        {"no id", {.type = good.type, .json = good.json}, RY_EINVAL},
        {"long id", {.job_id = ry_str_of(long_text), .type = good.type, .json = good.json}, RY_ELIMIT},
        {"id is no text", {.job_id = {"\xff", 1}, .type = good.type, .json = good.json}, RY_EINVAL},
        {"id with NUL", {.job_id = {"a\0b", 3}, .type = good.type, .json = good.json}, RY_EINVAL},
        {"no type", {.job_id = good.job_id, .json = good.json}, RY_EINVAL},
        {"long guild",
         {.job_id = good.job_id, .type = good.type, .guild_id = ry_str_of(long_text), .json = good.json},
         RY_ELIMIT},
        {"no json", {.job_id = good.job_id, .type = good.type}, RY_EINVAL},
        {"large json", {.job_id = good.job_id, .type = good.type, .json = {"", RY_JOB_MAX_BYTES + 1}}, RY_ELIMIT},
        {"no priority",
         {.job_id = good.job_id, .type = good.type, .json = good.json, .priority = RY_PRIORITY_COUNT},
         RY_EINVAL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ry_job_push jobs[] = {good, cases[i].job};
        size_t accepted = 99;
        int rc = bench->a->ops->push(bench->a, jobs, 2, RY_STR("k"), RY_STR("1"), &accepted, &bench->err);
        if (rc != cases[i].want || accepted != 0)
            fail_msg("%s: %d (%s), %zu accepted", cases[i].what, rc, bench->err.text, accepted);
    }
    expect_depth(bench, 0, 0, 0);
    struct ry_str cursor;
    OK(bench, bench->a->ops->cursor_get(bench->a, RY_STR("k"), &bench->arena, &cursor, &bench->err));
    assert_null(cursor.p);
}

static void stream_keeps_the_cursor_of_the_last_push(void **state)
{
    struct bench *bench = *state;
    struct ry_job_push job = job_of("x", "1", RY_PRIORITY_LIVE);
    const struct {
        struct ry_str cursor;
        const char *want;
    } cases[] = {{RY_STR("4096"), "4096"}, {RY_STR("8192"), "8192"}, {RY_STR(""), ""}, {{NULL, 0}, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t accepted = 0;
        OK(bench, bench->a->ops->push(bench->a, &job, 1, RY_STR("file"), cases[i].cursor, &accepted, &bench->err));
        assert_int_equal(accepted, i == 0);
        struct ry_str got;
        OK(bench, bench->b->ops->cursor_get(bench->b, RY_STR("file"), &bench->arena, &got, &bench->err));
        expect_str(got, cases[i].want);
        OK(bench, bench->b->ops->cursor_get(bench->b, RY_STR("other"), &bench->arena, &got, &bench->err));
        assert_null(got.p);
    }
}

/* ---- the order of reading ---------------------------------------------------------------------------------------- */

static void stream_reads_by_priority_then_guild_in_turn_then_age(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push jobs[] = {
        job_of("b1", "1", RY_PRIORITY_BACKFILL),  job_of("b2", "1", RY_PRIORITY_BACKFILL),
        job_of("b3", "1", RY_PRIORITY_BACKFILL),  job_of("c1", "22", RY_PRIORITY_BACKFILL),
        job_of("c2", "22", RY_PRIORITY_BACKFILL), job_of("d1", "3", RY_PRIORITY_BACKFILL),
        job_of("r1", "1", RY_PRIORITY_RETRY),     job_of("l1", "1", RY_PRIORITY_LIVE),
        job_of("l2", "3", RY_PRIORITY_LIVE),      job_of("n1", "", RY_PRIORITY_BACKFILL),
        job_of("x1", "1", RY_PRIORITY_DELETE),
    };
    const char *const want[] = {"l1", "l2", "x1", "r1", "b1", "c1", "d1", "n1", "b2", "c2", "b3"};
    size_t n = sizeof jobs / sizeof *jobs;
    assert_int_equal(push(bench, jobs, n), n);
    assert_int_equal(read_by(bench, bench->b, "n/1", READ_MAX), n);
    for (size_t i = 0; i < n; i++)
        expect_str(bench->leases[i].job_id, want[i]);
}

static void stream_keeps_the_turn_of_guilds_over_reads_of_one(void **state)
{
    struct bench *bench = *state;
    struct ry_job_push jobs[20];
    char ids[20][8];
    for (size_t i = 0; i < 20; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "j%zu", i);
        jobs[i] = job_of(ids[i], i < 18 ? "1" : "2", RY_PRIORITY_BACKFILL);
    }
    assert_int_equal(push(bench, jobs, 20), 20);
    const char *const want[] = {"j0", "j18", "j1", "j19", "j2", "j3"};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        (void)lease_one(bench, bench->a);
        expect_str(bench->leases[0].job_id, want[i]);
    }
}

static void stream_gives_a_job_to_one_reader_only(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    assert_int_equal(read_by(bench, bench->a, "n/1", 2), 1);
    assert_int_equal(read_by(bench, bench->b, "m/1", 2), 0);
    expect_depth(bench, 0, 1, 0);
}

static void stream_stops_reading_when_the_arena_is_full(void **state)
{
    struct bench *bench = *state;
    static char body[40000];
    memset(body, ' ', sizeof body);
    struct ry_job_push jobs[] = {job_of("x", "1", RY_PRIORITY_LIVE), job_of("y", "1", RY_PRIORITY_LIVE)};
    jobs[0].json = jobs[1].json = (struct ry_str){body, sizeof body};
    assert_int_equal(push(bench, jobs, 2), 2);
    struct ry_arena small = ry_arena_make(60000);
    size_t n = 0;
    OK(bench, bench->a->ops->read(bench->a, RY_STR("n/1"), 2, RY_PRIORITY_BACKFILL, LEASE_MS, &small, bench->leases, &n,
                                  &bench->err));
    assert_int_equal(n, 1);
    ry_arena_free(&small);
    small = ry_arena_make(10000);
    assert_int_equal(bench->a->ops->read(bench->a, RY_STR("n/1"), 2, RY_PRIORITY_BACKFILL, LEASE_MS, &small,
                                         bench->leases, &n, &bench->err),
                     RY_ELIMIT);
    assert_int_equal(n, 0);
    ry_arena_free(&small);
    expect_depth(bench, 1, 1, 0);
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void stream_gives_a_job_again_when_its_lease_has_run_out(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t first = lease_one(bench, bench->a);
    ry_clock_manual_advance(&bench->clock, LEASE_MS - 1);
    assert_int_equal(read_by(bench, bench->b, "m/1", 1), 0);
    ry_clock_manual_advance(&bench->clock, 1);
    uint64_t second = lease_one(bench, bench->b);
    assert_true(second > first);
    assert_int_equal(bench->leases[0].attempts, 2);
}

static void stream_renews_a_lease_from_now_on(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    ry_clock_manual_advance(&bench->clock, LEASE_MS - 1);
    OK(bench, bench->a->ops->renew(bench->a, RY_STR("x"), token, LEASE_MS, &bench->err));
    ry_clock_manual_advance(&bench->clock, LEASE_MS - 1);
    assert_int_equal(read_by(bench, bench->b, "m/1", 1), 0);
    ry_clock_manual_advance(&bench->clock, 1);
    assert_int_equal(read_by(bench, bench->b, "m/1", 1), 1);
}

enum verb { RENEW, ACK, NACK, BURY, VERB_COUNT };
static const char *const verb_names[VERB_COUNT] = {"renew", "ack", "nack", "bury"};

static int say(struct bench *bench, struct ry_job_queue *queue, enum verb verb, const char *id, uint64_t token)
{
    const struct ry_job_queue_ops *ops = queue->ops;
    struct ry_str job_id = ry_str_of(id);
    switch (verb) {
    case RENEW: return ops->renew(queue, job_id, token, LEASE_MS, &bench->err);
    case ACK: return ops->ack(queue, job_id, token, NULL, 0, &bench->err);
    case NACK: return ops->nack(queue, job_id, token, 0, true, &bench->err);
    case BURY: return ops->bury(queue, job_id, token, RY_STR("why"), &bench->err);
    case VERB_COUNT: break;
    }
    return RY_EBUG;
}

static void stream_fences_off_a_holder_that_lost_its_lease(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t old = lease_one(bench, bench->a);
    ry_clock_manual_advance(&bench->clock, LEASE_MS);
    uint64_t new = lease_one(bench, bench->b);
    for (enum verb verb = RENEW; verb < VERB_COUNT; verb++) {
        int rc = say(bench, bench->a, verb, "x", old);
        if (rc != RY_EFENCED)
            fail_msg("%s with an old token: %d", verb_names[verb], rc);
        expect_depth(bench, 0, 1, 0);
    }
    OK(bench, say(bench, bench->b, RENEW, "x", new));
    OK(bench, say(bench, bench->b, ACK, "x", new));
}

static void stream_fences_off_a_holder_that_gave_its_lease_back(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    OK(bench, say(bench, bench->a, NACK, "x", token));
    for (enum verb verb = RENEW; verb < VERB_COUNT; verb++)
        assert_int_equal(say(bench, bench->a, verb, "x", token), RY_EFENCED);
    expect_depth(bench, 1, 0, 0);
}

static void stream_knows_no_lease_of_a_job_that_is_gone(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    OK(bench, say(bench, bench->a, ACK, "x", token));
    for (enum verb verb = RENEW; verb < VERB_COUNT; verb++)
        assert_int_equal(say(bench, bench->a, verb, "x", token), RY_ENOENT);
    expect_depth(bench, 0, 0, 0);
}

static void stream_tokens_grow_over_a_later_push_of_the_same_id(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t first = lease_one(bench, bench->a);
    OK(bench, say(bench, bench->a, ACK, "x", first));
    push_one(bench, "x");
    uint64_t second = lease_one(bench, bench->b);
    assert_true(second > first);
    assert_int_equal(bench->leases[0].attempts, 1);
    assert_int_equal(say(bench, bench->a, ACK, "x", first), RY_EFENCED);
}

static void stream_holds_a_job_back_for_the_delay_of_its_nack(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    OK(bench, bench->a->ops->nack(bench->a, RY_STR("x"), token, 5000, true, &bench->err));
    expect_depth(bench, 1, 0, 0);
    ry_clock_manual_advance(&bench->clock, 4999);
    assert_int_equal(read_by(bench, bench->a, "n/1", 1), 0);
    ry_clock_manual_advance(&bench->clock, 1);
    (void)lease_one(bench, bench->a);
    assert_int_equal(bench->leases[0].attempts, 2);
}

static void stream_hurries_what_was_held_back_alone(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "held");
    push_one(bench, "failed");
    push_one(bench, "leased");
    for (size_t i = 0; i < 3; i++) {
        uint64_t token = lease_one(bench, bench->a);
        bool held = ry_str_is(bench->leases[0].job_id, "held");
        if (i < 2)
            OK(bench, bench->a->ops->nack(bench->a, bench->leases[0].job_id, token, 50000, !held, &bench->err));
    }
    assert_int_equal(read_by(bench, bench->b, "m/1", 4), 0);
    OK(bench, bench->a->ops->hurry(bench->a, &bench->err));
    assert_int_equal(read_by(bench, bench->b, "m/1", 4), 1);
    expect_str(bench->leases[0].job_id, "held");
    assert_int_equal(bench->leases[0].attempts, 1);
    OK(bench, bench->a->ops->hurry(bench->a, &bench->err)); /* it is leased by now */
    assert_int_equal(read_by(bench, bench->b, "m/1", 4), 0);
    expect_depth(bench, 1, 2, 0);
}

static void stream_hurries_nothing_that_was_held_back_and_then_failed(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "j");
    for (size_t i = 0; i < 2; i++) {
        uint64_t token = lease_one(bench, bench->a);
        OK(bench, bench->a->ops->nack(bench->a, RY_STR("j"), token, 50000, i == 1, &bench->err));
        OK(bench, i == 1 ? bench->a->ops->hurry(bench->a, &bench->err) : RY_OK);
        assert_int_equal(read_by(bench, bench->b, "m/1", 4), 0);
        ry_clock_manual_advance(&bench->clock, 50000);
    }
}

/* A clock that was ahead, by more than that of Redis tells, and was set right. */
static void stream_puts_nothing_off_by_a_clock_that_was_wrong(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "put off");
    push_one(bench, "leased");
    push_one(bench, "for later");
    uint64_t token = lease_one(bench, bench->a);
    OK(bench, bench->a->ops->nack(bench->a, RY_STR("put off"), token, 0, true, &bench->err));
    int64_t right_wall_ms = bench->clock.now_wall_ms;
    bench->clock.now_wall_ms += INT64_C(100) * 365 * 86400000;
    for (size_t i = 0; i < 2; i++) {
        token = lease_one(bench, bench->a);
        if (ry_str_is(bench->leases[0].job_id, "put off"))
            OK(bench, bench->a->ops->nack(bench->a, RY_STR("put off"), token, 5000, true, &bench->err));
    }
    bench->clock.now_wall_ms = right_wall_ms;
    bench->clock.now_mono_ms += 60000; /* it need not be looked for more often */
    token = lease_one(bench, bench->a);
    OK(bench, bench->a->ops->nack(bench->a, bench->leases[0].job_id, token, 86400000, true, &bench->err));
    token = lease_one(bench, bench->b);
    token = lease_one(bench, bench->b);
    assert_int_equal(read_by(bench, bench->b, "n/1", 4), 0); /* what was put off by the right clock */
    expect_depth(bench, 1, 2, 0);
}

static void stream_does_not_count_a_lease_that_was_given_back_untried(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    for (int i = 0; i < 3; i++) {
        uint64_t token = lease_one(bench, bench->a);
        assert_int_equal(bench->leases[0].attempts, 1);
        OK(bench, bench->a->ops->nack(bench->a, RY_STR("x"), token, 0, false, &bench->err));
    }
}

static void stream_releases_the_leases_of_a_former_self_alone(void **state)
{
    struct bench *bench = *state;
    const struct {
        const char *consumer;
        bool released;
    } cases[] = {{"host/1", true}, {"host/22", true}, {"host/2", false}, {"hosts/1", false}, {"x%_/1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "j%zu", i);
        push_one(bench, id);
        assert_int_equal(read_by(bench, bench->a, cases[i].consumer, 1), 1);
    }
    size_t released = 0;
    OK(bench, bench->b->ops->release(bench->b, RY_STR("host/"), RY_STR("host/2"), &released, &bench->err));
    assert_int_equal(released, 2);
    assert_int_equal(read_by(bench, bench->b, "m/1", READ_MAX), 2);
    expect_str(bench->leases[0].job_id, "j0");
    expect_str(bench->leases[1].job_id, "j1");
    assert_int_equal(bench->leases[0].attempts, 2);
    OK(bench, bench->b->ops->release(bench->b, RY_STR("h"), (struct ry_str){0}, &released, &bench->err));
    assert_int_equal(released, 2);
}

static void stream_tells_how_much_waits_and_how_long(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(depth_of(bench).oldest_ms, 0);
    if (bench->factory->foreign)
        return; /* the clock of the claim is not the store's */
    push_one(bench, "x");
    ry_clock_manual_advance(&bench->clock, 3000);
    push_one(bench, "y");
    ry_clock_manual_advance(&bench->clock, 1000);
    assert_int_equal(depth_of(bench).oldest_ms, 4000);
    (void)lease_one(bench, bench->a);
    expect_depth(bench, 1, 1, 0);
    assert_int_equal(depth_of(bench).oldest_ms, 1000);
}

/* ---- dead letters ------------------------------------------------------------------------------------------------ */

/* The only dead letter's id. */
static int64_t only_letter(struct bench *bench)
{
    struct ry_dead letters[2];
    size_t n = 0;
    OK(bench, bench->a->ops->dead_list(bench->a, 0, 2, &bench->arena, letters, &n, &bench->err));
    assert_int_equal(n, 1);
    assert_null(letters[0].body.p);
    return letters[0].id;
}

static void stream_keeps_a_buried_job_whole(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    ry_clock_manual_advance(&bench->clock, 500);
    OK(bench, bench->a->ops->bury(bench->a, RY_STR("x"), token, RY_STR("not JSON at byte 3"), &bench->err));
    expect_depth(bench, 0, 0, 1);
    struct ry_dead letter;
    int64_t id = only_letter(bench);
    OK(bench, bench->b->ops->dead_get(bench->b, id, &bench->arena, &letter, &bench->err));
    assert_int_equal(letter.id, id);
    assert_int_equal(letter.kind, RY_DEAD_JOB);
    expect_str(letter.job_id, "x");
    expect_str(letter.type, "messages");
    expect_str(letter.guild_id, "1");
    expect_str(letter.channel_id, "7");
    expect_str(letter.reason, "not JSON at byte 3");
    assert_true(letter.summary.n > 0);
    expect_str(letter.body, "{\"type\":\"messages\"}");
    assert_int_equal(letter.priority, RY_PRIORITY_BACKFILL);
    assert_int_equal(letter.attempts, 1);
    assert_int_equal(letter.died_wall_ms, START_MS + 500);
}

/* Takes one dead letter; what became of it. */
static int dead_take(struct bench *bench, struct ry_job_queue *queue, int64_t id, bool replay)
{
    struct ry_error outcome;
    OK(bench, queue->ops->dead_take(queue, &id, 1, replay, &outcome, &bench->err));
    return (int)outcome.code;
}

static void stream_replays_a_dead_job_as_new(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    uint64_t token = lease_one(bench, bench->a);
    OK(bench, say(bench, bench->a, BURY, "x", token));
    int64_t id = only_letter(bench);
    OK(bench, dead_take(bench, bench->b, id, true));
    expect_depth(bench, 1, 0, 0);
    assert_true(lease_one(bench, bench->a) > token);
    assert_int_equal(bench->leases[0].attempts, 1);
    expect_str(bench->leases[0].json, "{\"type\":\"messages\"}");
    assert_int_equal(dead_take(bench, bench->b, id, true), RY_ENOENT);
}

static void stream_replays_no_job_that_is_in_the_queue_again(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    OK(bench, say(bench, bench->a, BURY, "x", lease_one(bench, bench->a)));
    push_one(bench, "x");
    assert_int_equal(dead_take(bench, bench->a, only_letter(bench), true), RY_EDATA);
    expect_depth(bench, 1, 0, 1);
}

static const struct ry_dead dead_mail = {
    .kind = RY_DEAD_MAIL,
    .job_id = {"4294967297", 10},
    .type = {"thumbnail_store", 15},
    .reason = {"no room", 7},
    .summary = {"thumbnail_store{...}", 20},
    .body = {"\x9c\0\xff", 3},
    .attempts = 3,
    .died_wall_ms = START_MS,
};

static void stream_keeps_a_dead_mail_once_and_whole(void **state)
{
    struct bench *bench = *state;
    OK(bench, bench->a->ops->dead_add(bench->a, &dead_mail, &bench->err));
    OK(bench, bench->a->ops->dead_add(bench->a, &dead_mail, &bench->err));
    struct ry_dead letter;
    int64_t id = only_letter(bench);
    OK(bench, bench->a->ops->dead_get(bench->a, id, &bench->arena, &letter, &bench->err));
    assert_int_equal(letter.kind, RY_DEAD_MAIL);
    assert_true(ry_str_eq(letter.body, dead_mail.body));
    expect_str(letter.guild_id, "");
    assert_int_equal(dead_take(bench, bench->a, id, true), RY_EUNSUPPORTED);
    struct ry_dead other = dead_mail;
    other.body = RY_STR("another mail under a used id");
    OK(bench, bench->a->ops->dead_add(bench->a, &other, &bench->err));
    expect_depth(bench, 0, 0, 2);
}

static void stream_takes_many_dead_letters_and_tells_of_each(void **state)
{
    struct bench *bench = *state;
    push_one(bench, "x");
    OK(bench, say(bench, bench->a, BURY, "x", lease_one(bench, bench->a)));
    push_one(bench, "y");
    OK(bench, say(bench, bench->a, BURY, "y", lease_one(bench, bench->a)));
    push_one(bench, "y"); /* again */
    OK(bench, bench->a->ops->dead_add(bench->a, &dead_mail, &bench->err));
    struct ry_dead letters[4];
    size_t n = 0;
    OK(bench, bench->a->ops->dead_list(bench->a, 0, 4, &bench->arena, letters, &n, &bench->err));
    assert_int_equal(n, 3);
    const int64_t ids[] = {1000, letters[0].id, letters[1].id, letters[2].id, letters[0].id};
    static const enum ry_err replayed[] = {RY_ENOENT, RY_OK, RY_EDATA, RY_EUNSUPPORTED, RY_ENOENT};
    static const enum ry_err dropped[] = {RY_ENOENT, RY_ENOENT, RY_OK, RY_OK, RY_ENOENT};
    struct ry_error outcomes[5];
    OK(bench, bench->a->ops->dead_take(bench->a, ids, 5, true, outcomes, &bench->err));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(outcomes[i].code, replayed[i]);
    expect_depth(bench, 2, 0, 2);
    OK(bench, bench->a->ops->dead_take(bench->a, ids, 5, false, outcomes, &bench->err));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(outcomes[i].code, dropped[i]);
    expect_depth(bench, 2, 0, 0);
}

static void stream_lists_dead_letters_by_pages_and_never_reuses_an_id(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 5; i++) {
        char id[12];
        (void)snprintf(id, sizeof id, "%d", i);
        struct ry_dead letter = dead_mail;
        letter.job_id = ry_str_of(id);
        OK(bench, bench->a->ops->dead_add(bench->a, &letter, &bench->err));
    }
    struct ry_dead page[3];
    int64_t after = 0;
    size_t n = 0;
    size_t seen = 0;
    do {
        OK(bench, bench->b->ops->dead_list(bench->b, after, 3, &bench->arena, page, &n, &bench->err));
        for (size_t i = 0; i < n; i++, seen++) {
            assert_true(page[i].id > after);
            assert_int_equal(page[i].job_id.p[0] - '0', seen);
            after = page[i].id;
        }
    } while (n == 3);
    assert_int_equal(seen, 5);
    OK(bench, dead_take(bench, bench->a, after, false));
    assert_int_equal(dead_take(bench, bench->a, after, false), RY_ENOENT);
    struct ry_dead letter;
    assert_int_equal(bench->a->ops->dead_get(bench->a, after, &bench->arena, &letter, &bench->err), RY_ENOENT);
    OK(bench, bench->a->ops->dead_add(bench->a, &dead_mail, &bench->err));
    OK(bench, bench->b->ops->dead_list(bench->b, after - 1, 3, &bench->arena, page, &n, &bench->err));
    assert_int_equal(n, 1);
    assert_true(page[0].id > after);
}

/* ---- urgency ----------------------------------------------------------------------------------------------------- */

static void stream_gives_no_less_urgent_job_than_was_asked_for(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push jobs[] = {job_of("b", "1", RY_PRIORITY_BACKFILL), job_of("r", "1", RY_PRIORITY_RETRY),
                                       job_of("x", "1", RY_PRIORITY_DELETE), job_of("l", "1", RY_PRIORITY_LIVE)};
    assert_int_equal(push(bench, jobs, 4), 4);
    assert_int_equal(read_least(bench, bench->b, "n/1", READ_MAX, RY_PRIORITY_LIVE), 1);
    expect_str(bench->leases[0].job_id, "l");
    OK(bench, bench->b->ops->nack(bench->b, RY_STR("l"), bench->leases[0].token, 0, true, &bench->err));
    assert_int_equal(read_least(bench, bench->b, "n/1", READ_MAX, RY_PRIORITY_DELETE), 2);
    expect_str(bench->leases[0].job_id, "l");
    expect_str(bench->leases[1].job_id, "x");
    assert_int_equal(read_least(bench, bench->b, "n/1", READ_MAX, RY_PRIORITY_DELETE), 0);
    assert_int_equal(read_by(bench, bench->b, "n/1", READ_MAX), 2);
}

static void stream_gives_a_live_job_before_those_that_wait_longer(void **state)
{
    struct bench *bench = *state;
    for (int i = 0; i < 40; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "b%d", i);
        push_one(bench, id);
    }
    assert_int_equal(read_by(bench, bench->b, "n/1", 2), 2);
    struct ry_job_push live = job_of("l", "2", RY_PRIORITY_LIVE);
    assert_int_equal(push(bench, &live, 1), 1);
    (void)lease_one(bench, bench->b);
    expect_str(bench->leases[0].job_id, "l");
}

/* ---- jobs that go on --------------------------------------------------------------------------------------------- */

static void ack_with(struct bench *bench, const char *id, uint64_t token, const struct ry_job_push *next, size_t n)
{
    OK(bench, bench->a->ops->ack(bench->a, ry_str_of(id), token, next, n, &bench->err));
}

static void stream_pushes_the_next_jobs_of_an_ack(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push next[] = {job_of("y", "1", RY_PRIORITY_BACKFILL), job_of("z", "2", RY_PRIORITY_LIVE)};
    push_one(bench, "x");
    ack_with(bench, "x", lease_one(bench, bench->a), next, 2);
    expect_depth(bench, 2, 0, 0);
    assert_int_equal(read_by(bench, bench->b, "n/1", READ_MAX), 2);
    expect_str(bench->leases[0].job_id, "z");
    expect_str(bench->leases[1].job_id, "y");
    expect_str(bench->leases[1].guild_id, "1");
    expect_str(bench->leases[1].channel_id, "7");
    expect_str(bench->leases[1].type, "messages");
}

static void stream_pushes_nothing_when_an_ack_is_refused(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push next = job_of("y", "1", RY_PRIORITY_BACKFILL);
    const struct ry_job_push bad = {.job_id = RY_STR("bad"), .type = RY_STR("messages")};
    push_one(bench, "x");
    uint64_t old = lease_one(bench, bench->a);
    ry_clock_manual_advance(&bench->clock, LEASE_MS);
    uint64_t token = lease_one(bench, bench->b);
    assert_int_equal(bench->a->ops->ack(bench->a, RY_STR("x"), old, &next, 1, &bench->err), RY_EFENCED);
    expect_depth(bench, 0, 1, 0);
    assert_int_equal(bench->b->ops->ack(bench->b, RY_STR("x"), token, &bad, 1, &bench->err), RY_EINVAL);
    expect_depth(bench, 0, 1, 0);
    OK(bench, bench->b->ops->ack(bench->b, RY_STR("x"), token, NULL, 0, &bench->err));
    expect_depth(bench, 0, 0, 0);
}

/* A job comes to its end, and names the next. */
static void end_with(struct bench *bench, const char *id, const struct ry_job_push *next)
{
    struct ry_job_push job = job_of(id, "3", RY_PRIORITY_LIVE);
    assert_int_equal(push(bench, &job, 1), 1);
    uint64_t token = lease_one(bench, bench->a);
    expect_str(bench->leases[0].job_id, id);
    ack_with(bench, id, token, next, 1);
}

static void stream_goes_on_once_from_jobs_with_the_same_next(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push next = job_of("y", "1", RY_PRIORITY_BACKFILL);
    end_with(bench, "new", &next);
    expect_depth(bench, 1, 0, 0);
    end_with(bench, "waits", &next);
    expect_depth(bench, 1, 0, 0);
    uint64_t token = lease_one(bench, bench->a);
    expect_str(bench->leases[0].job_id, "y");
    end_with(bench, "leased", &next);
    expect_depth(bench, 0, 1, 0);
    ack_with(bench, "y", token, NULL, 0);
    end_with(bench, "remembered", &next);
    expect_depth(bench, 0, 0, 0);
    ry_clock_manual_advance(&bench->clock, RY_JOB_REMEMBERED_MS - 1);
    end_with(bench, "remembered still", &next);
    expect_depth(bench, 0, 0, 0);
    ry_clock_manual_advance(&bench->clock, 1);
    end_with(bench, "forgotten", &next);
    expect_depth(bench, 1, 0, 0);
}

static void stream_replays_a_dead_job_whose_id_an_ack_has_pushed(void **state)
{
    struct bench *bench = *state;
    const struct ry_job_push next = job_of("y", "1", RY_PRIORITY_BACKFILL);
    push_one(bench, "x");
    ack_with(bench, "x", lease_one(bench, bench->a), &next, 1);
    OK(bench, say(bench, bench->a, BURY, "y", lease_one(bench, bench->a)));
    OK(bench, dead_take(bench, bench->a, only_letter(bench), true));
    (void)lease_one(bench, bench->a);
    expect_str(bench->leases[0].job_id, "y");
}

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static void expect_found(struct bench *bench, const char *guild, const char *channel, bool batch, bool either)
{
    static const char *const types[][3] = {{"batch", NULL}, {"batch", "rescan", NULL}};
    const struct ry_job_queue_channel asked[] = {{RY_STR("9"), RY_STR("10")}, {ry_str_of(guild), ry_str_of(channel)}};
    bool found[2][2] = {{true, !batch}, {true, !either}};
    for (size_t i = 0; i < 2; i++)
        OK(bench, bench->b->ops->find(bench->b, asked, 2, types[i], found[i], &bench->err));
    if (found[0][0] || found[1][0] || found[0][1] != batch || found[1][1] != either)
        fail_msg("guild %s, channel %s: %d, %d", guild, channel, found[0][1], found[1][1]);
}

static void stream_finds_the_channels_that_jobs_wait_for(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *guild;
        const char *channel;
        const char *type;
        const char *json;
    } cases[] = {
        {"1", "10", "batch", "{\"channel_id\":\"10\"}"},
        {"1", "11", "batch", "{\"channel_id\":\"11\"}"},
        {"1", "12", "rescan", "{\"channel_id\":\"12\"}"},
        {"2", "13", "batch", "{\"channel_id\":\"13\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_job_push job = {.job_id = ry_str_of(cases[i].channel), .type = ry_str_of(cases[i].type)};
        job.guild_id = ry_str_of(cases[i].guild);
        job.channel_id = ry_str_of(cases[i].channel);
        job.json = ry_str_of(cases[i].json);
        job.priority = RY_PRIORITY_BACKFILL;
        assert_int_equal(push(bench, &job, 1), 1);
    }
    expect_found(bench, "1", "10", true, true);
    expect_found(bench, "1", "11", true, true);
    expect_found(bench, "1", "12", false, true);
    expect_found(bench, "2", "13", true, true);
    expect_found(bench, "2", "10", false, false);
    expect_found(bench, "1", "13", false, false);
    /* A leased one is found too, one that has ended is not. */
    assert_int_equal(read_by(bench, bench->b, "n/1", 4), 4);
    expect_found(bench, "1", "12", false, true);
    for (size_t i = 0; i < 4; i++)
        OK(bench, bench->b->ops->ack(bench->b, bench->leases[i].job_id, bench->leases[i].token, NULL, 0, &bench->err));
    expect_found(bench, "1", "10", false, false);
    expect_found(bench, "1", "12", false, false);
}

#define CLAIM(name) \
    { \
#name, name, set_up, tear_down, (void *)(uintptr_t)factory \
    }

int job_queue_suite_run(const struct job_queue_factory *factory)
{
    const struct CMUnitTest claims[] = {
        CLAIM(stream_gives_a_job_as_it_was_pushed),
        CLAIM(stream_takes_an_id_once_while_it_waits_or_is_leased),
        CLAIM(stream_refuses_a_bad_job_and_all_pushed_with_it),
        CLAIM(stream_keeps_the_cursor_of_the_last_push),
        CLAIM(stream_reads_by_priority_then_guild_in_turn_then_age),
        CLAIM(stream_keeps_the_turn_of_guilds_over_reads_of_one),
        CLAIM(stream_gives_a_job_to_one_reader_only),
        CLAIM(stream_stops_reading_when_the_arena_is_full),
        CLAIM(stream_gives_a_job_again_when_its_lease_has_run_out),
        CLAIM(stream_renews_a_lease_from_now_on),
        CLAIM(stream_fences_off_a_holder_that_lost_its_lease),
        CLAIM(stream_fences_off_a_holder_that_gave_its_lease_back),
        CLAIM(stream_knows_no_lease_of_a_job_that_is_gone),
        CLAIM(stream_tokens_grow_over_a_later_push_of_the_same_id),
        CLAIM(stream_holds_a_job_back_for_the_delay_of_its_nack),
        CLAIM(stream_hurries_what_was_held_back_alone),
        CLAIM(stream_hurries_nothing_that_was_held_back_and_then_failed),
        CLAIM(stream_puts_nothing_off_by_a_clock_that_was_wrong),
        CLAIM(stream_does_not_count_a_lease_that_was_given_back_untried),
        CLAIM(stream_releases_the_leases_of_a_former_self_alone),
        CLAIM(stream_tells_how_much_waits_and_how_long),
        CLAIM(stream_gives_no_less_urgent_job_than_was_asked_for),
        CLAIM(stream_gives_a_live_job_before_those_that_wait_longer),
        CLAIM(stream_pushes_the_next_jobs_of_an_ack),
        CLAIM(stream_pushes_nothing_when_an_ack_is_refused),
        CLAIM(stream_goes_on_once_from_jobs_with_the_same_next),
        CLAIM(stream_replays_a_dead_job_whose_id_an_ack_has_pushed),
        CLAIM(stream_finds_the_channels_that_jobs_wait_for),
        CLAIM(stream_keeps_a_buried_job_whole),
        CLAIM(stream_replays_a_dead_job_as_new),
        CLAIM(stream_replays_no_job_that_is_in_the_queue_again),
        CLAIM(stream_keeps_a_dead_mail_once_and_whole),
        CLAIM(stream_takes_many_dead_letters_and_tells_of_each),
        CLAIM(stream_lists_dead_letters_by_pages_and_never_reuses_an_id),
    };
    return cmocka_run_group_tests_name(factory->name, claims, NULL, NULL);
}

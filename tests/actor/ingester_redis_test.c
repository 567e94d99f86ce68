/* ingester_redis_test.c: a queue in Redis, which others fill: their jobs count by their JSON. */
#include "tests/bed/job_scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bed/patience.h"
#include "tests/bed/redis_server.h"

struct yard {
    struct redis_server *server;
    struct bed *bed;
};

static struct yard yard_new(void)
{
    struct yard yard = {.server = redis_server_start(NULL)};
    yard.bed = bed_new(&ry_ingester_spec, (const char *const[][2]){{"redis_url", redis_server_url(yard.server)},
                                                                   {"job_batch_size", "4"},
                                                                   {"lease_seconds", "30"},
                                                                   {NULL, NULL}});
    return yard;
}

static void yard_free(struct yard *yard)
{
    bed_expect_nothing(yard->bed);
    bed_free(yard->bed);
    redis_server_free(yard->server);
}

/* An entry whose copies tell nothing. */
static void produce(struct yard *yard, const char *type, const char *json)
{
    char stream[128];
    (void)snprintf(stream, sizeof stream, "jobs:guild:" JOB_SCENE_GUILD ":%s", type);
    (void)redis_server_say(yard->server, "XADD", stream, "*", "job", json, NULL);
}

static void ingester_runs_a_job_of_redis_by_its_json(void **state)
{
    (void)state;
    struct yard yard = yard_new();
    produce(&yard, "rescan", JOB_SCENE_BATCH("6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d"));
    bed_advance(yard.bed, 2000);
    const struct ry_job_run *run = BED_EXPECT(yard.bed, job_run);
    const struct ry_envelope *envelope = bed_envelope(yard.bed);
    assert_true(ry_str_is(run->job_id, "6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d"));
    assert_true(ry_str_is(run->type, "batch"));
    assert_false(run->local_media);
    assert_int_equal(envelope->tenant, strtoull(JOB_SCENE_GUILD, NULL, 10));
    struct ry_job_spec next = job_scene_next("y", RY_STR(JOB_SCENE_BATCH("y")));
    struct ry_job_done done = {.job_id = run->job_id, .next = {&next, 1}};
    BED_ANSWER(yard.bed, envelope->id, job_done, &done);
    assert_int_equal(redis_server_int(yard.server, "XLEN", "jobs:guild:" JOB_SCENE_GUILD ":rescan", NULL), 0);
    run = BED_EXPECT(yard.bed, job_run);
    assert_true(ry_str_is(run->job_id, "y"));
    yard_free(&yard);
}

static void ingester_is_woken_by_redis(void **state)
{
    (void)state;
    struct yard yard = yard_new();
    produce(&yard, "batch", JOB_SCENE_BATCH("a"));
    bed_advance(yard.bed, 2000);
    (void)BED_EXPECT(yard.bed, job_run);
    produce(&yard, "batch", JOB_SCENE_BATCH("b"));
    while (bed_next_tag(yard.bed) == RY_TAG_NONE)
        assert_true(bed_wait_engine(yard.bed, PATIENCE_MS));
    const struct ry_job_run *run = BED_EXPECT(yard.bed, job_run);
    assert_true(ry_str_is(run->job_id, "b"));
    yard_free(&yard);
}

static void ingester_puts_bad_jobs_aside_with_the_field_named(void **state)
{
    (void)state;
#define HEAD "\"type\":\"batch\",\"guild_id\":\"1\",\"channel_id\":\"2\""
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"", "empty"},
        {"nonsense", "not JSON"},
        {"{} {}", "not JSON"},
        {"[1]", "not a JSON object"},
        {"{\"job_id\":\"\xff\"}", "UTF-8"},
        {"{" HEAD "}", "job_id is missing"},
        {"{" HEAD ",\"job_id\":7}", "job_id is not a string"},
        {"{" HEAD ",\"job_id\":\"\"}", "no job_id"},
        {"{" HEAD ",\"job_id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
         "job_id has 70"},
        {"{\"job_id\":\"a\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "type is missing"},
        {"{\"job_id\":\"a\",\"type\":\"dance\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "type is \"dance\""},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":1,\"channel_id\":\"2\"}", "guild_id is not a string"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"x\",\"channel_id\":\"2\"}",
         "guild_id must be a snowflake"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"1\"}", "channel_id is missing"},
        {"{\"job_id\":\"a\",\"type\":\"batch\",\"guild_id\":\"1\",\"channel_id\":\"-3\"}", "channel_id must be"},
        {"{\"job_id\":\"a\",\"type\":\"message\",\"guild_id\":\"1\",\"channel_id\":\"2\"}", "message_ids is missing"},
        {"{\"job_id\":\"a\",\"type\":\"message\",\"guild_id\":\"1\",\"channel_id\":\"2\",\"message_ids\":\"5\"}",
         "message_ids must be a list"},
    };
    struct yard yard = yard_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        produce(&yard, "batch", cases[i].json);
        bed_advance(yard.bed, 2000);
        while (redis_server_int(yard.server, "XLEN", "reelyard:dead", NULL) == (int64_t)i)
            assert_true(bed_wait_engine(yard.bed, PATIENCE_MS));
        const char *letter = redis_server_say(yard.server, "XREVRANGE", "reelyard:dead", "+", "-", "COUNT", "1", NULL);
        if (strstr(letter, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].json, letter);
        assert_int_equal(redis_server_int(yard.server, "XLEN", "reelyard:dead", NULL), i + 1);
        assert_int_equal(redis_server_int(yard.server, "XLEN", "jobs:guild:" JOB_SCENE_GUILD ":batch", NULL), 0);
        bed_expect_nothing(yard.bed);
    }
    yard_free(&yard);
}

static void ingester_waits_for_a_redis_that_is_away(void **state)
{
    (void)state;
    struct redis_server_options options = {.append_only = true};
    struct redis_server *server = redis_server_start(&options);
    redis_server_stop(server);
    struct bed *bed =
        bed_new(&ry_ingester_spec, (const char *const[][2]){{"redis_url", redis_server_url(server)}, {NULL, NULL}});
    bed_advance(bed, 5000);
    struct ry_queue_get get = {0};
    uint64_t id = BED_DELIVER(bed, queue_get, &get, NULL);
    const struct ry_queue_state *queue = BED_EXPECT(bed, queue_state);
    assert_false(queue->healthy);
    assert_true(ry_str_is(queue->engine, "redis"));
    assert_true(queue->reason.n > 0);
    bed_expect_done(bed, id);
    redis_server_restart(server);
    (void)redis_server_say(server, "XADD", "jobs:guild:1:batch", "*", "job", JOB_SCENE_BATCH("a"), NULL);
    bed_advance(bed, 120000);
    (void)BED_EXPECT(bed, job_run);
    id = BED_DELIVER(bed, queue_get, &get, NULL);
    queue = BED_EXPECT(bed, queue_state);
    assert_true(queue->healthy);
    assert_int_equal(queue->leased, 1);
    assert_int_equal(queue->streams, 1);
    bed_expect_done(bed, id);
    bed_free(bed);
    /* It gave back what it left behind, untried. */
    assert_int_equal(redis_server_int(server, "HLEN", "reelyard:leases", NULL), 0);
    assert_int_equal(redis_server_int(server, "ZCARD", "reelyard:when", NULL), 1);
    redis_server_free(server);
}

static void ingester_refuses_a_url_that_it_cannot_use(void **state)
{
    (void)state;
    struct ry_error err = {0};
    bed_new_fails(&ry_ingester_spec, (const char *const[][2]){{"redis_url", "rediss://me:secret@cache"}, {NULL, NULL}},
                  &err);
    assert_int_equal(err.code, RY_ECONFIG);
    assert_non_null(strstr(err.text, "TLS"));
    assert_null(strstr(err.text, "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ingester_runs_a_job_of_redis_by_its_json),
        cmocka_unit_test(ingester_is_woken_by_redis),
        cmocka_unit_test(ingester_puts_bad_jobs_aside_with_the_field_named),
        cmocka_unit_test(ingester_waits_for_a_redis_that_is_away),
        cmocka_unit_test(ingester_refuses_a_url_that_it_cannot_use),
    };
    redis_server_needed();
    return cmocka_run_group_tests_name("ingester_redis", tests, NULL, NULL);
}

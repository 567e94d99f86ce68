/* redis_backoff_test.c: jobs and mail of other nodes wait for a Redis that is away as REDIS_CONNECT_BACKOFF_* say; mail
 * never waits for longer than half the time for which the record of a node stands.
 *
 * A real server that is stopped and started, and a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/queue/job_queue.h"
#include "runtime/queue/redis_mail.h"
#include "tests/bed/redis_server.h"

#define START_MS INT64_C(1729350189000)

enum user { USER_JOBS, USER_MAIL, USER_COUNT };

struct scene {
    struct redis_server *server;
    struct ry_config *config;
    struct ry_clock_manual clock;
    struct ry_job_queue *jobs;
    struct ry_mail_stream *mail;
};

static const struct pace {
    const char *initial_s, *max_s, *multiplier;
    unsigned failures;
    int64_t wait_ms[USER_COUNT]; /* after so many failures in a row, give or take a fifth */
} paces[] = {
    {"0.5", "30", "2", 1, {500, 500}},         {"0.5", "30", "2", 4, {4000, 4000}},
    {"0.5", "30", "2", 9, {30000, 5000}},      {"10", "10", "100", 3, {10000, 5000}},
    {"3600", "3600", "2", 1, {3600000, 5000}}, {"0.25", "60", "1", 7, {250, 250}},
    {"0.5", "3", "2", 9, {3000, 3000}},
};

static struct scene *scene_new(const struct pace *pace)
{
    static const char *const none[] = {NULL};
    struct ry_error err = {0};
    struct scene *scene = test_calloc(1, sizeof *scene);
    assert_int_equal(ry_config_load(&scene->config, (char *const *)(uintptr_t)none, NULL), RY_OK);
    scene->server = redis_server_start(NULL);
    const struct {
        enum ry_option option;
        const char *value;
    } set[] = {{RY_OPT_redis_url, redis_server_url(scene->server)},
               {RY_OPT_redis_connect_timeout, "600"},
               {RY_OPT_redis_backoff_initial, pace->initial_s},
               {RY_OPT_redis_backoff_max, pace->max_s},
               {RY_OPT_redis_backoff_multiplier, pace->multiplier}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_int_equal(ry_config_set(scene->config, set[i].option, set[i].value, &err), RY_OK);
    ry_clock_manual_init(&scene->clock, START_MS);
    const struct ry_job_queue_redis_options options = {
        .url = redis_server_url(scene->server), .clock = &scene->clock.clock, .config = scene->config};
    assert_int_equal(ry_job_queue_redis_open(&options, &scene->jobs, &err), RY_OK);
    assert_int_equal(ry_mail_stream_new(&scene->mail, scene->config, "a/1", &scene->clock.clock, &err), RY_OK);
    return scene;
}

static void scene_free(struct scene *scene)
{
    ry_job_queue_close(&scene->jobs);
    ry_mail_stream_free(&scene->mail);
    redis_server_free(scene->server);
    ry_config_free(&scene->config);
    test_free(scene);
}

static int use(struct scene *scene, enum user user)
{
    struct ry_depth depth;
    struct ry_error err = {0};
    uint64_t length = 0;
    int rc = user == USER_JOBS ? scene->jobs->ops->depth(scene->jobs, &depth, &err)
                               : ry_mail_stream_length(scene->mail, "reelyard:mail:writer", &length, &err);
    assert_int_equal(rc, err.code);
    if (rc != RY_OK)
        assert_non_null(strstr(err.text, "Redis at 127.0.0.1"));
    return rc;
}

/* The server is back: each user tries when its wait is over, the one of mail, which is the shorter one, first. */
static void expect_tries(struct scene *scene, size_t row)
{
    int64_t passed_ms = 0;
    for (enum user user = USER_COUNT; user-- > 0;) {
        int64_t wait_ms = paces[row].wait_ms[user];
        int64_t early_ms = wait_ms * 8 / 10 - 1 - passed_ms;
        if (early_ms > 0) {
            ry_clock_manual_advance(&scene->clock, early_ms);
            passed_ms += early_ms;
            for (enum user waiting = 0; waiting <= user; waiting++)
                if (use(scene, waiting) != RY_EAWAY)
                    fail_msg("row %zu, user %d: tried too early", row, (int)waiting);
        }
        ry_clock_manual_advance(&scene->clock, wait_ms * 12 / 10 + 1 - passed_ms);
        passed_ms = wait_ms * 12 / 10 + 1;
        if (use(scene, user) != RY_OK)
            fail_msg("row %zu, user %d: not tried in time", row, (int)user);
    }
}

static void both_try_again_when_the_configured_wait_is_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof paces / sizeof *paces; i++) {
        struct scene *scene = scene_new(&paces[i]);
        for (enum user user = 0; user < USER_COUNT; user++)
            assert_int_equal(use(scene, user), RY_OK);
        redis_server_stop(scene->server);
        for (unsigned n = 0; n < paces[i].failures; n++) {
            ry_clock_manual_advance(&scene->clock, 5000000);
            for (enum user user = 0; user < USER_COUNT; user++)
                assert_int_equal(use(scene, user), RY_EAWAY);
        }
        redis_server_restart(scene->server);
        expect_tries(scene, i);
        scene_free(scene);
    }
}

static void wait_is_short_again_after_a_connection_that_worked(void **state)
{
    (void)state;
    static const struct pace pace = {"1", "64", "2", 0, {0, 0}};
    struct scene *scene = scene_new(&pace);
    for (unsigned outage = 0; outage < 3; outage++) {
        redis_server_stop(scene->server);
        for (unsigned n = 0; n < 5; n++) {
            ry_clock_manual_advance(&scene->clock, 120000);
            for (enum user user = 0; user < USER_COUNT; user++)
                assert_int_equal(use(scene, user), RY_EAWAY);
        }
        redis_server_restart(scene->server);
        ry_clock_manual_advance(&scene->clock, 120000);
        for (enum user user = 0; user < USER_COUNT; user++)
            assert_int_equal(use(scene, user), RY_OK);
        redis_server_stop(scene->server);
        for (enum user user = 0; user < USER_COUNT; user++)
            assert_int_equal(use(scene, user), RY_EAWAY);
        redis_server_restart(scene->server);
        ry_clock_manual_advance(&scene->clock, 1201);
        for (enum user user = 0; user < USER_COUNT; user++)
            assert_int_equal(use(scene, user), RY_OK);
    }
    scene_free(scene);
}

static void wait_grows_while_the_server_is_a_replica(void **state)
{
    (void)state;
    static const struct pace pace = {"1", "64", "2", 0, {0, 0}};
    struct scene *scene = scene_new(&pace);
    redis_server_stop(scene->server);
    redis_server_restart(scene->server);
    (void)redis_server_say(scene->server, "REPLICAOF", "127.0.0.1", "1", NULL);
    for (unsigned n = 0; n < 4; n++) {
        ry_clock_manual_advance(&scene->clock, 120000);
        for (enum user user = 0; user < USER_COUNT; user++)
            assert_int_equal(use(scene, user), RY_EAWAY);
        assert_int_equal(scene->mail->connection.tries, n + 1);
    }
    (void)redis_server_say(scene->server, "REPLICAOF", "NO", "ONE", NULL);
    ry_clock_manual_advance(&scene->clock, 120000);
    for (enum user user = 0; user < USER_COUNT; user++)
        assert_int_equal(use(scene, user), RY_OK);
    scene_free(scene);
}

static void mail_never_waits_for_an_answer_for_longer_than_its_limit(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    static const struct {
        const char *configured_s;
        int mail_ms;
    } cases[] = {{"0.1", 100}, {"1.5", 1500}, {"2", 2000}, {"2.1", 2000}, {"3600", 2000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_config *config = NULL;
        struct ry_mail_stream *mail = NULL;
        struct ry_clock_manual clock;
        ry_clock_manual_init(&clock, START_MS);
        assert_int_equal(ry_config_load(&config, (char *const *)(uintptr_t)none, NULL), RY_OK);
        assert_int_equal(ry_config_set(config, RY_OPT_redis_url, "redis://127.0.0.1:1", NULL), RY_OK);
        assert_int_equal(ry_config_set(config, RY_OPT_redis_connect_timeout, cases[i].configured_s, NULL), RY_OK);
        assert_int_equal(ry_mail_stream_new(&mail, config, "a/1", &clock.clock, NULL), RY_OK);
        assert_int_equal(mail->connection.link.timeout_ms, cases[i].mail_ms);
        assert_int_equal(mail->bells.link.timeout_ms, cases[i].mail_ms);
        ry_mail_stream_free(&mail);
        ry_config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_try_again_when_the_configured_wait_is_over),
        cmocka_unit_test(wait_is_short_again_after_a_connection_that_worked),
        cmocka_unit_test(wait_grows_while_the_server_is_a_replica),
        cmocka_unit_test(mail_never_waits_for_an_answer_for_longer_than_its_limit),
    };
    redis_server_needed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

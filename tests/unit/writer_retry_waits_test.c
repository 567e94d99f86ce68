/* writer_retry_waits_test.c: how long a clip that failed waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/retry_waits.h"
#include "tests/bed/between.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MS    (INT64_C(24) * 60 * MINUTE_MS)

static struct ry_config *config_of(const char *list)
{
    static char *const none[] = {NULL};
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    if (ry_config_load(&config, none, &err) != RY_OK ||
        ry_config_set(config, RY_OPT_retry_backoff_minutes, list, &err) != RY_OK ||
        ry_config_finish(config, &err) != RY_OK)
        fail_msg("%s", err.text);
    return config;
}

static void wait_grows_with_the_failures_before_and_the_last_one_repeats(void **state)
{
    (void)state;
    static const int64_t minutes[] = {5, 15, 60, 240, 720, 1440, 1440, 1440};
    struct ry_config *config = config_of("5,15,60,240,720,1440");
    struct ry_rng rng = {1};
    struct retry_list list;
    struct retry_waits waits;
    assert_int_equal(retry_list_read(config, &list, NULL), RY_OK);
    retry_waits_draw(&list, &rng, 0, &waits);
    for (uint64_t retry_count = 0; retry_count < sizeof minutes / sizeof *minutes; retry_count++) {
        int64_t wait_ms = minutes[retry_count] * MINUTE_MS;
        assert_between(retry_wait_ms(&waits, retry_count), wait_ms - wait_ms / 10, wait_ms + wait_ms / 10);
    }
    assert_int_equal(retry_wait_ms(&waits, UINT64_MAX), waits.ms[5]);
    ry_config_free(&config);
}

static void server_may_ask_for_more_but_for_no_more_than_a_day(void **state)
{
    (void)state;
    const struct {
        uint64_t asked_ms;
        int64_t least_ms, most_ms; /* of a first failure, whose listed wait is an hour */
    } cases[] = {
        {0, 54 * MINUTE_MS, 66 * MINUTE_MS},
        {MINUTE_MS, 54 * MINUTE_MS, 66 * MINUTE_MS},
        {90 * MINUTE_MS, 90 * MINUTE_MS, 90 * MINUTE_MS},
        {DAY_MS, DAY_MS, DAY_MS},
        {DAY_MS + 1, DAY_MS, DAY_MS},
        {UINT64_MAX, DAY_MS, DAY_MS},
    };
    const struct retry_list list = {.minutes = {60, 525600}, .n = 2};
    struct ry_rng rng = {1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct retry_waits waits;
        retry_waits_draw(&list, &rng, cases[i].asked_ms, &waits);
        assert_between(retry_wait_ms(&waits, 0), cases[i].least_ms, cases[i].most_ms);
        assert_true(retry_wait_ms(&waits, 1) > 300 * DAY_MS); /* what the list says is not cut */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_grows_with_the_failures_before_and_the_last_one_repeats),
        cmocka_unit_test(server_may_ask_for_more_but_for_no_more_than_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* redis_streams_test.c: which streams are known, and in which order they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "runtime/queue/redis_streams.h"

static void add(struct ry_redis_streams *streams, const char *name)
{
    assert_non_null(ry_redis_streams_add(streams, ry_str_of(name), NULL));
}

static void expect_picked(const struct ry_redis_streams *streams, enum ry_priority least, size_t max, const char *want)
{
    struct ry_redis_stream *picked[16];
    char got[512] = "";
    size_t n = ry_redis_streams_pick(streams, least, picked, max);
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%.*s:%.*s", i ? " " : "", RY_STR_ARG(picked[i]->guild),
                               RY_STR_ARG(picked[i]->type));
    assert_string_equal(got, want);
}

static void streams_are_known_by_their_names(void **state)
{
    (void)state;
    struct ry_redis_streams streams = {0};
    char name[256];
    const struct {
        const char *name;
        bool taken;
    } cases[] = {{"jobs:guild:1:batch", true},
                 {"jobs:guild:global:purge_guild", true},
                 {"jobs:guild:1:un:heard", true},
                 {"jobs:guild::batch", true},
                 {"jobs:guild:1:", true},
                 {"jobs:guild:1", false},
                 {"jobs:guild:", false},
                 {"jobs:other:1:batch", false},
                 {"", false}};
    size_t taken = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int again = 0; again < 2; again++) {
            bool made = false;
            bool there = ry_redis_streams_add(&streams, ry_str_of(cases[i].name), &made) != NULL;
            if (there != cases[i].taken || made != (there && again == 0))
                fail_msg("%s: %d, %d", cases[i].name, there, made);
        }
        taken += cases[i].taken;
    }
    assert_int_equal(streams.n, taken);
    (void)snprintf(name, sizeof name, "jobs:guild:1:%0220d", 0);
    assert_null(ry_redis_streams_add(&streams, ry_str_of(name), NULL));
    ry_redis_streams_free(&streams);
}

static void streams_are_picked_by_class_and_in_turn_between_guilds(void **state)
{
    (void)state;
    struct ry_redis_streams streams = {0};
    add(&streams, "jobs:guild:2:batch");
    add(&streams, "jobs:guild:1:batch");
    add(&streams, "jobs:guild:1:message");
    add(&streams, "jobs:guild:3:purge_channel");
    add(&streams, "jobs:guild:10:rescan");
    add(&streams, "jobs:guild:2:message");
    add(&streams, "jobs:guild:1:dance");
    expect_picked(&streams, RY_PRIORITY_LIVE, 16, "1:message 2:message");
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 16,
                  "1:message 2:message 3:purge_channel 1:batch 1:dance 10:rescan 2:batch");
    ry_redis_streams_serve(&streams, RY_PRIORITY_LIVE, RY_STR("1"));
    ry_redis_streams_serve(&streams, RY_PRIORITY_BACKFILL, RY_STR("10"));
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 16,
                  "2:message 1:message 3:purge_channel 2:batch 1:batch 1:dance 10:rescan");
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 4, "2:message 1:message 3:purge_channel 2:batch");
    ry_redis_streams_free(&streams);
}

static void streams_that_are_cold_are_not_picked(void **state)
{
    (void)state;
    struct ry_redis_streams streams = {0};
    add(&streams, "jobs:guild:1:batch");
    add(&streams, "jobs:guild:2:message");
    for (size_t i = 0; i < streams.n; i++)
        ry_redis_stream_set_hot(&streams, streams.items[i], false);
    assert_int_equal(ry_redis_streams_hot(&streams, RY_PRIORITY_BACKFILL), 0);
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 16, "");
    ry_redis_stream_set_hot(&streams, streams.items[1], true);
    assert_int_equal(ry_redis_streams_hot(&streams, RY_PRIORITY_LIVE), 0);
    assert_int_equal(ry_redis_streams_hot(&streams, RY_PRIORITY_BACKFILL), 1);
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 16, "1:batch");
    ry_redis_streams_set_all_hot(&streams);
    assert_int_equal(ry_redis_streams_hot(&streams, RY_PRIORITY_BACKFILL), 2);
    ry_redis_streams_free(&streams);
}

static void streams_that_a_round_has_not_seen_are_forgotten(void **state)
{
    (void)state;
    struct ry_redis_streams streams = {0};
    add(&streams, "jobs:guild:1:batch");
    add(&streams, "jobs:guild:2:batch");
    add(&streams, "jobs:guild:3:batch");
    unsigned version = streams.version;
    ry_redis_streams_add(&streams, RY_STR("jobs:guild:2:batch"), NULL)->seen = 5;
    assert_int_equal(streams.version, version);
    assert_int_equal(ry_redis_streams_remove_unseen(&streams, 5), 2);
    expect_picked(&streams, RY_PRIORITY_BACKFILL, 16, "2:batch");
    assert_int_equal(ry_redis_streams_hot(&streams, RY_PRIORITY_BACKFILL), 1);
    assert_int_not_equal(streams.version, version);
    ry_redis_streams_free(&streams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_known_by_their_names),
        cmocka_unit_test(streams_are_picked_by_class_and_in_turn_between_guilds),
        cmocka_unit_test(streams_that_are_cold_are_not_picked),
        cmocka_unit_test(streams_that_a_round_has_not_seen_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* discord_limits_test.c: when Discord may be asked next, as tables of what happened before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "runtime/net/discord_limits.h"
#include "tests/bed/between.h"

#define FOREVER INT64_MAX
#define START   1000000

/* What happens to a route at a time. */
enum act { SEND, LOSE, ANSWER, WAIT };

struct step {
    enum act act;
    int route; /* index into routes */
    int64_t at_ms;
    struct ry_limit_answer answer; /* of ANSWER */
    int64_t wait_ms;               /* expected of WAIT */
    enum ry_limit_reason reason;
};

static const char *const routes[] = {"/channels/1/messages", "/channels/1/messages/:id", "/channels/2/messages",
                                     "/guilds/1/members/:id"};

#define TOLD(b, lim, rem, after, wall) \
    { \
        .status = 200, .bucket = b, .limit = lim, .remaining = rem, .resets_after_ms = after, .resets_wall_ms = wall, \
        .retry_after_ms = -1 \
    }
#define BARE(s) \
    { \
        .status = s, .limit = -1, .remaining = -1, .resets_after_ms = -1, .resets_wall_ms = -1, .retry_after_ms = -1 \
    }
#define ASKED(s, ms) \
    { \
        .status = 429, .limit = -1, .remaining = -1, .resets_after_ms = -1, .resets_wall_ms = -1, \
        .retry_after_ms = ms, .scope = s \
    }

struct course {
    const char *claim;
    struct step steps[16];
    size_t count;
};

#define STEPS(...) {__VA_ARGS__}, sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step)

#define SENT(r, at) \
    { \
        .act = SEND, .route = r, .at_ms = at \
    }
#define LOST(r, at) \
    { \
        .act = LOSE, .route = r, .at_ms = at \
    }
#define CAME(r, at, ...) \
    { \
        .act = ANSWER, .route = r, .at_ms = at, .answer = __VA_ARGS__ \
    }
#define GOES(r, at) \
    { \
        .act = WAIT, .route = r, .at_ms = at \
    }
#define WAITS(r, at, ms, why) \
    { \
        .act = WAIT, .route = r, .at_ms = at, .wait_ms = ms, .reason = RY_LIMIT_##why \
    }

static const struct course courses[] = {
    {"a route that is not known has one call under way",
     STEPS(GOES(0, 0), SENT(0, 0), WAITS(0, 0, FOREVER, UNKNOWN), GOES(2, 0))},
    {"an answer without a bucket lets all calls go",
     STEPS(SENT(0, 0), CAME(0, 1, BARE(200)), SENT(0, 1), SENT(0, 1), GOES(0, 1))},
    {"a server error teaches nothing",
     STEPS(SENT(0, 0), CAME(0, 1, BARE(502)), SENT(0, 1), WAITS(0, 1, FOREVER, UNKNOWN))},
    {"what is under way counts as used", STEPS(SENT(0, 0), CAME(0, 1, TOLD("b", 3, 2, 1000, 5000)), SENT(0, 2),
                                               GOES(0, 2), SENT(0, 2), WAITS(0, 2, 999, EMPTY))},
    {"a bucket refills when its window is over",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 1, 0, 1000, 5000)), WAITS(0, 999, 1, EMPTY), GOES(0, 1000))},
    {"what is under way when the window turns is counted in the next",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 2, 1, 100, 5000)), SENT(0, 50), GOES(0, 100), SENT(0, 100),
           WAITS(0, 100, FOREVER, EMPTY))},
    {"the least remaining of a window counts, in whatever order it is told",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 3, 2, 1000, 5000)), SENT(0, 1), SENT(0, 1),
           CAME(0, 2, TOLD("b", 3, 0, 998, 5000)), CAME(0, 3, TOLD("b", 3, 1, 998, 5000)), WAITS(0, 4, 996, EMPTY))},
    {"a later window is taken as told before ours is over",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 2, 1, 1000, 5000)), SENT(0, 990), CAME(0, 995, TOLD("b", 2, 1, 1000, 6001)),
           GOES(0, 995), SENT(0, 995), WAITS(0, 996, 999, EMPTY))},
    {"an earlier window's answer says nothing",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 3, 2, 1000, 5000)), SENT(0, 10), SENT(0, 1000),
           CAME(0, 1001, TOLD("b", 3, 2, 1000, 6001)), CAME(0, 1002, TOLD("b", 3, 0, 10, 5000)), GOES(0, 1003))},
    {"a call that was never answered stays counted for a window",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 1, 0, 500, 5000)), SENT(0, 500), LOST(0, 600), WAITS(0, 600, 500, EMPTY),
           GOES(0, 1100))},
    {"routes of one bucket and channel share it",
     STEPS(SENT(0, 0), SENT(1, 0), CAME(0, 0, TOLD("b", 2, 1, 1000, 5000)), CAME(1, 0, TOLD("b", 2, 0, 1000, 5000)),
           WAITS(0, 0, 1000, EMPTY), WAITS(1, 0, 1000, EMPTY))},
    {"a bucket of the same name is another channel's own",
     STEPS(SENT(0, 0), SENT(2, 0), CAME(2, 0, TOLD("b", 2, 1, 1000, 5000)), CAME(0, 0, TOLD("b", 2, 0, 1000, 5000)),
           WAITS(0, 0, 1000, EMPTY), GOES(2, 0))},
    {"a 429 before the bucket is known holds its route back, for hours too",
     STEPS(SENT(0, 0), CAME(0, 0, ASKED(RY_LIMIT_USER, 7200000)), WAITS(0, 1, 7199999, ASKED), GOES(1, 1),
           GOES(0, 7200000))},
    {"a 429 of a bucket holds back all routes of it",
     STEPS(SENT(0, 0), CAME(0, 0, TOLD("b", 9, 8, 10, 5000)), SENT(1, 0), CAME(1, 0, TOLD("b", 9, 7, 10, 5000)),
           SENT(1, 1), CAME(1, 1, ASKED(RY_LIMIT_SHARED, 300)), WAITS(0, 100, 201, ASKED), GOES(3, 100))},
    {"a global 429 holds everything back",
     STEPS(SENT(0, 0), CAME(0, 0, ASKED(RY_LIMIT_GLOBAL, 300)), WAITS(3, 100, 200, ASKED_ALL), GOES(3, 300))},
    {"a 429 that asks for nothing is waited for all the same",
     STEPS(SENT(0, 0), CAME(0, 0, ASKED(RY_LIMIT_USER, -1)), WAITS(0, 0, 1000, ASKED))},
};

static void run_course(const struct course *course)
{
    struct ry_limits *limits = ry_limits_new(0);
    assert_non_null(limits);
    struct ry_limit_route *held[4];
    for (size_t i = 0; i < 4; i++)
        held[i] = ry_limits_hold(limits, "GET", routes[i], START);
    for (size_t i = 0; i < course->count; i++) {
        const struct step *step = &course->steps[i];
        struct ry_limit_route *route = held[step->route];
        int64_t now = START + step->at_ms;
        enum ry_limit_reason reason;
        int64_t wait_ms;
        switch (step->act) {
        case SEND: ry_limits_sent(limits, route); break;
        case LOSE: ry_limits_unanswered(limits, route, now); break;
        case ANSWER: ry_limits_answered(limits, route, &step->answer, now); break;
        case WAIT:
            wait_ms = ry_limits_wait_ms(limits, route, now, &reason);
            if (wait_ms != step->wait_ms || reason != step->reason)
                fail_msg("%s: step %zu: waits %lld ms (reason %d), not %lld (%d)", course->claim, i, (long long)wait_ms,
                         (int)reason, (long long)step->wait_ms, (int)step->reason);
        }
    }
    ry_limits_free(&limits);
}

static void discord_limits_follow_what_was_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof courses / sizeof *courses; i++)
        run_course(&courses[i]);
}

static void discord_limits_keep_below_fifty_a_second(void **state)
{
    (void)state;
    struct ry_limits *limits = ry_limits_new(0);
    struct ry_limit_route *route = ry_limits_hold(limits, "GET", routes[0], START);
    static const struct ry_limit_answer answer = BARE(200);
    int64_t sent[500];
    size_t n = 0;
    enum ry_limit_reason reason;
    for (int64_t now = START; n < 500; now++) {
        while (n < 500 && ry_limits_wait_ms(limits, route, now, &reason) == 0) {
            ry_limits_sent(limits, route);
            ry_limits_answered(limits, route, &answer, now);
            sent[n++] = now;
        }
        if (n < 500)
            assert_int_equal(reason, RY_LIMIT_OWN_RATE);
    }
    for (size_t i = 50; i < n; i++)
        assert_true(sent[i] - sent[i - 50] > 1000);
    assert_true(sent[n - 1] - sent[0] < 11 * 1050); /* and do not dawdle */
    ry_limits_free(&limits);
}

static void discord_limits_count_a_call_for_a_second_after_its_answer(void **state)
{
    (void)state;
    /* However late a call arrives between the two, fifty-one are never within a second of each other. */
    struct ry_limits *limits = ry_limits_new(0);
    struct ry_limit_route *route = ry_limits_hold(limits, "GET", routes[0], START);
    static const struct ry_limit_answer answer = BARE(200);
    enum ry_limit_reason reason;
    ry_limits_sent(limits, route);
    ry_limits_answered(limits, route, &answer, START - 5000); /* its limits are known */
    for (int i = 0; i < 50; i++) {
        assert_int_equal(ry_limits_wait_ms(limits, route, START, &reason), 0);
        ry_limits_sent(limits, route);
    }
    assert_int_equal(ry_limits_wait_ms(limits, route, START + 5000, &reason), FOREVER);
    assert_int_equal(reason, RY_LIMIT_OWN_RATE);
    ry_limits_answered(limits, route, &answer, START + 5000);
    ry_limits_unanswered(limits, route, START + 5100);
    assert_int_equal(ry_limits_wait_ms(limits, route, START + 5200, &reason), RY_LIMIT_RATE_MS - 200);
    assert_int_equal(ry_limits_wait_ms(limits, route, START + 5000 + RY_LIMIT_RATE_MS, &reason), 0);
    ry_limits_sent(limits, route);
    assert_int_equal(ry_limits_wait_ms(limits, route, START + 5000 + RY_LIMIT_RATE_MS, &reason), 100);
    ry_limits_free(&limits);
}

static void discord_limits_brake_before_the_address_is_banned(void **state)
{
    (void)state;
    static const struct {
        struct ry_limit_answer answer;
        bool counts;
    } answers[] = {{BARE(200), false},
                   {BARE(401), true},
                   {BARE(403), true},
                   {BARE(404), false},
                   {BARE(500), false},
                   {ASKED(RY_LIMIT_USER, 0), true},
                   {ASKED(RY_LIMIT_GLOBAL, 0), true},
                   {ASKED(RY_LIMIT_SHARED, 0), false}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct ry_limits *limits = ry_limits_new(3);
        struct ry_limit_route *route = ry_limits_hold(limits, "GET", routes[0], START);
        enum ry_limit_reason reason;
        for (int64_t now = START; now < START + 3000; now += 1000) {
            assert_int_equal(ry_limits_wait_ms(limits, route, now, &reason), 0);
            ry_limits_sent(limits, route);
            ry_limits_answered(limits, route, &answers[i].answer, now);
        }
        assert_int_equal(ry_limits_invalid(limits, START + 3000), answers[i].counts ? 3 : 0);
        int64_t wait_ms = ry_limits_wait_ms(limits, route, START + 3000, &reason);
        if (!answers[i].counts) {
            assert_int_equal(wait_ms, 0);
        } else {
            assert_int_equal(reason, RY_LIMIT_INVALID_MANY);
            assert_between(wait_ms, 597000, 610000);
            assert_int_equal(ry_limits_wait_ms(limits, route, START + 3000 + wait_ms, &reason), 0);
        }
        ry_limits_free(&limits);
    }
}

static void discord_limits_count_what_is_under_way_towards_the_brake(void **state)
{
    (void)state;
    struct ry_limits *limits = ry_limits_new(2);
    enum ry_limit_reason reason;
    struct ry_limit_route *a = ry_limits_hold(limits, "GET", routes[0], START);
    struct ry_limit_route *b = ry_limits_hold(limits, "GET", routes[2], START);
    struct ry_limit_route *c = ry_limits_hold(limits, "GET", routes[3], START);
    ry_limits_sent(limits, a);
    ry_limits_sent(limits, b);
    assert_int_equal(ry_limits_wait_ms(limits, c, START, &reason), FOREVER);
    assert_int_equal(reason, RY_LIMIT_INVALID_MANY);
    ry_limits_unanswered(limits, a, START);
    assert_int_equal(ry_limits_wait_ms(limits, c, START, &reason), 0);
    ry_limits_free(&limits);
}

static void discord_limits_forget_routes_that_nobody_needs(void **state)
{
    (void)state;
    struct ry_limits *limits = ry_limits_new(0);
    static const struct ry_limit_answer answer = TOLD("b", 1, 0, 3600000, 5000);
    struct ry_limit_route *empty = ry_limits_hold(limits, "GET", "/channels/9/messages", START);
    ry_limits_sent(limits, empty);
    ry_limits_answered(limits, empty, &answer, START);
    ry_limits_let_go(empty);
    for (int i = 0; i < 5000; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "/channels/%d/messages", 1000 + i);
        struct ry_limit_route *route = ry_limits_hold(limits, "GET", text, START);
        ry_limits_let_go(route);
    }
    assert_true(ry_limits_routes(limits) <= RY_LIMIT_ROUTES_MAX);
    /* but not one whose limit still stands */
    enum ry_limit_reason reason;
    empty = ry_limits_hold(limits, "GET", "/channels/9/messages", START);
    assert_int_equal(ry_limits_wait_ms(limits, empty, START, &reason), 3600000);
    ry_limits_free(&limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discord_limits_follow_what_was_told),
        cmocka_unit_test(discord_limits_keep_below_fifty_a_second),
        cmocka_unit_test(discord_limits_count_a_call_for_a_second_after_its_answer),
        cmocka_unit_test(discord_limits_brake_before_the_address_is_banned),
        cmocka_unit_test(discord_limits_count_what_is_under_way_towards_the_brake),
        cmocka_unit_test(discord_limits_forget_routes_that_nobody_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* turnstile_test.c: the gate that tests hold back a fake's requests with lets through whom it is told to, and nobody
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>

#include "tests/bed/turnstile.h"

#define CALLERS 6

struct crowd {
    struct turnstile turnstile;
    pthread_t callers[CALLERS];
};

static void *call(void *arg)
{
    turnstile_pass(arg);
    return NULL;
}

static void send_callers(struct crowd *crowd)
{
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&crowd->callers[i], NULL, call, &crowd->turnstile), 0);
}

static void meet_callers(struct crowd *crowd)
{
    for (size_t i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_join(crowd->callers[i], NULL), 0);
}

/* Until so many wait and so many have passed. What must not happen would show at a later step's counts. */
static void await_counts(struct crowd *crowd, uint64_t waiting, uint64_t passed)
{
    uint64_t now_waiting, now_passed;
    for (;;) {
        turnstile_counts(&crowd->turnstile, &now_waiting, &now_passed);
        if (now_passed > passed)
            fail_msg("%llu passed, not %llu", (unsigned long long)now_passed, (unsigned long long)passed);
        if (now_waiting == waiting && now_passed == passed)
            return;
        sched_yield();
    }
}

static void an_open_one_lets_everybody_through(void **state)
{
    (void)state;
    struct crowd crowd = {.turnstile = TURNSTILE_INIT};
    send_callers(&crowd);
    meet_callers(&crowd);
    await_counts(&crowd, 0, CALLERS);
}

static void a_closed_one_holds_everybody_until_it_opens(void **state)
{
    (void)state;
    struct crowd crowd = {.turnstile = TURNSTILE_INIT};
    turnstile_close(&crowd.turnstile);
    send_callers(&crowd);
    await_counts(&crowd, CALLERS, 0);
    turnstile_open(&crowd.turnstile);
    meet_callers(&crowd);
    await_counts(&crowd, 0, CALLERS);
    turnstile_pass(&crowd.turnstile); /* open from now on */
}

static void passes_let_through_so_many_and_add_up(void **state)
{
    (void)state;
    struct crowd crowd = {.turnstile = TURNSTILE_INIT};
    turnstile_close(&crowd.turnstile);
    send_callers(&crowd);
    await_counts(&crowd, CALLERS, 0);
    turnstile_let(&crowd.turnstile, 1);
    await_counts(&crowd, CALLERS - 1, 1);
    turnstile_let(&crowd.turnstile, 2);
    turnstile_let(&crowd.turnstile, 1);
    await_counts(&crowd, CALLERS - 4, 4);
    turnstile_let(&crowd.turnstile, 2);
    meet_callers(&crowd);
    await_counts(&crowd, 0, CALLERS);
}

static void passes_that_come_before_the_callers_are_kept(void **state)
{
    (void)state;
    struct crowd crowd = {.turnstile = TURNSTILE_INIT};
    turnstile_let(&crowd.turnstile, 2); /* closes it too */
    send_callers(&crowd);
    await_counts(&crowd, CALLERS - 2, 2);
    turnstile_open(&crowd.turnstile);
    meet_callers(&crowd);
}

static void closing_and_opening_void_passes_that_nobody_used(void **state)
{
    (void)state;
    struct crowd crowd = {.turnstile = TURNSTILE_INIT};
    turnstile_let(&crowd.turnstile, 3);
    turnstile_close(&crowd.turnstile);
    send_callers(&crowd);
    await_counts(&crowd, CALLERS, 0);
    turnstile_let(&crowd.turnstile, CALLERS);
    meet_callers(&crowd);
    turnstile_open(&crowd.turnstile);
    turnstile_let(&crowd.turnstile, 1); /* of an open one: exactly one */
    turnstile_pass(&crowd.turnstile);
    send_callers(&crowd);
    await_counts(&crowd, CALLERS, CALLERS + 1);
    turnstile_open(&crowd.turnstile);
    meet_callers(&crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_one_lets_everybody_through),
        cmocka_unit_test(a_closed_one_holds_everybody_until_it_opens),
        cmocka_unit_test(passes_let_through_so_many_and_add_up),
        cmocka_unit_test(passes_that_come_before_the_callers_are_kept),
        cmocka_unit_test(closing_and_opening_void_passes_that_nobody_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

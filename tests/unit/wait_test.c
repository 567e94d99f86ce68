/* wait_test.c: signals that come again and again neither end a wait nor prolong it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/base/clock.h"
#include "runtime/base/wait.h"

static volatile sig_atomic_t interruptions;
static int ends[2];

static void on_alarm(int number)
{
    (void)number;
    if (++interruptions == 40)
        (void)!write(ends[1], "x", 1);
}

/* A signal every millisecond. */
static void interrupt(bool on)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval often = {{0, on ? 1000 : 0}, {0, on ? 1000 : 0}};
    interruptions = 0;
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void a_wait_ends_when_its_time_is_over(void **state)
{
    (void)state;
    static const int64_t times_ms[] = {0, 1, 30};
    for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        interrupt(true);
        int64_t begin_ms = ry_mono_ms(ry_clock_system());
        while (times_ms[i] > 0 && interruptions == 0) /* it is interrupted for sure */
            continue;
        interruptions = 100;
        assert_int_equal(ry_wait(&fd, 1, times_ms[i]), 0);
        int64_t took_ms = ry_mono_ms(ry_clock_system()) - begin_ms;
        interrupt(false);
        assert_true(took_ms >= times_ms[i]);
    }
}

static void what_is_waited_for_ends_a_wait(void **state)
{
    (void)state;
    static const int64_t times_ms[] = {-1, 3600000, INT64_MAX};
    for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
        struct pollfd fd = {.fd = ends[0], .events = POLLIN};
        interrupt(true);
        assert_int_equal(ry_wait(&fd, 1, times_ms[i]), 1);
        interrupt(false);
        char byte;
        assert_int_equal(read(ends[0], &byte, 1), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_when_its_time_is_over),
        cmocka_unit_test(what_is_waited_for_ends_a_wait),
    };
    return pipe(ends) == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}

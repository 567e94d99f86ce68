/* scheduler_window_test.c: how many clips may be in flight, as the downloaders ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/scheduler/window.h"

static void window_is_small_until_a_downloader_asks(void **state)
{
    (void)state;
    struct window window;
    window_open(&window, 128);
    assert_int_equal(window_size(&window, 0), WINDOW_BASE);
    window_open(&window, 3);
    assert_int_equal(window_size(&window, 0), 3);
}

static void window_is_the_sum_of_what_is_asked_for(void **state)
{
    (void)state;
    struct window window;
    window_open(&window, 128);
    window_hear(&window, RY_STR("a"), 6, 0);
    assert_int_equal(window_size(&window, 0), 6);
    window_hear(&window, RY_STR("b"), 30, 0);
    assert_int_equal(window_size(&window, 0), 36 + WINDOW_BASE);
    window_hear(&window, RY_STR("a"), 10, 10);
    assert_int_equal(window_size(&window, 10), 40 + WINDOW_BASE);
    window_hear(&window, RY_STR("b"), 1000, 10);
    assert_int_equal(window_size(&window, 10), 128);
}

static void window_forgets_downloaders_that_are_silent(void **state)
{
    (void)state;
    struct window window;
    window_open(&window, 128);
    window_hear(&window, RY_STR("a"), 6, 0);
    window_hear(&window, RY_STR("b"), 4, 1000);
    assert_int_equal(window_size(&window, WINDOW_MEMORY_MS - 1), 10);
    assert_int_equal(window_size(&window, WINDOW_MEMORY_MS), 4);
    assert_int_equal(window_size(&window, WINDOW_MEMORY_MS + 1000), WINDOW_BASE);
}

static void window_remembers_those_that_were_heard_last(void **state)
{
    (void)state;
    struct window window;
    window_open(&window, 10000);
    for (int i = 0; i < WINDOW_DOWNLOADERS_MAX + 1; i++) {
        char owner[20];
        int n = snprintf(owner, sizeof owner, "d%d", i);
        window_hear(&window, (struct ry_str){owner, (size_t)n}, i == 0 ? 1000 : 1, i);
    }
    assert_int_equal(window_size(&window, 100), WINDOW_DOWNLOADERS_MAX + WINDOW_BASE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(window_is_small_until_a_downloader_asks),
        cmocka_unit_test(window_is_the_sum_of_what_is_asked_for),
        cmocka_unit_test(window_forgets_downloaders_that_are_silent),
        cmocka_unit_test(window_remembers_those_that_were_heard_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

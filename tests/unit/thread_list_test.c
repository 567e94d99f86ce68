/* thread_list_test.c: the threads of a channel, source by source, and the lists of ids that it is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/falling_ids.h"
#include "actors/scanner/job.h"
#include "actors/scanner/thread_list.h"

#include <string.h>

static void ids_fall_and_stand_once(void **state)
{
    static const struct {
        size_t n, left;
        uint64_t ids[6], sorted[6];
    } cases[] = {
        {0, 0, {0}, {0}},
        {1, 1, {7}, {7}},
        {3, 3, {1, 3, 2}, {3, 2, 1}},
        {5, 2, {4, 4, UINT64_MAX, 4, UINT64_MAX}, {UINT64_MAX, 4}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ids[6];
        memcpy(ids, cases[i].ids, sizeof ids);
        assert_int_equal(falling_ids_sort(ids, cases[i].n), cases[i].left);
        assert_memory_equal(ids, cases[i].sorted, cases[i].left * sizeof *ids);
    }
    assert_int_equal(falling_ids_sort(NULL, 0), 0);
}

static void a_forum_has_no_private_threads(void **state)
{
    static const struct {
        bool forum;
        enum thread_source sources[3];
    } cases[] = {{false, {THREADS_PUBLIC, THREADS_PRIVATE, THREADS_LISTED}}, {true, {THREADS_PUBLIC, THREADS_LISTED}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct thread_list list = {0};
        for (size_t k = 0; list.source != THREADS_LISTED; k++) {
            thread_list_next_source(&list, cases[i].forum);
            assert_int_equal(list.source, cases[i].sources[k]);
        }
        assert_false(list.more);
        thread_list_free(&list);
    }
}

static void the_newest_threads_are_kept(void **state)
{
    struct thread_list list = {0};
    struct ry_error why;
    (void)state;
    for (uint64_t id = 1; id <= SCAN_JOB_THREADS_MAX + 1; id++) {
        assert_int_equal(thread_list_add(&list, id, &why), RY_OK);
        assert_int_equal(thread_list_add(&list, id, &why), RY_OK); /* archived between two pages */
    }
    while (list.source != THREADS_LISTED)
        thread_list_next_source(&list, false);
    assert_true(list.more);
    assert_int_equal(list.count, SCAN_JOB_THREADS_MAX);
    assert_int_equal(list.ids[0], SCAN_JOB_THREADS_MAX + 1);
    assert_int_equal(list.ids[list.count - 1], 2);
    thread_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_fall_and_stand_once),
        cmocka_unit_test(a_forum_has_no_private_threads),
        cmocka_unit_test(the_newest_threads_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

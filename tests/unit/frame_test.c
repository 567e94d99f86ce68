/* frame_test.c: a frame lives exactly as long as somebody holds it, whichever thread that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "proto/frame.h"

static void count_release(void *arg)
{
    ++*(int *)arg;
}

static void a_copy_has_the_bytes_and_not_their_place(void **state)
{
    (void)state;
    char bytes[] = "bytes";
    struct ry_frame *frame = ry_frame_copy(bytes, 5);
    memset(bytes, 'x', 5);
    assert_int_equal(ry_frame_size(frame), 5);
    assert_memory_equal(ry_frame_data(frame), "bytes", 5);
    assert_int_equal((uintptr_t)ry_frame_data(frame) % 16, 0);
    ry_frame_unref(frame);
}

static void a_frame_of_no_bytes_is_a_frame(void **state)
{
    (void)state;
    struct ry_frame *frame = ry_frame_copy(NULL, 0);
    assert_non_null(frame);
    assert_non_null(ry_frame_data(frame));
    assert_int_equal(ry_frame_size(frame), 0);
    ry_frame_unref(frame);
    ry_frame_unref(NULL);
}

static void a_size_that_cannot_be_is_refused(void **state)
{
    (void)state;
    assert_null(ry_frame_new(SIZE_MAX));
    assert_null(ry_frame_new(SIZE_MAX - 8));
}

static void wrapped_memory_is_released_once_by_the_last_holder(void **state)
{
    (void)state;
    int released = 0;
    char bytes[4] = "abc";
    struct ry_frame *frame = ry_frame_wrap(bytes, 3, count_release, &released);
    assert_ptr_equal(ry_frame_data(frame), bytes);
    assert_ptr_equal(ry_frame_ref(frame), frame);
    ry_frame_unref(frame);
    assert_int_equal(released, 0);
    ry_frame_unref(frame);
    assert_int_equal(released, 1);
}

struct holder {
    int *released;
    char bytes[4];
};

static void release_holder(void *holder)
{
    ++*((struct holder *)holder)->released;
}

static void a_holder_lies_in_its_frame_and_is_released_with_it(void **state)
{
    (void)state;
    int released = 0;
    struct ry_frame *frame = ry_frame_hold(sizeof(struct holder), release_holder);
    assert_int_equal(ry_frame_size(frame), 0);
    struct holder *holder = ry_frame_holder(frame, release_holder);
    assert_non_null(holder);
    assert_null(holder->released);
    *holder = (struct holder){&released, "abc"};
    ry_frame_set_bytes(frame, holder->bytes, 3);
    assert_memory_equal(ry_frame_data(frame), "abc", 3);
    assert_int_equal(ry_frame_size(frame), 3);
    assert_null(ry_frame_holder(frame, count_release)); /* another's kind */
    ry_frame_unref(frame);
    assert_int_equal(released, 1);
    frame = ry_frame_wrap(&released, 1, count_release, &released);
    assert_null(ry_frame_holder(frame, count_release)); /* its arg is elsewhere */
    ry_frame_unref(frame);
}

#define ROUNDS 20000

static void *hold_and_drop(void *arg)
{
    struct ry_frame *frame = arg;
    for (int i = 0; i < ROUNDS; i++)
        ry_frame_unref(ry_frame_ref(frame));
    ry_frame_unref(frame);
    return NULL;
}

static void threads_may_hold_and_drop_at_the_same_time(void **state)
{
    (void)state;
    int released = 0;
    pthread_t threads[4];
    struct ry_frame *frame = ry_frame_wrap(&released, 0, count_release, &released);
    for (size_t i = 0; i < 4; i++) {
        (void)ry_frame_ref(frame);
        assert_int_equal(pthread_create(&threads[i], NULL, hold_and_drop, frame), 0);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(released, 0);
    ry_frame_unref(frame);
    assert_int_equal(released, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_the_bytes_and_not_their_place),
        cmocka_unit_test(a_frame_of_no_bytes_is_a_frame),
        cmocka_unit_test(a_size_that_cannot_be_is_refused),
        cmocka_unit_test(wrapped_memory_is_released_once_by_the_last_holder),
        cmocka_unit_test(a_holder_lies_in_its_frame_and_is_released_with_it),
        cmocka_unit_test(threads_may_hold_and_drop_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* buf_test.c: a buffer holds what was added, never more than its maximum, and says when it could not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

static void what_is_added_is_there(void **state)
{
    (void)state;
    RY_BUF_AUTO buf = ry_buf_make(1 << 20);
    assert_null(buf.p);
    assert_true(ry_str_is(ry_buf_str(&buf), ""));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(ry_buf_addf(&buf, "%03d,", i), RY_OK);
    assert_int_equal(ry_buf_add_str(&buf, RY_STR("end\0.")), RY_OK);
    assert_int_equal(ry_buf_add(&buf, NULL, 0), RY_OK);
    assert_int_equal(buf.n, 4005);
    assert_memory_equal(buf.p + 4 * 999, "999,end\0.", 9);
    assert_true(buf.capacity <= buf.max);
}

static void a_failed_append_changes_nothing_but_the_mark(void **state)
{
    (void)state;
    RY_BUF_AUTO buf = ry_buf_make(10);
    assert_int_equal(ry_buf_add(&buf, "12345678", 8), RY_OK);
    assert_int_equal(ry_buf_add(&buf, "abc", 3), RY_ELIMIT);
    assert_true(buf.failed);
    assert_true(ry_str_is(ry_buf_str(&buf), "12345678"));
    assert_int_equal(ry_buf_add(&buf, "x", SIZE_MAX), RY_ELIMIT);
    assert_int_equal(ry_buf_addf(&buf, "%s", "abc"), RY_ELIMIT);
    assert_null(ry_buf_reserve(&buf, 3));
    assert_true(ry_str_is(ry_buf_str(&buf), "12345678"));
    /* A smaller one still fits, and the mark stays until the reset. */
    assert_int_equal(ry_buf_add(&buf, "90", 2), RY_OK);
    assert_true(buf.failed);
    ry_buf_reset(&buf);
    assert_false(buf.failed);
    assert_int_equal(buf.n, 0);
}

static void a_buffer_can_be_filled_to_its_last_byte(void **state)
{
    (void)state;
    RY_BUF_AUTO by_bytes = ry_buf_make(4);
    assert_int_equal(ry_buf_add(&by_bytes, "1234", 4), RY_OK);
    RY_BUF_AUTO by_format = ry_buf_make(4);
    assert_int_equal(ry_buf_addf(&by_format, "%d", 1234), RY_OK);
    assert_true(ry_str_is(ry_buf_str(&by_format), "1234"));
    assert_int_equal(ry_buf_addf(&by_format, "%s", ""), RY_OK);
    RY_BUF_AUTO none = ry_buf_make(0);
    assert_int_equal(ry_buf_add(&none, "x", 1), RY_ELIMIT);
    assert_int_equal(ry_buf_addf(&none, "%s", ""), RY_OK);
}

static void reserved_room_is_the_callers_to_fill(void **state)
{
    (void)state;
    RY_BUF_AUTO buf = ry_buf_make(1000);
    assert_int_equal(ry_buf_add(&buf, "a", 1), RY_OK);
    char *room = ry_buf_reserve(&buf, 500);
    assert_non_null(room);
    memset(room, 'b', 500);
    buf.n += 500;
    assert_int_equal(ry_buf_add(&buf, "c", 1), RY_OK);
    assert_int_equal(buf.n, 502);
    assert_memory_equal(buf.p, "ab", 2);
    assert_memory_equal(buf.p + 500, "bc", 2);
}

static void a_c_string_needs_room_for_its_nul(void **state)
{
    (void)state;
    RY_BUF_AUTO buf = ry_buf_make(4);
    assert_string_equal(ry_buf_cstr(&buf), "");
    assert_int_equal(ry_buf_add(&buf, "123", 3), RY_OK);
    assert_string_equal(ry_buf_cstr(&buf), "123");
    assert_int_equal(buf.n, 3);
    assert_int_equal(ry_buf_add(&buf, "4", 1), RY_OK);
    assert_null(ry_buf_cstr(&buf));
    assert_int_equal(buf.n, 4);
}

static void a_freed_buffer_may_be_used_again(void **state)
{
    (void)state;
    struct ry_buf buf = ry_buf_make(100);
    assert_int_equal(ry_buf_add(&buf, "1", 1), RY_OK);
    ry_buf_free(&buf);
    assert_null(buf.p);
    assert_int_equal(buf.max, 100);
    assert_int_equal(ry_buf_add(&buf, "2", 1), RY_OK);
    assert_true(ry_str_is(ry_buf_str(&buf), "2"));
    ry_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_there),
        cmocka_unit_test(a_failed_append_changes_nothing_but_the_mark),
        cmocka_unit_test(a_buffer_can_be_filled_to_its_last_byte),
        cmocka_unit_test(reserved_room_is_the_callers_to_fill),
        cmocka_unit_test(a_c_string_needs_room_for_its_nul),
        cmocka_unit_test(a_freed_buffer_may_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* arena_test.c: an arena gives zeroed, aligned memory, up to its maximum, and takes it all back at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(1 << 20);
    unsigned char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        size_t n = i * 7 % 100;
        pieces[i] = ry_arena_alloc(&arena, n);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t b = 0; b < n; b++)
            assert_int_equal(pieces[i][b], 0);
        memset(pieces[i], (int)i, n);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t b = 0; b < i * 7 % 100; b++)
            assert_int_equal(pieces[i][b], i & 0xff);
}

static void memory_after_a_reset_is_zeroed_again(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(1 << 20);
    memset(ry_arena_alloc(&arena, 1000), 0xff, 1000);
    size_t used = arena.used;
    ry_arena_reset(&arena);
    assert_true(arena.used <= used); /* one block is kept, and still counted */
    const unsigned char *again = ry_arena_alloc(&arena, 1000);
    assert_non_null(again);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(again[i], 0);
}

static void the_maximum_holds(void **state)
{
    (void)state;
    static const size_t maxima[] = {0, 1, 16, 100, 4096, 5000, 100000};
    for (size_t m = 0; m < sizeof maxima / sizeof *maxima; m++) {
        RY_ARENA_AUTO arena = ry_arena_make(maxima[m]);
        assert_null(ry_arena_alloc(&arena, maxima[m] + 1));
        size_t given = 0;
        while (ry_arena_alloc(&arena, 16))
            given += 16;
        assert_true(given <= maxima[m]);
        assert_true(arena.used <= maxima[m]);
        /* Nothing is wasted but what does not make a whole piece. */
        assert_true(given + 16 > maxima[m]);
        ry_arena_reset(&arena);
        assert_true(maxima[m] < 16 || ry_arena_alloc(&arena, 16) != NULL);
    }
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(SIZE_MAX);
    assert_null(ry_arena_alloc(&arena, SIZE_MAX));
    assert_null(ry_arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(ry_arena_alloc(&arena, SIZE_MAX - 40));
    assert_null(ry_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(ry_arena_array(&arena, (SIZE_MAX >> 4) + 1, 16));
    assert_non_null(ry_arena_array(&arena, 0, 16));
}

static void a_copied_string_ends_in_nul(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make(64);
    struct ry_str copy = ry_arena_str(&arena, (struct ry_str){"clip.mp4", 4});
    assert_true(ry_str_is(copy, "clip"));
    assert_string_equal(copy.p, "clip");
    assert_null(ry_arena_str(&arena, (struct ry_str){NULL, 0}).p);
    assert_non_null(ry_arena_str(&arena, RY_STR("")).p);
    struct ry_str printed = ry_arena_printf(&arena, "%s-%d", "writer", 1);
    assert_string_equal(printed.p, "writer-1");
    assert_int_equal(printed.n, 8);
    char large[100] = {0};
    assert_null(ry_arena_str(&arena, (struct ry_str){large, sizeof large}).p);
    printed = ry_arena_printf(&arena, "%0100d", 1);
    assert_null(printed.p);
    assert_int_equal(printed.n, 0);
}

static void large_pieces_do_not_waste_the_block_before(void **state)
{
    (void)state;
    RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
    assert_non_null(ry_arena_alloc(&arena, 100000));
    assert_non_null(ry_arena_alloc(&arena, 500000));
    assert_non_null(ry_arena_alloc(&arena, 400000));
    assert_true(arena.used <= arena.max);
    ry_arena_free(&arena);
    assert_int_equal(arena.used, 0);
    assert_non_null(ry_arena_alloc(&arena, (size_t)1 << 20));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(memory_after_a_reset_is_zeroed_again),
        cmocka_unit_test(the_maximum_holds),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(a_copied_string_ends_in_nul),
        cmocka_unit_test(large_pieces_do_not_waste_the_block_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

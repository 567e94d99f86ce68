/* Windows, layouts and sizes: the encoder's arithmetic, without a video. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <libavformat/avio.h>

#include "actors/encoder/geometry.h"
#include "actors/encoder/growth.h"
#include "actors/encoder/matroska.h"
#include "actors/encoder/movie.h"

#define KIB ((uint64_t)1024)
#define MIB ((uint64_t)1024 * KIB)

static uint8_t zeros[256 * 1024];

static void windows_are_taken_in_order_only(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset;
        size_t n;
        bool taken;
    } cases[] = {{100, 50, true}, {150, 10, true},  {155, 10, false}, {90, 5, false},
                 {200, 0, false}, {900, 100, true}, {1000, 1, false}, {UINT64_MAX - 1, 5, false}};
    struct window_io windows = {.total_bytes = 1000};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(window_io_place(&windows, cases[i].offset, zeros, cases[i].n), cases[i].taken);
    assert_int_equal(window_io_run(&windows, 100), 60);
    assert_int_equal(window_io_run(&windows, 160), 0);
}

static void only_the_missing_parts_are_wanted(void **state)
{
    (void)state;
    struct window_io windows = {.total_bytes = 40000};
    assert_true(window_io_place(&windows, 0, zeros, 10000));
    assert_true(window_io_place(&windows, 20000, zeros, 5000));
    assert_true(window_io_want(&windows, 5000, 5000));
    assert_false(window_io_want(&windows, 9000, 100000));
    assert_int_equal(windows.need_count, 2);
    assert_int_equal(windows.needs[0].offset, 10000);
    assert_int_equal(windows.needs[0].length, 10000);
    assert_int_equal(windows.needs[1].offset, 25000);
    assert_int_equal(windows.needs[1].length, 15000);
}

/* A picture can still be had where a fact would cost too much. */
static void a_fact_that_costs_too_much_ends_no_search(void **state)
{
    (void)state;
    struct window_io windows = {.total_bytes = 200 * MIB};
    assert_true(window_io_place(&windows, 0, zeros, 1000));
    assert_true(window_io_place(&windows, 5000, zeros, 1000));
    assert_true(window_io_want_also(&windows, 190 * MIB, 10 * MIB));
    assert_int_equal(windows.need_count, 0);
    assert_false(windows.exhausted);
    assert_false(window_io_want_also(&windows, 199 * MIB, MIB));
    assert_int_equal(windows.need_count, 1);
    assert_true(window_io_want(&windows, 100 * MIB, 10 * MIB));
    assert_true(windows.exhausted);
}

static void the_last_byte_of_a_value_is_found_over_all_windows(void **state)
{
    (void)state;
    static const uint8_t first[] = {7, 1, 7, 2}, second[] = {3, 7, 4};
    static const struct {
        uint64_t from, to;
        uint8_t value;
        bool found;
        uint64_t at;
    } cases[] = {{0, 1000, 7, true, 21}, {0, 21, 7, true, 12},    {0, 12, 7, true, 10},   {0, 10, 7, false, 0},
                 {11, 12, 7, false, 0},  {13, 1000, 1, false, 0}, {0, 1000, 4, true, 22}, {22, 22, 4, false, 0}};
    struct window_io windows = {.total_bytes = 1000};
    assert_true(window_io_place(&windows, 10, first, sizeof first));
    assert_true(window_io_place(&windows, 20, second, sizeof second));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t at = 0;
        assert_int_equal(window_io_find_last(&windows, cases[i].from, cases[i].to, cases[i].value, &at),
                         cases[i].found);
        assert_int_equal(at, cases[i].at);
    }
}

/* What one read asks for. */
static void a_miss_asks_by_what_the_reader_is_about(void **state)
{
    (void)state;
    static const struct {
        enum window_io_ahead ahead;
        uint64_t at;
        int size;
        uint64_t offset, length;
    } cases[] = {
        /* Windows: 0..64K, 1M..1M+256K; the video has 10 MiB. A new place begins 2 KiB earlier. */
        {WINDOW_IO_EXACT, 2 * MIB, 100000, 2 * MIB - 2048, 102048},
        {WINDOW_IO_EXACT, 64 * KIB, 100000, 64 * KIB, 100000},
        {WINDOW_IO_EXACT, 2 * MIB, 8, 2 * MIB - 2048, 66 * KIB},
        {WINDOW_IO_STREAM, 64 * KIB, 10, 64 * KIB, 64 * KIB},
        {WINDOW_IO_STREAM, MIB + 256 * KIB, 10, MIB + 256 * KIB, 256 * KIB},
        {WINDOW_IO_INDEX, 10 * MIB - 600 * KIB, 8, 10 * MIB - 602 * KIB, 602 * KIB},
        {WINDOW_IO_INDEX, 10 * MIB - 4, 4, 10 * MIB - 66 * KIB, 66 * KIB},
        {WINDOW_IO_EXACT, MIB - 1000, 5000, MIB - 3048, 3048},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct window_io windows = {.total_bytes = 10 * MIB, .ahead = cases[i].ahead};
        uint8_t to[16];
        assert_true(window_io_place(&windows, 0, zeros, 64 * KIB));
        assert_true(window_io_place(&windows, MIB, zeros, 256 * KIB));
        AVIOContext *io = window_io_open(&windows);
        assert_non_null(io);
        assert_int_equal(io->seek(io->opaque, (int64_t)cases[i].at, SEEK_SET), cases[i].at);
        assert_true(io->read_packet(io->opaque, to, cases[i].size) < 0);
        assert_int_equal(windows.need_count, 1);
        assert_int_equal(windows.needs[0].offset, cases[i].offset);
        assert_int_equal(windows.needs[0].length, cases[i].length);
        /* After a miss nothing is read any more, not even what is there. */
        assert_int_equal(io->seek(io->opaque, 0, SEEK_SET), 0);
        assert_true(io->read_packet(io->opaque, to, 1) < 0);
        assert_int_equal(windows.need_count, 1);
        window_io_close(&io);
    }
}

static void a_miss_is_the_end_when_nothing_more_will_come(void **state)
{
    (void)state;
    struct window_io cases[] = {
        {.last_round = true}, {.total_bytes = 1000, .ahead = WINDOW_IO_CLOSED}, {.total_bytes = 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t to[16];
        assert_true(window_io_place(&cases[i], 0, "abcd", 4));
        AVIOContext *io = window_io_open(&cases[i]);
        assert_non_null(io);
        assert_int_equal(avio_read(io, to, 16), 4);
        assert_int_equal(cases[i].need_count, 0);
        assert_true(avio_feof(io));
        window_io_close(&io);
    }
}

static void put_box(uint8_t *at, uint32_t size, const char *type)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(size >> (24 - 8 * i));
    memcpy(at + 4, type, 4);
}

static void the_movie_box_is_asked_for_in_one_piece(void **state)
{
    (void)state;
    static const struct {
        uint32_t moov_at, moov_size;
        uint64_t at_hand, total, need_offset, need_length;
    } cases[] = {
        {24, 90000, 64 * KIB, 20 * MIB, 64 * KIB, 90024 - 64 * KIB},  /* begun in the first window */
        {24, 1000, 64 * KIB, 20 * MIB, 0, 0},                         /* all there */
        {0, 0, 64 * KIB, 20 * MIB, 19 * MIB - 2048, 64 * KIB + 2048}, /* behind the samples */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static uint8_t file[64 * 1024];
        struct window_io windows = {.total_bytes = cases[i].total};
        struct movie movie;
        memset(file, 0, sizeof file);
        put_box(file, 24, "ftyp");
        if (cases[i].moov_at > 0)
            put_box(file + cases[i].moov_at, cases[i].moov_size, "moov");
        else
            put_box(file + 24, (uint32_t)(19 * MIB) - 24, "mdat");
        assert_true(window_io_place(&windows, 0, file, cases[i].at_hand));
        assert_int_equal(movie_read(&windows, &movie), cases[i].need_length == 0);
        assert_int_equal(windows.need_count, cases[i].need_length > 0);
        if (windows.need_count > 0) {
            assert_int_equal(windows.needs[0].offset, cases[i].need_offset);
            assert_int_equal(windows.needs[0].length, cases[i].need_length);
        }
    }
}

static void broken_boxes_end_the_walk(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {0, 2, 7, 8, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t file[64] = {0};
        struct window_io windows = {.total_bytes = sizeof file};
        struct movie movie;
        put_box(file, sizes[i], "junk");
        assert_true(window_io_place(&windows, 0, file, sizeof file));
        assert_true(movie_read(&windows, &movie));
        assert_false(movie.found);
    }
}

/* Sizes of samples behind a key frame of 500 bytes; how many of them are enough (0: all are not). */
static void what_shows_behind_a_blank_start_is_told_by_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        int64_t small, large, later; /* bytes: of those before, of the first large one, of those behind it */
        int small_count, enough;
        bool slow;
    } cases[] = {
        {"eight small pictures are read behind the first to see", 20, 5000, 1000, 90, 99, false},
        {"fewer of large ones", 20, 300000, 60000, 90, 93, false},
        {"one at least", 20, 300000, 200000, 90, 92, false},
        {"what stays small shows nothing", 20, 20, 20, 100, 0, false},
        {"much of what is small may show something", 2000, 2000, 2000, 33, 0, true},
        {"it may begin at once", 0, 5000, 1000, 0, 9, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct growth growth = growth_from(500);
        int enough = 0;
        for (int n = 0; n < 100 && enough == 0 && !growth_is_slow(&growth); n++)
            if (growth_count(&growth, n < cases[i].small_count    ? cases[i].small
                                      : n == cases[i].small_count ? cases[i].large
                                                                  : cases[i].later))
                enough = n + 1;
        if (enough != cases[i].enough || growth_is_slow(&growth) != cases[i].slow)
            fail_msg("%s: %d", cases[i].claim, enough);
    }
}

static void the_cues_are_found_by_the_seek_head(void **state)
{
    (void)state;
    /* EBML header of 0 bytes, a segment of unknown size, a seek head with the cues at 0x1000 of the segment's data. */
    static const uint8_t head[] = {0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0xFF,
                                   0x11, 0x4D, 0x9B, 0x74, 0x8E, 0x4D, 0xBB, 0x8B, 0x53, 0xAB,
                                   0x84, 0x1C, 0x53, 0xBB, 0x6B, 0x53, 0xAC, 0x82, 0x10, 0x00};
    struct window_io windows = {.total_bytes = 10000};
    struct matroska matroska;
    assert_true(window_io_place(&windows, 0, head, sizeof head));
    assert_false(matroska_read(&windows, &matroska));
    assert_true(windows.needs[0].offset <= 0x1000 + 10);
    assert_int_equal(windows.needs[0].offset + windows.needs[0].length, 10000);
    for (size_t n = 1; n < sizeof head; n++) {
        struct window_io shorter = {.total_bytes = 10000, .last_round = true};
        assert_true(window_io_place(&shorter, 0, head, n));
        assert_true(matroska_read(&shorter, &matroska));
        assert_false(matroska.has_cues);
    }
}

static void sizes_keep_their_aspect_inside_the_box(void **state)
{
    (void)state;
    static const struct {
        struct extent stored;
        int sar_num, sar_den;
        bool transpose;
        struct extent box, shown, fit;
    } cases[] = {
        {{1920, 1080}, 1, 1, false, {640, 360}, {1920, 1080}, {640, 360}},
        {{1080, 1920}, 0, 1, false, {640, 360}, {1080, 1920}, {203, 360}},
        {{1920, 1080}, 1, 1, true, {640, 360}, {1080, 1920}, {203, 360}},
        {{720, 576}, 64, 45, false, {640, 360}, {1024, 576}, {640, 360}},
        {{720, 576}, 1000, 1, false, {640, 360}, {720, 576}, {450, 360}},
        {{720, 576}, -1, 1, false, {640, 360}, {720, 576}, {450, 360}},
        {{100, 50}, 1, 1, false, {640, 360}, {100, 50}, {100, 50}},
        {{1, 1}, 1, 16, false, {640, 360}, {1, 1}, {1, 1}},
        {{16000, 1}, 1, 1, false, {640, 360}, {16000, 1}, {640, 1}},
        {{1, 16000}, 1, 1, false, {320, 180}, {1, 16000}, {1, 180}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct extent shown = geometry_shown(cases[i].stored, cases[i].sar_num, cases[i].sar_den,
                                             (struct turn){.transpose = cases[i].transpose});
        struct extent fit = geometry_fit(shown, cases[i].box);
        assert_memory_equal(&shown, &cases[i].shown, sizeof shown);
        assert_memory_equal(&fit, &cases[i].fit, sizeof fit);
    }
}

static void a_matrix_becomes_the_nearest_quarter_turn(void **state)
{
    (void)state;
    enum { ONE = 65536 };
    static const struct {
        int32_t a, b, c, d;
        struct turn turn;
    } cases[] = {
        {ONE, 0, 0, ONE, {false, false, false}},
        {0, ONE, -ONE, 0, {true, true, false}},
        {-ONE, 0, 0, -ONE, {false, true, true}},
        {0, -ONE, ONE, 0, {true, false, true}},
        {-ONE, 0, 0, ONE, {false, true, false}},
        {ONE, 0, 0, -ONE, {false, false, true}},
        {0, ONE, ONE, 0, {true, false, false}},
        {0, -ONE, -ONE, 0, {true, true, true}},
        {60000, 20000, -20000, 60000, {false, false, false}},
        {0, 0, 0, 0, {false, false, false}},
        {INT32_MIN, 0, 0, INT32_MIN, {false, true, true}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int32_t matrix[9] = {cases[i].a, cases[i].b, 0, cases[i].c, cases[i].d, 0, 0, 0, 1 << 30};
        struct turn turn = geometry_turn(matrix);
        assert_int_equal(turn.transpose, cases[i].turn.transpose);
        assert_int_equal(turn.flip_x, cases[i].turn.flip_x);
        assert_int_equal(turn.flip_y, cases[i].turn.flip_y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_are_taken_in_order_only),
        cmocka_unit_test(only_the_missing_parts_are_wanted),
        cmocka_unit_test(a_miss_asks_by_what_the_reader_is_about),
        cmocka_unit_test(a_miss_is_the_end_when_nothing_more_will_come),
        cmocka_unit_test(the_movie_box_is_asked_for_in_one_piece),
        cmocka_unit_test(broken_boxes_end_the_walk),
        cmocka_unit_test(a_fact_that_costs_too_much_ends_no_search),
        cmocka_unit_test(the_last_byte_of_a_value_is_found_over_all_windows),
        cmocka_unit_test(what_shows_behind_a_blank_start_is_told_by_sizes),
        cmocka_unit_test(the_cues_are_found_by_the_seek_head),
        cmocka_unit_test(sizes_keep_their_aspect_inside_the_box),
        cmocka_unit_test(a_matrix_becomes_the_nearest_quarter_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How little of a video is read: rounds and bytes of eight megabytes in every layout, with windows of 64 KiB as the
 * downloader begins them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "tests/bed/media_folder.h"
#include "tests/bed/range_player.h"
#include "tests/bed/skip.h"

#define KIB ((uint64_t)1024)

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    return media_folder_make(&clips, "big.mp4 big_fast.mp4 big_frag.mp4 big_bits.mp4 big.mkv big.avi big.flv big.ts "
                                     "live.webm black_intro.mp4");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

static uint8_t *load(const char *clip, size_t *n)
{
    uint8_t *bytes = media_folder_load(&clips, clip, n);
    assert_non_null(bytes);
    return bytes;
}

struct bound {
    const char *clip;
    double wished_s;
    enum ry_frame_mode mode;
    unsigned rounds_max;
    uint64_t bytes_max;
};

static void expect_bound(const struct bound *bound, struct play play)
{
    size_t n;
    struct engine_result result;
    uint8_t *bytes = load(bound->clip, &n);
    struct engine_request request = play_request(bound->clip);
    request.wished_s = bound->wished_s;
    request.mode = bound->mode;
    enum engine_outcome outcome = play_run(&play, bytes, n, &request, &result);
    if (outcome != ENGINE_DONE || play.rounds > bound->rounds_max || play.bytes_read > bound->bytes_max)
        fail_msg("%s at %g s: outcome %d after %u rounds and %llu bytes; %u and %llu were allowed", bound->clip,
                 bound->wished_s, (int)outcome, play.rounds, (unsigned long long)play.bytes_read, bound->rounds_max,
                 (unsigned long long)bound->bytes_max);
    engine_result_free(&result);
    free(bytes);
}

static void a_thumbnail_costs_few_rounds_and_bytes(void **state)
{
    (void)state;
    static const struct bound bounds[] = {
        {"big_fast.mp4", 1, RY_FRAME_SMART, 1, 64 * KIB},  {"big.mp4", 1, RY_FRAME_SMART, 2, 80 * KIB},
        {"big.mkv", 1, RY_FRAME_SMART, 2, 72 * KIB},       {"big.avi", 1, RY_FRAME_SMART, 2, 136 * KIB},
        {"big_frag.mp4", 1, RY_FRAME_SMART, 3, 144 * KIB}, {"big_bits.mp4", 1, RY_FRAME_SMART, 5, 400 * KIB},
        {"big.flv", 1, RY_FRAME_SMART, 5, 1024 * KIB},     {"big.ts", 1, RY_FRAME_SMART, 5, 1024 * KIB},
        {"live.webm", 1, RY_FRAME_SMART, 4, 512 * KIB},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        expect_bound(&bounds[i], (struct play){.first_bytes = 0});
}

static void a_key_frame_in_the_middle_is_asked_for_by_its_place(void **state)
{
    (void)state;
    static const struct bound bounds[] = {
        {"big_fast.mp4", 5, RY_FRAME_SMART, 2, 128 * KIB},
        {"big.mp4", 5, RY_FRAME_SMART, 3, 144 * KIB},
        {"big.mkv", 5, RY_FRAME_SMART, 4, 216 * KIB},
        {"big.avi", 5, RY_FRAME_SMART, 4, 272 * KIB},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        expect_bound(&bounds[i], (struct play){.first_bytes = 0});
}

static void the_samples_of_an_exact_frame_are_asked_for_at_once(void **state)
{
    (void)state;
    static const struct bound bounds[] = {
        {"big.mp4", 1.5, RY_FRAME_EXACT, 3, 2048 * KIB},
        {"big_fast.mp4", 5.5, RY_FRAME_EXACT, 2, 2048 * KIB},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        expect_bound(&bounds[i], (struct play){.first_bytes = 0});
}

static void a_tiny_first_window_and_an_unknown_size_still_end(void **state)
{
    (void)state;
    static const char *const names[] = {"big.mp4", "big_fast.mp4", "big.mkv", "big.avi", "big.flv", "big.ts"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct bound bound = {names[i], 1, RY_FRAME_SMART, 12, 4096 * KIB};
        expect_bound(&bound, (struct play){.first_bytes = 16});
        expect_bound(&bound, (struct play){.hide_total = true});
    }
}

static void a_black_intro_costs_a_round_for_each_key_frame_looked_at(void **state)
{
    (void)state;
    const struct bound bound = {"black_intro.mp4", 1, RY_FRAME_SMART, 6, 64 * KIB};
    expect_bound(&bound, (struct play){.first_bytes = 1024});
}

/* One attempt with the first n bytes and nothing more to come. */
static void the_last_round_makes_do_with_what_is_there(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = load("big_fast.mp4", &n);
    struct window_io windows = {.total_bytes = n, .last_round = true};
    struct engine_result result;
    struct engine_request request = play_request("big_fast.mp4");
    request.wished_s = 7;
    assert_true(window_io_place(&windows, 0, bytes, 200 * KIB));
    assert_int_equal(engine_run(&windows, &request, &result), ENGINE_DONE);
    assert_int_equal(windows.need_count, 0);
    engine_result_free(&result);
    free(bytes);
}

int main(void)
{
    engine_set_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thumbnail_costs_few_rounds_and_bytes),
        cmocka_unit_test(a_key_frame_in_the_middle_is_asked_for_by_its_place),
        cmocka_unit_test(the_samples_of_an_exact_frame_are_asked_for_at_once),
        cmocka_unit_test(a_tiny_first_window_and_an_unknown_size_still_end),
        cmocka_unit_test(a_black_intro_costs_a_round_for_each_key_frame_looked_at),
        cmocka_unit_test(the_last_round_makes_do_with_what_is_there),
    };
    skip_without("ffmpeg", "ffmpeg");
    return cmocka_run_group_tests(tests, make_clips, remove_clips);
}

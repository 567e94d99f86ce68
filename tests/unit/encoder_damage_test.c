/* What strangers send: files that are no videos, cut short, damaged or lying. Each gets an image or a reason, soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/base/rng.h"
#include "tests/bed/media_folder.h"
#include "tests/bed/range_player.h"
#include "tests/bed/skip.h"

static const char *const videos[] = {
    "quad.mp4",  "quad_fast.mp4", "quad_frag.mp4", "quad.mov",   "quad.mkv", "quad.flv",  "quad.ts",
    "vp8.webm",  "vp9.webm",      "av1.mp4",       "hevc.mp4",   "wmv2.wmv", "mpeg4.avi", "msmpeg4.avi",
    "mjpeg.avi", "mpeg2.mpg",     "flv1.flv",      "theora.ogv", "pq.mp4",   "alpha.mov",
};
#define VIDEO_COUNT (sizeof videos / sizeof videos[0])

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    return media_folder_make(&clips, "");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

static enum engine_outcome play_bytes(const uint8_t *bytes, size_t n, const char *name, enum ry_frame_mode mode,
                                      struct engine_result *result)
{
    struct play play = {.first_bytes = 4096};
    struct engine_request request = play_request(name);
    request.mode = mode;
    return play_run(&play, bytes, n, &request, result);
}

static void what_is_no_video_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *clip, *reason;
    } cases[] = {
        {"audio.m4a", "it has sound but no video"},
        {"cover.m4a", "it has sound but no video"},
        {"cover.mp3", "it is an MP3 audio file, not a video"},
        {"text.mp4", "it is a text file, not a video"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n;
        struct engine_result result;
        uint8_t *bytes = media_folder_load(&clips, cases[i].clip, &n);
        assert_non_null(bytes);
        assert_int_equal(play_bytes(bytes, n, cases[i].clip, RY_FRAME_SMART, &result), ENGINE_FAILED);
        if (strncmp(result.error.text, cases[i].reason, strlen(cases[i].reason)) != 0)
            fail_msg("%s: %s", cases[i].clip, result.error.text);
        engine_result_free(&result);
        free(bytes);
    }
}

static void nothing_at_all_is_empty(void **state)
{
    (void)state;
    struct window_io windows = {.last_round = true};
    struct engine_request request = play_request("a.mp4");
    struct engine_result result;
    assert_int_equal(engine_run(&windows, &request, &result), ENGINE_FAILED);
    assert_string_equal(result.error.text, "it is empty");
    engine_result_free(&result);
}

static void an_mp4_without_its_index_says_so(void **state)
{
    (void)state;
    size_t n;
    struct engine_result result;
    uint8_t *bytes = media_folder_load(&clips, "quad.mp4", &n);
    assert_non_null(bytes);
    assert_int_equal(play_bytes(bytes, n / 2, "quad.mp4", RY_FRAME_SMART, &result), ENGINE_FAILED);
    assert_string_equal(result.error.text, "it is cut off: its index, which comes last, is missing");
    engine_result_free(&result);
    free(bytes);
}

static void an_mp4_cut_before_its_samples_says_so(void **state)
{
    (void)state;
    size_t n;
    struct engine_result result;
    uint8_t *bytes = media_folder_load(&clips, "quad_fast.mp4", &n);
    assert_non_null(bytes);
    uint8_t *samples = memmem(bytes, n, "mdat", 4);
    assert_non_null(samples);
    size_t cut = (size_t)(samples - bytes) + 4;
    assert_int_equal(play_bytes(bytes, cut, "quad_fast.mp4", RY_FRAME_SMART, &result), ENGINE_FAILED);
    assert_string_equal(result.error.text, "it is cut off before its first picture");
    engine_result_free(&result);
    free(bytes);
}

static void a_video_cut_behind_its_first_picture_gives_it(void **state)
{
    (void)state;
    static const char *const names[] = {"quad_fast.mp4", "quad_frag.mp4", "quad.mkv", "vp8.webm",
                                        "mpeg4.avi",     "quad.ts",       "quad.flv", "mpeg2.mpg"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n;
        struct engine_result result;
        uint8_t *bytes = media_folder_load(&clips, names[i], &n);
        assert_non_null(bytes);
        if (play_bytes(bytes, n * 6 / 10, names[i], RY_FRAME_SMART, &result) != ENGINE_DONE)
            fail_msg("%s: %s", names[i], result.error.text);
        engine_result_free(&result);
        free(bytes);
    }
}

/* Writes another size into AVI's stream format (strf, size, BITMAPINFOHEADER) and the JPEG headers (SOF0: FFC0, length,
 * depth, height, width). */
static void lie_about_size(uint8_t *bytes, size_t n)
{
    uint8_t *format = memmem(bytes, n, "strf", 4);
    assert_non_null(format);
    memcpy(format + 12, "\xF0\xF0\0\0\xF0\xF0\0\0", 8);
    for (size_t i = 0; i + 9 < n; i++)
        if (bytes[i] == 0xFF && bytes[i + 1] == 0xC0 && bytes[i + 2] == 0 && bytes[i + 4] == 8)
            memset(bytes + i + 5, 0xF0, 4);
}

static void an_absurd_size_is_refused(void **state)
{
    (void)state;
    size_t n;
    struct engine_result result;
    uint8_t *bytes = media_folder_load(&clips, "mjpeg.avi", &n);
    assert_non_null(bytes);
    lie_about_size(bytes, n);
    assert_int_equal(play_bytes(bytes, n, "mjpeg.avi", RY_FRAME_SMART, &result), ENGINE_FAILED);
    assert_string_equal(result.error.text, "it has pictures of 61680x61680, which is more than the limit");
    engine_result_free(&result);
    free(bytes);
}

static void every_cut_ends_with_an_image_or_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < VIDEO_COUNT; i++) {
        size_t n;
        uint8_t *bytes = media_folder_load(&clips, videos[i], &n);
        if (!bytes)
            continue;
        for (size_t part = 1; part < 24; part++) {
            struct engine_result result;
            size_t length = n * part / 24;
            enum engine_outcome outcome = play_bytes(bytes, length, videos[i], (enum ry_frame_mode)(part % 3), &result);
            if (outcome == ENGINE_NEEDS || (outcome == ENGINE_FAILED && result.error.text[0] == '\0'))
                fail_msg("%s cut at %zu: no end, or no reason", videos[i], length);
            engine_result_free(&result);
        }
        free(bytes);
    }
}

static void damaged_bytes_end_with_an_image_or_a_reason(void **state)
{
    (void)state;
    struct ry_rng rng = {20241019};
    for (size_t i = 0; i < VIDEO_COUNT; i++) {
        size_t n;
        uint8_t *bytes = media_folder_load(&clips, videos[i], &n), *damaged = bytes ? malloc(n) : NULL;
        for (int round = 0; damaged && round < 12; round++) {
            struct engine_result result;
            memcpy(damaged, bytes, n);
            for (int flips = 1 << round % 8; flips > 0; flips--)
                damaged[ry_rng_below(&rng, round % 2 ? n : n / 8)] ^= (uint8_t)(1 + ry_rng_below(&rng, 255));
            if (play_bytes(damaged, n, videos[i], (enum ry_frame_mode)(round % 3), &result) == ENGINE_NEEDS)
                fail_msg("%s, damage %d: no end", videos[i], round);
            engine_result_free(&result);
        }
        free(damaged);
        free(bytes);
    }
}

static void holes_end_with_an_image_a_reason_or_a_need(void **state)
{
    (void)state;
    struct ry_rng rng = {7};
    for (size_t i = 0; i < VIDEO_COUNT; i++) {
        size_t n;
        uint8_t *bytes = media_folder_load(&clips, videos[i], &n);
        for (int round = 0; bytes && round < 8; round++) {
            struct window_io windows = {.total_bytes = n, .last_round = round % 2 == 0};
            struct engine_request request = play_request(videos[i]);
            struct engine_result result;
            for (uint64_t at = 0; at < n;) {
                uint64_t length = 1 + ry_rng_below(&rng, n / 4);
                length = length < n - at ? length : n - at;
                assert_true(window_io_place(&windows, at, bytes + at, (size_t)length));
                at += length + ry_rng_below(&rng, n / 8);
            }
            enum engine_outcome outcome = engine_run(&windows, &request, &result);
            assert_true(outcome != ENGINE_NEEDS || !windows.last_round);
            engine_result_free(&result);
        }
        free(bytes);
    }
}

int main(void)
{
    engine_set_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_video_is_refused_with_a_reason),
        cmocka_unit_test(nothing_at_all_is_empty),
        cmocka_unit_test(an_mp4_without_its_index_says_so),
        cmocka_unit_test(an_mp4_cut_before_its_samples_says_so),
        cmocka_unit_test(a_video_cut_behind_its_first_picture_gives_it),
        cmocka_unit_test(an_absurd_size_is_refused),
        cmocka_unit_test(every_cut_ends_with_an_image_or_a_reason),
        cmocka_unit_test(damaged_bytes_end_with_an_image_or_a_reason),
        cmocka_unit_test(holes_end_with_an_image_a_reason_or_a_need),
    };
    skip_without("ffmpeg", "ffmpeg");
    return cmocka_run_group_tests(tests, make_clips, remove_clips);
}

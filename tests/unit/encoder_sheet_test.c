/* Storyboards: how many pictures, which ones (ffmpeg's own, of the same times), and what they cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>

#include "tests/bed/media_folder.h"
#include "tests/bed/range_player.h"
#include "tests/bed/skip.h"

#define KIB ((uint64_t)1024)

/* Mean square error of a pixel, of 255: lossy compression stays below, another picture of the test source is above. */
#define ERROR_MAX 450.0

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    return media_folder_make(&clips,
                             "board.mp4 board.mkv board.avi board.flv board_frag.mp4 board_rot.mp4 board_vfr.mp4 "
                             "board_one.mp4 black.mp4 pq.mp4 counter.mp4 vp8.webm av1.mp4 prores.mov alpha.mov "
                             "narrow.avi odd.webm picture.gif quad.ts quad.mp4 text.mp4 empty.mp4 audio.m4a "
                             "live.webm");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

static enum engine_outcome run(const char *clip, struct play *play, struct sheet_result *result)
{
    size_t n;
    uint8_t *bytes = media_folder_load(&clips, clip, &n);
    if (!bytes)
        skip_test("%s was left out, for this ffmpeg lacks what makes it", clip);
    const struct sheet_request request = {.filename = clip, .tile = {160, 160}, .quality = 85};
    enum engine_outcome outcome = play_sheet(play, bytes, n, &request, result);
    free(bytes);
    return outcome;
}

/* ---- what it shows -------------------------------------------------------------------------------------------- */

/* The picture that ffmpeg shows at a time, in RGB; malloc'd. */
static uint8_t *ffmpeg_picture(const char *clip, double at_s, int width, int height)
{
    char command[512];
    (void)snprintf(command, sizeof command,
                   "ffmpeg -nostdin -v error -ss %.3f -i %s/%s -frames:v 1 -vf scale=%d:%d:flags=bicubic -f rawvideo "
                   "-pix_fmt rgb24 - </dev/null",
                   at_s, clips.path, clip, width, height);
    size_t bytes = (size_t)width * (size_t)height * 3;
    uint8_t *rgb = malloc(bytes);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fread(rgb, 1, bytes, pipe), bytes);
    assert_int_equal(pclose(pipe), 0);
    return rgb;
}

static double error_of(const uint8_t *sheet, int sheet_width, int left, int top, const uint8_t *rgb, int width,
                       int height)
{
    double sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * 3; x++) {
            double difference =
                (double)sheet[((size_t)(top + y) * (size_t)sheet_width + (size_t)left) * 3 + (size_t)x] -
                rgb[(size_t)y * (size_t)width * 3 + (size_t)x];
            sum += difference * difference;
        }
    return sum / width / height / 3;
}

/* Each tile is the key frame nearest to the middle of its part, and no other one. */
static void expect_tiles(const char *clip, const struct sheet_result *result, double key_step_s, double last_key_s)
{
    int sheet_width, sheet_height;
    uint8_t *sheet = WebPDecodeRGB(ry_frame_data(result->image.webp), ry_frame_size(result->image.webp), &sheet_width,
                                   &sheet_height);
    assert_non_null(sheet);
    assert_int_equal(sheet_width, result->image.size.width);
    assert_int_equal(sheet_height, result->image.size.height);
    int width = sheet_width / (int)result->columns, height = sheet_height / (int)result->rows;
    for (unsigned i = 0; i < result->count; i++) {
        double middle_s = (i + 0.5) * result->step_s;
        /* Of two that are equally near, the earlier one. */
        double key_s = fmin(ceil(middle_s / key_step_s - 0.5) * key_step_s, last_key_s);
        int left = (int)(i % result->columns) * width, top = (int)(i / result->columns) * height;
        uint8_t *right = ffmpeg_picture(clip, key_s, width, height);
        uint8_t *wrong = ffmpeg_picture(clip, key_s > 0 ? key_s - key_step_s : key_step_s, width, height);
        double error = error_of(sheet, sheet_width, left, top, right, width, height);
        double other = error_of(sheet, sheet_width, left, top, wrong, width, height);
        if (error > ERROR_MAX || error > other / 2)
            fail_msg("%s: tile %u differs by %.0f from the picture of %g s, and by %.0f from the one beside it", clip,
                     i, error, key_s, other);
        free(right);
        free(wrong);
    }
    WebPFree(sheet);
}

static void a_long_clip_has_sixteen_pictures_of_equal_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"board.mp4", "board.mkv", "board.avi", "board_rot.mp4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sheet_result result;
        struct play play = {.first_bytes = 0};
        if (run(names[i], &play, &result) != ENGINE_DONE)
            fail_msg("%s: %s", names[i], result.error.text);
        bool upright = strcmp(names[i], "board_rot.mp4") == 0;
        assert_int_equal(result.count, 16);
        assert_int_equal(result.columns, 4);
        assert_int_equal(result.rows, 4);
        assert_int_equal(result.image.size.width, upright ? 360 : 640);
        assert_int_equal(result.image.size.height, upright ? 640 : 360);
        assert_float_equal((float)result.step_s, 2.5F, 0.02F);
        expect_tiles(names[i], &result, 2, 38);
        sheet_result_free(&result);
    }
}

/* Pictures each 0.1 s for 10 s, then each 5 s; a key frame each ten pictures: 0, 1, ... 9, 10 (and 50 behind it). */
static void a_clip_of_varying_rate_shows_what_is_nearest_in_time(void **state)
{
    (void)state;
    struct sheet_result result;
    struct play play = {.first_bytes = 0};
    assert_int_equal(run("board_vfr.mp4", &play, &result), ENGINE_DONE);
    assert_int_equal(result.count, 11);
    assert_true(result.step_s > 4.9 && result.step_s < 5.5);
    sheet_result_free(&result);
}

static void clips_of_few_key_frames_have_few_pictures(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        int width, height;
        unsigned count;
    } cases[] = {
        {"board_one.mp4", 160, 90, 1}, {"pq.mp4", 160, 40, 1},     {"counter.mp4", 128, 64, 2},
        {"vp8.webm", 480, 120, 3},     {"black.mp4", 320, 120, 2}, {"prores.mov", 640, 480, 16},
        {"narrow.avi", 640, 6, 10},    {"odd.webm", 160, 90, 1},   {"av1.mp4", 480, 120, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sheet_result result;
        struct play play = {.first_bytes = 0};
        if (run(cases[i].clip, &play, &result) != ENGINE_DONE)
            fail_msg("%s: %s", cases[i].clip, result.error.text);
        if (result.count != cases[i].count || result.image.size.width != cases[i].width ||
            result.image.size.height != cases[i].height)
            fail_msg("%s: %u pictures, %dx%d", cases[i].clip, result.count, result.image.size.width,
                     result.image.size.height);
        sheet_result_free(&result);
    }
}

/* ---- what it costs -------------------------------------------------------------------------------------------- */

static void what_has_no_index_of_key_frames_is_not_read_for_it(void **state)
{
    (void)state;
    static const char *const names[] = {"board.flv", "board_frag.mp4", "quad.ts", "picture.gif", "live.webm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sheet_result result;
        struct play play = {.first_bytes = 0};
        enum engine_outcome outcome = run(names[i], &play, &result);
        if (outcome != ENGINE_FAILED || ry_err_class(result.error.code) != RY_CLASS_REJECT ||
            strstr(result.error.text, "no key frames") == NULL || play.rounds > 3 || play.bytes_read > 400 * KIB)
            fail_msg("%s: outcome %d, '%s' after %u rounds and %llu bytes", names[i], (int)outcome, result.error.text,
                     play.rounds, (unsigned long long)play.bytes_read);
        sheet_result_free(&result);
    }
}

static void what_is_no_video_has_no_storyboard(void **state)
{
    (void)state;
    static const char *const names[] = {"text.mp4", "empty.mp4", "audio.m4a"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sheet_result result;
        struct play play = {.first_bytes = 0};
        assert_int_equal(run(names[i], &play, &result), ENGINE_FAILED);
        assert_true(result.error.text[0] != '\0');
        sheet_result_free(&result);
    }
}

static void key_frames_are_asked_for_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        unsigned rounds_max;
    } cases[] = {{"board.mp4", 3}, {"board.avi", 5}, {"board.mkv", 5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sheet_result result;
        struct play play = {.first_bytes = 0};
        assert_int_equal(run(cases[i].clip, &play, &result), ENGINE_DONE);
        if (play.rounds > cases[i].rounds_max)
            fail_msg("%s: %u rounds, %llu bytes", cases[i].clip, play.rounds, (unsigned long long)play.bytes_read);
        sheet_result_free(&result);
    }
}

static void every_cut_of_a_file_ends(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = media_folder_load(&clips, "counter.mp4", &n);
    assert_non_null(bytes);
    const struct sheet_request request = {.filename = "counter.mp4", .tile = {160, 160}, .quality = 85};
    for (size_t cut = 0; cut < n; cut += 97) {
        struct sheet_result result;
        struct play play = {.first_bytes = 512};
        (void)play_sheet(&play, bytes, cut, &request, &result);
        sheet_result_free(&result);
        uint8_t kept = bytes[cut];
        bytes[cut] ^= 0x55;
        play = (struct play){.first_bytes = 0};
        (void)play_sheet(&play, bytes, n, &request, &result);
        sheet_result_free(&result);
        bytes[cut] = kept;
    }
    free(bytes);
}

/* The middle picture's data zeroed: its part shows the one beside it. */
static void a_damaged_key_frame_is_passed_over(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = media_folder_load(&clips, "counter.mp4", &n);
    assert_non_null(bytes);
    struct window_io windows = {.total_bytes = n, .last_round = true};
    assert_true(window_io_place(&windows, 0, bytes, n));
    struct media media;
    struct sheet_plan plan;
    struct ry_error err;
    assert_int_equal(media_open(&media, &windows, "counter.mp4", &err), RY_OK);
    assert_true(sheet_plan_make(&media, &plan));
    media_close(&media);
    assert_int_equal(plan.key_count, 2);
    memset(bytes + plan.keys[1].offset, 0, plan.keys[1].length);
    const struct sheet_request request = {.filename = "counter.mp4", .tile = {160, 160}, .quality = 85};
    struct sheet_result result;
    struct play play = {.first_bytes = 0};
    assert_int_equal(play_sheet(&play, bytes, n, &request, &result), ENGINE_DONE);
    assert_int_equal(result.count, 2);
    int width, height;
    uint8_t *rgb = WebPDecodeRGB(ry_frame_data(result.image.webp), ry_frame_size(result.image.webp), &width, &height);
    assert_non_null(rgb);
    assert_true(abs(rgb[(32 * width + 32) * 3] - rgb[(32 * width + 96) * 3]) <= 3);
    WebPFree(rgb);
    sheet_result_free(&result);
    free(bytes);
}

int main(void)
{
    engine_set_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_clip_has_sixteen_pictures_of_equal_parts),
        cmocka_unit_test(a_clip_of_varying_rate_shows_what_is_nearest_in_time),
        cmocka_unit_test(clips_of_few_key_frames_have_few_pictures),
        cmocka_unit_test(what_has_no_index_of_key_frames_is_not_read_for_it),
        cmocka_unit_test(what_is_no_video_has_no_storyboard),
        cmocka_unit_test(key_frames_are_asked_for_at_once),
        cmocka_unit_test(every_cut_of_a_file_ends),
        cmocka_unit_test(a_damaged_key_frame_is_passed_over),
    };
    skip_without("ffmpeg", "ffmpeg");
    return cmocka_run_group_tests(tests, make_clips, remove_clips);
}

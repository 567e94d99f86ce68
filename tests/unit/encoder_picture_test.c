/* What the images show: pixels of known clips, decoded from the WebP files that the engine made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <webp/decode.h>

#include "tests/bed/between.h"
#include "tests/bed/media_folder.h"
#include "tests/bed/range_player.h"
#include "tests/bed/skip.h"

/* Lossy compression and rounding of colours stay within this, out of 255. */
#define TOLERANCE 14

#define RED \
    { \
        250, 5, 5 \
    }
#define GREEN \
    { \
        5, 250, 5 \
    }
#define BLUE \
    { \
        5, 5, 250 \
    }
#define WHITE \
    { \
        250, 250, 250 \
    }

static struct media_folder clips;

struct image {
    uint8_t *rgb;
    int width, height;
};

/* A point in 1/1000 of width and height, and what is to be seen there. */
struct point {
    int x, y;
    uint8_t rgb[3];
};

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

static struct image decode(const struct engine_image *file)
{
    struct image image;
    image.rgb = WebPDecodeRGB(ry_frame_data(file->webp), ry_frame_size(file->webp), &image.width, &image.height);
    assert_non_null(image.rgb);
    assert_int_equal(image.width, file->size.width);
    assert_int_equal(image.height, file->size.height);
    return image;
}

static const uint8_t *pixel(const struct image *image, int x_mille, int y_mille)
{
    int x = x_mille * image->width / 1000, y = y_mille * image->height / 1000;
    return image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
}

static void expect_point(const char *clip, const struct image *image, const struct point *point, int tolerance)
{
    const uint8_t *rgb = pixel(image, point->x, point->y);
    for (int i = 0; i < 3; i++)
        if (abs(rgb[i] - point->rgb[i]) > tolerance)
            fail_msg("%s: at %d,%d there is %d,%d,%d instead of %d,%d,%d", clip, point->x, point->y, rgb[0], rgb[1],
                     rgb[2], point->rgb[0], point->rgb[1], point->rgb[2]);
}

/* Plays a clip to its end; skips the test when this ffmpeg could not make the clip. */
static void run_clip(const char *clip, double wished_s, enum ry_frame_mode mode, struct engine_result *result)
{
    size_t n;
    uint8_t *bytes = media_folder_load(&clips, clip, &n);
    if (!bytes)
        skip_test("%s was left out, for this ffmpeg lacks what makes it", clip);
    struct engine_request request = play_request(clip);
    request.wished_s = wished_s;
    request.mode = mode;
    struct play play = {.first_bytes = 0};
    enum engine_outcome outcome = play_run(&play, bytes, n, &request, result);
    free(bytes);
    if (outcome != ENGINE_DONE)
        fail_msg("%s: %s", clip, outcome == ENGINE_FAILED ? result->error.text : "never done");
}

/* The four quarters of a clip, in the order upper left, upper right, lower left, lower right. */
static void expect_quarters(const char *clip, int width, int height, const uint8_t quarters[4][3])
{
    struct engine_result result;
    run_clip(clip, 1.0, RY_FRAME_SMART, &result);
    const struct engine_image *files[] = {&result.small, &result.large};
    for (int f = 0; f < 2; f++) {
        struct image image = decode(files[f]);
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
        for (int i = 0; i < 4; i++) {
            struct point point = {i % 2 ? 750 : 250, i / 2 ? 750 : 250, {0}};
            memcpy(point.rgb, quarters[i], 3);
            expect_point(clip, &image, &point, TOLERANCE);
        }
        WebPFree(image.rgb);
    }
    engine_result_free(&result);
}

static void every_container_and_codec_shows_the_same_quarters(void **state)
{
    (void)state;
    static const char *const required[] = {"quad.mp4",  "quad_fast.mp4", "quad_frag.mp4", "quad.mov",  "quad.mkv",
                                           "quad.flv",  "quad.ts",       "vp8.webm",      "vp9.webm",  "mpeg4.avi",
                                           "mjpeg.avi", "msmpeg4.avi",   "mpeg2.mpg",     "wmv2.wmv",  "flv1.flv",
                                           "hevc.mp4",  "prores.mov",    "ten_bit.mp4",   "theora.ogv"};
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
        expect_quarters(required[i], 160, 120, (const uint8_t[4][3]){RED, GREEN, BLUE, WHITE});
}

static void av1_shows_the_same_quarters(void **state)
{
    (void)state;
    expect_quarters("av1.mp4", 160, 120, (const uint8_t[4][3]){RED, GREEN, BLUE, WHITE});
}

static void turned_videos_stand_upright(void **state)
{
    (void)state;
    /* The clip is named by the angle that ffprobe tells: how far its player turns it against the clock. */
    expect_quarters("rot90.mp4", 120, 160, (const uint8_t[4][3]){GREEN, WHITE, RED, BLUE});
    expect_quarters("rot180.mp4", 160, 120, (const uint8_t[4][3]){WHITE, BLUE, GREEN, RED});
    expect_quarters("rot270.mp4", 120, 160, (const uint8_t[4][3]){BLUE, RED, WHITE, GREEN});
}

static void sizes_follow_aspect_and_box(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        struct extent shown, small, large;
    } cases[] = {
        {"sar.mp4", {192, 96}, {192, 96}, {192, 96}},      {"odd.webm", {641, 361}, {320, 180}, {639, 360}},
        {"narrow.avi", {3000, 2}, {320, 1}, {640, 1}},     {"large.mp4", {1280, 720}, {320, 180}, {640, 360}},
        {"rot90.mp4", {120, 160}, {120, 160}, {120, 160}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine_result result;
        run_clip(cases[i].clip, 1.0, RY_FRAME_SMART, &result);
        assert_memory_equal(&result.facts.shown, &cases[i].shown, sizeof cases[i].shown);
        assert_memory_equal(&result.small.size, &cases[i].small, sizeof cases[i].small);
        assert_memory_equal(&result.large.size, &cases[i].large, sizeof cases[i].large);
        engine_result_free(&result);
    }
}

static double brightness_spread(const struct engine_image *file)
{
    struct image image = decode(file);
    size_t n = (size_t)image.width * (size_t)image.height * 3;
    uint8_t least = 255, most = 0;
    for (size_t i = 0; i < n; i++) {
        least = image.rgb[i] < least ? image.rgb[i] : least;
        most = image.rgb[i] > most ? image.rgb[i] : most;
    }
    WebPFree(image.rgb);
    return most - least;
}

static void smart_mode_leaves_a_black_intro(void **state)
{
    (void)state;
    struct engine_result result;
    run_clip("black_intro.mp4", 1.0, RY_FRAME_SMART, &result);
    assert_true(brightness_spread(&result.large) > 150);
    engine_result_free(&result);
    run_clip("black_intro.mp4", 1.0, RY_FRAME_KEYFRAME, &result);
    assert_true(brightness_spread(&result.large) < 10);
    engine_result_free(&result);
}

static void a_video_that_is_all_black_gives_a_black_image(void **state)
{
    (void)state;
    struct engine_result result;
    run_clip("black.mp4", 1.0, RY_FRAME_SMART, &result);
    struct image image = decode(&result.large);
    expect_point("black.mp4", &image, &(struct point){500, 500, {0, 0, 0}}, 4);
    WebPFree(image.rgb);
    engine_result_free(&result);
}

static void each_mode_shows_the_frame_of_its_time(void **state)
{
    (void)state;
    static const struct {
        enum ry_frame_mode mode;
        double wished_s;
        int frame; /* of counter.mp4: 10 a second, 40 in all, key frames 0 and 20 */
    } cases[] = {
        {RY_FRAME_EXACT, 0.0, 0},    {RY_FRAME_EXACT, 0.7, 7},     {RY_FRAME_EXACT, 0.75, 7},
        {RY_FRAME_EXACT, 1.9, 19},   {RY_FRAME_EXACT, 2.0, 20},    {RY_FRAME_EXACT, 3.1, 31},
        {RY_FRAME_EXACT, 3.9, 39},   {RY_FRAME_EXACT, 1000, 39},   {RY_FRAME_KEYFRAME, 0.0, 0},
        {RY_FRAME_KEYFRAME, 1.9, 0}, {RY_FRAME_KEYFRAME, 2.0, 20}, {RY_FRAME_KEYFRAME, 3.9, 20},
        {RY_FRAME_KEYFRAME, 50, 20}, {RY_FRAME_SMART, 0.5, 20}, /* all are plain: the brighter key frame */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine_result result;
        run_clip("counter.mp4", cases[i].wished_s, cases[i].mode, &result);
        struct image image = decode(&result.large);
        uint8_t grey = (uint8_t)(5 * cases[i].frame * 255 / 219);
        struct point point = {500, 500, {grey, grey, grey}};
        expect_point("counter.mp4", &image, &point, 2);
        WebPFree(image.rgb);
        engine_result_free(&result);
    }
}

static void ranges_and_matrices_give_the_same_colours(void **state)
{
    (void)state;
    static const struct {
        const char *clip;
        struct point point;
    } cases[] = {
        {"grey_limited.mp4", {500, 500, {0x66, 0x66, 0x66}}},
        {"grey_full.mp4", {500, 500, {0x66, 0x66, 0x66}}},
        {"orange_601.mp4", {500, 500, {0xC0, 0x60, 0x20}}},
        {"orange_709.mp4", {500, 500, {0xC0, 0x60, 0x20}}},
        {"alpha.mov", {250, 500, {250, 5, 5}}},
        {"alpha.mov", {750, 500, {0, 0, 0}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine_result result;
        run_clip(cases[i].clip, 0, RY_FRAME_SMART, &result);
        struct image image = decode(&result.large);
        expect_point(cases[i].clip, &image, &cases[i].point, strcmp(cases[i].clip, "alpha.mov") == 0 ? TOLERANCE : 4);
        WebPFree(image.rgb);
        engine_result_free(&result);
    }
}

/* The grey of each quarter column. */
static void read_columns(const char *clip, int columns[4])
{
    struct engine_result result;
    run_clip(clip, 0, RY_FRAME_SMART, &result);
    struct image image = decode(&result.large);
    for (int i = 0; i < 4; i++) {
        const uint8_t *rgb = pixel(&image, 125 + 250 * i, 500);
        columns[i] = rgb[1];
        assert_true(abs(rgb[0] - rgb[1]) <= 4 && abs(rgb[2] - rgb[1]) <= 4);
    }
    WebPFree(image.rgb);
    engine_result_free(&result);
}

static void hdr10_is_neither_washed_out_nor_crushed(void **state)
{
    (void)state;
    int grey[4]; /* of 0, 10, 203 and 1000 cd/m2 */
    read_columns("pq.mp4", grey);
    assert_between(grey[0], 0, 4);
    assert_between(grey[1], 55, 70); /* 10 of 203 cd/m2 linear is sRGB 63 */
    assert_between(grey[2], 190, 235);
    assert_between(grey[3], 250, 255);
}

static void hlg_is_neither_washed_out_nor_crushed(void **state)
{
    (void)state;
    int grey[4]; /* of code values 0, 38, 75 and 100 %: black, about a face in shade, diffuse white, peak */
    read_columns("hlg.mp4", grey);
    assert_between(grey[0], 0, 4);
    assert_between(grey[1], 90, 130);
    assert_between(grey[2], 190, 235);
    assert_between(grey[3], 250, 255);
}

static void the_same_video_gives_the_same_bytes(void **state)
{
    (void)state;
    struct engine_result first, second;
    run_clip("large.mp4", 1.0, RY_FRAME_SMART, &first);
    run_clip("large.mp4", 1.0, RY_FRAME_SMART, &second);
    const struct engine_image *pairs[][2] = {{&first.small, &second.small}, {&first.large, &second.large}};
    for (int i = 0; i < 2; i++) {
        size_t n = ry_frame_size(pairs[i][0]->webp);
        assert_int_equal(n, ry_frame_size(pairs[i][1]->webp));
        assert_memory_equal(ry_frame_data(pairs[i][0]->webp), ry_frame_data(pairs[i][1]->webp), n);
    }
    engine_result_free(&first);
    engine_result_free(&second);
}

static void facts_come_from_the_container(void **state)
{
    (void)state;
    static const struct {
        const char *clip, *mime_type;
        double duration_s;
    } cases[] = {
        {"quad.mp4", "video/mp4", 3},      {"quad_frag.mp4", "video/mp4", 3},   {"big_frag.mp4", "video/mp4", 8},
        {"big_bits.mp4", "video/mp4", 8},  {"quad.mov", "video/quicktime", 3},  {"quad.mkv", "video/x-matroska", 3},
        {"vp9.webm", "video/webm", 3},     {"mpeg4.avi", "video/x-msvideo", 3}, {"quad.flv", "video/x-flv", 3},
        {"wmv2.wmv", "video/x-ms-wmv", 3}, {"theora.ogv", "video/ogg", 3},      {"quad.ts", "video/mp2t", 3},
        {"mpeg2.mpg", "video/mpeg", 3},    {"live.webm", "video/webm", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine_result result;
        run_clip(cases[i].clip, 1.0, RY_FRAME_SMART, &result);
        assert_string_equal(result.facts.mime_type, cases[i].mime_type);
        double difference_s = result.facts.duration_s - cases[i].duration_s;
        if (difference_s < -0.01 || difference_s > 0.15)
            fail_msg("%s: %f s", cases[i].clip, result.facts.duration_s);
        engine_result_free(&result);
    }
}

int main(void)
{
    engine_set_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_container_and_codec_shows_the_same_quarters),
        cmocka_unit_test(av1_shows_the_same_quarters),
        cmocka_unit_test(turned_videos_stand_upright),
        cmocka_unit_test(sizes_follow_aspect_and_box),
        cmocka_unit_test(smart_mode_leaves_a_black_intro),
        cmocka_unit_test(a_video_that_is_all_black_gives_a_black_image),
        cmocka_unit_test(each_mode_shows_the_frame_of_its_time),
        cmocka_unit_test(ranges_and_matrices_give_the_same_colours),
        cmocka_unit_test(hdr10_is_neither_washed_out_nor_crushed),
        cmocka_unit_test(hlg_is_neither_washed_out_nor_crushed),
        cmocka_unit_test(the_same_video_gives_the_same_bytes),
        cmocka_unit_test(facts_come_from_the_container),
    };
    skip_without("ffmpeg", "ffmpeg");
    return skip_exit_code(cmocka_run_group_tests(tests, make_clips, remove_clips));
}

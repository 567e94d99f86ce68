/* What is saved in decoding changes no picture: samples left out, decoders used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/encoder/blank.h"
#include "actors/encoder/decode.h"
#include "actors/encoder/engine.h"
#include "tests/bed/media_folder.h"
#include "tests/bed/skip.h"

#define PACKETS_MAX 64

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    engine_set_up();
    return media_folder_make(&clips, "dark.mp4 dark_vp8.webm quad.mp4 hevc.mp4 vp8.webm vp9.webm av1.mp4");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

/* A clip's packets, all of them. */
struct clip {
    uint8_t *bytes;
    struct window_io windows;
    struct media media;
    AVPacket *packets[PACKETS_MAX];
    size_t n;
};

/* False if this ffmpeg could not make it. */
static bool clip_open(struct clip *clip, const char *name)
{
    struct ry_error err;
    size_t n;
    *clip = (struct clip){.bytes = media_folder_load(&clips, name, &n)};
    if (!clip->bytes)
        return false;
    clip->windows = (struct window_io){.total_bytes = n, .last_round = true};
    assert_true(window_io_place(&clip->windows, 0, clip->bytes, n));
    assert_int_equal(media_open(&clip->media, &clip->windows, name, &err), RY_OK);
    for (; clip->n < PACKETS_MAX; clip->n++) {
        AVPacket *packet = clip->packets[clip->n] = av_packet_alloc();
        assert_non_null(packet);
        if (!media_read(&clip->media, packet))
            break;
    }
    assert_true(clip->n > 0 && clip->n < PACKETS_MAX);
    return true;
}

static void clip_close(struct clip *clip)
{
    for (size_t i = 0; i <= clip->n; i++)
        av_packet_free(&clip->packets[i]);
    media_close(&clip->media);
    free(clip->bytes);
}

static AVCodecContext *decoder_of(const struct clip *clip)
{
    AVCodecContext *decoder = NULL;
    struct ry_error err;
    assert_int_equal(media_decoder(&clip->media, false, &decoder, &err), RY_OK);
    return decoder;
}

static void assert_same_pixels(const char *name, const AVFrame *a, const AVFrame *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int plane = 0; plane < 3; plane++) {
        int width = plane > 0 ? (a->width + 1) / 2 : a->width, height = plane > 0 ? (a->height + 1) / 2 : a->height;
        for (int y = 0; y < height; y++)
            if (memcmp(a->data[plane] + (ptrdiff_t)y * a->linesize[plane],
                       b->data[plane] + (ptrdiff_t)y * b->linesize[plane], (size_t)width) != 0)
                fail_msg("%s: row %d of plane %d differs", name, y, plane);
    }
}

/* The first picture that is not blank. *left_out: samples that were not decoded before it, where that is wished. */
static AVFrame *first_to_see(const struct clip *clip, bool pass_over, size_t *left_out)
{
    AVCodecContext *decoder = decoder_of(clip);
    AVFrame *frame = av_frame_alloc();
    bool found = false;
    *left_out = 0;
    for (size_t i = 0; i < clip->n && !found; i++) {
        if (pass_over && i > 0 && decode_pass_over(decoder, clip->packets[i])) {
            ++*left_out;
            continue;
        }
        assert_int_equal(avcodec_send_packet(decoder, clip->packets[i]), 0);
        while (!found && avcodec_receive_frame(decoder, frame) >= 0)
            found = !blank_is(blank_contrast(frame));
    }
    assert_true(found);
    avcodec_free_context(&decoder);
    return frame;
}

static void samples_that_say_as_before_may_be_left_out(void **state)
{
    (void)state;
    static const char *const names[] = {"dark.mp4", "dark_vp8.webm"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct clip clip;
        size_t none, left_out;
        if (!clip_open(&clip, names[i]))
            continue;
        AVFrame *all = first_to_see(&clip, false, &none), *few = first_to_see(&clip, true, &left_out);
        if (left_out < 10)
            fail_msg("%s: %zu samples were left out", names[i], left_out);
        assert_same_pixels(names[i], all, few);
        av_frame_free(&all);
        av_frame_free(&few);
        clip_close(&clip);
    }
}

/* The picture of one packet alone; the first n bytes of it. NULL: none. */
static AVFrame *decode_one(AVCodecContext *decoder, const AVPacket *packet, int n)
{
    AVFrame *frame = av_frame_alloc();
    AVPacket *part = av_packet_clone(packet);
    part->size = n;
    avcodec_send_packet(decoder, part);
    avcodec_send_packet(decoder, NULL);
    if (avcodec_receive_frame(decoder, frame) < 0)
        av_frame_free(&frame);
    av_packet_free(&part);
    return frame;
}

/* A key frame behind the first one. */
static const AVPacket *second_key(const struct clip *clip)
{
    for (size_t i = 1; i < clip->n; i++)
        if (clip->packets[i]->flags & AV_PKT_FLAG_KEY)
            return clip->packets[i];
    fail_msg("there is one key frame only");
    return NULL;
}

static void a_decoder_that_restarts_is_as_good_as_new(void **state)
{
    (void)state;
    static const char *const names[] = {"quad.mp4", "hevc.mp4", "vp8.webm", "vp9.webm", "av1.mp4"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct clip clip;
        if (!clip_open(&clip, names[i]))
            continue;
        const AVPacket *key = second_key(&clip);
        AVCodecContext *new = decoder_of(&clip), *used = decoder_of(&clip);
        AVFrame *before = decode_one(used, clip.packets[0], clip.packets[0]->size);
        assert_true(decode_restart(used));
        AVFrame *expected = decode_one(new, key, key->size), *frame = decode_one(used, key, key->size);
        assert_non_null(before);
        assert_non_null(expected);
        assert_non_null(frame);
        assert_same_pixels(names[i], expected, frame);
        av_frame_free(&before);
        av_frame_free(&expected);
        av_frame_free(&frame);
        avcodec_free_context(&new);
        avcodec_free_context(&used);
        clip_close(&clip);
    }
}

/* libavcodec says nothing of it; what was in the memory before must not look like a picture. */
static void a_damaged_hevc_picture_is_known_in_a_decoder_that_restarts(void **state)
{
    (void)state;
    struct clip clip;
    if (!clip_open(&clip, "hevc.mp4")) {
        skip_test("this ffmpeg has no HEVC encoder");
        return;
    }
    const AVPacket *key = second_key(&clip);
    AVCodecContext *decoder = decoder_of(&clip);
    for (int i = 0; i < 2; i++) {
        AVFrame *whole = decode_one(decoder, clip.packets[0], clip.packets[0]->size);
        assert_non_null(whole);
        assert_true(decode_is_sound(whole));
        av_frame_free(&whole);
        assert_true(decode_restart(decoder));
    }
    AVFrame *part = decode_one(decoder, key, key->size / 2);
    assert_true(!part || !decode_is_sound(part));
    av_frame_free(&part);
    avcodec_free_context(&decoder);
    clip_close(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_say_as_before_may_be_left_out),
        cmocka_unit_test(a_decoder_that_restarts_is_as_good_as_new),
        cmocka_unit_test(a_damaged_hevc_picture_is_known_in_a_decoder_that_restarts),
    };
    skip_without("ffmpeg", "ffmpeg");
    return skip_exit_code(cmocka_run_group_tests(tests, make_clips, remove_clips));
}

/* What is told of a video beside its pictures: names of codecs as browsers take them, by headers and by real clips. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "proto/video_facts.h"
#include "tests/bed/media_folder.h"
#include "tests/bed/range_player.h"
#include "tests/bed/skip.h"

static struct media_folder clips;

static int make_clips(void **state)
{
    (void)state;
    return media_folder_make(&clips,
                             "quad.mp4 quad.mkv quad.flv quad.ts rot90.mp4 rot180.mp4 rot270.mp4 vp8.webm vp9.webm "
                             "av1.mp4 hevc.mp4 mpeg4.avi mjpeg.avi mpeg2.mpg wmv2.wmv theora.ogv prores.mov "
                             "ten_bit.mp4 counter.mp4 picture.gif");
}

static int remove_clips(void **state)
{
    (void)state;
    media_folder_remove(&clips);
    return 0;
}

/* ---- headers -------------------------------------------------------------------------------------------------- */

struct header {
    enum AVCodecID id;
    const char *tag;
    const char *bytes;
    size_t n;
    int profile, level; /* of the decoder */
    const char *text;
};

static void a_codec_is_named_by_its_header(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {AV_CODEC_ID_H264, "avc1", "\1\x64\x00\x28\xff", 5, -1, -1, "avc1.640028"},
        {AV_CODEC_ID_H264, "avc3", "\1\x42\xc0\x1e\xff", 5, -1, -1, "avc3.42c01e"},
        {AV_CODEC_ID_H264, "", "\0\0\0\1\x09\xf0\0\0\1\x67\x4d\x40\x1f\x00", 14, -1, -1, "avc1.4d401f"},
        {AV_CODEC_ID_H264, "", "\0\0\0\1\x67\x4d", 6, -1, -1, "h264"},
        {AV_CODEC_ID_H264, "", "", 0, 66 | 1 << 9, 31, "avc1.42401f"},
        {AV_CODEC_ID_H264, "", "", 0, -1, -1, "h264"},
        {AV_CODEC_ID_HEVC, "hvc1", "\1\1\x60\0\0\0\x90\0\0\0\0\0\x5d", 13, -1, -1, "hvc1.1.6.L93.90"},
        {AV_CODEC_ID_HEVC, "hev1", "\1\x62\x20\0\0\0\xb0\0\0\1\0\0\x99", 13, -1, -1, "hev1.A2.4.H153.B0.0.0.1"},
        {AV_CODEC_ID_HEVC, "", "", 0, 2, 120, "hvc1.2.4.L120.B0"},
        {AV_CODEC_ID_HEVC, "", "\1\1\x60", 3, -1, -1, "hevc"},
        {AV_CODEC_ID_VP8, "", "", 0, -1, -1, "vp8"},
        {AV_CODEC_ID_VP9, "", "", 0, 2, -1, "vp09.02.40.10"},
        {AV_CODEC_ID_AV1, "av01", "\x81\x04\x0c\0", 4, -1, -1, "av01.0.04M.08"},
        {AV_CODEC_ID_AV1, "av01", "\x81\x4d\xe0\0", 4, -1, -1, "av01.2.13H.12"},
        {AV_CODEC_ID_AV1, "", "", 0, 0, 8, "av01.0.08M.10"},
        {AV_CODEC_ID_AV1, "", "", 0, -1, -1, "av1"},
        {AV_CODEC_ID_MPEG4, "", "\0\0\1\xb0\xf5\0", 6, -1, -1, "mp4v.20.245"},
        {AV_CODEC_ID_MPEG4, "", "", 0, -1, -1, "mp4v.20"},
        {AV_CODEC_ID_PRORES, "", "", 0, -1, -1, "prores"},
        {AV_CODEC_ID_NONE, "", "", 0, -1, -1, "none"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct header *header = &headers[i];
        AVCodecParameters parameters = {
            .codec_id = header->id, .profile = -1, .level = -1, .extradata_size = (int)header->n};
        uint8_t bytes[64] = {0};
        memcpy(bytes, header->bytes, header->n);
        parameters.extradata = header->n > 0 ? bytes : NULL;
        for (size_t k = 0; k < strlen(header->tag); k++)
            parameters.codec_tag |= (uint32_t)(uint8_t)header->tag[k] << (8 * k);
        const struct codec_hints hints = {
            .profile = header->profile, .level = header->level, .depth = 10, .stored = {1920, 1080}, .fps = 30};
        char text[CODEC_STRING_BYTES];
        codec_string_of_video(&parameters, &hints, text);
        if (strcmp(text, header->text) != 0)
            fail_msg("case %zu: %s instead of %s", i, text, header->text);
    }
}

static void a_sound_is_named_by_its_header(void **state)
{
    (void)state;
    static const struct header headers[] = {
        {AV_CODEC_ID_AAC, "", "\x12\x10", 2, -1, 0, "mp4a.40.2"},
        {AV_CODEC_ID_AAC, "", "\x2b\x92", 2, -1, 0, "mp4a.40.5"},
        {AV_CODEC_ID_AAC, "", "\xf9\x48", 2, -1, 0, "mp4a.40.42"},
        {AV_CODEC_ID_AAC, "", "", 0, -1, 0, "mp4a.40.2"},
        {AV_CODEC_ID_AAC, "", "", 0, 4, 0, "mp4a.40.5"},
        {AV_CODEC_ID_OPUS, "", "", 0, -1, 0, "opus"},
        {AV_CODEC_ID_VORBIS, "", "", 0, -1, 0, "vorbis"},
        {AV_CODEC_ID_MP3, "", "", 0, -1, 0, "mp3"},
        {AV_CODEC_ID_FLAC, "", "", 0, -1, 0, "flac"},
        {AV_CODEC_ID_AC3, "", "", 0, -1, 0, "ac-3"},
        {AV_CODEC_ID_EAC3, "", "", 0, -1, 0, "ec-3"},
        {AV_CODEC_ID_PCM_S16LE, "", "", 0, -1, 0, "pcm_s16le"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        uint8_t bytes[64] = {0};
        memcpy(bytes, headers[i].bytes, headers[i].n);
        const AVCodecParameters parameters = {.codec_id = headers[i].id,
                                              .profile = headers[i].profile,
                                              .extradata = bytes,
                                              .extradata_size = (int)headers[i].n};
        char text[CODEC_STRING_BYTES];
        codec_string_of_audio(&parameters, text);
        if (strcmp(text, headers[i].text) != 0)
            fail_msg("case %zu: %s instead of %s", i, text, headers[i].text);
    }
}

/* ---- clips ---------------------------------------------------------------------------------------------------- */

struct expected {
    const char *clip, *container, *video, *audio; /* video: the beginning of it */
    unsigned rotation;
    double fps; /* 0: any */
};

static void expect_facts(const struct expected *expected, const struct engine_result *result)
{
    const struct media_facts *facts = &result->facts;
    if (strcmp(facts->container, expected->container) != 0 ||
        strncmp(facts->video_codec, expected->video, strlen(expected->video)) != 0 ||
        strcmp(facts->audio_codec, expected->audio) != 0 || facts->has_audio != (expected->audio[0] != '\0') ||
        facts->rotation != expected->rotation || (expected->fps > 0 && fabs(facts->fps - expected->fps) > 0.1))
        fail_msg("%s: %s, %s, '%s', turned by %u, %g pictures a second", expected->clip, facts->container,
                 facts->video_codec, facts->audio_codec, facts->rotation, facts->fps);
    if (facts->duration_s > 0 && facts->bitrate == 0)
        fail_msg("%s: no bit rate", expected->clip);
    if (facts->frame_time_s < 0 || facts->frame_time_s > 3)
        fail_msg("%s: the picture is of %g s", expected->clip, facts->frame_time_s);
    const struct ry_video_facts said = {.container = ry_str_of(facts->container),
                                        .video_codec = ry_str_of(facts->video_codec),
                                        .audio_codec = ry_str_of(facts->audio_codec),
                                        .rotation = facts->rotation,
                                        .thumbhash = ry_str_of(result->thumbhash)};
    struct ry_error why;
    if (ry_video_facts_check(&said, &why) != RY_OK)
        fail_msg("%s: %s", expected->clip, why.text);
}

/* rot90.mp4 and rot270.mp4 are named by their turn against the clock. */
static void real_clips_say_what_they_are(void **state)
{
    (void)state;
    static const struct expected cases[] = {
        {"quad.mp4", "mp4", "avc1.42c0", "mp4a.40.2", 0, 10},
        {"quad.mkv", "matroska", "avc1.42c0", "mp4a.40.2", 0, 10},
        {"quad.flv", "flv", "avc1.42c0", "mp4a.40.2", 0, 10},
        {"quad.ts", "mpegts", "avc1.42", "mp4a.40.2", 0, 0},
        {"rot90.mp4", "mp4", "avc1", "mp4a.40.2", 270, 10},
        {"rot180.mp4", "mp4", "avc1", "mp4a.40.2", 180, 10},
        {"rot270.mp4", "mp4", "avc1", "mp4a.40.2", 90, 10},
        {"vp8.webm", "webm", "vp8", "vorbis", 0, 10},
        {"vp9.webm", "webm", "vp09.00.10.08", "", 0, 10},
        {"av1.mp4", "mp4", "av01.0.00M.08", "", 0, 10},
        {"hevc.mp4", "mp4", "hvc1.1.6.L30", "", 0, 10},
        {"mpeg4.avi", "avi", "mp4v.20", "mp3", 0, 10},
        {"mjpeg.avi", "avi", "mjpeg", "", 0, 10},
        {"mpeg2.mpg", "mpeg", "mpeg2video", "mp2", 0, 0},
        {"wmv2.wmv", "asf", "wmv2", "wmav2", 0, 0},
        {"theora.ogv", "ogg", "theora", "vorbis", 0, 10},
        {"prores.mov", "mov", "prores", "", 0, 10},
        {"ten_bit.mp4", "mp4", "avc1.6e", "", 0, 10},
        {"picture.gif", "gif", "gif", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n;
        uint8_t *bytes = media_folder_load(&clips, cases[i].clip, &n);
        if (!bytes)
            continue; /* this ffmpeg lacks what makes it, and said so */
        struct engine_request request = play_request(cases[i].clip);
        struct engine_result result;
        struct play play = {.first_bytes = 0};
        if (play_run(&play, bytes, n, &request, &result) != ENGINE_DONE)
            fail_msg("%s: %s", cases[i].clip, result.error.text);
        expect_facts(&cases[i], &result);
        engine_result_free(&result);
        free(bytes);
    }
}

/* The key frames of counter.mp4 are 2 s apart. */
static void the_picture_s_time_is_told(void **state)
{
    (void)state;
    static const double wished[] = {0, 1, 2, 3.5};
    size_t n;
    uint8_t *bytes = media_folder_load(&clips, "counter.mp4", &n);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof wished / sizeof wished[0]; i++) {
        struct engine_request request = play_request("counter.mp4");
        request.mode = RY_FRAME_KEYFRAME;
        request.wished_s = wished[i];
        struct engine_result result;
        struct play play = {.first_bytes = 0};
        assert_int_equal(play_run(&play, bytes, n, &request, &result), ENGINE_DONE);
        assert_float_equal((float)result.facts.frame_time_s, wished[i] < 2 ? 0.0F : 2.0F, 0.01F);
        engine_result_free(&result);
    }
    free(bytes);
}

/* ---- what an encoder may say ---------------------------------------------------------------------------------- */

static void facts_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct ry_video_facts facts;
        const char *says; /* NULL: they are right */
    } cases[] = {
        {{.rotation = 0}, NULL},
        {{.container = RY_STR("mp4"), .video_codec = RY_STR("av01.0.04M.08"), .audio_codec = RY_STR("ec-3")}, NULL},
        {{.video_codec = RY_STR("pcm_s16le"), .rotation = 270}, NULL},
        {{.container = RY_STR("MP4")}, "container"},
        {{.container = RY_STR("m4v\n")}, "container"},
        {{.video_codec = RY_STR("avc1\"><script>")}, "codec"},
        {{.audio_codec = RY_STR("mp4a.40.2, opus")}, "codec"},
        {{.audio_codec = {"a\0b", 3}}, "codec"},
        {{.rotation = 45}, "quarter"},
        {{.thumbhash = RY_STR("3wcKnJqHh4iAiIiIiIeAdQj4eA==")}, NULL},     /* 100x56 */
        {{.thumbhash = RY_STR("H/gBBALrS1p4uJgGh2V1sHJP2g==")}, NULL},     /* 56x100 */
        {{.thumbhash = RY_STR("X/gBDwIyMSQgE1VjZTd2VXZk9N7paSAH")}, NULL}, /* square */
        {{.thumbhash = RY_STR("1fUqmb6IiIiIiAiIgHhOiAg=")}, NULL},         /* 100x1 */
        {{.thumbhash = RY_STR("3wcKnJqHh4iAiIiIiIeAdQj4")}, "ThumbHash"},  /* too short for its head */
        {{.thumbhash = RY_STR("X/gBDwIyMSQgE1VjZTd2VXZk9N7paSAHAAAA")}, "ThumbHash"},
        {{.thumbhash = RY_STR("3wcKnJqHh4iAiIiIiIeAdQj4eA=")}, "ThumbHash"},
        {{.thumbhash = RY_STR("3wcKnJqHh4iAiI<IiIeAdQj4eA==")}, "ThumbHash"},
        {{.thumbhash = RY_STR("3wcKnJqHh4=AiIiIiIeAdQj4eA==")}, "ThumbHash"},
        {{.thumbhash = RY_STR("3weKnJqHh4iAiIiIiIeAdQj4eA==")}, "ThumbHash"}, /* with transparency */
        {{.thumbhash = RY_STR("========")}, "ThumbHash"},
        {{.thumbhash = {"AAAAAAAA\0AAA", 12}}, "ThumbHash"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ry_error why = {.text = ""};
        int rc = ry_video_facts_check(&cases[i].facts, &why);
        if ((rc == RY_OK) != (cases[i].says == NULL) || (cases[i].says && strstr(why.text, cases[i].says) == NULL))
            fail_msg("case %zu: %d %s", i, rc, why.text);
    }
}

int main(void)
{
    engine_set_up();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_codec_is_named_by_its_header),  cmocka_unit_test(a_sound_is_named_by_its_header),
        cmocka_unit_test(facts_that_are_none_are_refused), cmocka_unit_test(real_clips_say_what_they_are),
        cmocka_unit_test(the_picture_s_time_is_told),
    };
    skip_without("ffmpeg", "ffmpeg");
    return cmocka_run_group_tests(tests, make_clips, remove_clips);
}

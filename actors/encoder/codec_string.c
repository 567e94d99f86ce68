/* codec_string.c: see codec_string.h.
 *
 * Pure. Headers are strangers' bytes: nothing is read past their end, and what is printed of them are numbers. */
#include "actors/encoder/codec_string.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libavcodec/avcodec.h>

/* What libavcodec adds to the profile of H.264: it is the constrained one, or without prediction between pictures. */
#define H264_CONSTRAINED (1 << 9)
#define H264_INTRA       (1 << 11)

/* hvcC: version, profile, 4 bytes of compatibility, 6 of constraints, level. */
#define HVCC_LEVEL            12
#define HVCC_CONSTRAINTS      6
#define HVCC_CONSTRAINT_BYTES 6

#define AV1_CONFIGURATION_BYTES 4
#define AV1_LEVEL_MAX           23 /* 7.3; 31: none of them */

static void name_of(enum AVCodecID id, char text[CODEC_STRING_BYTES])
{
    (void)snprintf(text, CODEC_STRING_BYTES, "%s", avcodec_get_name(id));
}

static bool has_tag(const AVCodecParameters *parameters, const char tag[4])
{
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(parameters->codec_tag >> (8 * i));
    return memcmp(bytes, tag, sizeof bytes) == 0;
}

/* ---- H.264 ---------------------------------------------------------------------------------------------------- */

/* The three bytes that follow the head of a sequence parameter set, behind a start code. */
static const uint8_t *h264_set(const uint8_t *p, int n)
{
    for (int i = 0; i + 7 <= n; i++)
        if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1 && (p[i + 3] & 31) == 7)
            return p + i + 4;
    return NULL;
}

static void h264_string(const AVCodecParameters *parameters, const struct codec_hints *hints,
                        char text[CODEC_STRING_BYTES])
{
    const uint8_t *p = parameters->extradata;
    const char *kind = has_tag(parameters, "avc3") ? "avc3" : "avc1";
    if (parameters->extradata_size >= 4 && p[0] == 1)
        p++;
    else
        p = p ? h264_set(p, parameters->extradata_size) : NULL;
    if (p) {
        (void)snprintf(text, CODEC_STRING_BYTES, "%s.%02x%02x%02x", kind, p[0], p[1], p[2]);
        return;
    }
    if (hints->profile < 0 || hints->level < 0) {
        name_of(parameters->codec_id, text);
        return;
    }
    unsigned flags = (hints->profile & H264_CONSTRAINED ? 0x40U : 0) | (hints->profile & H264_INTRA ? 0x10U : 0);
    (void)snprintf(text, CODEC_STRING_BYTES, "%s.%02x%02x%02x", kind, (unsigned)hints->profile & 255, flags,
                   (unsigned)hints->level & 255);
}

/* ---- HEVC ----------------------------------------------------------------------------------------------------- */

static unsigned reversed(const uint8_t *p)
{
    unsigned bits = (unsigned)p[0] << 24 | (unsigned)p[1] << 16 | (unsigned)p[2] << 8 | p[3], out = 0;
    for (int i = 0; i < 32; i++)
        out |= (bits >> i & 1) << (31 - i);
    return out;
}

static void hevc_string(const AVCodecParameters *parameters, const struct codec_hints *hints,
                        char text[CODEC_STRING_BYTES])
{
    static const char *const spaces[] = {"", "A", "B", "C"};
    const uint8_t *p = parameters->extradata;
    const char *kind = has_tag(parameters, "hev1") ? "hev1" : "hvc1";
    if (parameters->extradata_size <= HVCC_LEVEL || p[0] != 1) {
        if (hints->profile > 0 && hints->profile < 32 && hints->level > 0)
            (void)snprintf(text, CODEC_STRING_BYTES, "%s.%d.%x.L%d.B0", kind, hints->profile,
                           hints->profile == 1 ? 6U : 1U << hints->profile, hints->level);
        else
            name_of(parameters->codec_id, text);
        return;
    }
    int used = snprintf(text, CODEC_STRING_BYTES, "%s.%s%d.%x.%c%d", kind, spaces[p[1] >> 6], p[1] & 31,
                        reversed(p + 2), p[1] & 32 ? 'H' : 'L', p[HVCC_LEVEL]);
    int last = HVCC_CONSTRAINT_BYTES;
    while (last > 0 && p[HVCC_CONSTRAINTS + last - 1] == 0)
        last--;
    for (int i = 0; i < last; i++)
        used += snprintf(text + used, CODEC_STRING_BYTES - (size_t)used, ".%X", p[HVCC_CONSTRAINTS + i]);
}

/* ---- VP9, AV1 ------------------------------------------------------------------------------------------------- */

/* The lowest level whose rate of samples and size of pictures suffice ("VP9 Levels and Decoder Testing"). */
static int vp9_level(struct extent size, double fps)
{
    static const struct {
        int level;
        double rate;
        int64_t pixels;
    } levels[] = {{10, 829440, 36864},       {11, 2764800, 73728},      {20, 4608000, 122880},
                  {21, 9216000, 245760},     {30, 20736000, 552960},    {31, 36864000, 983040},
                  {40, 83558400, 2228224},   {41, 160432128, 2228224},  {50, 311951360, 8912896},
                  {51, 588251136, 8912896},  {52, 1176502272, 8912896}, {60, 1176502272, 35651584},
                  {61, 2353004544, 35651584}};
    int64_t pixels = (int64_t)size.width * size.height;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (pixels <= levels[i].pixels && (double)pixels * fps <= levels[i].rate)
            return levels[i].level;
    return 62;
}

static void vp9_string(const AVCodecParameters *parameters, const struct codec_hints *hints,
                       char text[CODEC_STRING_BYTES])
{
    int profile = parameters->profile >= 0 ? parameters->profile : hints->profile;
    int level = parameters->level > 0 ? parameters->level : vp9_level(hints->stored, hints->fps > 0 ? hints->fps : 30);
    int depth = hints->depth > 0 ? hints->depth : profile >= 2 ? 10 : 8;
    (void)snprintf(text, CODEC_STRING_BYTES, "vp09.%02d.%02d.%02d", profile > 0 && profile < 4 ? profile : 0,
                   level < 100 ? level : 62, depth < 100 ? depth : 8);
}

/* The configuration record: marker and version, profile and level, tier and depth. */
static void av1_string(const AVCodecParameters *parameters, const struct codec_hints *hints,
                       char text[CODEC_STRING_BYTES])
{
    const uint8_t *p = parameters->extradata;
    int profile = hints->profile, level = hints->level, depth = hints->depth;
    char tier = 'M';
    if (parameters->extradata_size >= AV1_CONFIGURATION_BYTES && p[0] == 0x81) {
        profile = p[1] >> 5;
        level = p[1] & 31;
        tier = p[2] & 0x80 ? 'H' : 'M';
        depth = !(p[2] & 0x40) ? 8 : profile == 2 && (p[2] & 0x20) ? 12 : 10;
    }
    if (profile < 0 || profile > 2 || level < 0 || level > 31) {
        name_of(parameters->codec_id, text);
        return;
    }
    (void)snprintf(text, CODEC_STRING_BYTES, "av01.%d.%02d%c.%02d", profile, level <= AV1_LEVEL_MAX ? level : 31, tier,
                   depth == 10 || depth == 12 ? depth : 8);
}

/* ---- MPEG-4 --------------------------------------------------------------------------------------------------- */

/* Part 2: the profile and level behind the start code of the visual object sequence. */
static void mpeg4_string(const AVCodecParameters *parameters, char text[CODEC_STRING_BYTES])
{
    const uint8_t *p = parameters->extradata;
    for (int i = 0; i + 5 <= parameters->extradata_size; i++)
        if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1 && p[i + 3] == 0xB0) {
            (void)snprintf(text, CODEC_STRING_BYTES, "mp4v.20.%d", p[i + 4]);
            return;
        }
    (void)snprintf(text, CODEC_STRING_BYTES, "mp4v.20");
}

/* Part 3: the first bits of the audio configuration are the type of object (5, or 31 and 6 more). */
static void aac_string(const AVCodecParameters *parameters, char text[CODEC_STRING_BYTES])
{
    const uint8_t *p = parameters->extradata;
    int type = parameters->profile >= 0 ? parameters->profile + 1 : 2;
    if (parameters->extradata_size >= 2)
        type = p[0] >> 3;
    if (type == 31 && parameters->extradata_size >= 2)
        type = 32 + ((p[0] & 7) << 3 | p[1] >> 5);
    (void)snprintf(text, CODEC_STRING_BYTES, "mp4a.40.%d", type > 0 && type < 100 ? type : 2);
}

/* ---- from outside --------------------------------------------------------------------------------------------- */

void codec_string_of_video(const AVCodecParameters *parameters, const struct codec_hints *hints,
                           char text[CODEC_STRING_BYTES])
{
    switch (parameters->codec_id) {
    case AV_CODEC_ID_H264: h264_string(parameters, hints, text); break;
    case AV_CODEC_ID_HEVC: hevc_string(parameters, hints, text); break;
    case AV_CODEC_ID_VP9: vp9_string(parameters, hints, text); break;
    case AV_CODEC_ID_AV1: av1_string(parameters, hints, text); break;
    case AV_CODEC_ID_MPEG4: mpeg4_string(parameters, text); break;
    default: name_of(parameters->codec_id, text); break;
    }
}

void codec_string_of_audio(const AVCodecParameters *parameters, char text[CODEC_STRING_BYTES])
{
    switch (parameters->codec_id) {
    case AV_CODEC_ID_AAC: aac_string(parameters, text); break;
    case AV_CODEC_ID_AC3: (void)snprintf(text, CODEC_STRING_BYTES, "ac-3"); break;
    case AV_CODEC_ID_EAC3: (void)snprintf(text, CODEC_STRING_BYTES, "ec-3"); break;
    default: name_of(parameters->codec_id, text); break; /* opus, vorbis, mp3, flac and alac are called so everywhere */
    }
}

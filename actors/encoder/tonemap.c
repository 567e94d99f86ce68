/* tonemap.c: HDR and wide gamut to sRGB, on a picture that is already small.
 *
 *   16-bit R'G'B' (BT.2020) --EOTF-->       linear light
 *                           --tone curve--> linear, 1.0 = white
 *                           --matrix-->     BT.709
 *                           --OETF-->       sRGB
 *
 * Light is in units of 10000 cd/m2 before the tone curve. White is 203 cd/m2, where BT.2408 puts the diffuse white of
 * HDR. The curve is the one of BT.2390, 5.4 (a knee, then a Hermite spline, in PQ), applied to the largest of the three
 * components, so that hue stays. Its peak is what the stream says (MaxCLL, else the mastering display), else 1000.
 * HLG is shown as on a screen of 1000 cd/m2 (BT.2100, system gamma 1.2). All curves are tables: a powf per sample would
 * cost more than decoding. */
#include "actors/encoder/tonemap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/pixdesc.h>

#include "actors/encoder/scale.h"

#define NITS_MAX   10000.0F
#define NITS_WHITE 203.0F
#define NITS_PEAK  1000.0F /* when the stream does not say */

#define TABLE_SIZE 4096

struct curves {
    float
        light[TABLE_SIZE];  /* by a code value: linear light, 1.0 = 10000 cd/m2; for SDR and HLG scene light, 1.0 max */
    float gain[TABLE_SIZE]; /* by sqrt(light): what the tone curve multiplies by, white becoming 1.0 */
    uint8_t srgb[TABLE_SIZE]; /* by sqrt(linear), 1.0 = white */
};

bool tonemap_needed(const AVFrame *frame)
{
    return frame->color_trc == AVCOL_TRC_SMPTE2084 || frame->color_trc == AVCOL_TRC_ARIB_STD_B67 ||
           frame->color_primaries == AVCOL_PRI_BT2020;
}

/* An ICtCp of neither PQ nor HLG is none. */
static bool is_ictcp(const AVFrame *frame)
{
    return frame->colorspace == AVCOL_SPC_ICTCP &&
           (frame->color_trc == AVCOL_TRC_SMPTE2084 || frame->color_trc == AVCOL_TRC_ARIB_STD_B67);
}

/* ---- curves (BT.2100, tables 4 and 5; IEC 61966-2-1) ---------------------------------------------------------- */

static const float pq_m1 = 0.1593017578125F, pq_m2 = 78.84375F, pq_c1 = 0.8359375F, pq_c2 = 18.8515625F,
                   pq_c3 = 18.6875F;

static float pq_eotf(float code)
{
    float p = powf(code, 1.0F / pq_m2);
    return powf(fmaxf(p - pq_c1, 0.0F) / (pq_c2 - pq_c3 * p), 1.0F / pq_m1);
}

static float pq_inverse(float light)
{
    float p = powf(light, pq_m1);
    return powf((pq_c1 + pq_c2 * p) / (1.0F + pq_c3 * p), pq_m2);
}

static float hlg_scene(float code)
{
    const float a = 0.17883277F, b = 0.28466892F, c = 0.55991073F;
    return code <= 0.5F ? code * code / 3.0F : (expf((code - c) / a) + b) / 12.0F;
}

static float srgb_eotf(float code)
{
    return code <= 0.04045F ? code / 12.92F : powf((code + 0.055F) / 1.055F, 2.4F);
}

static float srgb_inverse(float light)
{
    return light <= 0.0031308F ? light * 12.92F : 1.055F * powf(light, 1.0F / 2.4F) - 0.055F;
}

/* BT.2390-8, 5.4.1: light that a peak would need, brought below white. Both in units of 10000 cd/m2. */
static float tone_curve(float light, float peak)
{
    float source_peak = pq_inverse(peak), white = pq_inverse(NITS_WHITE / NITS_MAX) / source_peak;
    if (white >= 1.0F)
        return fminf(light, NITS_WHITE / NITS_MAX);
    float e1 = fminf(pq_inverse(light) / source_peak, 1.0F), knee = 1.5F * white - 0.5F;
    if (e1 < knee)
        return light;
    float t = (e1 - knee) / (1.0F - knee), t2 = t * t, t3 = t2 * t;
    float e2 = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1.0F - knee) + (-2 * t3 + 3 * t2) * white;
    return pq_eotf(e2 * source_peak);
}

/* The brightest the picture says it gets, in units of 10000 cd/m2. */
static float frame_peak(const AVFrame *frame)
{
    float nits = 0.0F;
    const AVFrameSideData *level = av_frame_get_side_data(frame, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL);
    const AVFrameSideData *display = av_frame_get_side_data(frame, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA);
    if (level)
        nits = (float)((const AVContentLightMetadata *)(const void *)level->data)->MaxCLL;
    if (nits <= 0.0F && display) {
        const AVMasteringDisplayMetadata *mastering = (const void *)display->data;
        if (mastering->has_luminance && mastering->max_luminance.den > 0)
            nits = (float)av_q2d(mastering->max_luminance);
    }
    if (!(nits > 0.0F) || frame->color_trc == AVCOL_TRC_ARIB_STD_B67)
        nits = NITS_PEAK;
    return fminf(fmaxf(nits, NITS_WHITE), NITS_MAX) / NITS_MAX;
}

static void make_curves(struct curves *curves, const AVFrame *frame)
{
    bool hdr = frame->color_trc == AVCOL_TRC_SMPTE2084 || frame->color_trc == AVCOL_TRC_ARIB_STD_B67;
    float peak = frame_peak(frame);
    for (int i = 0; i < TABLE_SIZE; i++) {
        float x = (float)i / (TABLE_SIZE - 1);
        curves->light[i] = frame->color_trc == AVCOL_TRC_SMPTE2084      ? pq_eotf(x)
                           : frame->color_trc == AVCOL_TRC_ARIB_STD_B67 ? hlg_scene(x)
                                                                        : srgb_eotf(x);
        float light = fmaxf(x * x, 1e-9F);
        curves->gain[i] = hdr ? tone_curve(light, peak) / light * (NITS_MAX / NITS_WHITE) : 1.0F;
        curves->srgb[i] = (uint8_t)lrintf(srgb_inverse(x * x) * 255.0F);
    }
}

static float look_up(const float table[TABLE_SIZE], float x)
{
    return table[(int)(fminf(fmaxf(x, 0.0F), 1.0F) * (TABLE_SIZE - 1) + 0.5F)];
}

/* ---- ICtCp (BT.2100, table 7) ---------------------------------------------------------------------------------- */

/* Colours as scale_frame gives them of ICtCp: limited range in 16 bits, three planes. */
static float part(const uint16_t code, float zero, float range)
{
    return ((float)code / 256.0F - zero) / range;
}

/* L'M'S' of I, Ct and Cp. Ct and Cp are sums of d = L' - M' and s = S' - I, by 1/4096 of the factors. */
static void ictcp_to_lms(const float ictcp[3], bool hlg, float lms[3])
{
    const float ct_d = hlg ? 5545.0F : 10111.5F, ct_s = hlg ? 3840.0F : 7003.0F;
    const float cp_d = hlg ? 9356.0F : 17661.5F, cp_s = hlg ? -288.0F : -543.0F;
    float ct = ictcp[1] * 4096.0F, cp = ictcp[2] * 4096.0F, below = ct_d * cp_s - cp_d * ct_s;
    float d = (ct * cp_s - cp * ct_s) / below, s = (ct_d * cp - cp_d * ct) / below;
    lms[0] = ictcp[0] + d / 2;
    lms[1] = ictcp[0] - d / 2;
    lms[2] = ictcp[0] + s;
}

/* Linear light of BT.2020's primaries. */
static void light_of_ictcp(const float light[TABLE_SIZE], bool hlg, const uint16_t in[3], float rgb[3])
{
    static const float to_rgb[3][3] = {
        {3.436607F, -2.506452F, 0.069845F}, {-0.791330F, 1.983600F, -0.192271F}, {-0.025950F, -0.098914F, 1.124864F}};
    const float ictcp[3] = {part(in[0], 16, 219), part(in[1], 128, 224), part(in[2], 128, 224)};
    float lms[3];
    ictcp_to_lms(ictcp, hlg, lms);
    for (int i = 0; i < 3; i++)
        lms[i] = look_up(light, lms[i]);
    for (int i = 0; i < 3; i++)
        rgb[i] = fmaxf(to_rgb[i][0] * lms[0] + to_rgb[i][1] * lms[1] + to_rgb[i][2] * lms[2], 0.0F);
}

/* ---- pixels --------------------------------------------------------------------------------------------------- */

/* The scene light of HLG becomes that of a screen (BT.2100, table 5, OOTF), in units of 10000 cd/m2. */
static void hlg_to_display(float rgb[3])
{
    float luma = 0.2627F * rgb[0] + 0.6780F * rgb[1] + 0.0593F * rgb[2];
    float scale = powf(fmaxf(luma, 1e-6F), 0.2F) * (NITS_PEAK / NITS_MAX);
    for (int i = 0; i < 3; i++)
        rgb[i] *= scale;
}

struct meaning {
    bool hlg;   /* light is that of the scene */
    bool wide;  /* BT.2020's primaries */
    bool ictcp; /* not R'G'B' */
};

static void map_pixel(const struct curves *curves, struct meaning meaning, const uint16_t in[3], uint8_t out[3])
{
    /* BT.2087, annex 2: BT.2020 primaries to BT.709's. */
    static const float to_709[3][3] = {
        {1.6605F, -0.5876F, -0.0728F}, {-0.1246F, 1.1329F, -0.0083F}, {-0.0182F, -0.1006F, 1.1187F}};
    float rgb[3];
    for (int i = 0; i < 3 && !meaning.ictcp; i++)
        rgb[i] = curves->light[in[i] >> 4];
    if (meaning.ictcp)
        light_of_ictcp(curves->light, meaning.hlg, in, rgb);
    if (meaning.hlg)
        hlg_to_display(rgb);
    float gain = look_up(curves->gain, sqrtf(fmaxf(rgb[0], fmaxf(rgb[1], rgb[2]))));
    for (int i = 0; i < 3; i++) {
        float linear = meaning.wide ? to_709[i][0] * rgb[0] + to_709[i][1] * rgb[1] + to_709[i][2] * rgb[2] : rgb[i];
        linear = fminf(fmaxf(linear * gain, 0.0F), 1.0F);
        out[i] = curves->srgb[(int)(sqrtf(linear) * (TABLE_SIZE - 1) + 0.5F)];
    }
}

static AVFrame *new_rgb_frame(struct extent size)
{
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return NULL;
    frame->format = AV_PIX_FMT_RGB24;
    frame->width = size.width;
    frame->height = size.height;
    if (av_frame_get_buffer(frame, 0) < 0)
        av_frame_free(&frame);
    return frame;
}

/* Reads what a pixel's three numbers mean, packed (R'G'B') or in planes (ICtCp), and maps them. */
static void map_pixels(const AVFrame *frame, const uint16_t *wide, struct curves *curves, AVFrame *out)
{
    const struct meaning meaning = {.hlg = frame->color_trc == AVCOL_TRC_ARIB_STD_B67,
                                    .wide = frame->color_primaries != AVCOL_PRI_BT709,
                                    .ictcp = is_ictcp(frame)};
    size_t pixels = (size_t)out->width * (size_t)out->height;
    size_t step = meaning.ictcp ? 1 : 3, plane = meaning.ictcp ? pixels : 1;
    make_curves(curves, frame);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++) {
            const uint16_t *at = &wide[((size_t)y * (size_t)out->width + (size_t)x) * step];
            map_pixel(curves, meaning, (const uint16_t[3]){at[0], at[plane], at[2 * plane]},
                      out->data[0] + (ptrdiff_t)y * out->linesize[0] + (ptrdiff_t)x * 3);
        }
}

static int scale_wide(const AVFrame *frame, struct extent size, uint16_t *wide, struct ry_error *err)
{
    size_t pixels = (size_t)size.width * (size_t)size.height;
    if (!is_ictcp(frame))
        return scale_frame(frame, AV_PIX_FMT_RGB48, size, (uint8_t *const[4]){(uint8_t *)wide},
                           (const int[4]){size.width * 6}, err);
    return scale_frame(frame, AV_PIX_FMT_YUV444P16, size,
                       (uint8_t *const[4]){(uint8_t *)wide, (uint8_t *)(wide + pixels), (uint8_t *)(wide + 2 * pixels)},
                       (const int[4]){size.width * 2, size.width * 2, size.width * 2}, err);
}

int tonemap_frame(const AVFrame *frame, struct extent size, AVFrame **rgb, struct ry_error *err)
{
    struct curves *curves = malloc(sizeof *curves);
    uint16_t *wide = calloc((size_t)size.width * (size_t)size.height, 3 * sizeof *wide);
    AVFrame *out = new_rgb_frame(size);
    int rc = RY_ENOMEM;
    if (!curves || !wide || !out) {
        ry_fail(err, RY_ENOMEM, "no memory for a picture of %dx%d", size.width, size.height);
    } else {
        rc = scale_wide(frame, size, wide, err);
        if (rc == RY_OK) {
            map_pixels(frame, wide, curves, out);
            *rgb = out;
            out = NULL;
        }
    }
    av_frame_free(&out);
    free(wide);
    free(curves);
    return rc;
}

/* tonemap.c: HDR and wide gamut to sRGB, on a picture that is already small.
 *
 *   16-bit R'G'B' (BT.2020) --EOTF--> linear light --tone curve--> linear, 1.0 = white --matrix--> BT.709 --OETF-->
 * sRGB
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

/* ---- pixels --------------------------------------------------------------------------------------------------- */

static float look_up(const float table[TABLE_SIZE], float x)
{
    return table[(int)(fminf(fmaxf(x, 0.0F), 1.0F) * (TABLE_SIZE - 1) + 0.5F)];
}

/* The scene light of HLG becomes that of a screen (BT.2100, table 5, OOTF), in units of 10000 cd/m2. */
static void hlg_to_display(float rgb[3])
{
    float luma = 0.2627F * rgb[0] + 0.6780F * rgb[1] + 0.0593F * rgb[2];
    float scale = powf(fmaxf(luma, 1e-6F), 0.2F) * (NITS_PEAK / NITS_MAX);
    for (int i = 0; i < 3; i++)
        rgb[i] *= scale;
}

static void map_pixel(const struct curves *curves, bool hlg, bool wide, const uint16_t in[3], uint8_t out[3])
{
    /* BT.2087, annex 2: BT.2020 primaries to BT.709's. */
    static const float to_709[3][3] = {
        {1.6605F, -0.5876F, -0.0728F}, {-0.1246F, 1.1329F, -0.0083F}, {-0.0182F, -0.1006F, 1.1187F}};
    float rgb[3];
    for (int i = 0; i < 3; i++)
        rgb[i] = curves->light[in[i] >> 4];
    if (hlg)
        hlg_to_display(rgb);
    float gain = look_up(curves->gain, sqrtf(fmaxf(rgb[0], fmaxf(rgb[1], rgb[2]))));
    for (int i = 0; i < 3; i++) {
        float linear = wide ? to_709[i][0] * rgb[0] + to_709[i][1] * rgb[1] + to_709[i][2] * rgb[2] : rgb[i];
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

static void map_pixels(const AVFrame *frame, const uint16_t *wide, struct curves *curves, AVFrame *out)
{
    bool hlg = frame->color_trc == AVCOL_TRC_ARIB_STD_B67, wide_gamut = frame->color_primaries != AVCOL_PRI_BT709;
    make_curves(curves, frame);
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++)
            map_pixel(curves, hlg, wide_gamut, &wide[((size_t)y * (size_t)out->width + (size_t)x) * 3],
                      out->data[0] + (ptrdiff_t)y * out->linesize[0] + (ptrdiff_t)x * 3);
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
        rc = scale_frame(frame, AV_PIX_FMT_RGB48, size, (uint8_t *const[4]){(uint8_t *)wide},
                         (const int[4]){size.width * 6}, err);
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

/* picture.c: turns a decoded frame into a small upright picture; see picture.h.
 *
 * Owns the planes of a picture until picture_free. Everything that costs per pixel happens after scaling, on the small
 * picture. */
#include "actors/encoder/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>

#include "actors/encoder/scale.h"
#include "actors/encoder/tonemap.h"

/* swscale writes whole vectors: rows are padded for it. */
#define ROW_ALIGN 64

static struct extent plane_extent(struct extent size, int plane)
{
    return plane == 0 ? size : (struct extent){(size.width + 1) / 2, (size.height + 1) / 2};
}

int picture_new(struct picture *picture, struct extent size, struct ry_error *err)
{
    *picture = (struct picture){.size = size};
    size_t offsets[3], total = 0;
    for (int i = 0; i < 3; i++) {
        struct extent plane = plane_extent(size, i);
        picture->strides[i] = (plane.width + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
        offsets[i] = total;
        total += (size_t)picture->strides[i] * (size_t)plane.height;
    }
    uint8_t *block = av_mallocz(total + ROW_ALIGN);
    if (!block) {
        ry_fail(err, RY_ENOMEM, "no memory for a picture of %dx%d", size.width, size.height);
        return RY_ENOMEM;
    }
    for (int i = 0; i < 3; i++)
        picture->planes[i] = block + offsets[i];
    return RY_OK;
}

void picture_free(struct picture *picture)
{
    av_freep(&picture->planes[0]);
}

static uint8_t clip(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- matrix: YCbCr of another standard becomes BT.601's ------------------------------------------------------- */

/* What is added to luma to give red, green and blue: by the first and the second colour difference, of -0.5 to 0.5.
 * False: they are BT.601's already. */
static bool differences_of(enum AVColorSpace matrix, double rgb[3][2])
{
    double kr, kb;
    switch (matrix) {
    case AVCOL_SPC_BT709: kr = 0.2126, kb = 0.0722; break;
    case AVCOL_SPC_SMPTE240M: kr = 0.212, kb = 0.087; break;
    case AVCOL_SPC_BT2020_NCL: kr = 0.2627, kb = 0.0593; break;
    case AVCOL_SPC_YCGCO: memcpy(rgb, (const double[3][2]){{-1, 1}, {1, 0}, {-1, -1}}, 6 * sizeof(double)); return true;
    default: return false;
    }
    const double kg = 1 - kr - kb;
    const double by_shares[3][2] = {
        {0, 2 * (1 - kr)}, {-2 * (1 - kb) * kb / kg, -2 * (1 - kr) * kr / kg}, {2 * (1 - kb), 0}};
    memcpy(rgb, by_shares, sizeof by_shares);
    return true;
}

/* The conversion in 1/65536: rows Y, Cb, Cr of the result; columns the colour differences of the source (its luma goes
 * into Y alone). */
static void matrix_to_601(const double rgb[3][2], int m[3][2])
{
    const double kr6 = 0.299, kb6 = 0.114, kg6 = 1 - kr6 - kb6;
    for (int i = 0; i < 2; i++) {
        double luma = kr6 * rgb[0][i] + kg6 * rgb[1][i] + kb6 * rgb[2][i];
        m[0][i] = (int)lrint(luma * 219 / 224 * 65536);
        m[1][i] = (int)lrint((rgb[2][i] - luma) / (2 * (1 - kb6)) * 65536);
        m[2][i] = (int)lrint((rgb[0][i] - luma) / (2 * (1 - kr6)) * 65536);
    }
}

static int dot(const int row[2], int cb, int cr)
{
    return (row[0] * cb + row[1] * cr + 32768) >> 16;
}

static void convert_to_601(struct picture *picture, enum AVColorSpace matrix)
{
    double rgb[3][2];
    if (!differences_of(matrix, rgb))
        return;
    int m[3][2];
    matrix_to_601(rgb, m);
    struct extent half = plane_extent(picture->size, 1);
    for (int y = 0; y < half.height; y++) {
        uint8_t *u = picture->planes[1] + (ptrdiff_t)y * picture->strides[1];
        uint8_t *v = picture->planes[2] + (ptrdiff_t)y * picture->strides[2];
        for (int row = 2 * y; row < 2 * y + 2 && row < picture->size.height; row++) {
            uint8_t *luma = picture->planes[0] + (ptrdiff_t)row * picture->strides[0];
            for (int x = 0; x < picture->size.width; x++)
                luma[x] = clip(luma[x] + dot(m[0], u[x / 2] - 128, v[x / 2] - 128));
        }
        for (int x = 0; x < half.width; x++) {
            int cb = u[x] - 128, cr = v[x] - 128;
            u[x] = clip(128 + dot(m[1], cb, cr));
            v[x] = clip(128 + dot(m[2], cb, cr));
        }
    }
}

/* ---- alpha: what is transparent is shown on black ------------------------------------------------------------- */

static void blend_on_black(struct picture *picture, const uint8_t *alpha, int stride)
{
    for (int plane = 0; plane < 3; plane++) {
        struct extent size = plane_extent(picture->size, plane);
        int black = plane == 0 ? 16 : 128, step = plane == 0 ? 1 : 2;
        for (int y = 0; y < size.height; y++) {
            uint8_t *row = picture->planes[plane] + (ptrdiff_t)y * picture->strides[plane];
            const uint8_t *opaque = alpha + (ptrdiff_t)y * step * stride;
            for (int x = 0; x < size.width; x++)
                row[x] = clip(black + (row[x] - black) * opaque[x * step] / 255);
        }
    }
}

static int scale_with_alpha(struct picture *picture, const AVFrame *frame, struct ry_error *err)
{
    int stride = picture->strides[0];
    uint8_t *alpha = av_mallocz((size_t)stride * (size_t)picture->size.height + ROW_ALIGN);
    if (!alpha)
        return ry_fail(err, RY_ENOMEM, "no memory for a picture of %dx%d", picture->size.width, picture->size.height);
    int rc = scale_frame(frame, AV_PIX_FMT_YUVA420P, picture->size,
                         (uint8_t *const[4]){picture->planes[0], picture->planes[1], picture->planes[2], alpha},
                         (const int[4]){stride, picture->strides[1], picture->strides[2], stride}, err);
    if (rc == RY_OK)
        blend_on_black(picture, alpha, stride);
    av_free(alpha);
    return rc;
}

/* ---- from a frame --------------------------------------------------------------------------------------------- */

static int scale_to_601(struct picture *picture, const AVFrame *frame, struct ry_error *err)
{
    uint64_t flags = av_pix_fmt_desc_get(frame->format)->flags;
    int rc;
    if ((flags & AV_PIX_FMT_FLAG_ALPHA) && !(flags & AV_PIX_FMT_FLAG_PAL))
        rc = scale_with_alpha(picture, frame, err);
    else
        rc = scale_frame(frame, AV_PIX_FMT_YUV420P, picture->size,
                         (uint8_t *const[4]){picture->planes[0], picture->planes[1], picture->planes[2]},
                         (const int[4]){picture->strides[0], picture->strides[1], picture->strides[2]}, err);
    if (rc == RY_OK && !(flags & AV_PIX_FMT_FLAG_RGB))
        convert_to_601(picture, scale_matrix(frame));
    return rc;
}

static void turn_plane(struct picture *to, const struct picture *from, int plane, struct turn turn)
{
    struct extent size = plane_extent(to->size, plane);
    ptrdiff_t step_x = turn.transpose ? from->strides[plane] : 1, step_y = turn.transpose ? 1 : from->strides[plane];
    for (int y = 0; y < size.height; y++) {
        uint8_t *out = to->planes[plane] + (ptrdiff_t)y * to->strides[plane];
        const uint8_t *in = from->planes[plane] + (turn.flip_y ? size.height - 1 - y : y) * step_y;
        for (int x = 0; x < size.width; x++)
            out[x] = in[(turn.flip_x ? size.width - 1 - x : x) * step_x];
    }
}

static int turn_picture(struct picture *picture, struct turn turn, struct ry_error *err)
{
    struct extent size = picture->size;
    struct picture turned;
    int rc = picture_new(&turned, turn.transpose ? (struct extent){size.height, size.width} : size, err);
    if (rc != RY_OK)
        return rc;
    for (int plane = 0; plane < 3; plane++)
        turn_plane(&turned, picture, plane, turn);
    picture_free(picture);
    *picture = turned;
    return RY_OK;
}

int picture_from_frame(struct picture *picture, const AVFrame *frame, struct turn turn, struct extent size,
                       struct ry_error *err)
{
    struct extent stored = turn.transpose ? (struct extent){size.height, size.width} : size;
    AVFrame *mapped = NULL;
    int rc = picture_new(picture, stored, err);
    if (rc == RY_OK && tonemap_needed(frame))
        rc = tonemap_frame(frame, stored, &mapped, err);
    if (rc == RY_OK)
        rc = scale_to_601(picture, mapped ? mapped : frame, err);
    if (rc == RY_OK && (turn.transpose || turn.flip_x || turn.flip_y))
        rc = turn_picture(picture, turn, err);
    av_frame_free(&mapped);
    if (rc != RY_OK)
        picture_free(picture);
    return rc;
}

int picture_shrink(struct picture *to, const struct picture *from, struct extent size, struct ry_error *err)
{
    int rc = picture_new(to, size, err);
    if (rc != RY_OK)
        return rc;
    AVFrame frame = {.format = AV_PIX_FMT_YUV420P,
                     .width = from->size.width,
                     .height = from->size.height,
                     .colorspace = AVCOL_SPC_SMPTE170M,
                     .color_range = AVCOL_RANGE_MPEG};
    for (int i = 0; i < 3; i++) {
        frame.data[i] = from->planes[i];
        frame.linesize[i] = from->strides[i];
    }
    rc = scale_to_601(to, &frame, err);
    if (rc != RY_OK)
        picture_free(to);
    return rc;
}

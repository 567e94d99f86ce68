/* scale.c: see scale.h.
 *
 * Ranges are set before the context is initialised: set later, swscale leaves them alone for more than 8 bits. The same
 * matrix is named for source and target when both are YCbCr, else it would convert by way of RGB at full cost;
 * picture.c does that on the small result. */
#include "actors/encoder/scale.h"

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

/* Bicubic downscaling is as sharp as area averaging without its moire, at the same cost. */
#define SCALE_FLAGS (SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT)

/* The formats that say 'full range' by their name, and the same ones without. */
static enum AVPixelFormat plain_format(enum AVPixelFormat format)
{
    switch (format) {
    case AV_PIX_FMT_YUVJ420P: return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P: return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P: return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P: return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P: return AV_PIX_FMT_YUV411P;
    default: return format;
    }
}

bool scale_is_full_range(const AVFrame *frame)
{
    return frame->color_range == AVCOL_RANGE_JPEG || plain_format(frame->format) != (enum AVPixelFormat)frame->format;
}

enum AVColorSpace scale_matrix(const AVFrame *frame)
{
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
    case AVCOL_SPC_SMPTE240M:
    case AVCOL_SPC_YCGCO:
    case AVCOL_SPC_ICTCP:
    case AVCOL_SPC_BT2020_NCL: return frame->colorspace;
    case AVCOL_SPC_BT2020_CL: return AVCOL_SPC_BT2020_NCL;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
    case AVCOL_SPC_FCC: return AVCOL_SPC_SMPTE170M;
    default: break;
    }
    if (frame->color_primaries == AVCOL_PRI_BT2020)
        return AVCOL_SPC_BT2020_NCL;
    return frame->width >= 1280 || frame->height > 576 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

static const int *coefficients(enum AVColorSpace matrix)
{
    switch (matrix) {
    case AVCOL_SPC_BT709: return sws_getCoefficients(SWS_CS_ITU709);
    case AVCOL_SPC_SMPTE240M: return sws_getCoefficients(SWS_CS_SMPTE240M);
    case AVCOL_SPC_BT2020_NCL: return sws_getCoefficients(SWS_CS_BT2020);
    default: return sws_getCoefficients(SWS_CS_ITU601);
    }
}

static struct SwsContext *make_context(const AVFrame *frame, enum AVPixelFormat format, struct extent size)
{
    enum AVPixelFormat from = plain_format(frame->format);
    bool from_rgb = (av_pix_fmt_desc_get(from)->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    bool full = !from_rgb && scale_is_full_range(frame);
    struct SwsContext *sws = sws_alloc_context();
    if (!sws)
        return NULL;
    const struct {
        const char *name;
        int64_t value;
    } options[] = {{"srcw", frame->width},     {"srch", frame->height}, {"src_format", from},
                   {"dstw", size.width},       {"dsth", size.height},   {"dst_format", format},
                   {"sws_flags", SCALE_FLAGS}, {"src_range", full},     {"dst_range", 0}};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < sizeof options / sizeof options[0]; i++)
        rc = av_opt_set_int(sws, options[i].name, options[i].value, 0);
    if (rc < 0 || sws_init_context(sws, NULL, NULL) < 0) {
        sws_freeContext(sws);
        return NULL;
    }
    const int *table = from_rgb ? sws_getCoefficients(SWS_CS_ITU601) : coefficients(scale_matrix(frame));
    sws_setColorspaceDetails(sws, table, full, table, 0, 0, 1 << 16, 1 << 16);
    return sws;
}

int scale_frame(const AVFrame *frame, enum AVPixelFormat format, struct extent size, uint8_t *const planes[4],
                const int strides[4], struct ry_error *err)
{
    if (!sws_isSupportedInput(plain_format(frame->format)))
        return ry_fail(err, RY_EUNSUPPORTED, "pictures of the format %s are not supported",
                       av_get_pix_fmt_name(frame->format) ? av_get_pix_fmt_name(frame->format) : "(unknown)");
    struct SwsContext *sws = make_context(frame, format, size);
    if (!sws)
        return ry_fail(err, RY_EUNSUPPORTED, "a picture of %dx%d cannot be scaled to %dx%d", frame->width,
                       frame->height, size.width, size.height);
    int rows = sws_scale(sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height, planes, strides);
    sws_freeContext(sws);
    return rows == size.height ? RY_OK : ry_fail(err, RY_EUNSUPPORTED, "the picture could not be scaled");
}

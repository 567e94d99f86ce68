/* colour.c: fills in what a frame does not say of its colours from what its container says; see colour.h.
 *
 * Owns nothing. What the frame itself says stays, but for a range that HEVC decoders assume. */
#include "actors/encoder/colour.h"

#include <stdbool.h>

/* Whether 'limited range' of an HEVC stream is nobody's word: x265 writes it when it was told nothing, and libavcodec
 * answers it when nothing is written. A stream that was told names its colours, too. */
static bool is_assumed_range(const AVFrame *frame, enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_HEVC && frame->color_range == AVCOL_RANGE_MPEG &&
           frame->color_primaries == AVCOL_PRI_UNSPECIFIED && frame->color_trc == AVCOL_TRC_UNSPECIFIED &&
           frame->colorspace == AVCOL_SPC_UNSPECIFIED;
}

void colour_complete(AVFrame *frame, const AVCodecParameters *parameters)
{
    /* Before the colours are completed: it is judged by them. */
    if (is_assumed_range(frame, parameters->codec_id) && parameters->color_range != AVCOL_RANGE_UNSPECIFIED)
        frame->color_range = parameters->color_range;
    if (frame->color_trc == AVCOL_TRC_UNSPECIFIED || frame->color_trc == AVCOL_TRC_RESERVED0)
        frame->color_trc = parameters->color_trc;
    if (frame->color_primaries == AVCOL_PRI_UNSPECIFIED || frame->color_primaries == AVCOL_PRI_RESERVED0)
        frame->color_primaries = parameters->color_primaries;
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED || frame->colorspace == AVCOL_SPC_RESERVED)
        frame->colorspace = parameters->color_space;
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED)
        frame->color_range = parameters->color_range;
}

/* colour.c: see colour.h. */
#include "actors/encoder/colour.h"

void colour_complete(AVFrame *frame, const AVCodecParameters *parameters)
{
    if (frame->color_trc == AVCOL_TRC_UNSPECIFIED || frame->color_trc == AVCOL_TRC_RESERVED0)
        frame->color_trc = parameters->color_trc;
    if (frame->color_primaries == AVCOL_PRI_UNSPECIFIED || frame->color_primaries == AVCOL_PRI_RESERVED0)
        frame->color_primaries = parameters->color_primaries;
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED || frame->colorspace == AVCOL_SPC_RESERVED)
        frame->colorspace = parameters->color_space;
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED)
        frame->color_range = parameters->color_range;
}

/* colour.h: what the numbers of a frame mean. */
#ifndef REELYARD_ACTORS_ENCODER_COLOUR_H
#define REELYARD_ACTORS_ENCODER_COLOUR_H

#include <libavcodec/avcodec.h>

/* Tells the frame what the container says of its colours, where the frame itself does not say. */
void colour_complete(AVFrame *frame, const AVCodecParameters *parameters);

#endif

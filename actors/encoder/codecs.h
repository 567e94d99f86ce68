/* codecs.h: the allow-list of codecs, and which decoder is used for each. */
#ifndef REELYARD_ACTORS_ENCODER_CODECS_H
#define REELYARD_ACTORS_ENCODER_CODECS_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* The decoder of a stream; NULL: its codec is not supported. */
const AVCodec *codecs_find(const AVStream *stream);

#endif

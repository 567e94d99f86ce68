/* codecs.h: the allow-list of codecs, and which decoder is used for each. */
#ifndef REELYARD_RUNTIME_VIDEO_CODECS_H
#define REELYARD_RUNTIME_VIDEO_CODECS_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* The decoder of a stream; NULL: its codec is not supported. */
const AVCodec *codecs_find(const AVStream *stream);

/* What people call the codec of a stream that is not supported, in up to CODECS_NAME_BYTES. */
#define CODECS_NAME_BYTES 64
void codecs_name(const AVStream *stream, char name[CODECS_NAME_BYTES]);

/* Side data of the whole stream; NULL: none. */
const uint8_t *codecs_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *size);

#endif

/* decode.h: what a decoded frame is, beyond its pixels. */
#ifndef REELYARD_ACTORS_ENCODER_DECODE_H
#define REELYARD_ACTORS_ENCODER_DECODE_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>

/* Whether the frame was made of nothing but its own packet. */
bool decode_is_intra(const AVCodecContext *decoder, const AVFrame *frame);

/* Whether all of the frame was decoded: by what the decoder says and by what it left. */
bool decode_is_sound(const AVFrame *frame);

/* The same with mercy: whether most of the frame is there. */
bool decode_is_bearable(const AVFrame *frame);

/* Whether a packet ends in zeros: in a damaged file, a hole (in a whole one it may be stuffing). */
bool decode_is_hollow(const AVPacket *packet);

/* The size up to which a packet can only say 'as before', and may be left out without harm to those behind it; 0 where
 * decoders do not bear that. */
int decode_idle_bytes(const AVCodecContext *decoder);

#endif

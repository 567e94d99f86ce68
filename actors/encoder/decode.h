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

/* The size up to which a packet behind a key frame can only say 'as before', of pictures of so many pixels. */
int decode_idle_bytes(int64_t pixels);

/* Whether packets of a codec may be passed over without harm to those behind them. */
bool decode_bears_gaps(enum AVCodecID codec);

/* Passes a packet over that can only say 'as before'; false: it has to be decoded. */
bool decode_pass_over(AVCodecContext *decoder, AVPacket *packet);

/* Makes a decoder as good as new: it forgets all pictures, and those behind begin in memory of zeros. False where a
 * codec's decoder cannot; then another one is to be opened. */
bool decode_restart(AVCodecContext *decoder);

/* For decoders whose damaged pictures are known by the zeros that are left in them (decode_is_sound): a get_buffer2
 * that gives zeros even in memory that was used before. */
int decode_zeroed_buffer(AVCodecContext *decoder, AVFrame *frame, int flags);

#endif

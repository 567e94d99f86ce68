/* decode.c: see decode.h. */
#include "actors/encoder/decode.h"

#include <string.h>

#include "actors/encoder/blank.h"

/* Of a damaged HEVC picture libavcodec says nothing; what it could not decode keeps the zeros of fresh memory. */
#define UNTOUCHED_MAX 0.004

/* Shares of a bearable frame that may be missing. */
#define BEARABLE_UNTOUCHED 0.05
#define BEARABLE_GREY      0.30
#define BEARABLE_SMEARED   0.50

#define HOLLOW_BYTES 64

/* A skipped macroblock costs far less than a bit, the headers of a slice some bytes. */
#define IDLE_BYTES            64
#define MACROBLOCKS_IDLE_BYTE 64
#define MACROBLOCK_PIXELS     256

static bool is_key(const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (frame->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return frame->key_frame != 0;
#endif
}

bool decode_is_intra(const AVCodecContext *decoder, const AVFrame *frame)
{
    const AVCodecDescriptor *codec = avcodec_descriptor_get(decoder->codec_id);
    if (codec && (codec->props & AV_CODEC_PROP_INTRA_ONLY))
        return true;
    switch (frame->pict_type) {
    case AV_PICTURE_TYPE_NONE: /* decoders that do not tell refuse what is no key frame */
    case AV_PICTURE_TYPE_I:
    case AV_PICTURE_TYPE_SI:
    case AV_PICTURE_TYPE_BI: return true;
    default: return is_key(frame);
    }
}

bool decode_is_sound(const AVFrame *frame)
{
    return frame->decode_error_flags == 0 && !(frame->flags & AV_FRAME_FLAG_CORRUPT) &&
           blank_untouched(frame) <= UNTOUCHED_MAX;
}

bool decode_is_bearable(const AVFrame *frame)
{
    bool whole = frame->decode_error_flags == 0 && !(frame->flags & AV_FRAME_FLAG_CORRUPT);
    return blank_untouched(frame) <= BEARABLE_UNTOUCHED && blank_grey(frame) <= BEARABLE_GREY &&
           (whole || blank_smeared(frame) <= BEARABLE_SMEARED);
}

bool decode_is_hollow(const AVPacket *packet)
{
    static const uint8_t zeros[HOLLOW_BYTES];
    return packet->size >= HOLLOW_BYTES && memcmp(packet->data + packet->size - HOLLOW_BYTES, zeros, HOLLOW_BYTES) == 0;
}

/* H.264: references that are missing are made of the last picture, which is what leaving out means. Others make them
 * grey, or lose the state of their entropy coder. */
int decode_idle_bytes(const AVCodecContext *decoder)
{
    int64_t pixels = (int64_t)decoder->width * decoder->height;
    if (decoder->codec_id != AV_CODEC_ID_H264)
        return 0;
    return IDLE_BYTES + (int)(pixels / (MACROBLOCK_PIXELS * MACROBLOCKS_IDLE_BYTE));
}

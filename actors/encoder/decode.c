/* decode.c: judges decoded frames, and keeps decoders from showing old pictures; see decode.h.
 *
 * Owns nothing; decoders are the caller's. A crash inside of one ends the sandboxed process and costs the clip one
 * attempt. */
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

int decode_idle_bytes(int64_t pixels)
{
    return IDLE_BYTES + (int)(pixels / (MACROBLOCK_PIXELS * MACROBLOCKS_IDLE_BYTE));
}

/* H.264: references that are missing are made of the last picture, which is what leaving out means. VP8: libavcodec
 * reads the header of what it skips, and with it the state of the entropy coder. Others make missing references grey,
 * or lose that state. */
bool decode_bears_gaps(enum AVCodecID codec)
{
    return codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_VP8;
}

/* Whether a VP8 frame says which segment its macroblocks are of, which those behind it rely on. Behind 3 bytes (10 of a
 * key frame) two bits of even chance tell: segments are used, their map is updated. Source: RFC 6386, 7.3, 9.1, 9.3. */
static bool updates_segments(const AVPacket *packet)
{
    const uint8_t *p = packet->data;
    if (packet->size < 5 || !(p[0] & 1))
        return true;
    if (p[3] < 128)
        return false;
    /* Behind a 1 of two equal halves (of 255), the range is 127: doubled and split again. */
    unsigned rest = (((unsigned)p[3] << 8 | p[4]) - (128U << 8)) << 1;
    unsigned half = 1 + ((254 - 1) >> 1);
    return rest >= half << 8;
}

bool decode_pass_over(AVCodecContext *decoder, AVPacket *packet)
{
    if (packet->size > decode_idle_bytes((int64_t)decoder->width * decoder->height) ||
        !decode_bears_gaps(decoder->codec_id))
        return false;
    if (decoder->codec_id != AV_CODEC_ID_VP8)
        return true;
    if (updates_segments(packet) || strcmp(decoder->codec->name, "vp8") != 0)
        return false;
    enum AVDiscard skip = decoder->skip_frame;
    decoder->skip_frame = AVDISCARD_NONKEY;
    int rc = avcodec_send_packet(decoder, packet);
    decoder->skip_frame = skip;
    return rc >= 0;
}

bool decode_restart(AVCodecContext *decoder)
{
    switch (decoder->codec_id) {
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC:
    case AV_CODEC_ID_VP8:
    case AV_CODEC_ID_VP9:
    case AV_CODEC_ID_AV1: break;
    default: return false;
    }
    avcodec_flush_buffers(decoder);
    decoder->skip_frame = AVDISCARD_DEFAULT;
    return true;
}

int decode_zeroed_buffer(AVCodecContext *decoder, AVFrame *frame, int flags)
{
    int rc = avcodec_default_get_buffer2(decoder, frame, flags);
    for (size_t i = 0; rc >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i]; i++)
        memset(frame->buf[i]->data, 0, frame->buf[i]->size);
    return rc;
}

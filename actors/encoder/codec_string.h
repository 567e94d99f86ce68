/* codec_string.h: what browsers call a stream's codec: the codecs parameter of a MIME type, as canPlayType takes it.
 * Sources: RFC 6381, 3.3; ISO/IEC 14496-15, annex E (avc1, hvc1); the registrations of VP9 and AV1 in ISO base media
 * files ("VP Codec ISO Media File Format Binding", "AV1 Codec ISO Media File Format Binding", 5). */
#ifndef REELYARD_ACTORS_ENCODER_CODEC_STRING_H
#define REELYARD_ACTORS_ENCODER_CODEC_STRING_H

#include <libavcodec/codec_par.h>

#include "actors/encoder/geometry.h"

#define CODEC_STRING_BYTES 64

/* What a stream's header may lack, and a decoder or its picture told. */
struct codec_hints {
    int profile, level; /* as libavcodec numbers them; below 0: not known */
    int depth;          /* bits a sample; 0: not known */
    struct extent stored;
    double fps; /* 0: not known */
};

/* Such as avc1.640028, hvc1.1.6.L93.B0, vp8, vp09.00.40.08, av01.0.04M.08, mp4a.40.2, opus; FFmpeg's name where there
 * is no other, or what it needs is not known. Letters, digits, dots, hyphens and underscores alone. */
void codec_string_of_video(const AVCodecParameters *parameters, const struct codec_hints *hints,
                           char text[CODEC_STRING_BYTES]);
void codec_string_of_audio(const AVCodecParameters *parameters, char text[CODEC_STRING_BYTES]);

#endif

/* scale.h: one door to swscale: any decoded frame to a few formats at a given size, ranges and matrices told to it. */
#ifndef REELYARD_ACTORS_ENCODER_SCALE_H
#define REELYARD_ACTORS_ENCODER_SCALE_H

#include <libavutil/frame.h>

#include "actors/encoder/geometry.h"
#include "runtime/base/error.h"

/* Whether the samples use all of their range (JPEG) instead of the part that television leaves (MPEG). */
bool scale_is_full_range(const AVFrame *frame);

/* The YCbCr matrix of the frame, as ISO/IEC 23091-2 numbers it: what it says, else what its size suggests (BT.601 up to
 * 576 lines and 1279 columns, BT.709 above). */
enum AVColorSpace scale_matrix(const AVFrame *frame);

/* Scales the whole frame into planes of the format and size given. YCbCr stays in its own matrix and comes out in
 * limited range; RGB becomes BT.601; YCbCr becomes RGB by the frame's matrix. RY_ENOMEM, or RY_EUNSUPPORTED. */
int scale_frame(const AVFrame *frame, enum AVPixelFormat format, struct extent size, uint8_t *const planes[4],
                const int strides[4], struct ry_error *err);

#endif

/* tonemap.h: pictures made for bright or wide-gamut screens (HDR10, HLG, BT.2020), as an ordinary screen can show them.
 */
#ifndef REELYARD_ACTORS_ENCODER_TONEMAP_H
#define REELYARD_ACTORS_ENCODER_TONEMAP_H

#include <libavutil/frame.h>

#include "actors/encoder/geometry.h"
#include "runtime/base/error.h"

/* Whether the frame's transfer function or primaries ask for it. */
bool tonemap_needed(const AVFrame *frame);

/* A new RGB24 frame of the size given, sRGB. RY_ENOMEM, or what scale_frame says. */
int tonemap_frame(const AVFrame *frame, struct extent size, AVFrame **rgb, struct ry_error *err);

#endif

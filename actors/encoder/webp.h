/* webp.h: a picture as a WebP file. */
#ifndef REELYARD_ACTORS_ENCODER_WEBP_H
#define REELYARD_ACTORS_ENCODER_WEBP_H

#include "actors/encoder/picture.h"
#include "proto/frame.h"

/* How hard libwebp looks for a smaller file, 0..6. Against method 4, at the same quality setting, 2 takes 45 % of the
 * CPU time; its files are 4 to 7 % larger and 0.3 to 0.6 dB further from the original, at 40 dB and more. WebP being
 * most of a thumbnail's cost, that is nearly twice the thumbnails. thumbnail_bench --methods prints the figures. */
#define WEBP_METHOD 2

/* Encodes the picture (at most 16383 pixels a side); quality 1..100. The frame is the caller's. RY_ENOMEM, RY_ELIMIT.
 */
int webp_encode(const struct picture *picture, float quality, int method, struct ry_frame **file, struct ry_error *err);

#endif

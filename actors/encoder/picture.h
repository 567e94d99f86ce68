/* picture.h: a decoded frame as a small upright picture with square pixels, ready for WebP. */
#ifndef REELYARD_ACTORS_ENCODER_PICTURE_H
#define REELYARD_ACTORS_ENCODER_PICTURE_H

#include <libavutil/frame.h>

#include "actors/encoder/geometry.h"
#include "runtime/base/error.h"

/* YCbCr 4:2:0 of 8 bits, BT.601, limited range: what WebP keeps (RFC 9649, 2.5), so that nothing is converted twice. */
struct picture {
    struct extent size;
    uint8_t *planes[3]; /* Y, Cb, Cr; in one block that planes[0] begins; each row padded to its stride */
    int strides[3];
};

/* A picture of the size given, with rows that are not filled. RY_ENOMEM. */
int picture_new(struct picture *picture, struct extent size, struct ry_error *err);
void picture_free(struct picture *picture);

/* The frame, tone-mapped, scaled and turned so that it fills `size` (which is that after turning). */
int picture_from_frame(struct picture *picture, const AVFrame *frame, struct turn turn, struct extent size,
                       struct ry_error *err);

/* A smaller copy. */
int picture_shrink(struct picture *to, const struct picture *from, struct extent size, struct ry_error *err);

#endif

/* image_check.h: whether an image that an encoder sends is what was asked for. */
#ifndef REELYARD_ACTORS_STORAGE_IMAGE_CHECK_H
#define REELYARD_ACTORS_STORAGE_IMAGE_CHECK_H

#include "actors/storage/webp_size.h"
#include "proto/message.h"
#include "runtime/base/error.h"

/* RY_OK: it is a WebP file of the size that is claimed, which fits into the box and has no more bytes than its pixels
 * would have raw. RY_EDATA: it is not, with a reason for people. */
int image_check(const struct ry_image *image, const struct webp_size *box, struct ry_error *err);

#endif

/* image_check.c: reads the size of an image and compares; see image_check.h.
 *
 * Pure. An encoder decodes files of strangers and may have been taken over, so nothing that it says of an image is
 * believed. */
#include "actors/storage/image_check.h"

#include <inttypes.h>

/* A file of more bytes than this is none that an encoder makes of so many pixels: four are a raw pixel's. */
#define IMAGE_BYTES_OF_PIXEL 4
#define IMAGE_BYTES_BESIDE   ((size_t)64 << 10)

int image_check(const struct ry_image *image, const struct webp_size *box, struct ry_error *err)
{
    struct webp_size size;
    if (!webp_size_read((struct ry_str){image->webp.p, image->webp.n}, &size))
        return ry_fail(err, RY_EDATA, "the %.*s image is not a WebP file", RY_STR_ARG(image->size_type));
    if (size.width != image->width || size.height != image->height)
        return ry_fail(err, RY_EDATA, "the %.*s image has %ux%u pixels, and %" PRIu64 "x%" PRIu64 " were claimed",
                       RY_STR_ARG(image->size_type), size.width, size.height, image->width, image->height);
    if (size.width > box->width || size.height > box->height)
        return ry_fail(err, RY_EDATA,
                       "the %.*s image has %ux%u pixels, and %ux%u are the most that this node's THUMBNAIL_ variables "
                       "allow",
                       RY_STR_ARG(image->size_type), size.width, size.height, box->width, box->height);
    if (image->webp.n > IMAGE_BYTES_BESIDE + (size_t)size.width * size.height * IMAGE_BYTES_OF_PIXEL)
        return ry_fail(err, RY_EDATA, "the %.*s image of %ux%u pixels has %zu bytes, which is too many",
                       RY_STR_ARG(image->size_type), size.width, size.height, image->webp.n);
    return RY_OK;
}

/* webp_size.h: how large the picture of a WebP file is, by its own words. */
#ifndef REELYARD_ACTORS_STORAGE_WEBP_SIZE_H
#define REELYARD_ACTORS_STORAGE_WEBP_SIZE_H

#include <stdbool.h>

#include "runtime/base/str.h"

struct webp_size {
    unsigned width; /* pixels */
    unsigned height;
};

/* Reads the size from the first chunk of a WebP file: lossy (VP8), lossless (VP8L) or extended (VP8X, its canvas).
 * False when the bytes are no such file, or not as many as it says. Nothing is decoded. Source: RFC 9649 (container,
 * VP8L), RFC 6386, section 9.1 (VP8). */
bool webp_size_read(struct ry_str file, struct webp_size *size);

#endif

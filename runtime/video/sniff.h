/* sniff.h: names files that are no videos by their first bytes. */
#ifndef REELYARD_RUNTIME_VIDEO_SNIFF_H
#define REELYARD_RUNTIME_VIDEO_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a file is that begins with these bytes, with its article ("a PDF document"), if it is known and no video; else
 * NULL. Static. */
const char *sniff_other(const uint8_t *p, size_t n);

/* The kind of still image of an ISO base media file without a movie, by the brands of its file type box (HEIC, AVIF),
 * with its article; NULL if there is none. Source: https://mp4ra.org/registered-types/brands. */
const char *sniff_image_brand(const uint8_t *p, size_t n);

/* Whether all of it is zeros, and enough to mean it. */
bool sniff_is_zeros(const uint8_t *p, size_t n);

#endif

/* thumbhash.h: a ThumbHash, a picture in about 25 bytes, to be shown until the real one is there.
 *
 * Three channels (luminance, yellow against blue, red against green) by the low frequencies of their cosine transform.
 * Format and rounding are those of the published algorithm (https://evanw.github.io/thumbhash/), without transparency.
 * Pure functions; any thread. */
#ifndef REELYARD_ACTORS_ENCODER_THUMBHASH_H
#define REELYARD_ACTORS_ENCODER_THUMBHASH_H

#include "actors/encoder/picture.h"

/* The largest picture that is transformed; larger ones cost more and show no more. */
#define THUMBHASH_SIDE_MAX 100

/* Base64 of the longest one, and a NUL. */
#define THUMBHASH_TEXT_BYTES 40

/* The hash of a picture of red, green and blue bytes, both sides at most THUMBHASH_SIDE_MAX, as base64. */
void thumbhash_of_rgb(const uint8_t *rgb, struct extent size, char text[THUMBHASH_TEXT_BYTES]);

/* The same of any picture: a larger one is made smaller by averaging. RY_ENOMEM. */
int thumbhash_of_picture(const struct picture *picture, char text[THUMBHASH_TEXT_BYTES], struct ry_error *err);

#endif

/* geometry.h: how large a picture is when it is shown, and how it is turned. Pure functions. */
#ifndef REELYARD_ACTORS_ENCODER_GEOMETRY_H
#define REELYARD_ACTORS_ENCODER_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

struct extent {
    int width, height; /* pixels, > 0 */
};

/* How a stored picture becomes the one shown: rows and columns change places first, then it is mirrored. */
struct turn {
    bool transpose;
    bool flip_x; /* left and right change places */
    bool flip_y;
};

/* The quarter turn or mirroring nearest to a display matrix (nine numbers, 16.16; ISO/IEC 14496-12, 8.3.2). */
struct turn geometry_turn(const int32_t matrix[9]);

/* The size shown of a stored picture: pixels made square by widening or narrowing, then turned. A sample aspect ratio
 * of 0, or beyond 1:16 or 16:1, counts as 1:1. */
struct extent geometry_shown(struct extent stored, int sar_num, int sar_den, struct turn turn);

/* The largest size of the same aspect inside the box, never larger than what is shown, at least 1 x 1. */
struct extent geometry_fit(struct extent shown, struct extent box);

#endif

/* card.h: a test picture that tells what happened to it. Four quarters (red, green over blue, light grey) tell how it
 * is turned and whether its colours are right; ten blocks in the middle tell a number: bright is 1, dark is 0, nine
 * bits and a parity bit, the most significant first. It is defined on the unit square, so it can be drawn and read at
 * any size and aspect. */
#ifndef REELYARD_TESTS_BED_CARD_H
#define REELYARD_TESTS_BED_CARD_H

#include <stdbool.h>
#include <stdint.h>

#define CARD_NUMBER_MAX 511

/* The colour of the card with that number at (x, y), both 0..1: R'G'B', 0..255. */
void card_colour(int number, double x, double y, double rgb[3]);

enum card_turn { CARD_TRANSPOSED = 1, CARD_FLIPPED_X = 2, CARD_FLIPPED_Y = 4 };

struct card_reading {
    int turn;              /* 0: upright; else how it has been turned (enum card_turn, transposed first) */
    int number;            /* -1: no number can be read */
    double colour_error;   /* the largest difference of a quarter's mean from what it should be, of 255 */
    double quarters[4][3]; /* the means of the upright quarters: upper left, upper right, lower left, lower right */
    double ssim;           /* of luma with a drawn card of that number; 0 without a number */
    double contrast;       /* standard deviation of luma, of 255 */
};

/* Reads a picture of 24-bit R'G'B' without padding. */
void card_read(const uint8_t *rgb, int width, int height, struct card_reading *reading);

#endif

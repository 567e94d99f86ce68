/* blank.h: whether there is anything to see in a picture, and whether it is one at all. */
#ifndef REELYARD_ACTORS_ENCODER_BLANK_H
#define REELYARD_ACTORS_ENCODER_BLANK_H

#include <stdbool.h>

#include <libavutil/frame.h>

/* How much the brightness varies over the frame, in 1/255 of its range (standard deviation over a grid of samples), and
 * up to 1 for its mean, so that of two plain areas the brighter one wins; -1 if the frame's format cannot be looked at.
 * 0 is a plain area; a usual picture has 20 to 80. */
double blank_contrast(const AVFrame *frame);

/* Whether a picture of that contrast is as good as empty: black, white, a plain colour, a fade's first step. */
bool blank_is(double contrast);

/* The share of the frame, 0..1, that a decoder has left as it got it: zeros in all planes, which YCbCr has no colour
 * for (it looks green). 0 for frames that are not YCbCr. */
double blank_untouched(const AVFrame *frame);

/* The share that is middle grey without any colour: what decoders put in the place of pictures that they lack. */
double blank_grey(const AVFrame *frame);

/* The share of its rows that look like the row above: what decoders fill in for the part of a picture that they lack.
 */
double blank_smeared(const AVFrame *frame);

#endif

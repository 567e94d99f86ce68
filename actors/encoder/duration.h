/* duration.h: how long the video of a file lasts: what its video stream lasts, from its first picture to the end of its
 * last one, whatever other tracks do. */
#ifndef REELYARD_ACTORS_ENCODER_DURATION_H
#define REELYARD_ACTORS_ENCODER_DURATION_H

#include "actors/encoder/media.h"

/* Finds out where the video of a file that was opened ends, when its header does not tell. What is not at hand for
 * that is asked for or noted (window_io_want_also). Does nothing while the video stream is not met, where it must be
 * known. */
void duration_measure(struct media *media);

/* The number of the Matroska track that is the video; 0: not known. */
uint64_t duration_matroska_track(const struct media *media);

/* Seconds; 0: not known. Some files tell only once their first packet was read. */
double duration_of(const struct media *media);

#endif

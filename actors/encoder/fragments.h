/* fragments.h: how long a fragmented MP4 is, without walking its fragments. */
#ifndef REELYARD_ACTORS_ENCODER_FRAGMENTS_H
#define REELYARD_ACTORS_ENCODER_FRAGMENTS_H

#include "actors/encoder/movie.h"

/* Takes a movie, all that is needed of it at hand, and the video's track number, and what says most cheaply how
 * long the track is: a segment index in front of the fragments (sidx), the last fragment (found in the last bytes of
 * the file, by the random access table there (mfra), or by walking when there are few), or the movie extends header
 * (mehd). *duration_s is 0 when the file does not say. False if something is missing for it, which is then asked for or
 * noted (window_io_want_also): the end of the file and at most two ranges of a few kilobytes.
 * Source: ISO/IEC 14496-12, 8.8 and 8.16.3. */
bool fragments_duration(struct window_io *windows, const struct movie *movie, uint64_t track, double *duration_s);

#endif

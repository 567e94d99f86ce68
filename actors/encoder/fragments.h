/* fragments.h: how long a fragmented MP4 is, without walking its fragments. */
#ifndef REELYARD_ACTORS_ENCODER_FRAGMENTS_H
#define REELYARD_ACTORS_ENCODER_FRAGMENTS_H

#include "actors/encoder/windows.h"

/* Takes the movie box that begins at moov_offset, all of it at hand, and what says most cheaply how long the video is:
 * the movie extends header (mehd), or the last fragment, which the random access table at the end of the file (mfra)
 * names. *duration_s is 0 when the file does not say. False if windows->needs tells what is missing for it: at most two
 * further ranges of a few kilobytes.
 * Source: ISO/IEC 14496-12, 8.8. */
bool fragments_duration(struct windows *windows, uint64_t moov_offset, double *duration_s);

#endif

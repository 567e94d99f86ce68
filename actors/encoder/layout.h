/* layout.h: where a file keeps the index that a demuxer will need, as far as that is told by its first bytes.
 *
 * Knowing it, the index is asked for in one piece instead of being stumbled upon. Nothing read here is believed for
 * more than that: a wrong answer costs a request. */
#ifndef REELYARD_ACTORS_ENCODER_LAYOUT_H
#define REELYARD_ACTORS_ENCODER_LAYOUT_H

#include "actors/encoder/windows.h"

enum layout_cues { LAYOUT_NO_CUES, LAYOUT_CUES, LAYOUT_CUES_MISSING };

struct layout_mp4 {
    bool has_index; /* there is a movie box */
    uint64_t index_offset;
    bool fragmented; /* which says that movie fragments follow (mvex): it does not tell of all samples */
};

/* MP4 and MOV: walks the boxes at the top level to the movie box (moov) and asks for what is missing of it. True if all
 * of it is at hand or there is none to be found; false if windows->needs tells what is missing.
 * Source: ISO/IEC 14496-12, 4.2, 8.2.1 and 8.8.1. */
bool layout_mp4_index(struct windows *windows, struct layout_mp4 *layout);

/* Matroska and WebM: looks the cue table up in the seek head and asks for what is missing of it. LAYOUT_NO_CUES if the
 * file does not say where one is. Source: RFC 9559, 5.1.1 and 5.1.5. */
enum layout_cues layout_matroska_cues(struct windows *windows);

#endif

/* movie.h: the movie box (moov) of an MP4 or MOV: where it is, what tracks it tells of, and how little of it is read.
 *
 * Knowing it, what is needed of the index is asked for in one piece instead of being stumbled upon, and what is not
 * needed and large (artwork, the tables of other tracks) is passed over: the demuxer sees free space there. Nothing
 * read here is believed for more than that: a wrong answer costs a request, or the picture of a file that lies. */
#ifndef REELYARD_ACTORS_ENCODER_MOVIE_H
#define REELYARD_ACTORS_ENCODER_MOVIE_H

#include "actors/encoder/box.h"

struct movie {
    bool found; /* there is a movie box */
    struct box box;
    bool extended;      /* it says that movie fragments may follow (mvex) */
    bool fragmented;    /* they do, or it has no samples of its own */
    bool cut_off;       /* a box reaches beyond the end of the file */
    bool zeros;         /* zeros stand where a box should be */
    unsigned videos;    /* tracks that show something, or may */
    unsigned sounds;    /* tracks of sound */
    unsigned encrypted; /* of the videos */
    unsigned hidden;    /* of the videos: their edit lists show nothing of them */
    unsigned samples;   /* that it tells of in videos; not more than one is counted for each */
};

/* Walks the boxes at the top level to the movie box, then its parts, and asks for what is missing of them. True if all
 * that is needed is at hand or there is none to be found; false if windows->needs tells what is missing.
 * Source: ISO/IEC 14496-12, 4.2, 8.2.1, 8.4.3, 8.5.2, 8.6.6, 8.7.3 and 8.8.1; for `encv` 8.12. */
bool movie_read(struct window_io *windows, struct movie *movie);

#endif

/* matroska.h: how a Matroska or WebM file is laid out, as far as its first bytes and its seek head tell: the cue table,
 * what stands before the first cluster, where the video's times begin and end.
 *
 * What is known to be needed is asked for in one piece; what is large and needed by nobody (attachments) is passed
 * over: the demuxer sees void elements there. Nothing read here is believed for more than that. Source: RFC 9559,
 * sections 5.1.1 (seek head), 5.1.3 (cluster), 5.1.4 (tracks), 5.1.5 (cues), 5.1.6 (attachments). */
#ifndef REELYARD_ACTORS_ENCODER_MATROSKA_H
#define REELYARD_ACTORS_ENCODER_MATROSKA_H

#include "actors/encoder/ebml.h"

#define MATROSKA_VIDEOS_MAX 16

/* Pixels that are not meant to be seen, and the size that the rest is shown in; a display size of 0: not said. */
struct crop {
    uint64_t left, top, right, bottom;
    uint64_t display_width, display_height;
};

struct matroska {
    bool has_cues;   /* all at hand */
    bool cut_off;    /* the segment is longer than the file */
    unsigned videos; /* tracks */
    unsigned sounds;
    unsigned encrypted;                         /* of the videos */
    uint64_t video_tracks[MATROSKA_VIDEOS_MAX]; /* their numbers, of the first ones */
    struct crop crops[MATROSKA_VIDEOS_MAX];     /* of these */
    double tick_s;                              /* of timestamps */
    double duration_s;                          /* as the file says, of its longest track; 0: it does not */
    uint64_t clusters;                          /* offset of the first one; 0: not known */
};

/* Walks the segment up to its first cluster, and asks for what is missing of the parts that matter and of the cues.
 * False if windows->needs tells what is missing. */
bool matroska_read(struct window_io *windows, struct matroska *matroska);

/* The time of the first picture of a track, seconds, by the first cluster. False if it is not at hand, or not there. */
bool matroska_first_s(const struct window_io *windows, const struct matroska *matroska, uint64_t track,
                      double *first_s);

/* When the track ends, seconds, by the blocks of the last cluster that begins near the end of the file; 0: not known.
 * False if the end of the file is not at hand, which is then asked for or noted (window_io_want_also). */
bool matroska_last_s(struct window_io *windows, const struct matroska *matroska, uint64_t track, double *last_s);

#endif

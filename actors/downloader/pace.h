/* pace.h: how many clips should be in progress, so that the distance of the videos' servers costs no throughput.
 *
 * A clip from far away spends most of its time waiting for bytes. With few clips in progress the encoders then idle;
 * with too many, clips wait at the encoders and only hold memory. The pace keeps a few clips waiting at the encoders (by
 * Little's law: the time that clips waited, per time that passed) and changes the number once per epoch, of two round
 * trips. It gives way to a server that answers 429 or 503 or not at all, by half at a time, and to one whose answers
 * take longer the more are asked for. Pure but for its own numbers: times come in. */
#ifndef REELYARD_ACTORS_DOWNLOADER_PACE_H
#define REELYARD_ACTORS_DOWNLOADER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_MIN  4   /* clips, while a server asks to be left alone */
#define PACE_BASE 16  /* clips: enough for files of this machine and a few encoders */
#define PACE_MAX  112 /* clips */

/* Round trips older than one to two of these no longer count as the shortest. */
#define PACE_MEMORY_MS 30000

struct pace {
    unsigned window; /* clips, PACE_MIN to PACE_MAX */
    bool doubling;   /* nothing has shown yet that it is enough */
    int64_t careful_until_mono_ms;

    /* The current epoch. */
    int64_t since_mono_ms;
    unsigned active_max;   /* most clips in progress at a time */
    unsigned ranges;       /* answered first ranges of clips */
    int64_t range_ms_sum;  /* their round trips */
    unsigned answers;      /* of encoders */
    int64_t waited_us_sum; /* time that the clips of these answers waited for an encoder */
    unsigned troubles;     /* requests that a server refused or left unanswered */

    unsigned slow_epochs;                      /* in a row, in which round trips were long */
    int64_t range_ms_min, range_ms_min_before; /* shortest round trip of this and the last memory; -1: none */
    int64_t memory_since_mono_ms;              /* when this memory began */
    int64_t transit_us_min;                    /* least time an encoder's answer took beyond its work; -1: none */
};

void pace_open(struct pace *pace, int64_t now_mono_ms);

/* So many clips are in progress now. */
void pace_on_active(struct pace *pace, unsigned clips);

/* A server answered a clip's first range after so long (>= 0). */
void pace_on_range(struct pace *pace, int64_t took_ms);

/* A server refused a range with 429 or 503, failed, or did not answer in time. */
void pace_on_trouble(struct pace *pace);

/* An encoder answered after so long (>= 0), busy_us of it with the work itself, as it says (0: it does not). */
void pace_on_encoded(struct pace *pace, int64_t took_us, uint64_t busy_us);

/* Ends the epoch when it is long enough. Returns whether the window has changed. */
bool pace_turn(struct pace *pace, int64_t now_mono_ms);

#endif

/* clip_state.h: what is known of one clip on its way; for clip.c and clip_end.c alone. */
#ifndef REELYARD_ACTORS_DOWNLOADER_CLIP_STATE_H
#define REELYARD_ACTORS_DOWNLOADER_CLIP_STATE_H

#include "actors/downloader/byte_ranges.h"
#include "actors/downloader/clip.h"

#define CLIP_MAGIC 0x636c6970u

enum step { CLIP_FETCHING, CLIP_ENCODING, CLIP_PAUSED };

enum wanted_state { WANTED_TODO, WANTED_UNDER_WAY, WANTED_HERE };

struct wanted {
    struct span span; /* what is still to come */
    enum wanted_state state;
};

struct clip {
    unsigned magic; /* CLIP_MAGIC */
    struct clip_world *world;
    struct clip *next;
    struct ry_mail *mail;
    const struct ry_clip_work *work; /* in mail */
    bool sheet;                      /* it is a storyboard that is to be made: mail is a sheet_make */
    struct source *source;

    enum step step;
    enum step resume;    /* PAUSED: where it goes back to */
    int64_t due_mono_ms; /* PAUSED: when; ENCODING: when it is given up */

    struct byte_ranges held;
    struct wanted wanted[SPANS_MAX]; /* of this round */
    size_t wanted_n;
    unsigned under_way;
    bool advancing;          /* in clip_advance: results that come now are looked at by it */
    uint64_t claimed_bytes;  /* held, or to be fetched in this round */
    bool exhausted;          /* no further window can be held */
    struct ry_error trouble; /* of this round; code RY_OK: none */
    int64_t retry_after_ms;  /* what the server asked for; -1: nothing */
    bool changed;            /* the trouble is that it is another video now */
    bool begun_anew;

    int64_t fetch_ms_left;
    int64_t fetch_since_mono_ms;  /* FETCHING: since when */
    int64_t encode_since_mono_ms; /* ENCODING: since when */
    unsigned tries;               /* troubles that were waited out */
    unsigned rounds;              /* encode_runs answered or out */
    uint64_t encoded_bytes;       /* bytes of windows that the last encode_run had */
    bool last_round;              /* the encoder was told so */
    uint64_t encode_id;           /* ENCODING: the encode_run's; else 0 */
};

/* Frees the clip without a word; its mail is the caller's. */
void clip_free(struct clip *clip);

/* Frees the clip, then ends the mail's custody: what was sent before leaves first. */
void clip_end(struct clip *clip);

/* Ends the clip with a sentence that begins with its name and goes on with the predicate. encoder: the version whose
 * verdict it is; absent: no encoder's. */
void clip_fail(struct clip *clip, const char *predicate, enum ry_failure_class class, struct ry_str encoder);

/* Ends the clip without an outcome: it is nobody's fault that is known, so it is not the clip's, and it waits again. */
void clip_give_back(struct clip *clip, struct ry_str reason);

/* Whether a source's trouble is of the video itself: deleted, empty, too large. What a server or a disk does may pass.
 */
enum ry_failure_class clip_class_of(enum ry_err code);

/* What a source's trouble means for the clip. A server answers 404 for what was deleted and for a URL that has expired;
 * near its end, a fresh URL will tell which it is. */
enum ry_failure_class clip_class_of_trouble(const struct clip *clip);

#endif

/* in_flight.h: the clips that are being worked on, at most a window of them. */
#ifndef REELYARD_ACTORS_SCHEDULER_IN_FLIGHT_H
#define REELYARD_ACTORS_SCHEDULER_IN_FLIGHT_H

#include "runtime/actor/actor.h"

#include <uthash.h>

#define IN_FLIGHT_CLIP_ID_BYTES 33 /* with its NUL */

/* One whose thumbnail_make is out. */
struct in_flight_clip {
    uint64_t origin; /* id of its thumbnail_make: the key, and the correlation of all that concerns it */
    char clip_id[IN_FLIGHT_CLIP_ID_BYTES];
    int64_t since_mono_ms;
    bool suspect;
    bool failing; /* its clip_failed is on the way to the writer */
    UT_hash_handle hh;
};

struct in_flight {
    struct in_flight_clip *clips; /* by origin */
    size_t n;                     /* these, and those that wait for a fresh URL */
    size_t suspects;              /* of these: 0, or 1 and then nothing else */
    size_t window;                /* n is never more */
};

/* How a clip ends that will not be made. */
struct in_flight_end {
    struct ry_str reason;
    bool release; /* it goes back to the ones that wait */
    enum ry_failure_class class;
};

/* Whether the clip was in flight when its node died: maybe it was the one that killed a decoder. */
bool in_flight_is_suspect(const struct ry_clip_work *work);

/* Counts a clip of a claim, for which there is room. */
void in_flight_enter(struct in_flight *self, const struct ry_clip_work *work);

/* The clip counts no longer. */
void in_flight_leave(struct in_flight *self, bool suspect);

/* Sends the thumbnail_make of a clip that counts already. Without memory the clip leaves and is given back. */
void in_flight_make(struct in_flight *self, struct ry_ctx *ctx, const struct ry_clip_work *work);

/* The clip of this origin; NULL: there is none. */
struct in_flight_clip *in_flight_find(const struct in_flight *self, uint64_t origin);

/* The clip's outcome is committed, or lost: it leaves and is freed. */
void in_flight_forget(struct in_flight *self, struct in_flight_clip *clip);

/* Sends the end of any clip that will not be made: a failure with its reason, or (release) back to the ones that wait.
 * origin 0: it was not in flight. */
void in_flight_send_end(struct ry_ctx *ctx, struct ry_str clip_id, uint64_t origin, const struct in_flight_end *end);

/* The same of a clip in flight; it leaves when its outcome is committed. */
void in_flight_end(struct in_flight_clip *clip, struct ry_ctx *ctx, const struct in_flight_end *end);

/* Ends the clips that are in flight for too long. One whose end nobody records either is forgotten, so that its lease
 * ends. */
void in_flight_end_late(struct in_flight *self, struct ry_ctx *ctx);

/* Gives back all that are not ending yet. */
void in_flight_give_back(struct in_flight *self, struct ry_ctx *ctx, struct ry_str reason);

/* Lists the ids of the clips; ids has room for all. Returns how many; they live as long as the clips. */
size_t in_flight_clip_ids(const struct in_flight *self, struct ry_str *ids);

/* Frees all without a word. */
void in_flight_free(struct in_flight *self);

#endif

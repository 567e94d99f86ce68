/* previewer.h: has storyboards made of clips whose thumbnails are there, while no thumbnail waits.
 *
 * A few at a time, so that a thumbnail that comes meanwhile waits for no more than one decode of each encoder. What to
 * work on comes from claims (sheets_claim); completed clips that nobody has thought of, such as those from before
 * REELYARD_PREVIEW was on, are looked for once after each start, some at a time. Without the option it does nothing. */
#ifndef REELYARD_ACTORS_SCHEDULER_PREVIEWER_H
#define REELYARD_ACTORS_SCHEDULER_PREVIEWER_H

#include "actors/scheduler/refresher.h"

#define PREVIEWER_MAX 4

/* A clip whose sheet_make is out. */
struct preview {
    uint64_t origin; /* id of its sheet_make; 0: none */
    char clip_id[33];
    int64_t since_mono_ms;
};

struct previewer {
    bool on;
    unsigned timer;    /* of the scheduler's timers, the one that is the previewer's */
    uint64_t asking;   /* id of the sheets_claim under way; 0: none */
    bool claimed_once; /* the leases of this node's previous incarnation are void */
    bool looked;       /* all clips have been looked at since the start */
    char after[65];    /* the last one that was */
    unsigned errors;   /* claims that failed in a row */
    struct preview under_way[PREVIEWER_MAX];
    size_t refreshing; /* clips that wait for a fresh URL */
    struct refresher refresher;
};

void previewer_open(struct previewer *self, struct ry_ctx *ctx, unsigned timer);
void previewer_close(struct previewer *self);

/* The previewer's timer is due. idle: no thumbnail waits, and none is being made. */
void previewer_tick(struct previewer *self, struct ry_ctx *ctx, bool idle);

/* sheets_claimed, sheet_settled, urls_refreshed or urls_stored; others' answers are passed over. */
void previewer_answer(struct previewer *self, struct ry_ctx *ctx, const struct ry_mail *mail, bool idle);

/* Whether the lost mail was of a storyboard. */
bool previewer_lost(struct previewer *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

#endif

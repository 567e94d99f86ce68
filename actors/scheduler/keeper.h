/* keeper.h: has originals kept: claims clips that are wanted, has expired URLs renewed, gives them to a downloader.
 *
 * Thumbnails come first: while they take half of the window or more, nothing new is begun. At most KEEPER_MAX originals
 * are in progress. As for thumbnails, the database is the truth: what is lost here is claimed again when its lease
 * ends, or at the next start. */
#ifndef REELYARD_ACTORS_SCHEDULER_KEEPER_H
#define REELYARD_ACTORS_SCHEDULER_KEEPER_H

#include "actors/scheduler/refresher.h"

/* Originals in progress: enough to hide a server's latency, few enough for thumbnails that come in between. */
#define KEEPER_MAX 3

struct keeper_clip {
    uint64_t origin; /* id of its media_keep; 0: free */
    char clip_id[33];
    int64_t since_mono_ms;
    bool failing; /* its clip_keep_failed is on the way to the writer */
};

struct keeper {
    unsigned timer; /* of the scheduler's timers, the one that is the keeper's */
    bool all;       /* every clip is to be kept (REELYARD_KEEP) */
    bool waits;     /* thumbnails come first; set by the scheduler */
    int64_t lease_ms;
    struct keeper_clip clips[KEEPER_MAX];
    struct refresher refresher;
    uint64_t claiming;          /* id of the keep_claim under way; 0: none */
    bool claimed_once;          /* the leases of this node's previous incarnation are void */
    bool hinted;                /* look again when the claim under way is answered */
    unsigned errors;            /* claims that failed in a row */
    unsigned away;              /* clips in a row that came back because the store was away */
    int64_t not_before_mono_ms; /* no claim before */
    uint64_t wanting;           /* id of the keep_want under way; 0: none */
    char after[65];             /* how far the round through the archive has come */
    int64_t walk_mono_ms;       /* when its next step is due */
};

void keeper_open(struct keeper *self, struct ry_ctx *ctx, unsigned timer, int64_t lease_ms);
void keeper_close(struct keeper *self);

/* There may be something to keep, or room for it. */
void keeper_hint(struct keeper *self, struct ry_ctx *ctx);

/* The keeper's timer is due. */
void keeper_tick(struct keeper *self, struct ry_ctx *ctx);

/* Renews the leases; every third of one. */
void keeper_renew(struct keeper *self, struct ry_ctx *ctx);

/* Any answer; others' are passed over. */
void keeper_answer(struct keeper *self, struct ry_ctx *ctx, const struct ry_mail *mail);

/* Whether the lost mail was the keeper's, or of one of its originals. */
bool keeper_lost(struct keeper *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

/* The node stops: gives back all. */
void keeper_leave(struct keeper *self, struct ry_ctx *ctx);

/* No original is in progress. What a claim under way brings is claimed again when its lease ends, or at the next
 * start. */
bool keeper_is_idle(const struct keeper *self);

#endif

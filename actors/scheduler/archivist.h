/* archivist.h: has clips archived that are older than auto_archive_after of their channel.
 *
 * The writer judges and archives (clips_archive), some clips at a time; every hour it is asked until there are no more.
 * Asking twice, or from several nodes, archives nothing twice. */
#ifndef REELYARD_ACTORS_SCHEDULER_ARCHIVIST_H
#define REELYARD_ACTORS_SCHEDULER_ARCHIVIST_H

#include "runtime/actor/actor.h"
#include "runtime/base/buf.h"

/* Channel, message and clip. */
#define ARCHIVIST_CURSOR 3

struct archivist {
    unsigned timer;  /* of the scheduler's timers, the one that is the archivist's */
    unsigned errors; /* rounds that failed in a row */
    uint64_t asking; /* id of the question under way; 0: none */
    uint64_t clips;  /* archived in this round */
    bool begun;      /* the round has a slice behind it, which ended at: */
    char after[ARCHIVIST_CURSOR][65];
    struct ry_buf defaults;
};

/* The first round comes some minutes after the start. RY_ENOMEM. */
int archivist_open(struct archivist *self, struct ry_ctx *ctx, unsigned timer, struct ry_error *err);
void archivist_close(struct archivist *self);

/* The archivist's timer is due. */
void archivist_tick(struct archivist *self, struct ry_ctx *ctx);

/* clips_archived. */
void archivist_answer(struct archivist *self, struct ry_ctx *ctx, const struct ry_mail *mail);

/* Whether the lost mail was the archivist's. */
bool archivist_lost(struct archivist *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

#endif

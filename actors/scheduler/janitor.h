/* janitor.h: has files deleted that belong to no row any more.
 *
 * One conversation at a time: the writer's list (files_doomed_get), storage deletes (files_delete), and what is gone
 * is taken off the list (files_forget). Every step bears being done twice, so an answer that is lost, or a crash, costs
 * another round and nothing else. */
#ifndef REELYARD_ACTORS_SCHEDULER_JANITOR_H
#define REELYARD_ACTORS_SCHEDULER_JANITOR_H

#include <stdbool.h>

#include "runtime/actor/actor.h"

struct janitor {
    uint64_t asking; /* id of the question under way; 0: none */
    unsigned timer;  /* of the scheduler's timers, the one that is the janitor's */
    unsigned errors; /* rounds that failed in a row */
    bool hinted;     /* look again when the round under way has ended */
    bool full;       /* the list gave as many as it may: there are more */
    bool left;       /* storage could not delete all of this round */
};

/* The first round comes with the first hint, or after five minutes: the list outlives the node. */
void janitor_open(struct janitor *janitor, struct ry_ctx *ctx, unsigned timer);

/* files_doomed: files are on the list. */
void janitor_hint(struct janitor *janitor, struct ry_ctx *ctx);

/* The janitor's timer is due. */
void janitor_tick(struct janitor *janitor, struct ry_ctx *ctx);

/* files_doomed_got, files_deleted or files_forgotten; others' answers are passed over. */
void janitor_answer(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_mail *mail);

/* Whether the lost mail was the janitor's. */
bool janitor_lost(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

#endif

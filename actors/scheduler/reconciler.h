/* reconciler.h: compares the scans that the database holds open with the jobs that the queue holds.
 *
 * A queue can lose what it had acknowledged (a failover, a flush, a restored backup), and the database is the truth. A
 * scan that is QUEUED or RUNNING, was not touched for a minute and has no job, waiting or worked on by anyone, is
 * orphaned: the job that its last slice said goes on is requeued, under the same id. One that has no such job, or
 * lost it a second time, is reported, and CANCELLED with a reason when it was not touched for `stale_scan_minutes`. A
 * scan whose job only waits in a long queue is left alone, however long. */
#ifndef REELYARD_ACTORS_SCHEDULER_RECONCILER_H
#define REELYARD_ACTORS_SCHEDULER_RECONCILER_H

#include "runtime/actor/actor.h"
#include "runtime/base/arena.h"

struct reconciler_requeued;

struct reconciler {
    unsigned timer; /* of the scheduler's timers, the one that is the reconciler's */
    int64_t period_ms;
    uint64_t stale_ms;
    unsigned errors; /* rounds that failed in a row */

    uint64_t asking;       /* id of the question under way; 0: none */
    struct ry_arena arena; /* of the page that is being compared */
    struct ry_scan_row *scans;
    size_t count;
    bool more;             /* pages follow */
    struct ry_str after;   /* the last channel of the page before; in the arena of its own */
    struct ry_arena place; /* of after */
    struct ry_strs pushed; /* ids of the jobs that are being queued again */
    struct ry_strs stale;  /* channels to cancel when that is done */

    struct reconciler_requeued *requeued; /* by job id: what was queued again in this incarnation of the node */
    size_t requeued_count;
};

/* The first round comes a thirtieth of the period after the start. */
void reconciler_open(struct reconciler *self, struct ry_ctx *ctx, unsigned timer);
void reconciler_close(struct reconciler *self);

/* The reconciler's timer is due. */
void reconciler_tick(struct reconciler *self, struct ry_ctx *ctx);

/* scans_open_got, jobs_found, jobs_pushed or scans_staled; others' answers are passed over. */
void reconciler_answer(struct reconciler *self, struct ry_ctx *ctx, const struct ry_mail *mail);

/* Whether the lost mail was the reconciler's. */
bool reconciler_lost(struct reconciler *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

#endif

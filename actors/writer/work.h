/* work.h: what one mail asks of the database, and how its outcome is told. */
#ifndef REELYARD_ACTORS_WRITER_WORK_H
#define REELYARD_ACTORS_WRITER_WORK_H

#include "actors/writer/batch.h"
#include "runtime/actor/actor.h"

struct writer_work_kind;

/* A mail that changes the database: kept until the transaction that holds it is committed. */
struct writer_work {
    const struct writer_work_kind *kind;
    struct ry_mail *mail;
    size_t rows;     /* about how many it writes */
    unsigned tries;  /* transactions with it that met a transient error */
    bool refused;    /* its data cannot be written: `error` says why; the others were */
    bool clip_found; /* an outcome: the clip has a row */
    struct ry_error error;
    struct writer_tally tally;
    union {
        struct ry_batch_written batch;
        struct ry_clip_settled settled;
        struct ry_clips_claimed claimed;
        struct ry_clips_renewed renewed;
        struct ry_failed_retried retried;
    } outcome; /* its lists live in the turn's arena */
};

/* Fills *work for a mail; false: this mail does not change the database. */
bool writer_work_init(struct writer_work *work, struct ry_mail *mail);

/* Somebody waits for this answer and nothing is gained by waiting for more to write. */
bool writer_work_is_urgent(const struct writer_work *work);

/* Does the work inside the engine's transaction and keeps its outcome. When careful, data that cannot be written are no
 * error, but work->refused. */
int writer_work_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                    struct ry_arena *arena, struct ry_error *err);

/* After the commit: tells the outcome and ends the mail's custody. Returns how many clips now wait. */
uint64_t writer_work_tell(struct writer_work *work, struct ry_ctx *ctx);

/* The database cannot be reached: tells an asker why, so that he tries later, and ends the mail's custody. False:
 * nobody asked, so the work must be kept. */
bool writer_work_give_up(struct writer_work *work, struct ry_ctx *ctx, const struct ry_error *why);

#endif

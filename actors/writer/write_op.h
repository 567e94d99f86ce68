/* write_op.h: what one mail asks of the database, and how its outcome is told. */
#ifndef REELYARD_ACTORS_WRITER_WRITE_OP_H
#define REELYARD_ACTORS_WRITER_WRITE_OP_H

#include "actors/writer/batch.h"
#include "runtime/actor/actor.h"

struct write_op_kind;

/* A mail that changes the database: kept, and in its place, until the transaction that holds it is committed. */
struct write_op {
    const struct write_op_kind *kind;
    struct ry_mail *mail;
    size_t rows;              /* about how many it writes */
    unsigned tries;           /* transactions with it that met a transient error */
    bool refused;             /* its data cannot be written: `error` says why; the others were */
    bool stalled;             /* the schema does not let it be written: `error` says why; the others were */
    bool clip_found;          /* an outcome: the clip has a row */
    bool keeps;               /* originals of all clips are to be kept */
    struct retry_waits waits; /* of clip_failed */
    bool wants_sheet;         /* clip_completed: its storyboard is wanted, too */
    struct ry_error error;
    union {
        struct writer_batch batch;
        struct ry_clip_settled clip_settled;
        struct ry_clips_claimed clips_claimed;
        struct ry_clips_renewed clips_renewed;
        struct ry_sheets_claimed sheets_claimed;
        struct ry_failed_retried failed_retried;
        struct ry_scan_begun scan_begun;
        struct ry_scan_ended scan_ended;
        struct ry_purged purged;
        struct ry_files_forgotten files_forgotten;
        struct ry_clips_staled clips_staled;
        struct ry_scans_staled scans_staled;
        struct ry_clips_archived clips_archived;
        struct ry_urls_stored urls_stored;
        struct ry_keep_wanted keep_wanted;
        struct ry_keep_claimed keep_claimed;
        struct ry_keep_renewed keep_renewed;
        struct ry_keep_settled keep_settled;
        struct ry_files_claimed files_claimed;
    } outcome; /* holds after the commit; its lists live in the transaction's arena */
};

/* What the scheduler may want to know of a commit. */
struct writer_hints {
    uint64_t clips_pending;   /* clips that now wait for thumbnails */
    uint64_t pending_deletes; /* files that now wait to be deleted */
};

/* Fills *op for a mail; list and rng: for the wait of a clip that failed. False: this mail does not change the
 * database.
 */
bool write_op_init(struct write_op *op, struct ry_mail *mail, const struct retry_list *list, struct ry_rng *rng);

/* Somebody waits for this answer and nothing is gained by waiting for more to write. */
bool write_op_is_urgent(const struct write_op *op);

/* Does the operations in one transaction and commits it: first the batches, then the others in their order. Brisk, it
 * fails as a whole, also when it meets data that cannot be written (RY_EDATA), a batch that may not be (RY_EFENCED), or
 * a schema that does not let it (RY_ESCHEMA). Careful, it leaves these out, and says so in op->refused, op->stalled or
 * in the batch's answer; the commit itself may still fail so (deferred constraints). After an error nothing was done.
 * Lists of the outcomes live in the arena. */
int write_ops_commit(struct write_op *ops, size_t n, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err);

/* Does one operation in a transaction of its own, and commits it. When the commit is refused, says so in op->refused or
 * op->stalled, or leaves out the rows of a batch that are at fault. Fails only for reasons that are not the operation's:
 * never in the class REJECT or with RY_ESCHEMA. */
int write_op_commit(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena, struct ry_error *err);

/* Whether an error is the data's or the schema's, so that other operations may still be written. */
bool write_op_is_refusal(const struct ry_error *err);

/* After the commit: tells the outcome and ends the mail's custody; adds to *hints. Not for one that is stalled and
 * that nobody asked for (write_op_give_up). */
void write_op_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints);

/* Takes out of a claim the clips that no message can carry, because somebody else wrote their rows. They are in the
 * transaction's arena still. False: there are none. */
bool write_op_unusable(struct write_op *op, struct ry_clips_claimed *unusable);

/* The database cannot be reached: tells an asker why, so that he tries later, and ends the mail's custody. False:
 * nobody asked, so the operation must be kept. */
bool write_op_give_up(struct write_op *op, struct ry_ctx *ctx, const struct ry_error *why);

#endif

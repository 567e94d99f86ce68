/* batch.h: writes the batch_writes of a transaction, and finds the rows that cannot be written. */
#ifndef REELYARD_ACTORS_WRITER_BATCH_H
#define REELYARD_ACTORS_WRITER_BATCH_H

#include "actors/writer/engine.h"

/* One batch_write in a transaction. It stays where it is until the transaction has ended: the engine puts its outputs
 * into it when it learns of them. */
struct writer_batch {
    const struct ry_batch_write *write; /* borrowed */
    enum writer_fence fence;            /* closed: nothing of it was written */
    struct writer_tally tally;          /* of the rows that went in */
    struct ry_batch_written written;    /* the answer; its figures are put in by writer_batch_sum */
    size_t failures_max;                /* places that written.failures has */
    bool progress_refused;              /* one of the failures is no row, but the scan's status */
    bool schema_refused; /* nothing of it was written: written.error says what is wrong with the schema */
};

/* How a transaction is done: as a whole; step by step behind savepoints; the same, and each step is checked for what the
 * database would check at the commit only (engine_ops.def, check_deferred). */
enum writer_care { WRITER_BRISK, WRITER_CAREFUL, WRITER_STRICT };

/* Writes batches inside the engine's transaction, briskly: all pass the fence, then each table is written with one call
 * for all batches, then the progress of those that bring some. Nothing is left out but batches whose fence the engine
 * found closed at once: data that break a rule fail the whole (RY_EDATA), and so may a closed fence (RY_EFENCED), here
 * or at sync or commit. Lists that the engine is given live in the arena. On an error the transaction is to be rolled
 * back.
 */
int writer_batches_write(struct writer_engine *engine, struct writer_batch *const *batches, size_t n,
                         struct ry_arena *arena, struct ry_error *err);

/* Writes one batch carefully or strictly: leaves it out if its fence is closed, and leaves out the rows that the database refuses
 * for their own data, which written.failures (in the arena) then names, and counts in the progress. Refused rows that
 * the list of refused rows does not take either are logged. A batch that the schema refuses (RY_ESCHEMA) is left out as
 * a whole. Synced when it returns; the commit may still be refused, unless it was strict. */
int writer_batch_write_carefully(struct writer_engine *engine, struct writer_batch *batch, enum writer_care care,
                                 struct ry_arena *arena, struct ry_error *err);

/* After sync or commit: the answer's figures. */
void writer_batch_sum(struct writer_batch *batch);

/* Rows of a batch, of all tables; 1 at least. */
size_t writer_batch_rows(const struct ry_batch_write *batch);

#endif

/* batch.h: writes one batch_write, and finds the rows that cannot be written. */
#ifndef REELYARD_ACTORS_WRITER_BATCH_H
#define REELYARD_ACTORS_WRITER_BATCH_H

#include "actors/writer/engine.h"

/* How a transaction meets data that break a rule. */
enum writer_care {
    WRITER_BRISK,  /* fail as a whole: no marks, the usual case is fast */
    WRITER_CAREFUL /* put a mark before everything, and leave out what will not go in */
};

/* Writes the batch inside the engine's transaction. *written is the answer; its failures (only when careful) live in
 * the arena. RY_EDATA only when brisk; other errors as the engine gives them, the transaction is then to be rolled
 * back. */
int writer_batch_run(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_care care,
                     struct ry_arena *arena, struct ry_batch_written *written, struct writer_tally *tally,
                     struct ry_error *err);

/* Rows of a batch, of all tables; 1 at least. */
size_t writer_batch_rows(const struct ry_batch_write *batch);

#endif

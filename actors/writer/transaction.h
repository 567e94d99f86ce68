/* transaction.h: gathers write operations and commits them together. */
#ifndef REELYARD_ACTORS_WRITER_TRANSACTION_H
#define REELYARD_ACTORS_WRITER_TRANSACTION_H

#include "actors/writer/writer_state.h"

/* Keeps the operation's mail and puts it in flight; commits at once when waiting for more would gain nothing. Fails the
 * mail (to be retried) when the writer holds all it can. */
void writer_take_op(struct writer *self, struct ry_ctx *ctx, const struct write_op *op);

/* Commits what is in flight. On a transient error it is tried again by WRITER_TIMER_TRANSACTION. */
void writer_transaction(struct writer *self, struct ry_ctx *ctx);

/* WRITER_TIMER_STALLED is due: operations that the schema rejected are tried with the next transaction. */
void writer_retry_stalled(struct writer *self, struct ry_ctx *ctx);

#endif

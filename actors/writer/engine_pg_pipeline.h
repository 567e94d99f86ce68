/* engine_pg_pipeline.h: statements sent without waiting, and their results.
 *
 * For engine_pg_fence.c and engine_pg_transaction.c alone: all others say their statements behind the fences (pg_say).
 */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_PIPELINE_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_PIPELINE_H

#include "actors/writer/engine_pg_value.h"

/* Sends a statement. handler (NULL: nothing is wanted of its result) is given its result when the pipeline is read. */
int pg_pipeline_send(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
                     struct ry_error *err);

/* Waits until all is read that was sent. On an error the transaction stands as after a failed statement. */
int pg_pipeline_sync(struct pg *pg, struct ry_error *err);

#endif

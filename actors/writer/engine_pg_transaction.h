/* engine_pg_transaction.h: what operations of the PostgreSQL engine say to the server, and how they read.
 *
 * Statements are said without waiting: each leaves a handler, which is given its result when the pipeline is read, at
 * the next sync or commit. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_TRANSACTION_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_TRANSACTION_H

#include "actors/writer/engine_pg_pipeline.h"

/* Says a statement, behind the fences that are held back (engine_pg_fence.c). handler may be NULL: nothing is wanted of
 * its result. */
int pg_say(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
           struct ry_error *err);
/* Waits until all is read that was said, the verdicts of fences too. On an error the transaction stands as after a
 * failed statement. */
int pg_say_sync(struct pg *pg, struct ry_error *err);

/* The transaction's locks on a job and a channel's scan (absent: none), or a whole guild (engine_pg_fence.c). */
int pg_lock(struct pg *pg, struct ry_str job_id, struct ry_str channel_id, struct ry_error *err);
int pg_lock_guild(struct pg *pg, struct ry_str job_id, struct ry_str guild_id, struct ry_error *err);
/* Compares with the largest token that has written for the job, and remembers this one; under the job's lock. */
int pg_token_check(struct pg *pg, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err);

/* What is said between on and off is planned by indexes that are sorted already, and without JIT: for statements that
 * end when they have enough, on tables that nobody analyzed yet. */
int pg_plan_by_index(struct pg *pg, bool on, struct ry_error *err);

/* One statement in a read-only transaction of its own: one round trip. */
int pg_look(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
            struct ry_error *err);
/* Begins a look of several statements; pg_look_end waits for them and ends it. */
int pg_look_begin(struct pg *pg, struct ry_error *err);
int pg_look_end(struct pg *pg, int rc, struct ry_error *err);

#endif

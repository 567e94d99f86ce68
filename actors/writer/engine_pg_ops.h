/* engine_pg_ops.h: the operations of the PostgreSQL engine, and what they share.
 *
 * What each operation does stands in engine_ops.def. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_OPS_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_OPS_H

#include "actors/writer/engine_pg_transaction.h"

/* pg_<operation> */
#define OPERATION(name, parameters) int pg_##name parameters;
#define PROCEDURE(name, parameters) void pg_##name parameters;
#define QUESTION(name, answer, damaged) \
    int pg_##name(struct writer_engine *engine, const struct ry_##name *get, struct ry_arena *arena, \
                  struct ry_##answer *got, struct ry_error *err);
#include "actors/writer/engine_ops.def"

/* Notes that there is an encoder of this version, for pg_verdicts_review (engine_pg_outcome.c). */
int pg_encoder_seen(struct pg *pg, struct ry_str version, struct ry_error *err);
/* After a clip is completed: archives it if its settings say so (engine_pg_archive.c). */
int pg_clip_judge(struct pg *pg, struct ry_str clip_id, double duration_s, struct ry_error *err);
/* Takes a channel's rows that went in meanwhile off the list of refused rows (engine_pg_refused.c). */
int pg_refused_went_in(struct pg *pg, struct ry_str channel_id, struct ry_error *err);

#endif

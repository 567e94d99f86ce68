/* engine_sqlite_ops.h: the operations of the embedded engine, and what they share.
 *
 * What each operation does stands in engine_ops.def. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_SQLITE_OPS_H
#define REELYARD_ACTORS_WRITER_ENGINE_SQLITE_OPS_H

#include "actors/writer/engine_sqlite.h"

/* lite_<operation> */
#define OPERATION(name, parameters) int lite_##name parameters;
#define PROCEDURE(name, parameters) void lite_##name parameters;
#define QUESTION(name, answer, damaged) \
    int lite_##name(struct writer_engine *engine, const struct ry_##name *get, struct ry_arena *arena, \
                    struct ry_##answer *got, struct ry_error *err);
#include "actors/writer/engine_ops.def"

/* Brings the schema up to date (engine_sqlite_migrate.c). */
int lite_migrate(struct lite *lite, struct ry_error *err);

/* RY_ECORRUPT when the file is no longer under its name: what is written into it would be lost
 * (engine_sqlite_transaction.c). */
int lite_check_place(struct lite *lite, struct ry_error *err);
/* Begins a look outside of a transaction: with its own time and its own scratch (engine_sqlite_transaction.c). */
struct lite *lite_look(struct writer_engine *engine);

/* *fenced: a larger token has written for the job; else this one is remembered (engine_sqlite_fence.c). */
int lite_token_check(struct lite *lite, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err);
/* Whether a row of another guild has this id; which: the question. False too when it cannot be asked
 * (engine_sqlite_batch.c). */
bool lite_is_of_other_guild(struct lite *lite, enum lite_statement which, struct ry_str id, struct ry_str guild_id);
/* Takes a channel's rows that went in meanwhile off the list of refused rows (engine_sqlite_refused.c). */
int lite_refused_went_in(struct lite *lite, struct ry_str channel_id, struct ry_error *err);
/* Puts a file on the list of files to delete, or takes it off (engine_sqlite_purge.c). */
int lite_file_mark_pending_delete(struct lite *lite, struct ry_str path, struct ry_error *err);
int lite_file_forget(struct lite *lite, struct ry_str path, struct ry_error *err);
/* A version of an encoder is here: the first time, permanent failures by others are due (engine_sqlite_outcome.c). */
int lite_encoder_seen(struct lite *lite, struct ry_str version, struct ry_error *err);
/* After a clip is completed: archives it if its settings say so (engine_sqlite_archive.c). */
int lite_clip_judge(struct lite *lite, struct ry_str clip_id, double duration_s, struct ry_error *err);
/* The longest registered folder that the file of a file URL lies below, in the arena; absent: none
 * (engine_sqlite_claim.c). */
int lite_root_of(struct lite *lite, struct ry_str url, struct ry_arena *arena, struct ry_str *root,
                 struct ry_error *err);
/* Before a file is taken off the list of files to delete, since it is deleted: one that clips may share is remembered
 * (engine_sqlite_keep.c). */
int lite_file_removed(struct lite *lite, struct ry_str path, struct ry_error *err);
/* The figures of originals (engine_sqlite_keep.c); texts live in the scratch arena. */
int lite_media_totals(struct lite *lite, struct ry_archive_state *state, struct ry_error *err);
/* A clip of a claim, from the columns that all claims have (engine_sqlite_claim.c). */
void lite_read_work(sqlite3_stmt *s, struct ry_arena *arena, struct ry_clip_work *work);

/* A page of clips as the interface's tables have them, newest first; one clip of it: 1, or 0: it is not to be shown
 * (engine_sqlite_query.c). */
int lite_gallery_plain(struct lite *lite, const struct ry_gallery_get *get, struct ry_arena *arena,
                       struct ry_gallery_page *page, struct ry_error *err);
int lite_gallery_fetch(struct lite *lite, struct ry_str clip_id, struct ry_arena *arena, struct ry_gallery_clip *clip,
                       struct ry_error *err);

#endif

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

/* A clip of a claim, from the columns that all claims have (engine_pg_claim.c). */
void pg_read_work(const PGresult *result, int row, struct ry_arena *arena, struct ry_clip_work *work);
/* Before files are taken off the list of files to delete, since they are deleted: those that clips may share are
 * remembered (engine_pg_keep.c). */
int pg_files_removed(struct pg *pg, const struct ry_strs *paths, struct ry_error *err);
/* Notes that there is an encoder of this version, for pg_verdicts_review (engine_pg_outcome.c). */
int pg_encoder_seen(struct pg *pg, struct ry_str version, struct ry_error *err);
/* After a clip is completed: archives it if its settings say so (engine_pg_archive.c). */
int pg_clip_judge(struct pg *pg, struct ry_str clip_id, double duration_s, struct ry_error *err);
/* Takes a channel's rows that went in meanwhile off the list of refused rows (engine_pg_refused.c). */
int pg_refused_went_in(struct pg *pg, struct ry_str channel_id, struct ry_error *err);

/* What failures of one kind have in common: the reason f, which begins with the name of its clip c's file, without it. */
#define PG_KIND_OF_FAILURE \
    "left(CASE WHEN starts_with(f.error_message, c.filename || ' ')" \
    " THEN substr(f.error_message, length(c.filename) + 2) ELSE coalesce(f.error_message, 'unknown') END, 400)"

/* The registered folders (engine_pg_roots.c). A folder is registered by each import, so there are few, and all are
 * read: by a statement, and in the handler of its result, within which they are valid. RY_ENOMEM. */
struct pg_roots {
    struct ry_str *items;
    size_t n;
};
extern const char pg_roots_sql[];
int pg_roots_read(struct pg *pg, const PGresult *result, struct pg_roots *roots, struct ry_error *err);
/* The longest of them that the file of a file URL lies below, in the arena; absent: none. */
struct ry_str pg_root_of(const struct pg_roots *roots, struct ry_str url, struct ry_arena *arena);

/* A page of clips as the interface's tables have them, newest first; the clips of some ids, in their order, those that
 * are not to be shown left out (engine_pg_query.c). */
int pg_gallery_plain(struct pg *pg, const struct ry_gallery_get *get, struct ry_arena *arena,
                     struct ry_gallery_page *page, struct ry_error *err);
int pg_gallery_fetch(struct pg *pg, const struct ry_str *ids, size_t n, struct ry_arena *arena,
                     struct ry_gallery_clip *clips, size_t *count, struct ry_error *err);

#endif

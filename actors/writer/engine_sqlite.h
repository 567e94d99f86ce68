/* engine_sqlite.h: what the files of the embedded engine share. "lite" is the SQLite engine. Included by them alone. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_SQLITE_H
#define REELYARD_ACTORS_WRITER_ENGINE_SQLITE_H

#include "actors/writer/engine_open.h"
#include "actors/writer/text.h"

#include <sqlite3.h>

enum lite_statement {
#define STATEMENT(name, sql) LITE_##name,
#include "actors/writer/engine_sqlite_statements.def"
#undef STATEMENT
    LITE_STATEMENT_COUNT
};

struct lite {
    struct writer_engine engine;
    sqlite3 *db;
    const struct ry_clock *clock;
    char *path;
    double video_min_s;                             /* min_video_seconds where no row says it */
    sqlite3_stmt *statements[LITE_STATEMENT_COUNT]; /* NULL until first used */
    struct ry_arena scratch;                        /* values of the transaction that had to be rewritten */
    bool scratch_failed;                            /* one could not be */
    int64_t now_wall_ms;                            /* of the transaction: its rows share one time */
    char now[RY_TIME_TEXT_BYTES];
};

static inline struct lite *lite_of(struct writer_engine *engine)
{
    return (struct lite *)engine;
}

/* Settings of SQLite for the whole process: before anything opens a database. */
void lite_set_up_process(void);

/* RY_ECORRUPT when the file is no longer under its name: what is written into it would be lost. */
int lite_check_place(struct lite *lite, struct ry_error *err);

/* ---- statements (engine_sqlite_statement.c) ------------------------------------------------------------------ */

/* Fills err from an SQLite result: its class, what happened to which file, and what to do. */
int lite_fail(struct lite *lite, int rc, struct ry_error *err);
/* The code of an (extended) result code: RY_EDATA when a row's own data are at fault, RY_ESCHEMA when the schema or
 * this program is, others as their names say. */
enum ry_err lite_code(int rc);

/* The prepared statement, without bindings. Put it back with lite_put (or LITE_AUTO): a statement left in the middle
 * holds its locks. */
int lite_get(struct lite *lite, enum lite_statement which, sqlite3_stmt **statement, struct ry_error *err);
void lite_put(sqlite3_stmt **statement);
#define LITE_AUTO __attribute__((cleanup(lite_put))) sqlite3_stmt

/* 1: a row is there; 0: no more; or an error. */
int lite_step(struct lite *lite, sqlite3_stmt *statement, struct ry_error *err);

/* Runs a statement that gives no rows; *changed (may be NULL) is raised by the rows it wrote. */
int lite_run(struct lite *lite, sqlite3_stmt *statement, uint64_t *changed, struct ry_error *err);

/* Gets, binds one text (absent: none) and runs. */
int lite_run_id(struct lite *lite, enum lite_statement which, struct ry_str id, uint64_t *changed,
                struct ry_error *err);

/* Binding cannot fail: the text stays where it is until the statement has run, and no limit of SQLite is near. */
void lite_bind(sqlite3_stmt *statement, int at, struct ry_str text); /* absent: NULL */
void lite_bind_time(struct lite *lite, sqlite3_stmt *statement, int at, int64_t wall_ms);
void lite_bind_u64(sqlite3_stmt *statement, int at, uint64_t value); /* at most INT64_MAX is stored */
void lite_bind_now(struct lite *lite, sqlite3_stmt *statement, int at);
/* Text cut to its column. */
void lite_bind_fit(struct lite *lite, sqlite3_stmt *statement, int at, struct ry_str text, enum writer_width width,
                   uint64_t *cut);

/* Columns. Text is copied to the arena, at most max bytes of it, well-formed UTF-8 whatever is stored; NULL is absent.
 */
struct ry_str lite_text(sqlite3_stmt *statement, int at, size_t max, struct ry_arena *arena);
uint64_t lite_u64(sqlite3_stmt *statement, int at); /* negative: 0 */
/* INT64_MAX for NULL or what is no time. */
int64_t lite_time(sqlite3_stmt *statement, int at);

/* The last moment that a time column can hold; stands for "never". */
#define LITE_NEVER_WALL_MS WRITER_NEVER_WALL_MS

/* ---- operations ---------------------------------------------------------------------------------------------- */

/* engine_sqlite_migrate.c: brings the schema up to date. */
int lite_migrate(struct lite *lite, struct ry_error *err);

/* engine_sqlite_fence.c. *fenced: a larger token has written for the job; else this one is remembered. */
int lite_fence(struct lite *lite, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err);
int lite_gate(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_gate *gate,
              struct ry_error *err);
int lite_clock_mend(struct writer_engine *engine, uint64_t *mended, struct ry_error *err);
int lite_fence_prune(struct writer_engine *engine, int64_t before_wall_ms, size_t max, struct ry_error *err);

/* engine_sqlite_batch.c */
/* Whether a row of another guild has this id; which: the question. False too when it cannot be asked. */
bool lite_is_of_other_guild(struct lite *lite, enum lite_statement which, struct ry_str id, struct ry_str guild_id);
int lite_upsert(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
                size_t slice_count, struct ry_error *err);

/* engine_sqlite_scan.c */
int lite_progress(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err);
int lite_scan_begin(struct writer_engine *engine, const struct ry_scan_begin *begin, struct ry_arena *arena,
                    struct ry_scan_begun *begun, struct ry_error *err);
int lite_scan_end(struct writer_engine *engine, const struct ry_scan_end *end, struct ry_scan_ended *ended,
                  struct ry_error *err);
int lite_scans_stale(struct writer_engine *engine, const struct ry_scans_stale *stale, struct ry_scans_staled *staled,
                     struct ry_error *err);
int lite_scan_get(struct writer_engine *engine, const struct ry_scan_get *get, struct ry_arena *arena,
                  struct ry_scan_got *got, struct ry_error *err);
int lite_scans_open_get(struct writer_engine *engine, const struct ry_scans_open_get *get, struct ry_arena *arena,
                        struct ry_scans_open_got *got, struct ry_error *err);

/* engine_sqlite_refused.c */
int lite_refuse(struct writer_engine *engine, const struct ry_batch_write *batch, const struct ry_row_failure *rows,
                size_t n, struct ry_error *err);
/* Takes a channel's rows that went in meanwhile off the list. */
int lite_refused_went_in(struct lite *lite, struct ry_str channel_id, struct ry_error *err);
int lite_refused_get(struct writer_engine *engine, const struct ry_refused_get *get, struct ry_arena *arena,
                     struct ry_refused_page *page, struct ry_error *err);

/* engine_sqlite_purge.c */
int lite_purge(struct writer_engine *engine, const struct ry_purge *purge, struct ry_purged *purged,
               struct ry_error *err);
/* Puts a file on the list of files to delete, or takes it off. */
int lite_file_doom(struct lite *lite, struct ry_str path, struct ry_error *err);
int lite_file_forget(struct lite *lite, struct ry_str path, struct ry_error *err);
int lite_files_forget(struct writer_engine *engine, const struct ry_files_forget *forget, struct ry_error *err);
int lite_files_doomed_get(struct writer_engine *engine, const struct ry_files_doomed_get *get, struct ry_arena *arena,
                          struct ry_files_doomed_got *got, struct ry_error *err);

/* engine_sqlite_claim.c */
int lite_clips_claim(struct writer_engine *engine, const struct ry_clips_claim *claim, struct ry_arena *arena,
                     struct ry_clips_claimed *claimed, struct ry_error *err);
int lite_clips_renew(struct writer_engine *engine, const struct ry_clips_renew *renew, struct ry_clips_renewed *renewed,
                     struct ry_error *err);

/* engine_sqlite_outcome.c */
int lite_clip_completed(struct writer_engine *engine, const struct ry_clip_completed *completed, bool *found,
                        struct ry_clip_settled *settled, struct ry_error *err);
/* A version of an encoder is here: the first time, permanent failures by others are due. */
int lite_verdicts_review(struct writer_engine *engine, struct writer_review *review, struct ry_error *err);
int lite_encoder_seen(struct lite *lite, struct ry_str version, struct ry_error *err);
int lite_clip_failed(struct writer_engine *engine, const struct ry_clip_failed *failed, bool *found,
                     struct ry_clip_settled *settled, struct ry_error *err);
int lite_failed_retry(struct writer_engine *engine, const struct ry_failed_retry *retry,
                      struct ry_failed_retried *retried, struct ry_error *err);
int lite_clips_stale(struct writer_engine *engine, const struct ry_clips_stale *stale, struct ry_clips_staled *staled,
                     struct ry_error *err);
int lite_urls_store(struct writer_engine *engine, const struct ry_urls_store *store, struct ry_error *err);

/* engine_sqlite_query.c. A look outside of a transaction has its own time and its own scratch: lite_look. */
struct lite *lite_look(struct writer_engine *engine);
int lite_settings_get(struct writer_engine *engine, const struct ry_settings_get *get, struct ry_arena *arena,
                      struct ry_settings_got *got, struct ry_error *err);
int lite_gallery_get(struct writer_engine *engine, const struct ry_gallery_get *get, struct ry_arena *arena,
                     struct ry_gallery_page *page, struct ry_error *err);
int lite_archive_get(struct writer_engine *engine, struct ry_archive_state *state, struct ry_error *err);
int lite_failed_get(struct writer_engine *engine, const struct ry_failed_get *get, struct ry_arena *arena,
                    struct ry_failed_page *page, struct ry_error *err);
/* engine_sqlite_archive.c: clips that settings archive. lite_clip_judge comes after a clip is completed. */
int lite_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                       struct ry_clips_archived *archived, struct ry_error *err);
int lite_clip_judge(struct lite *lite, struct ry_str clip_id, double duration_s, struct ry_error *err);
int lite_days_get(struct writer_engine *engine, const struct ry_days_get *get, struct ry_arena *arena,
                  struct ry_days_got *got, struct ry_error *err);
int lite_known_get(struct writer_engine *engine, const struct ry_known_get *get, struct ry_arena *arena,
                   struct ry_known_got *got, struct ry_error *err);
int lite_ping(struct writer_engine *engine, struct ry_error *err);

#endif

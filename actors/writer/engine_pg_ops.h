/* engine_pg_ops.h: the operations of the PostgreSQL engine, file by file, and what they share. Comes with engine_pg.h.
 *
 * What each operation does stands in engine.h. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_PG_OPS_H
#define REELYARD_ACTORS_WRITER_ENGINE_PG_OPS_H

#include "actors/writer/engine_pg.h"

/* engine_pg_gate.c. Says the gates that are held back; telling: their verdicts are told, else a shut one fails. */
int pg_gates_say(struct pg *pg, bool telling, struct ry_error *err);
/* The transaction's locks on a job and a channel's scan (absent: none), or a whole guild. */
int pg_lock(struct pg *pg, struct ry_str job_id, struct ry_str channel_id, struct ry_error *err);
int pg_lock_guild(struct pg *pg, struct ry_str job_id, struct ry_str guild_id, struct ry_error *err);
/* Compares with the largest token that has written for the job, and remembers this one; under the job's lock. */
int pg_fence(struct pg *pg, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err);
int pg_gate(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_gate *gate,
            struct ry_error *err);
int pg_fence_prune(struct writer_engine *engine, int64_t before_wall_ms, size_t max, struct ry_error *err);

/* engine_pg_batch.c */
int pg_upsert(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
              size_t slice_count, struct ry_error *err);

/* engine_pg_claim.c */
int pg_clips_claim(struct writer_engine *engine, const struct ry_clips_claim *claim, struct ry_arena *arena,
                   struct ry_clips_claimed *claimed, struct ry_error *err);
int pg_clips_renew(struct writer_engine *engine, const struct ry_clips_renew *renew, struct ry_clips_renewed *renewed,
                   struct ry_error *err);
int pg_clock_mend(struct writer_engine *engine, uint64_t *mended, struct ry_error *err);

/* engine_pg_outcome.c */
int pg_clip_completed(struct writer_engine *engine, const struct ry_clip_completed *completed, bool *found,
                      struct ry_clip_settled *settled, struct ry_error *err);
/* What is said between on and off is planned by indexes that are sorted already, and without JIT: for statements that
 * end when they have enough, on tables that nobody analyzed yet. */
int pg_plan_by_index(struct pg *pg, bool on, struct ry_error *err);
int pg_verdicts_review(struct writer_engine *engine, struct writer_review *review, struct ry_error *err);
/* Notes that there is an encoder of this version, for pg_verdicts_review. */
int pg_encoder_seen(struct pg *pg, struct ry_str version, struct ry_error *err);
int pg_clip_failed(struct writer_engine *engine, const struct ry_clip_failed *failed, bool *found,
                   struct ry_clip_settled *settled, struct ry_error *err);
int pg_failed_retry(struct writer_engine *engine, const struct ry_failed_retry *retry,
                    struct ry_failed_retried *retried, struct ry_error *err);
int pg_clips_stale(struct writer_engine *engine, const struct ry_clips_stale *stale, struct ry_clips_staled *staled,
                   struct ry_error *err);
int pg_urls_store(struct writer_engine *engine, const struct ry_urls_store *store, struct ry_error *err);
/* A handler: puts the one number that a statement gives into *(uint64_t *)arg. */
pg_handler pg_take_count;

/* engine_pg_scan.c */
int pg_progress(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err);
int pg_scan_begin(struct writer_engine *engine, const struct ry_scan_begin *begin, struct ry_arena *arena,
                  struct ry_scan_begun *begun, struct ry_error *err);
int pg_scan_end(struct writer_engine *engine, const struct ry_scan_end *end, struct ry_scan_ended *ended,
                struct ry_error *err);
int pg_scans_stale(struct writer_engine *engine, const struct ry_scans_stale *stale, struct ry_scans_staled *staled,
                   struct ry_error *err);
int pg_scan_get(struct writer_engine *engine, const struct ry_scan_get *get, struct ry_arena *arena,
                struct ry_scan_got *got, struct ry_error *err);
int pg_scans_open_get(struct writer_engine *engine, const struct ry_scans_open_get *get, struct ry_arena *arena,
                      struct ry_scans_open_got *got, struct ry_error *err);
/* The moment that lies older_ms before now; 1970 when that is longer ago. */
int64_t pg_before_now(int64_t now_wall_ms, uint64_t older_ms);

/* engine_pg_purge.c */
int pg_purge(struct writer_engine *engine, const struct ry_purge *purge, struct ry_purged *purged,
             struct ry_error *err);
int pg_files_forget(struct writer_engine *engine, const struct ry_files_forget *forget, struct ry_error *err);
int pg_files_doomed_get(struct writer_engine *engine, const struct ry_files_doomed_get *get, struct ry_arena *arena,
                        struct ry_files_doomed_got *got, struct ry_error *err);

/* engine_pg_refused.c */
int pg_refuse(struct writer_engine *engine, const struct ry_batch_write *batch, const struct ry_row_failure *rows,
              size_t n, struct ry_error *err);
/* Takes a channel's rows that went in meanwhile off the list. */
int pg_refused_went_in(struct pg *pg, struct ry_str channel_id, struct ry_error *err);
int pg_refused_get(struct writer_engine *engine, const struct ry_refused_get *get, struct ry_arena *arena,
                   struct ry_refused_page *page, struct ry_error *err);

/* engine_pg_query.c, engine_pg_figures.c */
/* engine_pg_archive.c: clips that settings archive. pg_clip_judge comes after a clip is completed. */
int pg_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                     struct ry_clips_archived *archived, struct ry_error *err);
int pg_clip_judge(struct pg *pg, struct ry_str clip_id, double duration_s, struct ry_error *err);
int pg_days_get(struct writer_engine *engine, const struct ry_days_get *get, struct ry_arena *arena,
                struct ry_days_got *got, struct ry_error *err);
int pg_known_get(struct writer_engine *engine, const struct ry_known_get *get, struct ry_arena *arena,
                 struct ry_known_got *got, struct ry_error *err);
int pg_settings_get(struct writer_engine *engine, const struct ry_settings_get *get, struct ry_arena *arena,
                    struct ry_settings_got *got, struct ry_error *err);
int pg_gallery_get(struct writer_engine *engine, const struct ry_gallery_get *get, struct ry_arena *arena,
                   struct ry_gallery_page *page, struct ry_error *err);
int pg_archive_get(struct writer_engine *engine, struct ry_archive_state *state, struct ry_error *err);
int pg_failed_get(struct writer_engine *engine, const struct ry_failed_get *get, struct ry_arena *arena,
                  struct ry_failed_page *page, struct ry_error *err);

#endif

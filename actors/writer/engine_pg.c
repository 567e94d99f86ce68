/* engine_pg.c: PostgreSQL behind the writer's table of operations.
 *
 * Owns nothing on the server but the transaction it is in. Connections are the process's (pg_pool.h); one is held from
 * begin to commit or rollback. Statements are said in a pipeline and their results read at settle and commit
 * (engine_pg_wire.c), so a turn costs one round trip however many statements it has.
 *
 * Gates are held back until the next call shows what is wanted: behind a settle they tell their verdict; before
 * anything else a shut one fails the whole transaction on the server, so that nothing is written though nobody has
 * looked yet.
 *
 * When it crashes, the server ends the transaction. When the server does, the error is one to retry. */
#include "actors/writer/engine_pg.h"

#include <stdlib.h>

/* Values rewritten in one transaction, and what handlers need; the transaction fails when it needs more. */
#define SCRATCH_MAX_BYTES ((size_t)256 << 20)

static int begin(struct writer_engine *engine, struct ry_error *err)
{
    return pg_begin(pg_of(engine), false, err);
}

static int commit(struct writer_engine *engine, struct ry_error *err)
{
    return pg_commit(pg_of(engine), err);
}

static void rollback(struct writer_engine *engine)
{
    pg_rollback(pg_of(engine));
}

static int mark(struct writer_engine *engine, struct ry_error *err)
{
    return pg_say(pg_of(engine), "SAVEPOINT writer_mark", NULL, NULL, NULL, err);
}

static int keep(struct writer_engine *engine, struct ry_error *err)
{
    return pg_say(pg_of(engine), "RELEASE SAVEPOINT writer_mark", NULL, NULL, NULL, err);
}

static int undo(struct writer_engine *engine, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct ry_error why = {0};
    /* What was said behind the mark and not looked at yet may have failed; that is what is being undone. */
    int rc = pg_settle(pg, &why);
    bool undoable = ry_err_class(why.code) == RY_CLASS_REJECT || why.code == RY_ESCHEMA;
    if (rc != RY_OK && (!undoable || pg->link == NULL || pg->link->discard)) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    pg->failed = false;
    pg->scratch_failed = false;
    rc = pg_say(pg, "ROLLBACK TO SAVEPOINT writer_mark", NULL, NULL, NULL, err);
    return rc == RY_OK ? keep(engine, err) : rc;
}

static int settle(struct writer_engine *engine, struct ry_error *err)
{
    return pg_settle(pg_of(engine), err);
}

static int ping(struct writer_engine *engine, struct ry_error *err)
{
    return pg_look(pg_of(engine), "SELECT 1", NULL, NULL, NULL, err);
}

static void close_engine(struct writer_engine *engine)
{
    struct pg *pg = pg_of(engine);
    pg_rollback(pg);
    pg_pool_close(&pg->pool);
    for (size_t i = 0; i < PG_ARGS_MAX; i++)
        ry_buf_free(&pg->columns[i].buf);
    ry_arena_free(&pg->scratch);
    free(pg);
}

static const struct writer_engine_ops pg_ops = {
    .name = "postgresql",
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .mark = mark,
    .undo = undo,
    .keep = keep,
    .settle = settle,
    .gate = pg_gate,
    .upsert = pg_upsert,
    .refuse = pg_refuse,
    .progress = pg_progress,
    .scan_begin = pg_scan_begin,
    .scan_end = pg_scan_end,
    .purge = pg_purge,
    .files_forget = pg_files_forget,
    .clips_stale = pg_clips_stale,
    .scans_stale = pg_scans_stale,
    .urls_store = pg_urls_store,
    .clip_completed = pg_clip_completed,
    .clip_failed = pg_clip_failed,
    .clips_claim = pg_clips_claim,
    .clips_renew = pg_clips_renew,
    .failed_retry = pg_failed_retry,
    .verdicts_review = pg_verdicts_review,
    .fence_prune = pg_fence_prune,
    .clock_mend = pg_clock_mend,
    .settings_get = pg_settings_get,
    .gallery_get = pg_gallery_get,
    .archive_get = pg_archive_get,
    .failed_get = pg_failed_get,
    .refused_get = pg_refused_get,
    .known_get = pg_known_get,
    .days_get = pg_days_get,
    .clips_archive = pg_clips_archive,
    .scan_get = pg_scan_get,
    .scans_open_get = pg_scans_open_get,
    .files_doomed_get = pg_files_doomed_get,
    .ping = ping,
    .close = close_engine,
};

int writer_engine_pg_open(const struct writer_pg_options *options, struct writer_engine **engine, struct ry_error *err)
{
    *engine = NULL;
    struct pg *pg = calloc(1, sizeof *pg);
    if (pg == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    pg->engine.ops = &pg_ops;
    pg->clock = options->clock;
    pg->video_min_s = ry_config_real(options->config, RY_OPT_video_min_s);
    pg->timeout_ms = ry_config_int(options->config, RY_OPT_db_timeout_ms);
    pg->scratch = ry_arena_make(SCRATCH_MAX_BYTES);
    pg->figures.counted_mono_ms = INT64_MIN;
    int rc = pg_pool_open(options->config, &pg->pool, err);
    if (rc == RY_OK)
        rc = pg_migrate(options->config, pg->pool, err);
    if (rc != RY_OK) {
        close_engine(&pg->engine);
        return rc;
    }
    *engine = &pg->engine;
    return RY_OK;
}

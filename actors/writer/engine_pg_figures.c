/* engine_pg_figures.c: the archive's figures.
 *
 * The interface's tables belong to others too, so no trigger keeps totals there (as the embedded engine's do): rows are
 * counted. Counting a large archive takes seconds in the one thread that also writes, so how often it is done follows
 * from how long it took: at once while it is quick, else so that it takes a twentieth of the time at most; in between
 * the last figures are told. A count has a time limit; when it is reached, the number of messages is the server's
 * estimate and the rest stays as it was. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/schema.h"

#include "runtime/base/log.h"

#include <stdio.h>

#define QUICK_MS     50
#define SHARE        20
#define COUNT_MAX_MS 5000

static const char count_sql[] =
    "SELECT (SELECT count(*) FROM guild), (SELECT count(*) FROM channel), (SELECT count(*) FROM author),"
    " (SELECT count(*) FROM message), c.pending, c.processing, c.completed, c.failed, t.n, c.bytes, t.bytes,"
    " (SELECT count(*) FROM reelyard_refused),"
    " (SELECT count(*) FROM reelyard_permanent_failure p JOIN clip k ON k.id = p.clip_id"
    " WHERE k.thumbnail_status = 'failed' AND k.deleted_at IS NULL), m.kept, m.wanted, m.failed, m.gone, m.bytes,"
    " (SELECT keep_error FROM (SELECT keep_error FROM reelyard_media WHERE keep_state = 'wanted'"
    " ORDER BY keep_due_at DESC LIMIT 100) w WHERE keep_error IS NOT NULL LIMIT 1) FROM"
    " (SELECT count(*) FILTER (WHERE keep_state = 'kept') AS kept,"
    " count(*) FILTER (WHERE keep_state = 'wanted') AS wanted, count(*) FILTER (WHERE keep_state = 'failed') AS failed,"
    " count(*) FILTER (WHERE keep_state = 'gone') AS gone,"
    " coalesce(sum(kept_bytes) FILTER (WHERE keep_state = 'kept'), 0)::bigint AS bytes FROM reelyard_media) m,"
    " (SELECT count(*) FILTER (WHERE thumbnail_status = 'pending') AS pending,"
    " count(*) FILTER (WHERE thumbnail_status = 'processing') AS processing,"
    " count(*) FILTER (WHERE thumbnail_status = 'completed') AS completed,"
    " count(*) FILTER (WHERE thumbnail_status = 'failed') AS failed,"
    " coalesce(sum(file_size), 0)::bigint AS bytes FROM clip WHERE deleted_at IS NULL) c,"
    " (SELECT count(*) AS n, coalesce(sum(file_size), 0)::bigint AS bytes FROM thumbnail) t";

static const char estimate_sql[] =
    "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'message'::regclass";

static int take_counts(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    struct ry_archive_state *state = arg;
    uint64_t *const figures[] = {
        &state->guilds,          &state->channels,         &state->authors,          &state->messages,
        &state->clips_pending,   &state->clips_processing, &state->clips_completed,  &state->clips_failed,
        &state->thumbnails,      &state->bytes_videos,     &state->bytes_thumbnails, &state->rows_refused,
        &state->clips_permanent, &state->clips_kept,       &state->clips_to_keep,    &state->clips_keep_failed,
        &state->clips_keep_gone, &state->bytes_kept};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        *figures[i] = pg_u64(result, 0, (int)i);
    struct ry_str trouble = pg_text(result, 0, 18, sizeof pg->figures.keep_trouble - 1, &pg->scratch);
    (void)snprintf(pg->figures.keep_trouble, sizeof pg->figures.keep_trouble, "%.*s", RY_STR_ARG(trouble));
    state->keep_trouble = trouble.p != NULL ? ry_str_of(pg->figures.keep_trouble) : (struct ry_str){0};
    return RY_OK;
}

static int take_estimate(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    uint64_t *messages = arg;
    uint64_t estimate = PQntuples(result) > 0 ? pg_u64(result, 0, 0) : 0;
    if (estimate > *messages)
        *messages = estimate;
    return RY_OK;
}

static int count(struct pg *pg, struct ry_archive_state *state, struct ry_error *err)
{
    struct pg_args args = {0};
    int rc = pg_look_begin(pg, err);
    if (rc != RY_OK)
        return rc;
    pg_add_text(pg, &args, ry_arena_printf(&pg->scratch, "%dms", COUNT_MAX_MS));
    rc = pg_say(pg, "SELECT set_config('statement_timeout', $1, true)", &args, NULL, NULL, err);
    if (rc == RY_OK)
        rc = pg_say(pg, count_sql, NULL, take_counts, state, err);
    return pg_look_end(pg, rc, err);
}

int pg_archive_get(struct writer_engine *engine, struct ry_archive_state *state, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_figures *figures = &pg->figures;
    int64_t now_mono_ms = ry_mono_ms(pg->clock);
    bool counted = figures->counted_mono_ms != INT64_MIN;
    int rc = RY_OK;
    if (!counted || figures->took_ms < QUICK_MS || now_mono_ms - figures->counted_mono_ms > figures->took_ms * SHARE) {
        rc = count(pg, &figures->state, err);
        figures->took_ms = ry_mono_ms(pg->clock) - now_mono_ms;
        if (rc == RY_ETIMEOUT) {
            RY_LOG(RY_WARNING, "figures_estimated", "database=%s took_ms=%lld", pg_pool_address(pg->pool)->where,
                   (long long)figures->took_ms);
            rc = pg_look(pg, estimate_sql, NULL, take_estimate, &figures->state.messages, err);
        }
        if (rc == RY_OK)
            figures->counted_mono_ms = ry_mono_ms(pg->clock);
    } else {
        rc = pg_look(pg, "SELECT 1", NULL, NULL, NULL, err);
    }
    if (rc != RY_OK)
        return rc;
    *state = figures->state;
    state->engine = ry_str_of(engine->ops->name);
    state->schema_version = (uint64_t)writer_pg_migration_count;
    return RY_OK;
}

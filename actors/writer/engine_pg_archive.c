/* engine_pg_archive.c: clips that settings archive: too short (min_video_seconds) or too old (auto_archive_after).
 *
 * To archive is what the interface does when somebody presses its button: deleted_at is set, and rows and files stay.
 * What was archived for which reason stands in reelyard_archived, so that no decision is undone by another. */
#include "actors/writer/engine_pg_ops.h"

/* A setting's value in a layer; NULL where it is missing or none. A JSON number is a numeric of any size. */
#define LAYERS \
    " LEFT JOIN guild_settings gs ON gs.guild_id = k.guild_id AND gs.deleted_at IS NULL" \
    " LEFT JOIN channel_settings cs ON cs.channel_id = k.channel_id AND cs.deleted_at IS NULL"
#define MIN_SECONDS(x) \
    "CASE WHEN jsonb_typeof(" x " -> 'min_video_seconds') = 'number' AND (" x \
    " ->> 'min_video_seconds')::numeric >= 0" \
    " THEN (" x " ->> 'min_video_seconds')::numeric END"
#define AGE(x) \
    "CASE WHEN " x " -> 'auto_archive_after' ->> 'unit' IN ('never', 'days', 'weeks', 'months')" \
    " AND jsonb_typeof(" x " -> 'auto_archive_after' -> 'count') = 'number'" \
    " AND (" x " -> 'auto_archive_after' ->> 'count')::numeric >= 0 THEN " x " -> 'auto_archive_after' END"

/* $1 clip, $2 now, $3 its seconds, $4 min_video_seconds where no layer has it. */
static const char judge_sql[] =
    "WITH c AS MATERIALIZED (SELECT k.id, k.deleted_at, coalesce(" MIN_SECONDS("cs.settings") ", " MIN_SECONDS(
        "gs.settings") ", " MIN_SECONDS("gs.default_channel_settings") ", $4::numeric, 0) > $3::numeric AS short"
                                                                       " FROM clip k" LAYERS " WHERE k.id = $1),"
                                                                       " marked AS (INSERT INTO reelyard_archived "
                                                                       "(clip_id, reason, archived_at) SELECT id, "
                                                                       "'short', $2 FROM c WHERE short"
                                                                       " ON CONFLICT DO NOTHING RETURNING clip_id),"
                                                                       " unmarked AS (DELETE FROM reelyard_archived a "
                                                                       "USING c WHERE a.clip_id = c.id AND a.reason = "
                                                                       "'short' AND NOT c.short"
                                                                       " RETURNING a.clip_id, a.archived_at),"
                                                                       " changed AS (SELECT clip_id, true AS archived "
                                                                       "FROM marked JOIN c ON c.id = clip_id WHERE "
                                                                       "c.deleted_at IS NULL"
                                                                       " UNION ALL SELECT u.clip_id, false FROM "
                                                                       "unmarked u JOIN c ON c.id = u.clip_id AND "
                                                                       "c.deleted_at = u.archived_at)"
                                                                       " UPDATE clip o SET deleted_at = CASE WHEN "
                                                                       "changed.archived THEN $2 END, updated_at = $2 "
                                                                       "FROM changed"
                                                                       " WHERE o.id = changed.clip_id";

/* clang-format off */
/* The channels from $4 on that have a limit, by their ids, and the time before which their messages are too old. */
#define LIMITED \
    "(SELECT r.channel_id, r.guild_id, $2 - least((r.age ->> 'count')::numeric, 12000)::double precision" \
    " * CASE r.age ->> 'unit' WHEN 'days' THEN interval '1 day' WHEN 'weeks' THEN interval '7 days'" \
    " WHEN 'months' THEN interval '1 month' END AS before" \
    " FROM (SELECT k.channel_id, k.guild_id, coalesce(" AGE("cs.settings") ", " AGE("gs.settings") ", " \
    AGE("gs.default_channel_settings") ", " AGE("$1::jsonb") ") AS age" \
    " FROM (SELECT id AS channel_id, guild_id FROM channel WHERE id >= $4) k" LAYERS " ORDER BY k.channel_id) r" \
    " WHERE (r.age ->> 'count')::numeric > 0) old"

/* $1 the lowest layer, $2 now, $3 limit, and where the last slice ended: $4 channel, $5 message, $6 clip. Clips are
 * walked channel by channel in the order of the index of their UNIQUE rule, by conditions that no other index answers;
 * the window's number keeps that order. */
static const char archive_sql[] =
    "WITH walk AS MATERIALIZED (SELECT x.id, x.message_id, old.channel_id, old.before, row_number() OVER () AS ord"
    " FROM " LIMITED " CROSS JOIN LATERAL (SELECT c.id, c.message_id FROM clip c WHERE (c.guild_id, c.channel_id,"
    " c.message_id, c.id) > (old.guild_id, old.channel_id, CASE WHEN old.channel_id = $4 THEN $5 ELSE '' END,"
    " CASE WHEN old.channel_id = $4 THEN $6 ELSE '' END) AND (c.guild_id, c.channel_id) <= (old.guild_id,"
    " old.channel_id) ORDER BY c.guild_id, c.channel_id, c.message_id, c.id LIMIT $3) x"
    " WHERE old.before IS NOT NULL LIMIT $3),"
    " due AS MATERIALIZED (SELECT c.id FROM walk w JOIN clip c ON c.id = w.id JOIN message m ON m.id = w.message_id"
    " WHERE c.deleted_at IS NULL AND m.timestamp < w.before AND NOT EXISTS (SELECT FROM reelyard_archived a"
    " WHERE a.clip_id = c.id AND a.reason = 'age') FOR UPDATE OF c SKIP LOCKED),"
    " marked AS (INSERT INTO reelyard_archived (clip_id, reason, archived_at) SELECT id, 'age', $2 FROM due"
    " ON CONFLICT DO NOTHING),"
    " done AS (UPDATE clip o SET deleted_at = $2, updated_at = $2 FROM due WHERE o.id = due.id RETURNING 1)"
    " SELECT (SELECT count(*) FROM done), w.channel_id, w.message_id, w.id FROM (SELECT count(*) AS n FROM walk) s"
    " LEFT JOIN walk w ON w.ord = s.n AND s.n = $3";
/* clang-format on */
#undef LIMITED
#undef AGE
#undef MIN_SECONDS
#undef LAYERS

int pg_clip_judge(struct pg *pg, struct ry_str clip_id, double duration_s, struct ry_error *err)
{
    if (duration_s <= 0)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_text(pg, &args, clip_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_real(&args, duration_s);
    pg_add_real(&args, pg->video_min_s);
    return pg_say(pg, judge_sql, &args, NULL, NULL, err);
}

struct slice {
    struct ry_arena *arena;
    struct ry_clips_archived *archived;
};

static int take_slice(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct slice *slice = arg;
    slice->archived->count = pg_u64(result, 0, 0);
    if (pg_null(result, 0, 1))
        return RY_OK;
    struct ry_str *next = ry_arena_array(slice->arena, 3, sizeof *next);
    for (int i = 0; next != NULL && i < 3; i++)
        next[i] = pg_text(result, 0, i + 1, 64, slice->arena);
    if (next == NULL || next[0].p == NULL || next[1].p == NULL || next[2].p == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    slice->archived->next = (struct ry_strs){next, 3};
    return RY_OK;
}

int pg_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                     struct ry_clips_archived *archived, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *archived = (struct ry_clips_archived){0};
    struct slice *slice = pg_room(pg, sizeof *slice);
    if (slice == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    *slice = (struct slice){arena, archived};
    struct pg_args args = {0};
    pg_add_text(pg, &args, archive->defaults);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_u64(&args, archive->limit);
    for (size_t i = 0; i < 3; i++)
        pg_add_text(pg, &args, archive->after.n == 3 ? archive->after.items[i] : RY_STR(""));
    int rc = pg_plan_by_index(pg, true, err);
    if (rc == RY_OK)
        rc = pg_say(pg, archive_sql, &args, take_slice, slice, err);
    return rc == RY_OK ? pg_plan_by_index(pg, false, err) : rc;
}

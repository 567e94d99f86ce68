/* engine_pg_archive.c: clips that settings archive: too short (min_video_seconds) or too old (auto_archive_after).
 *
 * To archive is what the interface does when somebody presses its button: deleted_at is set, and rows and files stay.
 * What was archived for which reason stands in reelyard_archived, so that nobody's wish is undone. */
#include "actors/writer/engine_pg.h"

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

/* $1 the lowest layer, $2 now, $3 limit. */
static const char archive_sql[] =
    "WITH rule AS (SELECT k.channel_id, coalesce(" AGE("cs.settings") ", " AGE("gs.settings") ", " AGE(
        "gs.default_channel_settings") ", " AGE("$1::jsonb") ") AS age"
                                                             " FROM (SELECT id AS channel_id, guild_id FROM channel) "
                                                             "k" LAYERS "),"
                                                             " old AS MATERIALIZED (SELECT channel_id, $2 - least((age "
                                                             "->> 'count')::numeric, 12000)::double precision"
                                                             " * CASE age ->> 'unit' WHEN 'days' THEN interval '1 day' "
                                                             "WHEN 'weeks' THEN interval '7 days'"
                                                             " WHEN 'months' THEN interval '1 month' END AS before "
                                                             "FROM rule WHERE (age ->> 'count')::numeric > 0),"
                                                             " due AS MATERIALIZED (SELECT c.id FROM old JOIN clip c "
                                                             "ON c.channel_id = old.channel_id AND c.deleted_at IS NULL"
                                                             " JOIN message m ON m.id = c.message_id WHERE m.timestamp "
                                                             "< old.before AND NOT EXISTS"
                                                             " (SELECT FROM reelyard_archived a WHERE a.clip_id = c.id "
                                                             "AND a.reason = 'age')"
                                                             " ORDER BY c.id LIMIT $3 FOR UPDATE OF c SKIP LOCKED),"
                                                             " marked AS (INSERT INTO reelyard_archived (clip_id, "
                                                             "reason, archived_at) SELECT id, 'age', $2 FROM due"
                                                             " ON CONFLICT DO NOTHING),"
                                                             " done AS (UPDATE clip o SET deleted_at = $2, updated_at "
                                                             "= $2 FROM due WHERE o.id = due.id RETURNING 1)"
                                                             " SELECT count(*) FROM done";
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

int pg_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                     struct ry_clips_archived *archived, struct ry_error *err)
{
    (void)arena;
    struct pg *pg = pg_of(engine);
    *archived = (struct ry_clips_archived){0};
    struct pg_args args = {0};
    pg_add_text(pg, &args, archive->defaults);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_u64(&args, archive->limit);
    return pg_say(pg, archive_sql, &args, pg_take_count, &archived->count, err);
}

/* engine_sqlite_archive.c: clips that settings archive: too short (min_video_seconds) or too old (auto_archive_after).
 *
 * To archive is what the interface does when somebody presses its button: deleted_at is set, and rows and files stay.
 * What was archived for which reason stands in reelyard_archived, so that nobody's wish is undone. */
#include "actors/writer/engine_sqlite.h"

/* Runs a statement of a clip, a reason and now; *changed (may be NULL) is raised by the rows it wrote. */
static int run(struct lite *lite, enum lite_statement which, struct ry_str clip_id, const char *reason,
               uint64_t *changed, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, which, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    if (sqlite3_bind_parameter_index(s, "?2") > 0)
        lite_bind(s, 2, ry_str_of(reason));
    if (sqlite3_bind_parameter_index(s, "?3") > 0)
        lite_bind_now(lite, s, 3);
    return lite_run(lite, s, changed, err);
}

/* ---- too short --------------------------------------------------------------------------------------------------- */

static int read_floor(struct lite *lite, struct ry_str clip_id, double *floor_s, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    *floor_s = 0;
    int rc = lite_get(lite, LITE_clip_floor, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    sqlite3_bind_double(s, 2, lite->video_min_s);
    rc = lite_step(lite, s, err);
    if (rc == 1)
        *floor_s = sqlite3_column_double(s, 0);
    return rc < 0 ? rc : RY_OK;
}

int lite_clip_judge(struct lite *lite, struct ry_str clip_id, double duration_s, struct ry_error *err)
{
    double floor_s = 0;
    uint64_t marked = 0;
    int rc = duration_s > 0 ? read_floor(lite, clip_id, &floor_s, err) : RY_OK;
    if (rc != RY_OK || duration_s <= 0)
        return rc;
    if (duration_s < floor_s) {
        rc = run(lite, LITE_archived_add, clip_id, "short", &marked, err);
        return rc == RY_OK && marked > 0 ? run(lite, LITE_clip_archive, clip_id, "short", NULL, err) : rc;
    }
    rc = run(lite, LITE_clip_restore, clip_id, "short", NULL, err);
    return rc == RY_OK ? run(lite, LITE_archived_drop, clip_id, "short", NULL, err) : rc;
}

/* ---- too old ----------------------------------------------------------------------------------------------------- */

static int list_old(struct lite *lite, const struct ry_clips_archive *archive, struct ry_arena *arena,
                    struct ry_strs *ids, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clips_old, &s, err);
    if (rc != RY_OK)
        return rc;
    ids->items = ry_arena_array(arena, archive->limit, sizeof *ids->items);
    if (ids->items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    lite_bind(s, 1, archive->defaults);
    lite_bind_now(lite, s, 2);
    lite_bind_u64(s, 3, archive->limit);
    while ((rc = lite_step(lite, s, err)) == 1) {
        ids->items[ids->n] = lite_text(s, 0, 64, arena);
        if (ids->items[ids->n++].p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    }
    return rc < 0 ? rc : RY_OK;
}

int lite_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                       struct ry_clips_archived *archived, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct ry_strs ids = {0};
    *archived = (struct ry_clips_archived){0};
    int rc = list_old(lite, archive, arena, &ids, err);
    for (size_t i = 0; rc == RY_OK && i < ids.n; i++) {
        rc = run(lite, LITE_archived_add, ids.items[i], "age", NULL, err);
        if (rc == RY_OK)
            rc = run(lite, LITE_clip_archive, ids.items[i], "age", &archived->count, err);
    }
    return rc;
}

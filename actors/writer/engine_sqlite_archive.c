/* engine_sqlite_archive.c: clips that settings archive: too short (min_video_seconds) or too old (auto_archive_after).
 *
 * To archive is what the interface does when somebody presses its button: deleted_at is set, and rows and files stay.
 * What was archived for which reason stands in reelyard_archived, so that no decision is undone by another. */
#include "actors/writer/engine_sqlite_ops.h"

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

/* A walk over the clips of channels with a limit. */
struct walk {
    const struct ry_clips_archive *archive;
    struct ry_arena *arena;
    struct ry_strs old; /* clips to archive */
    size_t looked_at;
    struct ry_str channel_id, guild_id, message_id, clip_id; /* where it is */
    struct ry_str before;                                    /* messages of the channel before this time are old */
};

/* Goes to the first channel with a limit from channel_id on, or (behind) after it. 1: there is one, 0: none. */
static int find_channel(struct lite *lite, struct walk *walk, bool behind, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_channel_with_limit, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, walk->archive->defaults);
    lite_bind_now(lite, s, 2);
    lite_bind(s, 3, walk->channel_id);
    lite_bind_u64(s, 4, behind);
    rc = lite_step(lite, s, err);
    if (rc != 1)
        return rc;
    struct ry_str channel_id = lite_text(s, 0, 64, walk->arena);
    if (!ry_str_eq(channel_id, walk->channel_id))
        walk->message_id = walk->clip_id = RY_STR("");
    walk->channel_id = channel_id;
    walk->guild_id = lite_text(s, 1, 64, walk->arena);
    walk->before = lite_text(s, 2, 64, walk->arena);
    return channel_id.p != NULL && walk->guild_id.p != NULL && walk->before.p != NULL
               ? 1
               : ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
}

/* Looks at clips of the channel until it ends, or the slice does. */
static int look_at_channel(struct lite *lite, struct walk *walk, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_clips_by_message, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, walk->channel_id);
    lite_bind(s, 2, walk->guild_id);
    lite_bind(s, 3, walk->message_id);
    lite_bind(s, 4, walk->clip_id);
    lite_bind(s, 5, walk->before);
    lite_bind_u64(s, 6, walk->archive->limit - walk->looked_at);
    while ((rc = lite_step(lite, s, err)) == 1) {
        walk->clip_id = lite_text(s, 0, 64, walk->arena);
        walk->message_id = lite_text(s, 1, 64, walk->arena);
        if (walk->clip_id.p == NULL || walk->message_id.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
        walk->looked_at++;
        if (sqlite3_column_int(s, 2) != 0)
            walk->old.items[walk->old.n++] = walk->clip_id;
    }
    return rc < 0 ? rc : RY_OK;
}

static int look(struct lite *lite, struct walk *walk, struct ry_error *err)
{
    const struct ry_strs *after = &walk->archive->after;
    walk->old.items = ry_arena_array(walk->arena, walk->archive->limit, sizeof *walk->old.items);
    if (walk->old.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    walk->channel_id = walk->message_id = walk->clip_id = RY_STR("");
    if (after->n == 3) {
        walk->channel_id = after->items[0];
        walk->message_id = after->items[1];
        walk->clip_id = after->items[2];
    }
    int rc = find_channel(lite, walk, false, err);
    while (rc == 1 && walk->looked_at < walk->archive->limit) {
        rc = look_at_channel(lite, walk, err);
        if (rc == RY_OK && walk->looked_at < walk->archive->limit)
            rc = find_channel(lite, walk, true, err);
    }
    return rc < 0 ? rc : RY_OK;
}

int lite_clips_archive(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                       struct ry_clips_archived *archived, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    struct walk walk = {.archive = archive, .arena = arena};
    *archived = (struct ry_clips_archived){0};
    int rc = look(lite, &walk, err);
    for (size_t i = 0; rc == RY_OK && i < walk.old.n; i++) {
        rc = run(lite, LITE_archived_add, walk.old.items[i], "age", NULL, err);
        if (rc == RY_OK)
            rc = run(lite, LITE_clip_archive, walk.old.items[i], "age", &archived->count, err);
    }
    if (rc != RY_OK || walk.looked_at < archive->limit)
        return rc;
    struct ry_str *next = ry_arena_array(arena, 3, sizeof *next);
    if (next == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for clips to archive");
    next[0] = walk.channel_id;
    next[1] = walk.message_id;
    next[2] = walk.clip_id;
    archived->next = (struct ry_strs){next, 3};
    return RY_OK;
}

/* engine_sqlite_sheets.c: whose storyboard is to be made, who works on it, and what became of it.
 *
 * A clip is due at sheet_due_at; while somebody works on it, that is the end of the lease, so one index tells what is
 * next. A file of a clip that is gone goes on the list of files to delete; so does the one of a row that goes, by a
 * trigger of the schema. */
#include "actors/writer/engine_sqlite_ops.h"

int lite_sheet_want(struct writer_engine *engine, struct ry_str clip_id, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheet_want, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    lite_bind_now(lite, s, 2);
    return lite_run(lite, s, NULL, err);
}

/* ---- claims -------------------------------------------------------------------------------------------------- */

/* The last of the clips to look at; absent: there are none. *looked: how many. */
static int find_last(struct lite *lite, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                     struct ry_str *last, uint64_t *looked, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheets_look, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, claim->after);
    lite_bind_u64(s, 2, claim->look);
    while ((rc = lite_step(lite, s, err)) == 1) {
        *looked += 1;
        if (*looked == claim->look)
            *last = lite_text(s, 0, 64, arena);
        else
            *last = lite_text(s, 0, 64, &lite->scratch);
    }
    return rc < 0 ? rc : RY_OK;
}

/* Completed clips that nobody has thought of become wanted. */
static int look(struct lite *lite, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                struct ry_sheets_claimed *claimed, struct ry_error *err)
{
    struct ry_str last = {0};
    uint64_t looked = 0;
    if (claim->after.p == NULL || claim->look == 0)
        return RY_OK;
    int rc = find_last(lite, claim, arena, &last, &looked, err);
    if (rc != RY_OK || looked == 0)
        return rc;
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_sheets_want, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    lite_bind(s, 2, claim->after);
    lite_bind(s, 3, last);
    if (looked == claim->look)
        claimed->next = last;
    return lite_run(lite, s, NULL, err);
}

/* The leases of this node's previous incarnations count no longer. */
static int void_leases(struct lite *lite, struct ry_str owner, struct ry_error *err)
{
    size_t n = owner.n;
    while (n > 0 && owner.p[n - 1] != '/')
        n--;
    LITE_AUTO *s = NULL;
    int rc = n == 0 ? RY_OK : lite_get(lite, LITE_sheets_void, &s, err);
    if (rc != RY_OK || n == 0)
        return rc;
    lite_bind(s, 1, owner);
    lite_bind(s, 2, (struct ry_str){owner.p, n});
    lite_bind_now(lite, s, 3);
    return lite_run(lite, s, NULL, err);
}

/* Marking comes after the walk, which its own index must not change under. */
static int collect(struct lite *lite, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                   struct ry_sheets_claimed *claimed, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheets_due, &s, err);
    if (rc != RY_OK)
        return rc;
    claimed->clips.items = ry_arena_array(arena, claim->limit, sizeof *claimed->clips.items);
    if (claimed->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    lite_bind_now(lite, s, 1);
    lite_bind_u64(s, 2, claim->limit);
    while ((rc = lite_step(lite, s, err)) == 1) {
        struct ry_clip_work *work = &claimed->clips.items[claimed->clips.n++];
        lite_read_work(s, arena, work);
        if (work->url.p == NULL || work->filename.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    }
    return rc < 0 ? rc : RY_OK;
}

static int take(struct lite *lite, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                struct ry_clip_work *work, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheet_take, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, work->clip_id);
    lite_bind(s, 2, claim->owner);
    lite_bind_time(lite, s, 3, lite->now_wall_ms + (int64_t)claim->lease_ms);
    rc = lite_run(lite, s, NULL, err);
    return rc == RY_OK ? lite_root_of(lite, work->url, arena, &work->media_root, err) : rc;
}

static int find_next_due(struct lite *lite, struct ry_sheets_claimed *claimed, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheets_next, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_now(lite, s, 1);
    rc = lite_step(lite, s, err);
    claimed->next_due_ms = rc == 1 ? (uint64_t)(lite_time(s, 0) - lite->now_wall_ms) : UINT64_MAX;
    return rc < 0 ? rc : RY_OK;
}

int lite_sheets_claim(struct writer_engine *engine, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                      struct ry_sheets_claimed *claimed, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    *claimed = (struct ry_sheets_claimed){0};
    int rc = claim->first ? void_leases(lite, claim->owner, err) : RY_OK;
    if (rc == RY_OK)
        rc = look(lite, claim, arena, claimed, err);
    if (rc == RY_OK)
        rc = collect(lite, claim, arena, claimed, err);
    for (size_t i = 0; rc == RY_OK && i < claimed->clips.n; i++)
        rc = take(lite, claim, arena, &claimed->clips.items[i], err);
    return rc == RY_OK ? find_next_due(lite, claimed, err) : rc;
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

static int exists(struct lite *lite, struct ry_str clip_id, bool *found, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_sheet_exists, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, clip_id);
    rc = lite_step(lite, s, err);
    *found = rc == 1;
    return rc < 0 ? rc : RY_OK;
}

int lite_sheet_made(struct writer_engine *engine, const struct ry_sheet_made *made, bool *found, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    const struct ry_sheet *sheet = &made->sheets.items[0];
    int rc = exists(lite, made->clip_id, found, err);
    if (rc != RY_OK)
        return rc;
    if (!*found)
        return lite_file_mark_pending_delete(lite, made->storage_path, err);
    LITE_AUTO *s = NULL;
    rc = lite_get(lite, LITE_sheet_made, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, made->clip_id);
    lite_bind(s, 2, made->storage_path);
    lite_bind_u64(s, 3, sheet->columns);
    lite_bind_u64(s, 4, sheet->rows);
    lite_bind_u64(s, 5, sheet->count);
    sqlite3_bind_double(s, 6, sheet->step_s);
    lite_bind_u64(s, 7, sheet->width);
    lite_bind_u64(s, 8, sheet->height);
    rc = lite_run(lite, s, NULL, err);
    /* Its name may stand there from the row's former life. */
    return rc == RY_OK ? lite_file_forget(lite, made->storage_path, err) : rc;
}

int lite_sheet_failed(struct writer_engine *engine, const struct ry_sheet_failed *failed, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, failed->release ? LITE_sheet_release : LITE_sheet_failed, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, failed->clip_id);
    if (failed->release) {
        lite_bind_now(lite, s, 2);
        return lite_run(lite, s, NULL, err);
    }
    uint64_t cut = 0;
    lite_bind_fit(lite, s, 2, failed->reason, WRITER_WIDTH_ANY, &cut);
    lite_bind_u64(s, 3, WRITER_SHEET_WAIT_MS / 2000);
    lite_bind_now(lite, s, 4);
    lite_bind_u64(s, 5, failed->class == RY_FAILURE_PERMANENT);
    lite_bind_u64(s, 6, WRITER_SHEET_TRIES);
    return lite_run(lite, s, NULL, err);
}

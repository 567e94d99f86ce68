/* engine_pg_sheets.c: whose storyboard is to be made, who works on it, and what became of it.
 *
 * A clip is due at sheet_due_at; while somebody works on it, that is the end of the lease, so one index tells what is
 * next. A file of a clip that is gone goes on the list of files to delete; so does the one of a row that goes, by a
 * trigger of the schema. Who needs both locks a clip before a file, as a purge does. */
#include "actors/writer/engine_pg_ops.h"

#define WANTED \
    " ON CONFLICT (clip_id) DO UPDATE SET sheet_state = 'wanted', sheet_due_at = excluded.sheet_due_at" \
    " WHERE reelyard_media.sheet_state IS NULL"

/* $1 clip, $2 now. */
static const char want_sql[] = "INSERT INTO reelyard_media (clip_id, sheet_state, sheet_due_at) SELECT id, 'wanted', $2"
                               " FROM clip WHERE id = $1 AND thumbnail_status = 'completed'" WANTED;

/* $1 now, $2 behind this clip, $3 how many to look at. */
static const char look_sql[] =
    "WITH k AS MATERIALIZED (SELECT id, thumbnail_status, deleted_at FROM clip WHERE id > $2 ORDER BY id LIMIT $3),"
    " w AS (INSERT INTO reelyard_media (clip_id, sheet_state, sheet_due_at) SELECT id, 'wanted', $1 FROM k"
    " WHERE thumbnail_status = 'completed' AND deleted_at IS NULL ORDER BY id" WANTED ")"
    " SELECT CASE WHEN count(*) = $3 THEN max(id) END FROM k";

/* $1 this owner, $2 the beginning that all incarnations of its node share, $3 now. */
static const char void_sql[] =
    "UPDATE reelyard_media SET sheet_owner = NULL, sheet_due_at = $3 WHERE sheet_state = 'wanted'"
    " AND sheet_owner <> $1 AND left(sheet_owner, length($2)) = $2";

/* $1 now, $2 at most, $3 owner, $4 end of the lease. Rows that another claim holds are passed over. */
static const char claim_sql[] =
    "WITH k AS MATERIALIZED (SELECT m.clip_id, m.sheet_due_at FROM reelyard_media m JOIN clip c ON c.id = m.clip_id"
    " WHERE m.sheet_state = 'wanted' AND m.sheet_due_at <= $1 AND c.thumbnail_status = 'completed'"
    " AND c.deleted_at IS NULL ORDER BY m.sheet_due_at, m.clip_id LIMIT $2 FOR UPDATE OF m SKIP LOCKED),"
    " t AS (UPDATE reelyard_media m SET sheet_owner = $3, sheet_due_at = $4, sheet_attempts = m.sheet_attempts + 1 "
    "FROM k"
    " WHERE m.clip_id = k.clip_id RETURNING m.clip_id, m.sheet_attempts)"
    " SELECT c.id, c.guild_id, c.channel_id, c.message_id, c.filename, c.cdn_url, c.expires_at, c.file_size,"
    " t.sheet_attempts, t.sheet_attempts - 1 FROM t JOIN k ON k.clip_id = t.clip_id JOIN clip c ON c.id = t.clip_id"
    " ORDER BY k.sheet_due_at, c.id";

/* $1 now. */
static const char next_sql[] =
    "SELECT sheet_due_at FROM reelyard_media WHERE sheet_state = 'wanted' AND sheet_due_at > $1"
    " ORDER BY sheet_due_at LIMIT 1";

/* $1 clip, $2 path, $3 columns, $4 rows, $5 count, $6 step, $7 width, $8 height, $9 now. The clip is locked before its
 * file. A name on the list of files to delete may stand there from the row's former life. */
static const char made_sql[] =
    "WITH c AS MATERIALIZED (SELECT id FROM clip WHERE id = $1 FOR KEY SHARE),"
    " l AS MATERIALIZED (SELECT reelyard_file_lock($2) FROM (SELECT count(*) FROM c) o),"
    " m AS (INSERT INTO reelyard_media (clip_id, sheet_path, sheet_columns, sheet_rows, sheet_count, sheet_step_s,"
    " sheet_width, sheet_height, sheet_state) SELECT c.id, $2, $3, $4, $5, coalesce($6, 0), $7, $8, 'made' FROM c, l"
    " ON CONFLICT (clip_id) DO UPDATE SET sheet_path = excluded.sheet_path, sheet_columns = excluded.sheet_columns,"
    " sheet_rows = excluded.sheet_rows, sheet_count = excluded.sheet_count, sheet_step_s = excluded.sheet_step_s,"
    " sheet_width = excluded.sheet_width, sheet_height = excluded.sheet_height, sheet_state = 'made',"
    " sheet_due_at = NULL, sheet_owner = NULL, sheet_error = NULL),"
    " f AS (DELETE FROM reelyard_doomed_file d USING c, l WHERE d.path = $2),"
    " d AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT $2, $9 FROM l WHERE NOT EXISTS (SELECT FROM c)"
    " ON CONFLICT DO NOTHING) SELECT count(*) FROM c";

/* $1 clip, $2 reason, $3 now, $4 whether it is permanent, $5 tries, $6 half the first wait in milliseconds. */
static const char failed_sql[] =
    "UPDATE reelyard_media SET sheet_owner = NULL, sheet_error = $2, sheet_state = CASE WHEN $4 THEN 'none'"
    " WHEN sheet_attempts >= $5 THEN 'failed' ELSE 'wanted' END, sheet_due_at = CASE WHEN $4 OR sheet_attempts >= $5"
    " THEN NULL ELSE $3 + ($6 << least(sheet_attempts, 10)::int) * interval '1 ms' END"
    " WHERE clip_id = $1 AND sheet_state = 'wanted'";

/* $1 clip, $2 now. */
static const char release_sql[] = "UPDATE reelyard_media SET sheet_owner = NULL, sheet_due_at = $2,"
                                  " sheet_attempts = greatest(sheet_attempts - 1, 0)"
                                  " WHERE clip_id = $1 AND sheet_state = 'wanted'";

struct claiming {
    struct ry_arena *arena;
    struct ry_sheets_claimed *claimed;
};

int pg_sheet_want(struct writer_engine *engine, struct ry_str clip_id, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    pg_add_text(pg, &args, clip_id);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, want_sql, &args, NULL, NULL, err);
}

/* ---- claims -------------------------------------------------------------------------------------------------- */

static int take_next(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct claiming *c = arg;
    c->claimed->next = pg_text(result, 0, 0, 64, c->arena);
    return RY_OK;
}

static int take_clips(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct claiming *c = arg;
    size_t n = (size_t)PQntuples(result);
    c->claimed->clips.items = ry_arena_array(c->arena, n, sizeof *c->claimed->clips.items);
    if (c->claimed->clips.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    for (size_t i = 0; i < n; i++) {
        struct ry_clip_work *work = &c->claimed->clips.items[i];
        pg_read_work(result, (int)i, c->arena, work);
        if (work->url.p == NULL || work->filename.p == NULL)
            return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    }
    c->claimed->clips.n = n;
    return RY_OK;
}

static int take_roots(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    const struct claiming *c = arg;
    struct pg_roots roots;
    int rc = pg_roots_read(pg, result, &roots, err);
    for (size_t i = 0; rc == RY_OK && i < c->claimed->clips.n; i++) {
        struct ry_clip_work *work = &c->claimed->clips.items[i];
        work->media_root = pg_root_of(&roots, work->url, c->arena);
    }
    return rc;
}

static int take_due(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    const struct claiming *c = arg;
    c->claimed->next_due_ms = UINT64_MAX;
    if (PQntuples(result) == 1) {
        int64_t wait_ms = pg_time(result, 0, 0) - pg->now_wall_ms;
        c->claimed->next_due_ms = wait_ms > 0 ? (uint64_t)wait_ms : 0;
    }
    return RY_OK;
}

/* The leases of this node's previous incarnations count no longer. */
static int void_leases(struct pg *pg, struct ry_str owner, struct ry_error *err)
{
    size_t n = owner.n;
    while (n > 0 && owner.p[n - 1] != '/')
        n--;
    if (n == 0)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_text(pg, &args, owner);
    pg_add_text(pg, &args, (struct ry_str){owner.p, n});
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, void_sql, &args, NULL, NULL, err);
}

/* Completed clips that nobody has thought of become wanted. */
static int look(struct pg *pg, const struct ry_sheets_claim *claim, struct claiming *c, struct ry_error *err)
{
    if (claim->after.p == NULL || claim->look == 0)
        return RY_OK;
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, claim->after);
    pg_add_u64(&args, claim->look);
    return pg_say(pg, look_sql, &args, take_next, c, err);
}

int pg_sheets_claim(struct writer_engine *engine, const struct ry_sheets_claim *claim, struct ry_arena *arena,
                    struct ry_sheets_claimed *claimed, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *claimed = (struct ry_sheets_claimed){0};
    struct claiming *c = pg_room(pg, sizeof *c);
    if (c == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a claim");
    *c = (struct claiming){arena, claimed};
    struct pg_args args = {0}, now = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_u64(&args, claim->limit);
    pg_add_text(pg, &args, claim->owner);
    pg_add_time(&args, pg->now_wall_ms + (int64_t)claim->lease_ms);
    pg_add_time(&now, pg->now_wall_ms);
    int rc = claim->first ? void_leases(pg, claim->owner, err) : RY_OK;
    if (rc == RY_OK)
        rc = look(pg, claim, c, err);
    if (rc == RY_OK)
        rc = pg_plan_by_index(pg, true, err);
    if (rc == RY_OK)
        rc = pg_say(pg, claim_sql, &args, take_clips, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, pg_roots_sql, NULL, take_roots, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, next_sql, &now, take_due, c, err);
    return rc == RY_OK ? pg_plan_by_index(pg, false, err) : rc;
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

static int take_found(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    *(bool *)arg = pg_u64(result, 0, 0) > 0;
    return RY_OK;
}

int pg_sheet_made(struct writer_engine *engine, const struct ry_sheet_made *made, bool *found, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    const struct ry_sheet *sheet = &made->sheets.items[0];
    struct pg_args args = {0};
    *found = false;
    pg_add_text(pg, &args, made->clip_id);
    pg_add_text(pg, &args, made->storage_path);
    pg_add_u64(&args, sheet->columns);
    pg_add_u64(&args, sheet->rows);
    pg_add_u64(&args, sheet->count);
    pg_add_real(&args, sheet->step_s);
    pg_add_u64(&args, sheet->width);
    pg_add_u64(&args, sheet->height);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, made_sql, &args, take_found, found, err);
}

int pg_sheet_failed(struct writer_engine *engine, const struct ry_sheet_failed *failed, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    pg_add_text(pg, &args, failed->clip_id);
    if (failed->release) {
        pg_add_time(&args, pg->now_wall_ms);
        return pg_say(pg, release_sql, &args, NULL, NULL, err);
    }
    pg_add_text(pg, &args, failed->reason);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_bool(&args, failed->class == RY_FAILURE_PERMANENT);
    pg_add_u64(&args, WRITER_SHEET_TRIES);
    pg_add_u64(&args, WRITER_SHEET_WAIT_MS / 2);
    return pg_say(pg, failed_sql, &args, NULL, NULL, err);
}

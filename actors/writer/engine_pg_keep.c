/* engine_pg_keep.c: whose original is to be kept, who works on it, and what became of it.
 *
 * A clip that is to be kept is due at keep_due_at; while somebody works on it, that is the end of the lease, so one
 * index tells what is next. Clips with the same content have one file. It goes on the list of files to delete when the
 * last row that refers to it goes (by a trigger of the schema, under the file's lock); while it is on the list, or if
 * it was deleted after the store had made sure of it, no row may refer to it: the clip is kept again a little later.
 * Who needs both locks a clip before a file, as a purge does. */
#include "actors/writer/engine_pg_ops.h"
#include "actors/writer/media_waits.h"
#include "proto/store_name.h"

#define SETTLED "c.thumbnail_status IN ('completed', 'failed') AND c.deleted_at IS NULL"
#define WANTED(where) \
    " ON CONFLICT (clip_id) DO UPDATE SET keep_state = 'wanted', keep_due_at = excluded.keep_due_at," \
    " keep_attempts = 0, keep_error = NULL WHERE reelyard_media.keep_state IN (" where ")"

/* ---- asking for it ------------------------------------------------------------------------------------------- */

/* $1 now, $2 behind this clip, $3 at most. */
static const char want_all_sql[] =
    "WITH k AS MATERIALIZED (SELECT id, thumbnail_status, deleted_at FROM clip WHERE id > $2 ORDER BY id LIMIT $3),"
    " w AS (INSERT INTO reelyard_media (clip_id, keep_state, keep_due_at) SELECT c.id, 'wanted', $1 FROM k c"
    " WHERE " SETTLED " ORDER BY c.id" WANTED(
        "'none'") " RETURNING 1)"
                  " SELECT (SELECT count(*) FROM w), (SELECT count(*) FROM k), (SELECT max(id) FROM k)";

/* $1 now, $2 channel, $3 at most, $4 again. */
static const char want_channel_sql[] =
    "WITH w AS (INSERT INTO reelyard_media (clip_id, keep_state, keep_due_at) SELECT c.id, 'wanted', $1"
    " FROM clip c LEFT JOIN reelyard_media m ON m.clip_id = c.id WHERE c.channel_id = $2 AND " SETTLED
    " AND (m.clip_id IS NULL OR m.keep_state = 'none' OR ($4 AND m.keep_state IN ('failed', 'gone')))"
    " LIMIT $3" WANTED(
        "'none', 'failed', 'gone'") " RETURNING 1)"
                                    " SELECT (SELECT count(*) FROM w), (SELECT count(*) FROM w), NULL::text";

/* $1 now, $2 clip. */
static const char want_sql[] =
    "INSERT INTO reelyard_media (clip_id, keep_state, keep_due_at) SELECT c.id, 'wanted', $1 FROM clip c"
    " WHERE c.id = $2 AND " SETTLED WANTED("'none'");

struct wanting {
    struct ry_keep_wanted *wanted;
    struct ry_arena *arena;
    uint64_t limit;
};

static int take_wanted(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct wanting *w = arg;
    w->wanted->count = pg_u64(result, 0, 0);
    w->wanted->more = pg_u64(result, 0, 1) == w->limit;
    w->wanted->next_id = pg_text(result, 0, 2, 64, w->arena);
    return RY_OK;
}

int pg_keep_want(struct writer_engine *engine, const struct ry_keep_want *want, struct ry_arena *arena,
                 struct ry_keep_wanted *wanted, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *wanted = (struct ry_keep_wanted){0};
    struct wanting *w = pg_room(pg, sizeof *w);
    if (w == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a wish");
    *w = (struct wanting){wanted, arena, want->limit};
    bool all = want->channel_id.n == 0;
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, !all ? want->channel_id : want->after_id.p != NULL ? want->after_id : RY_STR(""));
    pg_add_u64(&args, want->limit);
    if (!all)
        pg_add_bool(&args, want->again);
    return pg_say(pg, all ? want_all_sql : want_channel_sql, &args, take_wanted, w, err);
}

int pg_clip_want(struct writer_engine *engine, struct ry_str clip_id, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, clip_id);
    return pg_say(pg, want_sql, &args, NULL, NULL, err);
}

/* ---- claims -------------------------------------------------------------------------------------------------- */

/* $1 now, $2 at most, $3 owner, $4 end of the lease. Rows that another claim holds are passed over. */
static const char claim_sql[] =
    "WITH k AS MATERIALIZED (SELECT m.clip_id, m.keep_due_at FROM reelyard_media m JOIN clip c ON c.id = m.clip_id"
    " WHERE m.keep_state = 'wanted' AND m.keep_due_at <= $1 AND " SETTLED
    " ORDER BY m.keep_due_at, m.clip_id LIMIT $2 FOR UPDATE OF m SKIP LOCKED),"
    " t AS (UPDATE reelyard_media m SET keep_owner = $3, keep_lease_until = $4, keep_due_at = $4 FROM k"
    " WHERE m.clip_id = k.clip_id RETURNING m.clip_id, m.keep_attempts)"
    " SELECT c.id, c.guild_id, c.channel_id, c.message_id, c.filename, c.cdn_url, c.expires_at, c.file_size,"
    " t.keep_attempts + 1, t.keep_attempts FROM t JOIN k ON k.clip_id = t.clip_id JOIN clip c ON c.id = t.clip_id"
    " ORDER BY k.keep_due_at, c.id";

/* $1 this owner, $2 the beginning that all incarnations of its node share, $3 now. */
static const char void_sql[] =
    "UPDATE reelyard_media SET keep_owner = NULL, keep_lease_until = NULL, keep_due_at = $3"
    " WHERE keep_state = 'wanted' AND keep_owner <> $1 AND left(keep_owner, length($2)) = $2";

/* $1 now. */
static const char next_sql[] = "SELECT keep_due_at FROM reelyard_media WHERE keep_state = 'wanted' AND keep_due_at > $1"
                               " ORDER BY keep_due_at LIMIT 1";

static const char renew_sql[] =
    "WITH k AS (SELECT clip_id FROM reelyard_media WHERE clip_id = ANY ($1) AND keep_owner = $2"
    " AND keep_state = 'wanted' ORDER BY clip_id FOR UPDATE),"
    " r AS (UPDATE reelyard_media m SET keep_lease_until = $3, keep_due_at = $3 FROM k"
    " WHERE m.clip_id = k.clip_id RETURNING 1) SELECT count(*) FROM r";

struct claiming {
    struct ry_arena *arena;
    struct ry_keep_claimed *claimed;
};

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
    for (size_t i = 0; rc == RY_OK && i < c->claimed->clips.n; i++)
        c->claimed->clips.items[i].media_root = pg_root_of(&roots, c->claimed->clips.items[i].url, c->arena);
    return rc;
}

static int take_next(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    const struct claiming *c = arg;
    int64_t due_wall_ms = PQntuples(result) > 0 ? pg_time(result, 0, 0) : INT64_MAX;
    if (due_wall_ms < PG_NEVER_WALL_MS && due_wall_ms > pg->now_wall_ms)
        c->claimed->next_due_ms = (uint64_t)(due_wall_ms - pg->now_wall_ms);
    return RY_OK;
}

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

int pg_keep_claim(struct writer_engine *engine, const struct ry_keep_claim *claim, struct ry_arena *arena,
                  struct ry_keep_claimed *claimed, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *claimed = (struct ry_keep_claimed){.next_due_ms = UINT64_MAX};
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
        rc = pg_plan_by_index(pg, true, err);
    if (rc == RY_OK)
        rc = pg_say(pg, claim_sql, &args, take_clips, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, pg_roots_sql, NULL, take_roots, c, err);
    if (rc == RY_OK)
        rc = pg_say(pg, next_sql, &now, take_next, c, err);
    return rc == RY_OK ? pg_plan_by_index(pg, false, err) : rc;
}

static int take_renewed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    ((struct ry_keep_renewed *)arg)->renewed = pg_u64(result, 0, 0);
    return RY_OK;
}

int pg_keep_renew(struct writer_engine *engine, const struct ry_keep_renew *renew, struct ry_keep_renewed *renewed,
                  struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *renewed = (struct ry_keep_renewed){0};
    struct pg_args args = {0};
    pg_add_strs(pg, &args, renew->clip_ids.items, renew->clip_ids.n);
    pg_add_text(pg, &args, renew->owner);
    pg_add_time(&args, pg->now_wall_ms + (int64_t)renew->lease_ms);
    return pg_say(pg, renew_sql, &args, take_renewed, renewed, err);
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

/* $1 clip, $2 SHA-256, $3 path, $4 bytes, $5 now, $6 a deletion after this counts, $7 due again, $8 why. Gives whether
 * the clip has a row, and whether the file is leaving. */
static const char kept_sql[] =
    "WITH c AS MATERIALIZED (SELECT id FROM clip WHERE id = $1),"
    " l AS MATERIALIZED (SELECT EXISTS (SELECT FROM reelyard_doomed_file WHERE path = $3) OR EXISTS"
    " (SELECT FROM reelyard_removed_file WHERE path = $3 AND removed_at > $6) AS leaving),"
    " orphan AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT $3, $5"
    " WHERE NOT EXISTS (SELECT FROM c) AND NOT EXISTS (SELECT FROM reelyard_media WHERE kept_path = $3)"
    " ON CONFLICT DO NOTHING),"
    " stored AS (INSERT INTO reelyard_media AS m (clip_id, keep_state, sha256, kept_path, kept_bytes, kept_at)"
    " SELECT c.id, 'kept', $2, $3, $4, $5 FROM c, l WHERE NOT l.leaving ON CONFLICT (clip_id) DO UPDATE SET"
    " keep_state = 'kept', keep_due_at = NULL, keep_attempts = 0, keep_error = NULL, keep_owner = NULL,"
    " keep_lease_until = NULL, sha256 = excluded.sha256, kept_path = excluded.kept_path,"
    " kept_bytes = excluded.kept_bytes, kept_at = excluded.kept_at WHERE m.keep_state <> 'kept'"
    " OR m.kept_path IS DISTINCT FROM excluded.kept_path OR m.sha256 IS DISTINCT FROM excluded.sha256),"
    " again AS (UPDATE reelyard_media m SET keep_due_at = $7, keep_error = $8, keep_owner = NULL,"
    " keep_lease_until = NULL FROM c, l WHERE m.clip_id = c.id AND l.leaving AND m.keep_state = 'wanted')"
    " SELECT EXISTS (SELECT FROM c), leaving FROM l";

static int take_kept(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    struct ry_keep_settled *settled = arg;
    bool found = pg_bool(result, 0, 0), leaving = pg_bool(result, 0, 1);
    settled->kept = found && !leaving;
    settled->retry_ms = found && leaving ? (uint64_t)MEDIA_LEAVING_MS : UINT64_MAX;
    return RY_OK;
}

int pg_clip_kept(struct writer_engine *engine, const struct ry_clip_kept *kept, struct ry_keep_settled *settled,
                 struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *settled = (struct ry_keep_settled){.clip_id = kept->clip_id, .retry_ms = UINT64_MAX};
    struct pg_args clip = {0}, file = {0}, args = {0};
    pg_add_text(pg, &clip, kept->clip_id);
    pg_add_text(pg, &file, kept->kept_path);
    pg_add_text(pg, &args, kept->clip_id);
    pg_add_text(pg, &args, kept->sha256);
    pg_add_text(pg, &args, kept->kept_path);
    pg_add_u64(&args, kept->bytes);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_time(&args, kept->kept_wall_ms - MEDIA_CLOCKS_MS);
    pg_add_time(&args, pg->now_wall_ms + MEDIA_LEAVING_MS);
    pg_add_text(pg, &args, RY_STR(MEDIA_LEAVING));
    int rc = pg_say(pg, "SELECT id FROM clip WHERE id = $1 FOR KEY SHARE", &clip, NULL, NULL, err);
    if (rc == RY_OK)
        rc = pg_say(pg, "SELECT reelyard_file_lock($1)", &file, NULL, NULL, err);
    return rc == RY_OK ? pg_say(pg, kept_sql, &args, take_kept, settled, err) : rc;
}

/* $1 clip, $2 reason (NULL: the one before stays), $3 the moments of the next try by the failures before, $4 final
 * state or NULL, $5 failures counted. */
static const char failed_sql[] =
    "WITH m AS MATERIALIZED (SELECT clip_id, keep_state, keep_attempts FROM reelyard_media WHERE clip_id = $1 FOR "
    "UPDATE),"
    " u AS (UPDATE reelyard_media o SET keep_state = coalesce($4, 'wanted'), keep_due_at = CASE WHEN $4 IS NULL"
    " THEN ($3::timestamptz[])[least(m.keep_attempts + 1, cardinality($3::timestamptz[]))] END,"
    " keep_attempts = o.keep_attempts + $5, keep_error = coalesce($2, o.keep_error), keep_owner = NULL,"
    " keep_lease_until = NULL FROM m WHERE o.clip_id = m.clip_id AND m.keep_state = 'wanted' RETURNING o.keep_due_at)"
    " SELECT m.keep_state = 'kept', (SELECT keep_due_at FROM u) FROM m";

static int take_failed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)err;
    struct ry_keep_settled *settled = arg;
    if (PQntuples(result) == 0)
        return RY_OK;
    settled->kept = pg_bool(result, 0, 0);
    int64_t due_wall_ms = pg_time(result, 0, 1);
    if (due_wall_ms < PG_NEVER_WALL_MS)
        settled->retry_ms = due_wall_ms > pg->now_wall_ms ? (uint64_t)(due_wall_ms - pg->now_wall_ms) : 0;
    return RY_OK;
}

int pg_clip_keep_failed(struct writer_engine *engine, const struct ry_clip_keep_failed *failed,
                        const struct retry_waits *waits, struct ry_keep_settled *settled, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *settled = (struct ry_keep_settled){.clip_id = failed->clip_id, .retry_ms = UINT64_MAX, .away = failed->away};
    bool permanent = failed->class == RY_FAILURE_PERMANENT && !failed->release;
    struct pg_args args = {0};
    pg_add_text(pg, &args, failed->clip_id);
    pg_add_text(pg, &args, failed->release && !failed->away ? (struct ry_str){0} : failed->reason);
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TIME}, 1);
    if (failed->release)
        pg_put_time(pg, 0, pg->now_wall_ms + (failed->away ? MEDIA_AWAY_MS : 0));
    for (size_t i = 0; !failed->release && i < waits->n; i++)
        pg_put_time(pg, 0, pg->now_wall_ms + waits->ms[i]);
    pg_add_columns(pg, &args, 0, 1);
    pg_add_text(pg, &args, !permanent ? (struct ry_str){0} : failed->gone ? RY_STR("gone") : RY_STR("failed"));
    pg_add_u64(&args, !failed->release);
    return pg_say(pg, failed_sql, &args, take_failed, settled, err);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

/* $1 paths, $2 the clips' ids out of them, $3 put those that no row names on the list, $4 now. */
static const char claim_files_sql[] =
    "WITH f AS MATERIALIZED (SELECT p.path FROM unnest($1::text[], $2::text[]) p (path, clip_id) WHERE"
    " NOT EXISTS (SELECT FROM thumbnail t WHERE t.clip_id = p.clip_id AND t.storage_path = p.path)"
    " AND NOT EXISTS (SELECT FROM clip c WHERE c.id = p.clip_id AND c.thumbnail_status IN ('pending', 'processing'))"
    " AND NOT EXISTS (SELECT FROM reelyard_media m WHERE m.kept_path = p.path)"
    " AND NOT EXISTS (SELECT FROM reelyard_media m WHERE m.sheet_path = p.path)"
    " AND NOT EXISTS (SELECT FROM reelyard_media m WHERE m.playable_path = p.path)),"
    " d AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT path, $4 FROM f WHERE $3 ORDER BY path"
    " ON CONFLICT DO NOTHING) SELECT path FROM f ORDER BY path";

struct claiming_files {
    struct ry_files_claimed *claimed;
    struct ry_arena *arena;
};

static int take_files_claimed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct claiming_files *files = arg;
    size_t n = (size_t)PQntuples(result);
    files->claimed->paths.items = ry_arena_array(files->arena, n, sizeof *files->claimed->paths.items);
    if (files->claimed->paths.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    for (size_t i = 0; i < n; i++)
        files->claimed->paths.items[i] = pg_text(result, (int)i, 0, 4096, files->arena);
    files->claimed->paths.n = n;
    return RY_OK;
}

int pg_files_claim(struct writer_engine *engine, const struct ry_files_claim *claim, struct ry_arena *arena,
                   struct ry_files_claimed *claimed, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *claimed = (struct ry_files_claimed){0};
    struct claiming_files *files = pg_room(pg, sizeof *files);
    if (files == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    *files = (struct claiming_files){claimed, arena};
    int rc = RY_OK;
    /* A row that is given such a file at this moment is waited for; who is given it later finds it on the list. */
    for (size_t i = 0; rc == RY_OK && claim->doom && i < claim->paths.n; i++) {
        struct pg_args file = {0};
        pg_add_text(pg, &file, claim->paths.items[i]);
        rc = media_is_shared(claim->paths.items[i])
                 ? pg_say(pg, "SELECT reelyard_file_lock($1)", &file, NULL, NULL, err)
                 : RY_OK;
    }
    struct pg_args args = {0};
    pg_columns_begin(pg, 0, (const uint32_t[]){PG_TEXT, PG_TEXT}, 2);
    for (size_t i = 0; i < claim->paths.n; i++) {
        pg_put_text(pg, 0, claim->paths.items[i]);
        pg_put_text(pg, 1, media_clip_of(claim->paths.items[i]));
    }
    pg_add_columns(pg, &args, 0, 2);
    pg_add_bool(&args, claim->doom);
    pg_add_time(&args, pg->now_wall_ms);
    return rc == RY_OK ? pg_say(pg, claim_files_sql, &args, take_files_claimed, files, err) : rc;
}

int pg_files_removed(struct pg *pg, const struct ry_strs *paths, struct ry_error *err)
{
    struct pg_args args = {0}, before = {0};
    pg_add_strs(pg, &args, paths->items, paths->n);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_time(&before, pg->now_wall_ms - MEDIA_REMOVED_KEPT_MS);
    int rc = pg_say(pg,
                    "INSERT INTO reelyard_removed_file (path, removed_at) SELECT path, $2 FROM reelyard_doomed_file"
                    " WHERE path = ANY ($1) AND (path LIKE 'media/%' OR path LIKE 'playable/%') ORDER BY path"
                    " ON CONFLICT (path) DO UPDATE SET removed_at = excluded.removed_at",
                    &args, NULL, NULL, err);
    return rc == RY_OK ? pg_say(pg,
                                "DELETE FROM reelyard_removed_file WHERE path IN (SELECT path FROM"
                                " reelyard_removed_file WHERE removed_at < $1 ORDER BY removed_at LIMIT 1000"
                                " FOR UPDATE SKIP LOCKED)",
                                &before, NULL, NULL, err)
                       : rc;
}

/* The files that rows name, by rising key: $1 behind this one, $2 at most. */
#define SHARED(column, bytes, sha256) \
    "SELECT " column ", " column ", coalesce(max(" bytes "), 0), " sha256 \
    ", count(*) FROM reelyard_media WHERE " column " > $1 GROUP BY " column " ORDER BY " column " LIMIT $2"
static const char *const files_sql[] = {
    [RY_STORE_THUMBNAIL] =
        "SELECT clip_id || '/' || size_type, storage_path, file_size, NULL::text, 1::bigint FROM thumbnail"
        " WHERE clip_id >= split_part($1, '/', 1) AND (clip_id > split_part($1, '/', 1)"
        " OR size_type > split_part($1, '/', 2)) ORDER BY clip_id, size_type LIMIT $2",
    [RY_STORE_SHEET] = SHARED("sheet_path", "0", "NULL::text"),
    [RY_STORE_MEDIA] = SHARED("kept_path", "kept_bytes", "max(sha256)"),
    [RY_STORE_PLAYABLE] = SHARED("playable_path", "playable_bytes", "NULL::text"),
};
#undef SHARED

struct getting_files {
    struct ry_files_got *got;
    struct ry_arena *arena;
    uint64_t limit;
};

static int take_files_got(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct getting_files *files = arg;
    size_t n = (size_t)PQntuples(result);
    files->got->files.items = ry_arena_array(files->arena, n, sizeof *files->got->files.items);
    if (files->got->files.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    for (size_t i = 0; i < n; i++)
        files->got->files.items[i] = (struct ry_stored_file){.key = pg_text(result, (int)i, 0, 1025, files->arena),
                                                             .path = pg_text(result, (int)i, 1, 1025, files->arena),
                                                             .bytes = pg_u64(result, (int)i, 2),
                                                             .sha256 = pg_text(result, (int)i, 3, 65, files->arena),
                                                             .clips = pg_u64(result, (int)i, 4)};
    files->got->files.n = n;
    files->got->more = n == files->limit;
    return RY_OK;
}

int pg_files_get(struct writer_engine *engine, const struct ry_files_get *get, struct ry_arena *arena,
                 struct ry_files_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    RY_ASSERT(get->kind > RY_STORE_NONE && get->kind < RY_STORE_KINDS, "kind %llu", (unsigned long long)get->kind);
    *got = (struct ry_files_got){0};
    struct getting_files files = {got, arena, get->limit};
    struct pg_args args = {0};
    pg_add_text(pg, &args, get->after.p != NULL ? get->after : RY_STR(""));
    pg_add_u64(&args, get->limit);
    return pg_look(pg, files_sql[get->kind], &args, take_files_got, &files, err);
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

static const char state_sql[] =
    "SELECT m.keep_state, count(*), coalesce(sum(m.kept_bytes), 0)::bigint, coalesce(sum(c.file_size), 0)::bigint,"
    " max(m.keep_error), count(*) FILTER (WHERE m.keep_attempts > 0) FROM clip c JOIN reelyard_media m ON m.clip_id = "
    "c.id"
    " WHERE c.channel_id = $1 AND c.deleted_at IS NULL GROUP BY m.keep_state";

struct asking_state {
    struct ry_keep_state *state;
    struct ry_arena *arena;
};

static int take_state(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    const struct asking_state *asking = arg;
    for (int i = 0; i < PQntuples(result); i++) {
        struct ry_str name = pg_text(result, i, 0, 16, asking->arena);
        media_count_state(asking->state, name, pg_u64(result, i, 1), pg_u64(result, i, 5), pg_u64(result, i, 2),
                          pg_u64(result, i, 3));
        if (ry_str_is(name, "wanted"))
            asking->state->trouble = pg_text(result, i, 4, 400, asking->arena);
    }
    return RY_OK;
}

int pg_keep_get(struct writer_engine *engine, const struct ry_keep_get *get, struct ry_arena *arena,
                struct ry_keep_state *state, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *state = (struct ry_keep_state){0};
    struct asking_state asking = {state, arena};
    struct pg_args args = {0};
    pg_add_text(pg, &args, get->channel_id);
    return pg_look(pg, state_sql, &args, take_state, &asking, err);
}

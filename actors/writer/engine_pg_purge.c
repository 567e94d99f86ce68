/* engine_pg_purge.c: deletes what is to be gone, some rows a time, and keeps the list of files that go with it.
 *
 * Each step takes at most `limit` messages; their clips, thumbnails, failures and whatever else points at them go by
 * the foreign keys, after the files of the thumbnails were put on the list in the same transaction. The clips are
 * locked by a statement before that, so that a thumbnail which another writer records at that moment is seen or
 * refused. What a purge forbids (scanning on) it forbids in its first step; what it says at the end (the cooldown, no
 * scan) it says in its last. Every step does the same again when it is repeated, and finds nothing.
 *
 * A step looks at what it has done before it goes on, so a purge takes several round trips; there are few of them. */
#include "actors/writer/engine_pg_ops.h"

struct purging {
    struct pg *pg;
    const struct ry_purge *purge;
    struct ry_purged *purged;
    uint64_t left; /* rows that this step may still delete */
};

/* What one step takes, the same each time it is asked: $1 what is purged, $2 at most so many, $3 guild. */
#define OF_MESSAGE "SELECT id FROM message WHERE id = $1 AND guild_id = $3 LIMIT $2"
#define OF_CHANNEL "SELECT id FROM message WHERE channel_id = $1 AND guild_id = $3 ORDER BY timestamp, id LIMIT $2"
#define OF_GUILD   "SELECT id FROM message WHERE guild_id = $1 AND $3::text IS NOT NULL ORDER BY channel_id, id LIMIT $2"
#define LOCK(victims) \
    "WITH v AS MATERIALIZED (" victims ") SELECT 1 FROM clip c WHERE c.message_id IN (SELECT id FROM v)" \
    " ORDER BY c.id FOR UPDATE"
/* $4 now. Gives messages, clips, files. */
#define DELETE(victims) \
    "WITH v AS MATERIALIZED (" victims ")," \
    " c AS MATERIALIZED (SELECT id FROM clip WHERE message_id IN (SELECT id FROM v))," \
    " f AS (INSERT INTO reelyard_doomed_file (path, created_at) SELECT DISTINCT t.storage_path, $4::timestamptz" \
    " FROM thumbnail t WHERE t.clip_id IN (SELECT id FROM c) AND t.storage_path <> '' ORDER BY 1" \
    " ON CONFLICT DO NOTHING RETURNING 1)," \
    " d AS (DELETE FROM message WHERE id IN (SELECT id FROM v) RETURNING 1)" \
    " SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM c), (SELECT count(*) FROM f)"
static const struct {
    const char *lock;
    const char *delete;
} by_scope[] = {
    [RY_PURGE_MESSAGE] = {LOCK(OF_MESSAGE), DELETE(OF_MESSAGE)},
    [RY_PURGE_CHANNEL] = {LOCK(OF_CHANNEL), DELETE(OF_CHANNEL)},
    [RY_PURGE_GUILD] = {LOCK(OF_GUILD), DELETE(OF_GUILD)},
};

/* ---- files --------------------------------------------------------------------------------------------------- */

int pg_files_forget(struct writer_engine *engine, const struct ry_files_forget *forget, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct pg_args args = {0};
    int rc = pg_files_removed(pg, &forget->paths, err);
    if (rc != RY_OK)
        return rc;
    pg_add_strs(pg, &args, forget->paths.items, forget->paths.n);
    return pg_say(pg,
                  "DELETE FROM reelyard_doomed_file WHERE path IN (SELECT path FROM reelyard_doomed_file"
                  " WHERE path = ANY ($1) ORDER BY path FOR UPDATE)",
                  &args, NULL, NULL, err);
}

struct files {
    struct ry_files_doomed_got *got;
    struct ry_arena *arena;
};

static int take_files(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct files *files = arg;
    size_t n = (size_t)PQntuples(result);
    files->got->paths.items = ry_arena_array(files->arena, n, sizeof *files->got->paths.items);
    if (files->got->paths.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    for (size_t i = 0; i < n; i++)
        /* one that is too long for a message stays so: cut, it might be the path of another file */
        files->got->paths.items[i] = pg_text(result, (int)i, 0, 4097, files->arena);
    files->got->paths.n = n;
    return RY_OK;
}

int pg_files_doomed_get(struct writer_engine *engine, const struct ry_files_doomed_get *get, struct ry_arena *arena,
                        struct ry_files_doomed_got *got, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *got = (struct ry_files_doomed_got){0};
    struct files files = {got, arena};
    struct pg_args args = {0};
    pg_add_u64(&args, get->limit);
    return pg_look(pg, "SELECT path FROM reelyard_doomed_file ORDER BY created_at, path LIMIT $1", &args, take_files,
                   &files, err);
}

/* ---- messages ------------------------------------------------------------------------------------------------ */

static int take_deleted(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    struct ry_purged *purged = arg;
    purged->messages = pg_u64(result, 0, 0);
    purged->clips = pg_u64(result, 0, 1);
    purged->files = pg_u64(result, 0, 2);
    return RY_OK;
}

static void spend(struct purging *p, uint64_t rows)
{
    p->left -= rows < p->left ? rows : p->left;
}

static int delete_messages(struct purging *p, struct ry_str key, struct ry_error *err)
{
    struct pg *pg = p->pg;
    struct pg_args args = {0};
    pg_add_text(pg, &args, key);
    pg_add_u64(&args, p->left);
    pg_add_text(pg, &args, p->purge->guild_id);
    int rc = pg_say(pg, by_scope[p->purge->scope].lock, &args, NULL, NULL, err);
    pg_add_time(&args, pg->now_wall_ms);
    if (rc == RY_OK)
        rc = pg_say(pg, by_scope[p->purge->scope].delete, &args, take_deleted, p->purged, err);
    if (rc == RY_OK)
        rc = pg_say_sync(pg, err);
    spend(p, p->purged->messages);
    return rc;
}

/* ---- what a channel and a guild have beside them ------------------------------------------------------------- */

/* $1 guild, $2 now, $3 channel, $4 a time or NULL, as far as the statement has them. */
static int run(struct purging *p, const char *sql, int parameters, int64_t wall_ms, struct ry_error *err)
{
    struct pg *pg = p->pg;
    struct pg_args args = {0};
    pg_add_text(pg, &args, p->purge->guild_id);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_text(pg, &args, p->purge->channel_id);
    pg_add_time(&args, wall_ms);
    if (wall_ms == 0)
        args.values[3] = NULL;
    args.n = parameters;
    return pg_say(pg, sql, &args, NULL, NULL, err);
}

static int purge_channel(struct purging *p, struct ry_error *err)
{
    int rc = run(p,
                 "UPDATE channel_scan_status SET status = 'CANCELLED', updated_at = $2"
                 " WHERE channel_id = $3 AND guild_id = $1 AND status <> 'CANCELLED'",
                 3, 0, err);
    if (rc == RY_OK)
        rc = delete_messages(p, p->purge->channel_id, err);
    p->purged->more = p->left == 0;
    if (rc != RY_OK || p->purged->more)
        return rc;
    rc = run(p, "DELETE FROM reelyard_refused WHERE channel_id = $3 AND guild_id = $1 AND $2::timestamptz IS NOT NULL",
             3, 0, err);
    if (rc == RY_OK)
        rc = run(
            p,
            "DELETE FROM channel_scan_status WHERE channel_id = $3 AND guild_id = $1 AND $2::timestamptz IS NOT NULL",
            3, 0, err);
    return rc == RY_OK
               ? run(p, "UPDATE channel SET purge_cooldown = $4, updated_at = $2 WHERE id = $3 AND guild_id = $1", 4,
                     writer_cooldown_end_wall_ms(p->purge, p->pg->now_wall_ms), err)
               : rc;
}

static int delete_of_guild(struct purging *p, const char *sql, struct ry_error *err)
{
    if (p->left == 0)
        return RY_OK;
    uint64_t deleted = 0;
    struct pg_args args = {0};
    pg_add_text(p->pg, &args, p->purge->guild_id);
    pg_add_u64(&args, p->left);
    int rc = pg_say(p->pg, sql, &args, pg_take_count, &deleted, err);
    if (rc == RY_OK)
        rc = pg_say_sync(p->pg, err);
    spend(p, deleted);
    return rc;
}

static int purge_guild(struct purging *p, struct ry_error *err)
{
    int rc = run(p,
                 "UPDATE guild SET deleted_at = coalesce(deleted_at, $2), message_scan_enabled = false, updated_at = $2"
                 " WHERE id = $1 AND (deleted_at IS NULL OR message_scan_enabled)",
                 2, 0, err);
    if (rc == RY_OK)
        rc = run(p,
                 "UPDATE channel_scan_status SET status = 'CANCELLED', updated_at = $2"
                 " WHERE guild_id = $1 AND status <> 'CANCELLED'",
                 2, 0, err);
    if (rc == RY_OK)
        rc = delete_messages(p, p->purge->guild_id, err);
    if (rc == RY_OK)
        rc = delete_of_guild(p,
                             "WITH d AS (DELETE FROM author WHERE id IN (SELECT id FROM author WHERE guild_id = $1"
                             " ORDER BY id LIMIT $2) RETURNING 1) SELECT count(*) FROM d",
                             err);
    if (rc == RY_OK)
        rc = delete_of_guild(p,
                             "WITH d AS (DELETE FROM channel WHERE id IN (SELECT id FROM channel WHERE guild_id = $1"
                             " ORDER BY id LIMIT $2) RETURNING 1) SELECT count(*) FROM d",
                             err);
    p->purged->more = p->left == 0;
    if (rc == RY_OK && !p->purged->more)
        rc = run(p, "DELETE FROM reelyard_refused WHERE guild_id = $1", 1, 0, err);
    return rc;
}

int pg_purge(struct writer_engine *engine, const struct ry_purge *purge, struct ry_purged *purged, struct ry_error *err)
{
    struct purging p = {.pg = pg_of(engine), .purge = purge, .purged = purged, .left = purge->limit};
    *purged = (struct ry_purged){0};
    bool guild = purge->scope == RY_PURGE_GUILD;
    int rc = guild ? pg_lock_guild(p.pg, purge->job_id, purge->guild_id, err)
                   : pg_lock(p.pg, purge->job_id, purge->channel_id, err);
    if (rc == RY_OK)
        rc = pg_token_check(p.pg, purge->job_id, purge->token, &purged->fenced, err);
    if (rc == RY_OK)
        rc = pg_say_sync(p.pg, err);
    if (rc != RY_OK || purged->fenced)
        return rc;
    switch ((enum ry_purge_scope)purge->scope) {
    case RY_PURGE_MESSAGE: return delete_messages(&p, purge->message_id, err);
    case RY_PURGE_CHANNEL: return purge_channel(&p, err);
    case RY_PURGE_GUILD: return purge_guild(&p, err);
    }
    return ry_fail(err, RY_EDATA, "nothing is known of a purge of scope %u", (unsigned)purge->scope);
}

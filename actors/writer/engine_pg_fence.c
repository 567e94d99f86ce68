/* engine_pg_fence.c: who may write at all: fencing tokens, cancelled scans, and the locks that make both hold.
 *
 * Two workers of one job, and two slices of one channel, wait for each other on advisory locks of the transaction,
 * which write nothing to the log. The locks of all fences that are said together are taken in one statement, sorted, so
 * that two writers with the same jobs or channels in another order do not deadlock. The verdict comes from a statement
 * of its own behind them: its snapshot is taken when the locks are held.
 *
 * Fences are held back until the next call shows what is wanted: before a sync their verdicts are read; before anything
 * else a closed one fails the whole transaction on the server, so that nothing is written though nobody has read its
 * verdict yet. Therefore every statement but theirs is said here (pg_say), behind them.
 *
 * When the transaction ends, in whatever way, its locks end with it; tokens are kept by its commit. */
#include "actors/writer/engine_pg_ops.h"
#include "runtime/base/assert.h"

#include <stdlib.h>

static const char lock_sql[] =
    "SELECT CASE WHEN shared THEN pg_advisory_xact_lock_shared(k) ELSE pg_advisory_xact_lock(k) END"
    " FROM unnest($1::bigint[], $2::boolean[]) l (k, shared)";

/* $1 jobs, $2 tokens, $3 channels, $4 whether a cancelled or purged scan closes the fence, $5 guilds, $6 now, $7
 * whether a closed fence is an error. A token counts against the table and against the fences before it in the list. A
 * token of 1 is never smaller than another, so most jobs, which are leased once, leave no row behind. */
static const char fences_sql[] =
    "WITH g AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::boolean[],"
    " $5::text[]) WITH ORDINALITY g (job_id, token, channel_id, cancellable, guild_id, ord)),"
    " s AS (SELECT g.ord, g.job_id, g.token, greatest(f.token, max(g.token) OVER (PARTITION BY g.job_id ORDER BY g.ord"
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS seen,"
    " g.cancellable AND coalesce(c.status, 'CANCELLED') = 'CANCELLED' AS cancelled,"
    " (SELECT h.guild_id <> g.guild_id FROM channel h WHERE h.id = g.channel_id) AS foreign_one"
    " FROM g LEFT JOIN reelyard_fence f ON f.job_id = g.job_id"
    " LEFT JOIN channel_scan_status c ON g.cancellable AND c.channel_id = g.channel_id),"
    " v AS (SELECT ord, job_id, token, seen, CASE WHEN token < seen THEN 1 WHEN foreign_one THEN 3"
    " WHEN cancelled THEN 2 ELSE 0 END"
    " AS verdict FROM s),"
    " put AS (INSERT INTO reelyard_fence (job_id, token, updated_at) SELECT job_id, max(token), $6 FROM v"
    " WHERE token > seen AND token > 1 GROUP BY job_id ORDER BY job_id"
    " ON CONFLICT (job_id) DO UPDATE SET token = excluded.token, updated_at = excluded.updated_at)"
    " SELECT CASE WHEN $7 AND verdict > 0 THEN reelyard_gate_shut(verdict) ELSE verdict END FROM v ORDER BY ord";

/* The same for one: $1 job, $2 token, $3 now. */
static const char token_sql[] =
    "WITH s AS (SELECT coalesce((SELECT token FROM reelyard_fence WHERE job_id = $1), 0) AS seen),"
    " put AS (INSERT INTO reelyard_fence (job_id, token, updated_at) SELECT $1, $2, $3 FROM s WHERE $2 > seen AND $2 > "
    "1"
    " ON CONFLICT (job_id) DO UPDATE SET token = excluded.token, updated_at = excluded.updated_at)"
    " SELECT $2 < seen FROM s";

/* Forgets the oldest few. */
#define PRUNE(table) \
    "DELETE FROM " table " WHERE job_id IN (SELECT job_id FROM " table " WHERE updated_at < $1" \
    " ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
static const char prune_fences_sql[] = PRUNE("reelyard_fence");
static const char prune_slices_sql[] = PRUNE("reelyard_slice");
#undef PRUNE

/* ---- locks --------------------------------------------------------------------------------------------------- */

/* FNV-1a; two names with one key only wait for each other without need. */
static int64_t lock_key(const char *kind, struct ry_str name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *p = kind; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * UINT64_C(1099511628211);
    return (int64_t)hash;
}

struct lock {
    int64_t key;
    bool shared;
};

/* By key; the stronger first. */
static int compare_locks(const void *a, const void *b)
{
    const struct lock *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return (int)left->shared - (int)right->shared;
}

/* Sends the statement that takes these locks. Its columns are those of fences, which no other statement fills. */
static int send_locks(struct pg *pg, struct lock *locks, size_t n, struct ry_error *err)
{
    RY_ASSERT(n > 0 && n <= PG_FENCES_MAX * 3, "%zu locks", n);
    qsort(locks, n, sizeof *locks, compare_locks);
    pg_columns_begin(pg, PG_FENCE_COLUMN, (const uint32_t[]){PG_INT8, PG_BOOL}, 2);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && locks[i].key == locks[i - 1].key)
            continue;
        pg_put_i64(pg, PG_FENCE_COLUMN, locks[i].key);
        pg_put_bool(pg, PG_FENCE_COLUMN + 1, locks[i].shared);
    }
    struct pg_args args = {0};
    pg_add_columns(pg, &args, PG_FENCE_COLUMN, 2);
    return pg_pipeline_send(pg, lock_sql, &args, NULL, NULL, err);
}

/* ---- fences -------------------------------------------------------------------------------------------------------
 */

struct verdicts {
    enum writer_fence **fences;
    int n;
};

static int take_verdicts(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    const struct verdicts *verdicts = arg;
    if (PQntuples(result) != verdicts->n)
        return ry_fail(err, RY_EBUG, "%d fences were asked, %d answered", verdicts->n, PQntuples(result));
    for (int i = 0; i < verdicts->n; i++) {
        int64_t verdict = pg_i64(result, i, 0);
        *verdicts->fences[i] = verdict == 1   ? WRITER_FENCE_STALE
                               : verdict == 2 ? WRITER_FENCE_CANCELLED
                               : verdict == 3 ? WRITER_FENCE_FOREIGN
                                              : WRITER_FENCE_OPEN;
    }
    return RY_OK;
}

static int send_verdicts(struct pg *pg, const struct pg_fence *held, size_t n, bool reading, struct ry_error *err)
{
    struct verdicts *verdicts = pg_room(pg, sizeof *verdicts);
    enum writer_fence **outs = pg_room(pg, n * sizeof(enum writer_fence *));
    if (verdicts == NULL || outs == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a fence");
    *verdicts = (struct verdicts){.fences = outs, .n = (int)n};
    size_t at = PG_FENCE_COLUMN;
    pg_columns_begin(pg, at, (const uint32_t[]){PG_TEXT, PG_INT8, PG_TEXT, PG_BOOL, PG_TEXT}, PG_FENCE_COLUMNS);
    for (size_t i = 0; i < n; i++) {
        const struct ry_batch_write *batch = held[i].batch;
        outs[i] = held[i].fence;
        pg_put_text(pg, at, batch->job_id);
        pg_put_i64(pg, at + 1, (int64_t)batch->token);
        pg_put_text(pg, at + 2, batch->channel_id);
        pg_put_bool(pg, at + 3, batch->cancellable);
        pg_put_text(pg, at + 4, batch->guild_id);
    }
    struct pg_args args = {0};
    pg_add_columns(pg, &args, at, PG_FENCE_COLUMNS);
    pg_add_time(&args, pg->now_wall_ms);
    pg_add_bool(&args, !reading);
    return pg_pipeline_send(pg, fences_sql, &args, take_verdicts, verdicts, err);
}

/* Sends the fences that are held back; reading: their verdicts are read, else a closed one fails. */
static int send_held(struct pg *pg, bool reading, struct ry_error *err)
{
    size_t n = pg->fences_n, locks_n = 0;
    struct lock locks[PG_FENCES_MAX * 3];
    RY_ASSERT(n <= PG_FENCES_MAX, "%zu fences", n);
    if (n == 0)
        return RY_OK;
    pg->fences_n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ry_batch_write *batch = pg->fences[i].batch;
        locks[locks_n++] = (struct lock){lock_key("job:", batch->job_id), false};
        locks[locks_n++] = (struct lock){lock_key("guild:", batch->guild_id), true};
        if (batch->cancellable || batch->progress.n > 0)
            locks[locks_n++] = (struct lock){lock_key("scan:", batch->channel_id), false};
    }
    int rc = send_locks(pg, locks, locks_n, err);
    return rc == RY_OK ? send_verdicts(pg, pg->fences, n, reading, err) : rc;
}

int pg_fence(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_fence *fence,
             struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    *fence = WRITER_FENCE_OPEN;
    int rc = pg->fences_n == PG_FENCES_MAX ? send_held(pg, false, err) : RY_OK;
    if (rc == RY_OK)
        pg->fences[pg->fences_n++] = (struct pg_fence){batch, fence};
    return rc;
}

/* ---- behind them --------------------------------------------------------------------------------------------------
 */

int pg_say(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
           struct ry_error *err)
{
    int rc = send_held(pg, false, err);
    return rc == RY_OK ? pg_pipeline_send(pg, sql, args, handler, arg, err) : rc;
}

int pg_say_sync(struct pg *pg, struct ry_error *err)
{
    int rc = send_held(pg, true, err);
    return rc == RY_OK ? pg_pipeline_sync(pg, err) : rc;
}

int pg_lock(struct pg *pg, struct ry_str job_id, struct ry_str channel_id, struct ry_error *err)
{
    struct lock locks[2] = {{lock_key("job:", job_id), false}, {lock_key("scan:", channel_id), false}};
    int rc = send_held(pg, false, err);
    return rc != RY_OK ? rc : send_locks(pg, locks, channel_id.p ? 2 : 1, err);
}

int pg_lock_guild(struct pg *pg, struct ry_str job_id, struct ry_str guild_id, struct ry_error *err)
{
    struct lock locks[2] = {{lock_key("job:", job_id), false}, {lock_key("guild:", guild_id), false}};
    int rc = send_held(pg, false, err);
    return rc != RY_OK ? rc : send_locks(pg, locks, 2, err);
}

static int take_fenced(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)pg;
    (void)err;
    *(bool *)arg = pg_bool(result, 0, 0);
    return RY_OK;
}

int pg_token_check(struct pg *pg, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err)
{
    RY_ASSERT(token > 0, "a job without a lease");
    struct pg_args args = {0};
    pg_add_text(pg, &args, job_id);
    pg_add_u64(&args, token);
    pg_add_time(&args, pg->now_wall_ms);
    return pg_say(pg, token_sql, &args, take_fenced, fenced, err);
}

int pg_fence_prune(struct writer_engine *engine, int64_t before_wall_ms, size_t max, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    RY_ASSERT(max > 0);
    struct pg_args args = {0};
    pg_add_time(&args, before_wall_ms);
    pg_add_u64(&args, max);
    int rc = pg_say(pg, prune_fences_sql, &args, NULL, NULL, err);
    if (rc == RY_OK)
        rc = pg_say(pg, prune_slices_sql, &args, NULL, NULL, err);
    struct pg_args refused = {0};
    pg_add_time(&refused, before_wall_ms - WRITER_REFUSED_KEPT_MS);
    return rc == RY_OK ? pg_say(pg, "DELETE FROM reelyard_refused WHERE refused_at < $1", &refused, NULL, NULL, err)
                       : rc;
}

/* engine_sqlite_fence.c: who may still write for a job.
 *
 * The largest token that has written for a job is kept; a worker that lost its lease comes with a smaller one and is
 * turned away. Transactions take the write lock at their beginning, so what is read here holds until the commit. */
#include "actors/writer/engine_sqlite_ops.h"
#include "runtime/base/assert.h"

int lite_token_check(struct lite *lite, struct ry_str job_id, uint64_t token, bool *fenced, struct ry_error *err)
{
    RY_ASSERT(token > 0, "a job without a lease");
    uint64_t seen = 0;
    {
        LITE_AUTO *get = NULL;
        int rc = lite_get(lite, LITE_fence_get, &get, err);
        if (rc != RY_OK)
            return rc;
        lite_bind(get, 1, job_id);
        rc = lite_step(lite, get, err);
        if (rc < 0)
            return rc;
        if (rc == 1)
            seen = lite_u64(get, 0);
    }
    *fenced = token < seen;
    /* A token of 1 is never smaller than another, so most jobs, which are leased once, leave no row behind. */
    if (token <= seen || token == 1)
        return RY_OK;
    LITE_AUTO *set = NULL;
    int rc = lite_get(lite, LITE_fence_set, &set, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(set, 1, job_id);
    lite_bind_u64(set, 2, token);
    lite_bind_now(lite, set, 3);
    return lite_run(lite, set, NULL, err);
}

/* A scan without a status row was purged while its job was at work. */
static int is_cancelled(struct lite *lite, struct ry_str channel_id, bool *cancelled, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_scan_status, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, channel_id);
    rc = lite_step(lite, s, err);
    *cancelled = rc == 0 || (rc == 1 && strcmp((const char *)sqlite3_column_text(s, 0), "CANCELLED") == 0);
    return rc < 0 ? rc : RY_OK;
}

int lite_fence(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_fence *fence,
               struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    bool fenced = false, cancelled = false;
    *fence = WRITER_FENCE_OPEN;
    int rc = lite_token_check(lite, batch->job_id, batch->token, &fenced, err);
    bool foreign =
        rc == RY_OK && !fenced && lite_is_of_other_guild(lite, LITE_other_channel, batch->channel_id, batch->guild_id);
    if (rc == RY_OK && !fenced && !foreign && batch->cancellable)
        rc = is_cancelled(lite, batch->channel_id, &cancelled, err);
    if (fenced)
        *fence = WRITER_FENCE_STALE;
    else if (foreign)
        *fence = WRITER_FENCE_FOREIGN;
    else if (cancelled)
        *fence = WRITER_FENCE_CANCELLED;
    return rc;
}

static int prune(struct lite *lite, enum lite_statement which, int64_t before_wall_ms, size_t max, struct ry_error *err)
{
    LITE_AUTO *statement = NULL;
    int rc = lite_get(lite, which, &statement, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_time(lite, statement, 1, before_wall_ms);
    lite_bind_u64(statement, 2, max);
    return lite_run(lite, statement, NULL, err);
}

int lite_fence_prune(struct writer_engine *engine, int64_t before_wall_ms, size_t max, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    int rc = prune(lite, LITE_fence_prune, before_wall_ms, max, err);
    if (rc == RY_OK)
        rc = prune(lite, LITE_slice_prune, before_wall_ms, max, err);
    return rc == RY_OK ? prune(lite, LITE_refused_prune, before_wall_ms - WRITER_REFUSED_KEPT_MS, max, err) : rc;
}

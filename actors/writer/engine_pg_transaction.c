/* engine_pg_transaction.c: transactions of the PostgreSQL engine.
 *
 * Owns the connection from begin to commit or rollback. Everything goes through the pipeline (engine_pg_pipeline.c) and
 * behind the fences (engine_pg_fence.c).
 *
 * No session state is used, so that all of this works through PgBouncer in transaction mode: statements are unnamed,
 * limits are set for the transaction (SET LOCAL's function), a connection is put back only outside of a transaction.
 *
 * When it crashes, the server ends the transaction. */
#include "actors/writer/engine_pg_ops.h"
#include "runtime/base/assert.h"

/* Not READ WRITE, which a standby refuses in words of its own; a write there says what is wrong. */
static const char begin_write[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
static const char begin_read[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
static const char limits[] = "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),"
                             " set_config('idle_in_transaction_session_timeout', $3, true)";

/* For some statements, within their transaction. What has to be sorted still is, at a cost that must not call the JIT.
 */
static const char plan_sql[] =
    "SELECT set_config('enable_sort', 'off', true), set_config('enable_seqscan', 'off', true),"
    " set_config('enable_material', 'off', true), set_config('jit', 'off', true)";
static const char *const plan_end_sql[] = {"SET LOCAL enable_sort TO DEFAULT", "SET LOCAL enable_seqscan TO DEFAULT",
                                           "SET LOCAL enable_material TO DEFAULT", "SET LOCAL jit TO DEFAULT"};

static void add_limit(struct pg *pg, struct pg_args *args, int64_t ms)
{
    pg_add_text(pg, args, ry_arena_printf(&pg->scratch, "%lldms", (long long)(ms > 0 ? ms : 1)));
}

static int begin(struct pg *pg, bool read_only, struct ry_error *err)
{
    RY_ASSERT(pg->link == NULL && pg->unread_n == 0, "a transaction is open, %zu results unread", pg->unread_n);
    ry_arena_reset(&pg->scratch);
    pg->scratch_failed = false;
    pg->failed = false;
    pg->fences_n = 0;
    pg->now_wall_ms = ry_wall_ms(pg->clock);
    int rc = pg_pool_take(pg->pool, pg_now_mono_ms() + pg->timeout_ms, &pg->link, err);
    if (rc != RY_OK)
        return rc;
    pg->began = true;
    /* The server's own limits come before ours, so that it says what it waited for. */
    struct pg_args args = {0};
    add_limit(pg, &args, pg->timeout_ms / 4 * 3);
    add_limit(pg, &args, pg->timeout_ms / 2);
    add_limit(pg, &args, pg->timeout_ms * 2);
    rc = pg_say(pg, read_only ? begin_read : begin_write, NULL, NULL, NULL, err);
    if (rc == RY_OK)
        rc = pg_say(pg, limits, &args, NULL, NULL, err);
    if (rc != RY_OK)
        pg_rollback(&pg->engine);
    return rc;
}

int pg_begin(struct writer_engine *engine, struct ry_error *err)
{
    return begin(pg_of(engine), false, err);
}

static int check_committed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)arg;
    RY_ASSERT(pg->link != NULL);
    /* COMMIT of a transaction that failed is a rollback, and no error to the server. */
    if (strcmp(PQcmdStatus((PGresult *)result), "COMMIT") != 0)
        return ry_fail(err, RY_EIO, "%s rolled the transaction back", pg->link->address->where);
    pg->began = false;
    return RY_OK;
}

/* When the answer to COMMIT is lost, nobody knows whether it holds. The caller does it all again, which is safe because
 * every operation is idempotent. */
int pg_commit(struct writer_engine *engine, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    RY_ASSERT(pg->link != NULL, "nothing was begun");
    int rc = pg_say(pg, "COMMIT", NULL, check_committed, NULL, err);
    if (rc == RY_OK)
        rc = pg_pipeline_sync(pg, err);
    if (rc == RY_OK)
        pg_pool_put(pg->pool, &pg->link);
    return rc;
}

void pg_rollback(struct writer_engine *engine)
{
    struct pg *pg = pg_of(engine);
    pg->fences_n = 0;
    if (pg->link == NULL)
        return;
    if (!pg->link->discard)
        (void)pg_pipeline_sync(pg, NULL);
    pg->failed = false;
    pg->scratch_failed = false;
    if (!pg->link->discard && pg->began &&
        (pg_say(pg, "ROLLBACK", NULL, NULL, NULL, NULL) != RY_OK || pg_pipeline_sync(pg, NULL) != RY_OK))
        pg->link->discard = true;
    pg->failed = false;
    pg->began = false;
    pg->unsynced = false;
    pg->unread_n = 0;
    pg_pool_put(pg->pool, &pg->link);
}

int pg_sync(struct writer_engine *engine, struct ry_error *err)
{
    return pg_say_sync(pg_of(engine), err);
}

int pg_check_deferred(struct writer_engine *engine, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    int rc = pg_say(pg, "SET CONSTRAINTS ALL IMMEDIATE", NULL, NULL, NULL, err);
    return rc == RY_OK ? pg_say_sync(pg, err) : rc;
}

/* ---- savepoints ---------------------------------------------------------------------------------------------------
 */

int pg_savepoint(struct writer_engine *engine, struct ry_error *err)
{
    return pg_say(pg_of(engine), "SAVEPOINT writer_savepoint", NULL, NULL, NULL, err);
}

int pg_release(struct writer_engine *engine, struct ry_error *err)
{
    return pg_say(pg_of(engine), "RELEASE SAVEPOINT writer_savepoint", NULL, NULL, NULL, err);
}

int pg_rollback_to(struct writer_engine *engine, struct ry_error *err)
{
    struct pg *pg = pg_of(engine);
    struct ry_error why = {0};
    /* What was said behind the savepoint and not read yet may have failed; that is what is being rolled back. */
    int rc = pg_say_sync(pg, &why);
    bool undoable = ry_err_class(why.code) == RY_CLASS_REJECT || why.code == RY_ESCHEMA;
    if (rc != RY_OK && (!undoable || pg->link == NULL || pg->link->discard)) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    pg->failed = false;
    pg->scratch_failed = false;
    rc = pg_say(pg, "ROLLBACK TO SAVEPOINT writer_savepoint", NULL, NULL, NULL, err);
    return rc == RY_OK ? pg_release(engine, err) : rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

int pg_plan_by_index(struct pg *pg, bool on, struct ry_error *err)
{
    if (on)
        return pg_say(pg, plan_sql, NULL, NULL, NULL, err);
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < sizeof plan_end_sql / sizeof *plan_end_sql; i++)
        rc = pg_say(pg, plan_end_sql[i], NULL, NULL, NULL, err);
    return rc;
}

int pg_look_begin(struct pg *pg, struct ry_error *err)
{
    return begin(pg, true, err);
}

int pg_look_end(struct pg *pg, int rc, struct ry_error *err)
{
    if (rc == RY_OK)
        rc = pg_commit(&pg->engine, err);
    if (rc != RY_OK)
        pg_rollback(&pg->engine);
    return rc;
}

int pg_look(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
            struct ry_error *err)
{
    int rc = pg_look_begin(pg, err);
    if (rc == RY_OK)
        rc = pg_say(pg, sql, args, handler, arg, err);
    return pg_look_end(pg, rc, err);
}

/* engine_pg_wire.c: a transaction as a pipeline.
 *
 * BEGIN, the statements of a turn and COMMIT go out one after the other without a wait, with one sync behind them: one
 * round trip. Results are read in order and given to the handlers that the statements left. After an error the server
 * passes over everything up to the sync, so the first error is the one that counts.
 *
 * No session state is used, so that all of this works through PgBouncer in transaction mode: statements are unnamed,
 * limits are set for the transaction (SET LOCAL's function), a connection is put back only outside of a transaction.
 *
 * How much may be said without reading is bounded (PG_UNREAD_MAX, PG_UNREAD_MAX_BYTES): then the server is asked to
 * flush, and what it answered is read. libpq is non-blocking and reads while it waits to write, so neither side waits
 * for the other with full buffers. */
#include "actors/writer/engine_pg.h"

/* Not READ WRITE, which a standby refuses in words of its own; a write there says what is wrong. */
static const char begin_write[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
static const char begin_read[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";
static const char limits[] = "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),"
                             " set_config('idle_in_transaction_session_timeout', $3, true)";

static int fail_again(const struct pg *pg, struct ry_error *err)
{
    if (err != NULL)
        *err = pg->error;
    return pg->error.code;
}

/* Remembers the first error since the last sync. */
static void note(struct pg *pg, const struct ry_error *why)
{
    if (!pg->failed)
        pg->error = *why;
    pg->failed = true;
}

static int64_t deadline(const struct pg *pg)
{
    return pg_now_mono_ms() + pg->timeout_ms;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static void take_result(struct pg *pg, const PGresult *result, size_t at)
{
    struct ry_error why;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (!pg->failed && pg->unread[at].handler != NULL &&
            pg->unread[at].handler(pg, result, pg->unread[at].arg, &why) != RY_OK)
            note(pg, &why);
        break;
    case PGRES_PIPELINE_ABORTED: break;
    default:
        (void)pg_link_fail(pg->link, result, &why);
        note(pg, &why);
        break;
    }
}

/* Reads the results of all statements said. Only trouble with the connection itself is an error here. */
static int read_all(struct pg *pg, int64_t deadline_mono_ms, struct ry_error *err)
{
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < pg->unread_n; i++) {
        PGresult *result = NULL;
        while ((rc = pg_link_next(pg->link, deadline_mono_ms, &result, err)) == RY_OK && result != NULL) {
            take_result(pg, result, i);
            PQclear(result);
        }
        if (rc == RY_OK && PQstatus(pg->link->conn) == CONNECTION_BAD) {
            pg->link->discard = true;
            rc = pg->failed ? fail_again(pg, err) : pg_link_fail(pg->link, NULL, err);
        }
    }
    pg->unread_n = 0;
    pg->unread_bytes = 0;
    return rc;
}

/* The connection is of no more use; what it was told is lost, or, behind a COMMIT, not known. */
static int give_up(struct pg *pg, int rc, struct ry_error *err)
{
    pg->link->discard = true;
    pg->unsynced = false;
    pg->unread_n = 0;
    pg->unread_bytes = 0;
    struct ry_error why = {.code = (enum ry_err)rc};
    if (err != NULL)
        why = *err;
    note(pg, &why);
    return rc;
}

static int sync_pipeline(struct pg *pg, struct ry_error *err)
{
    struct ry_error why;
    if (!pg->unsynced)
        return pg->failed ? fail_again(pg, err) : RY_OK;
    int64_t deadline_mono_ms = deadline(pg);
    int rc = RY_OK;
    pg->round_trips++;
    if (!PQpipelineSync(pg->link->conn))
        rc = pg_link_fail(pg->link, NULL, &why);
    if (rc == RY_OK)
        rc = read_all(pg, deadline_mono_ms, &why);
    PGresult *result = NULL;
    while (rc == RY_OK && (rc = pg_link_next(pg->link, deadline_mono_ms, &result, &why)) == RY_OK && result != NULL &&
           PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        PQclear(result);
    if (rc == RY_OK && result == NULL)
        rc = pg_link_fail(pg->link, NULL, &why);
    PQclear(result);
    pg->unsynced = false;
    if (rc != RY_OK)
        (void)give_up(pg, rc, &why);
    return pg->failed ? fail_again(pg, err) : RY_OK;
}

/* ---- saying -------------------------------------------------------------------------------------------------- */

static int say(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
               struct ry_error *err)
{
    if (pg->failed)
        return fail_again(pg, err);
    if (pg->link == NULL)
        return ry_fail(err, RY_EAWAY, "no transaction is open");
    if (pg->scratch_failed)
        return ry_fail(err, RY_ENOMEM, "out of memory for a statement");
    static const struct pg_args none = {0};
    const struct pg_args *a = args ? args : &none;
    if (!PQsendQueryParams(pg->link->conn, sql, a->n, a->types, a->values, a->lengths, a->formats, 1)) {
        struct ry_error why;
        int rc = pg_link_fail(pg->link, NULL, &why);
        (void)give_up(pg, rc, &why);
        return fail_again(pg, err);
    }
    pg->link->statements++;
    pg->statements++;
    pg->unsynced = true;
    pg->unread[pg->unread_n].handler = handler;
    pg->unread[pg->unread_n++].arg = arg;
    pg->unread_bytes += a->bytes + strlen(sql);
    if (pg->unread_n < PG_UNREAD_MAX && pg->unread_bytes < PG_UNREAD_MAX_BYTES)
        return RY_OK;
    struct ry_error why;
    pg->round_trips++;
    int rc = PQsendFlushRequest(pg->link->conn) ? read_all(pg, deadline(pg), &why) : pg_link_fail(pg->link, NULL, &why);
    if (rc != RY_OK)
        (void)give_up(pg, rc, &why);
    /* An error is told only when the pipeline is in step again. */
    return pg->failed ? sync_pipeline(pg, err) : RY_OK;
}

int pg_say(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
           struct ry_error *err)
{
    int rc = pg->gates_n > 0 ? pg_gates_say(pg, false, err) : RY_OK;
    return rc == RY_OK ? say(pg, sql, args, handler, arg, err) : rc;
}

int pg_settle(struct pg *pg, struct ry_error *err)
{
    int rc = pg->gates_n > 0 ? pg_gates_say(pg, true, err) : RY_OK;
    return rc == RY_OK ? sync_pipeline(pg, err) : rc;
}

/* ---- transactions -------------------------------------------------------------------------------------------- */

static void add_limit(struct pg *pg, struct pg_args *args, int64_t ms)
{
    pg_add_text(pg, args, ry_arena_printf(&pg->scratch, "%lldms", (long long)(ms > 0 ? ms : 1)));
}

int pg_begin(struct pg *pg, bool read_only, struct ry_error *err)
{
    ry_arena_reset(&pg->scratch);
    pg->scratch_failed = false;
    pg->failed = false;
    pg->gates_n = 0;
    pg->now_wall_ms = ry_wall_ms(pg->clock);
    int rc = pg_pool_take(pg->pool, deadline(pg), &pg->link, err);
    if (rc != RY_OK)
        return rc;
    pg->began = true;
    /* The server's own limits come before ours, so that it says what it waited for. */
    struct pg_args args = {0};
    add_limit(pg, &args, pg->timeout_ms / 4 * 3);
    add_limit(pg, &args, pg->timeout_ms / 2);
    add_limit(pg, &args, pg->timeout_ms * 2);
    rc = say(pg, read_only ? begin_read : begin_write, NULL, NULL, NULL, err);
    if (rc == RY_OK)
        rc = say(pg, limits, &args, NULL, NULL, err);
    if (rc != RY_OK)
        pg_rollback(pg);
    return rc;
}

static int check_committed(struct pg *pg, const PGresult *result, void *arg, struct ry_error *err)
{
    (void)arg;
    /* COMMIT of a transaction that failed is a rollback, and no error to the server. */
    if (strcmp(PQcmdStatus((PGresult *)result), "COMMIT") != 0)
        return ry_fail(err, RY_EIO, "%s rolled the transaction back", pg->link->address->where);
    pg->began = false;
    return RY_OK;
}

/* When the answer to COMMIT is lost, nobody knows whether it holds. The caller does it all again, which is safe because
 * every operation bears being repeated with the same arguments. */
int pg_commit(struct pg *pg, struct ry_error *err)
{
    int rc = pg_say(pg, "COMMIT", NULL, check_committed, NULL, err);
    if (rc == RY_OK)
        rc = sync_pipeline(pg, err);
    if (rc == RY_OK)
        pg_pool_put(pg->pool, &pg->link);
    return rc;
}

void pg_rollback(struct pg *pg)
{
    pg->gates_n = 0;
    if (pg->link == NULL)
        return;
    if (!pg->link->discard)
        (void)sync_pipeline(pg, NULL);
    pg->failed = false;
    pg->scratch_failed = false;
    if (!pg->link->discard && pg->began &&
        (say(pg, "ROLLBACK", NULL, NULL, NULL, NULL) != RY_OK || sync_pipeline(pg, NULL) != RY_OK))
        pg->link->discard = true;
    pg->failed = false;
    pg->began = false;
    pg->unsynced = false;
    pg->unread_n = 0;
    pg_pool_put(pg->pool, &pg->link);
}

int pg_look_begin(struct pg *pg, struct ry_error *err)
{
    return pg_begin(pg, true, err);
}

int pg_look_end(struct pg *pg, int rc, struct ry_error *err)
{
    if (rc == RY_OK)
        rc = pg_commit(pg, err);
    if (rc != RY_OK)
        pg_rollback(pg);
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

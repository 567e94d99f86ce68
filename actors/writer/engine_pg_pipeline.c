/* engine_pg_pipeline.c: statements go out without a wait; their results are read in one go.
 *
 * BEGIN, the statements of a transaction and COMMIT go out one after the other, with one sync behind them: one round
 * trip. Results are read in order and given to the handlers that the statements left. After an error the server skips
 * everything up to the sync, so the first error is the one that counts.
 *
 * How much may be sent without reading is bounded (PG_UNREAD_MAX, PG_UNREAD_MAX_BYTES): then the server is asked to
 * flush, and what it answered is read. libpq is non-blocking and reads while it waits to write, so neither side waits
 * for the other with full buffers.
 *
 * When the connection is lost, or an answer does not come in time, the connection is discarded and the error is one to
 * retry. */
#include "actors/writer/engine_pg_pipeline.h"
#include "runtime/base/assert.h"

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
    RY_ASSERT(pg->link != NULL, "%zu results are to come from no connection", pg->unread_n);
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
    RY_ASSERT(pg->link != NULL && rc != RY_OK, "code %d", rc);
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

int pg_pipeline_sync(struct pg *pg, struct ry_error *err)
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

/* ---- sending -------------------------------------------------------------------------------------------------- */

int pg_pipeline_send(struct pg *pg, const char *sql, const struct pg_args *args, pg_handler *handler, void *arg,
                     struct ry_error *err)
{
    if (pg->failed)
        return fail_again(pg, err);
    if (pg->link == NULL)
        return ry_fail(err, RY_EAWAY, "no transaction is open");
    if (pg->scratch_failed)
        return ry_fail(err, RY_ENOMEM, "out of memory for a statement");
    RY_ASSERT(pg->unread_n < PG_UNREAD_MAX, "%zu results unread", pg->unread_n);
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
    return pg->failed ? pg_pipeline_sync(pg, err) : RY_OK;
}

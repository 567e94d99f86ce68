/* pg_link.c: one connection to PostgreSQL.
 *
 * The socket is waited for here and nowhere else: for reading always, for writing as long as libpq holds bytes that did
 * not go out, so that neither side can wait for the other with full buffers. A wait that reaches its deadline gives the
 * connection up: the server ends the transaction by itself when it notices, or by its own limits.
 * Source: https://www.postgresql.org/docs/15/libpq-pipeline-mode.html, libpq-connect.html#LIBPQ-PQCONNECTSTARTPARAMS */
#include "actors/writer/pg_link.h"

#include "actors/writer/pg_sqlstate.h"
#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/base/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

/* Of PostgreSQL's words that go into an error. */
#define WORDS_MAX_BYTES 200

int64_t pg_now_mono_ms(void)
{
    return ry_mono_ms(ry_clock_system());
}

/* ---- errors -------------------------------------------------------------------------------------------------- */

/* The first line of a message, without what libpq puts around it. */
static struct ry_str first_line(const char *message)
{
    struct ry_str line = {message ? message : "", message ? strcspn(message, "\n") : 0};
    return ry_utf8_head(line, WORDS_MAX_BYTES);
}

static bool state_is(const char *state, const char *prefix)
{
    return strncmp(state, prefix, strlen(prefix)) == 0;
}

static const char *field(const PGresult *result, int code)
{
    const char *value = PQresultErrorField(result, code);
    return value ? value : "";
}

/* A row's own data. The primary message quotes values where they could not be read (22P02 and such), so only messages
 * that are known not to are passed on. */
static int fail_data(const char *state, struct ry_error *err)
{
    if (state_is(state, "RY002"))
        return ry_fail(err, RY_EDATA, "the id is that of a row of another guild");
    if (state_is(state, "23503"))
        return ry_fail(err, RY_EDATA, "the row that it belongs to does not exist");
    if (state_is(state, "22001"))
        return ry_fail(err, RY_EDATA, "a value is too long for its column");
    if (state_is(state, "54000"))
        return ry_fail(err, RY_EDATA, "a value is too long for an index");
    if (state_is(state, "22003") || state_is(state, "22008"))
        return ry_fail(err, RY_EDATA, "a number or a time is out of its column's range");
    if (state_is(state, "22021") || state_is(state, "22P05"))
        return ry_fail(err, RY_EDATA, "a text has characters that the database's encoding cannot hold");
    return ry_fail(err, RY_EDATA, "a value is none that its column takes (SQLSTATE %s)", state);
}

/* The schema's or this program's fault. What a trigger says may quote values. */
static int fail_schema(const struct pg_link *link, const PGresult *result, const char *state, struct ry_str words,
                       struct ry_error *err)
{
    const char *where = link->address->where, *table = field(result, PG_DIAG_TABLE_NAME);
    if (state_is(state, "23502"))
        return ry_fail(err, RY_ESCHEMA,
                       "the schema of %s is not as it should be: %s.%s must not be empty, and gets no value; run "
                       "`reelyard migrate`, or take the change back",
                       where, table, field(result, PG_DIAG_COLUMN_NAME));
    if (state_is(state, "23"))
        return ry_fail(err, RY_ESCHEMA,
                       "the schema of %s is not as it should be: table %s has a rule %s, which a row breaks", where,
                       table, field(result, PG_DIAG_CONSTRAINT_NAME));
    if (state_is(state, "42") || state_is(state, "3F"))
        return ry_fail(err, RY_ESCHEMA,
                       "the schema of %s, or the user's rights, are not as they should be: %.*s (SQLSTATE %s); run "
                       "`reelyard migrate`, or take the change back",
                       where, RY_STR_ARG(words), state);
    return ry_fail(err, RY_ESCHEMA, "a trigger, view or function of %s refuses a row (SQLSTATE %s)", where, state);
}

static int fail_state(struct pg_link *link, enum ry_err code, const char *state, struct ry_str words,
                      struct ry_error *err)
{
    const char *where = link->address->where;
    switch (code) {
    case RY_EBUSY: return ry_fail(err, code, "%s: %.*s (SQLSTATE %s)", where, RY_STR_ARG(words), state);
    case RY_ETIMEOUT:
        return ry_fail(err, code, "%s took too long for a statement: %.*s (REELYARD_DB_TIMEOUT_MS)", where,
                       RY_STR_ARG(words));
    case RY_EFULL:
        return ry_fail(err, code, "the disk of %s is full: make room, reelyard then goes on by itself", where);
    case RY_EAWAY:
        link->discard = true;
        if (state_is(state, "25006"))
            return ry_fail(err, code, "%s takes no writes now (a standby, or set to read only)", where);
        return ry_fail(err, code, "%s: %.*s", where, RY_STR_ARG(words));
    case RY_ECONFIG:
        return ry_fail(err, code, "%s refuses: %.*s (check DATABASE_URL or DB_*)", where, RY_STR_ARG(words));
    case RY_ECORRUPT: return ry_fail(err, code, "%s is damaged (%.*s): restore a backup", where, RY_STR_ARG(words));
    case RY_EFENCED: return ry_fail(err, code, "the job's lease is another worker's, or its scan was cancelled");
    default: return ry_fail(err, RY_EIO, "%s: %.*s (SQLSTATE %s)", where, RY_STR_ARG(words), state);
    }
}

int pg_link_fail(struct pg_link *link, const PGresult *result, struct ry_error *err)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (state == NULL) {
        link->discard = true;
        struct ry_str words = first_line(PQerrorMessage(link->conn));
        return ry_fail(err, RY_EAWAY, "the connection to %s was lost: %.*s", link->address->where, RY_STR_ARG(words));
    }
    enum ry_err code = pg_sqlstate_code(state);
    struct ry_str words = first_line(field(result, PG_DIAG_MESSAGE_PRIMARY));
    if (code == RY_EDATA)
        return fail_data(state, err);
    return code == RY_ESCHEMA ? fail_schema(link, result, state, words, err)
                              : fail_state(link, code, state, words, err);
}

/* libpq tells the SQLSTATE of a refused connection only in the text: "... FATAL:  28P01: password ...". */
static int fail_connect(struct pg_link *link, struct ry_error *err)
{
    const char *message = PQerrorMessage(link->conn);
    for (const char *p = strstr(message, ":  "); p != NULL; p = strstr(p + 1, ":  ")) {
        size_t n = strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n != 5 || p[8] != ':')
            continue;
        char state[6] = "";
        memcpy(state, p + 3, 5);
        enum ry_err code = pg_sqlstate_code(state);
        return fail_state(link, code == RY_ESCHEMA ? RY_ECONFIG : code, state, first_line(p + 9 + strspn(p + 9, " ")),
                          err);
    }
    struct ry_str words = first_line(message);
    return ry_fail(err, RY_EAWAY, "%s cannot be reached: %.*s", link->address->where, RY_STR_ARG(words));
}

/* ---- waiting ------------------------------------------------------------------------------------------------- */

/* Waits for the socket; RY_ETIMEOUT at the deadline. */
static int wait_socket(struct pg_link *link, bool write, int64_t deadline_mono_ms, short *ready, struct ry_error *err)
{
    struct pollfd fd = {.fd = PQsocket(link->conn), .events = (short)(write ? POLLIN | POLLOUT : POLLIN)};
    int64_t left_ms = deadline_mono_ms - pg_now_mono_ms();
    int n = left_ms > 0 ? ry_wait(&fd, 1, left_ms) : 0;
    *ready = fd.revents;
    if (n > 0)
        return RY_OK;
    link->discard = true;
    return n == 0 ? ry_fail(err, RY_ETIMEOUT, "%s does not answer (REELYARD_DB_TIMEOUT_MS)", link->address->where)
                  : ry_fail(err, RY_EIO, "cannot wait for %s: %m", link->address->where);
}

int pg_link_next(struct pg_link *link, int64_t deadline_mono_ms, PGresult **result, struct ry_error *err)
{
    *result = NULL;
    for (;;) {
        int unsent = PQflush(link->conn);
        if (unsent < 0)
            return pg_link_fail(link, NULL, err);
        if (!PQisBusy(link->conn))
            break;
        short ready = 0;
        int rc = wait_socket(link, unsent > 0, deadline_mono_ms, &ready, err);
        if (rc != RY_OK)
            return rc;
        /* A connection that ended still has a last word to be read, and its result then says so. */
        if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0 && !PQconsumeInput(link->conn) && !PQisBusy(link->conn))
            break;
        if (PQstatus(link->conn) == CONNECTION_BAD && PQisBusy(link->conn))
            return pg_link_fail(link, NULL, err);
    }
    *result = PQgetResult(link->conn);
    return RY_OK;
}

bool pg_link_alive(struct pg_link *link)
{
    struct pollfd fd = {.fd = PQsocket(link->conn), .events = POLLIN};
    if (link->discard || PQstatus(link->conn) != CONNECTION_OK)
        return false;
    /* An idle server says nothing, but for a last word before it goes. */
    if (poll(&fd, 1, 0) > 0 && (!PQconsumeInput(link->conn) || (fd.revents & (POLLHUP | POLLERR)) != 0))
        return false;
    return poll(&fd, 1, 0) == 0 && PQstatus(link->conn) == CONNECTION_OK;
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static int connect_within(struct pg_link *link, int64_t deadline_mono_ms, struct ry_error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return fail_connect(link, err);
        struct pollfd fd = {.fd = PQsocket(link->conn), .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left_ms = deadline_mono_ms - pg_now_mono_ms();
        if (left_ms <= 0)
            return ry_fail(err, RY_ETIMEOUT, "%s does not take a connection (REELYARD_DB_TIMEOUT_MS)",
                           link->address->where);
        if (ry_wait(&fd, 1, left_ms) > 0)
            state = PQconnectPoll(link->conn);
    }
    return RY_OK;
}

int pg_link_open(const struct pg_address *address, bool pipeline, int64_t deadline_mono_ms, struct pg_link **link,
                 struct ry_error *err)
{
    *link = calloc(1, sizeof **link);
    if (*link == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a connection");
    (*link)->address = address;
    (*link)->conn = PQconnectStartParams(address->keywords, address->values, 0);
    int rc = RY_OK;
    if ((*link)->conn == NULL) {
        rc = ry_fail(err, RY_ENOMEM, "out of memory for a connection");
    } else if (PQstatus((*link)->conn) == CONNECTION_BAD) {
        rc = fail_connect(*link, err);
    } else {
        PQsetErrorVerbosity((*link)->conn, PQERRORS_VERBOSE);
        PQsetNoticeReceiver((*link)->conn, ignore_notice, NULL);
        rc = connect_within(*link, deadline_mono_ms, err);
    }
    if (rc == RY_OK && (PQsetnonblocking((*link)->conn, 1) != 0 || (pipeline && !PQenterPipelineMode((*link)->conn))))
        rc = ry_fail(err, RY_EBUG, "libpq does not enter pipeline mode: %s", PQerrorMessage((*link)->conn));
    if (rc != RY_OK)
        pg_link_close(link);
    return rc;
}

void pg_link_close(struct pg_link **link)
{
    if (*link == NULL)
        return;
    PQfinish((*link)->conn);
    free(*link);
    *link = NULL;
}

int pg_link_run(struct pg_link *link, const char *sql, int n, const char *const *values, int64_t wait_ms,
                PGresult **result, struct ry_error *err)
{
    int64_t deadline_mono_ms = pg_now_mono_ms() + wait_ms;
    int sent =
        n > 0 ? PQsendQueryParams(link->conn, sql, n, NULL, values, NULL, NULL, 0) : PQsendQuery(link->conn, sql);
    if (!sent)
        return pg_link_fail(link, NULL, err);
    PGresult *last = NULL, *next = NULL;
    int rc = RY_OK;
    for (;;) {
        int got = pg_link_next(link, deadline_mono_ms, &next, rc == RY_OK ? err : NULL);
        if (got != RY_OK)
            rc = got;
        if (got != RY_OK || next == NULL)
            break;
        ExecStatusType status = PQresultStatus(next);
        if (rc == RY_OK && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
            rc = pg_link_fail(link, next, err);
        PQclear(last);
        last = next;
    }
    if (rc == RY_OK && result != NULL)
        *result = last;
    else
        PQclear(last);
    return rc;
}

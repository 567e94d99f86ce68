/* pg_link.h: one connection to PostgreSQL: made, waited for and ended within a deadline, and what its errors mean.
 *
 * Nothing here blocks without a deadline, except the name lookup that libpq does itself. Deadlines are on the system's
 * monotonic clock. A link belongs to one thread at a time. */
#ifndef REELYARD_ACTORS_WRITER_PG_LINK_H
#define REELYARD_ACTORS_WRITER_PG_LINK_H

#include "actors/writer/pg_address.h"

#include <libpq-fe.h>

struct pg_link {
    PGconn *conn;
    const struct pg_address *address; /* borrowed */
    uint64_t statements;              /* sent over it */
    int64_t idle_since_mono_ms;
    bool discard; /* not to be used again: broken, behind its time, or on a server that lost its role */
};

/* Connects. pipeline: in pipeline mode, non-blocking; else for one statement at a time (pg_link_run). RY_EAWAY,
 * RY_ETIMEOUT, RY_EBUSY (the server takes no more connections), RY_ECONFIG (user, password, database), RY_ENOMEM. */
int pg_link_open(const struct pg_address *address, bool pipeline, int64_t deadline_mono_ms, struct pg_link **link,
                 struct ry_error *err);
/* Ends a connection at once; NULL is allowed. */
void pg_link_close(struct pg_link **link);

/* Whether an idle link still seems to be connected; does not wait. */
bool pg_link_alive(struct pg_link *link);

/* The next result, or NULL at the end of a statement's results; sends and reads whatever is possible while it waits. On
 * an error the link is marked to be discarded. */
int pg_link_next(struct pg_link *link, int64_t deadline_mono_ms, PGresult **result, struct ry_error *err);

/* Runs SQL outside of pipeline mode: any number of statements without parameters, or one with n text parameters; gives
 * the last result (to be cleared; may be NULL when it is not wanted). */
int pg_link_run(struct pg_link *link, const char *sql, int n, const char *const *values, int64_t wait_ms,
                PGresult **result, struct ry_error *err);

/* Fills err from a failed result (or, NULL, from the connection): its class by SQLSTATE, what happened where, and what
 * to do; never data of a row. May mark the link to be discarded. */
int pg_link_fail(struct pg_link *link, const PGresult *result, struct ry_error *err);

/* The system's monotonic clock. */
int64_t pg_now_mono_ms(void);

#endif

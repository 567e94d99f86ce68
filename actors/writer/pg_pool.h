/* pg_pool.h: the connections of this process to one database, shared by its writers.
 *
 * One pool per address and process (ADR 0007): who opens the same address again gets the same pool. All functions
 * may be called from any thread; a link that was taken belongs to its taker until it is put back. */
#ifndef REELYARD_ACTORS_WRITER_PG_POOL_H
#define REELYARD_ACTORS_WRITER_PG_POOL_H

#include "actors/writer/pg_link.h"

struct pg_pool;

struct pg_pool_figures {
    unsigned open; /* connections, those that are being made included */
    unsigned idle;
    unsigned limit;
    uint64_t made;     /* connections made since the pool exists */
    uint64_t waits;    /* takers that found none free */
    uint64_t failures; /* connections that could not be made */
};

/* The pool for the configuration's address, with its db_pool_min, db_pool_max, db_max_queries and db_max_idle_time (the
 * first opener's count). Makes no connection yet. RY_ECONFIG for a bad address, RY_ENOMEM. */
int pg_pool_open(const struct ry_config *config, struct pg_pool **pool, struct ry_error *err);

/* Gives the pool back; the last one ends its connections. Sets it to NULL. */
void pg_pool_close(struct pg_pool **pool);

/* A connection in pipeline mode: an idle one, or a new one, or after a wait for one of another thread. RY_EBUSY when
 * none came free before the deadline; else as pg_link_open. */
int pg_pool_take(struct pg_pool *pool, int64_t deadline_mono_ms, struct pg_link **link, struct ry_error *err);

/* Puts it back, outside of any transaction and with nothing unread; sets it to NULL. One marked to be discarded, or
 * used for db_max_queries statements, is ended. */
void pg_pool_put(struct pg_pool *pool, struct pg_link **link);

const struct pg_address *pg_pool_address(const struct pg_pool *pool);
struct pg_pool_figures pg_pool_figures(struct pg_pool *pool);

#endif

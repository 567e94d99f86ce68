/* pg_url.h: DATABASE_URL as the clients of PostgreSQL write it, turned into libpq's keywords and values.
 *
 * libpq refuses what it does not know. Here the forms of other clients are read too: SQLAlchemy's scheme with a
 * driver's name, asyncpg's and psycopg's scheme, and the parameters of Tortoise ORM and asyncpg. */
#ifndef REELYARD_ACTORS_WRITER_PG_URL_H
#define REELYARD_ACTORS_WRITER_PG_URL_H

#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#define PG_URL_MAX_BYTES     ((size_t)4096)
#define PG_URL_IGNORED_BYTES 160

/* What an address may say of the pool of connections; 0: nothing. */
struct pg_pool_limits {
    unsigned min;
    unsigned max;
    uint64_t queries_max;
    int64_t idle_max_s;
};

struct pg_url {
    struct ry_buf conninfo; /* "host='a' port='5432' ...": a secret, since the password is in it. Owned. */
    struct pg_pool_limits pool;
    char
        ignored[PG_URL_IGNORED_BYTES]; /* names of parameters without an equivalent here, joined by ", "; cut if long */
};

/* Appends keyword='value' as libpq reads it; nothing when the value is empty. */
void pg_url_quote(struct ry_buf *out, const char *keyword, struct ry_str value);

/* Reads text. What is percent-encoded is decoded; a '%' that begins no byte stays, as Python's clients read it, and in
 * a password of asyncpg:// and psycopg:// a '+' is a blank. RY_ECONFIG when it is no address of PostgreSQL or too long,
 * without a word of what stands there; RY_ENOMEM. url must be freed in either case. */
int pg_url_read(struct pg_url *url, const char *text, struct ry_error *err);

void pg_url_free(struct pg_url *url);

#endif

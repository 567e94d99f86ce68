/* pg_address.h: where PostgreSQL is, as the configuration says it, in the form that libpq takes. */
#ifndef REELYARD_ACTORS_WRITER_PG_ADDRESS_H
#define REELYARD_ACTORS_WRITER_PG_ADDRESS_H

#include "actors/writer/pg_url.h"
#include "runtime/config/config.h"

#define PG_ADDRESS_OPTIONS_MAX 64
#define PG_WHERE_BYTES         256

struct pg_address {
    /* Parameters of PQconnectStartParams, ended by NULL; they hold the password. Owned by the address. */
    const char *keywords[PG_ADDRESS_OPTIONS_MAX + 1];
    const char *values[PG_ADDRESS_OPTIONS_MAX + 1];
    void *parsed;               /* what they point into (PQconninfoOption) */
    char where[PG_WHERE_BYTES]; /* "host:port/name", for people and logs */
    struct pg_pool_limits pool;
    char ignored[PG_URL_IGNORED_BYTES]; /* parameters of the address that mean nothing here, for one warning */
};

/* Reads database_url (pg_url.h) or, if that is empty, db_host, db_port, db_user, db_password, db_name: what of these is
 * not set is libpq's own environment's or, over TCP, what the bot takes (localhost, and three times "postgres").
 * RY_ECONFIG says what is wrong without saying what stands there; RY_ENOMEM. */
int pg_address_read(const struct ry_config *config, struct pg_address *address, struct ry_error *err);

/* Whether two addresses are the same in every parameter. */
bool pg_address_eq(const struct pg_address *a, const struct pg_address *b);

void pg_address_free(struct pg_address *address);

#endif

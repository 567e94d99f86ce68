/* writer_pg_store.h: a database of a test server as a store of the writer's suite.
 *
 * The schema is made once; each test's rows are taken out behind it, and tables named somebodys_... dropped. */
#ifndef REELYARD_TESTS_CONFORMANCE_WRITER_PG_STORE_H
#define REELYARD_TESTS_CONFORMANCE_WRITER_PG_STORE_H

#include "tests/bed/postgres_server.h"
#include "tests/conformance/writer_suite.h"

struct writer_pg_store {
    struct writer_store store;
    struct postgres_server *server;
    unsigned databases;
    char database[32]; /* "" until the first test */
    int port;          /* where engines connect: the server, or what stands before it */
    int64_t timeout_ms;
};

void writer_pg_store_init(struct writer_pg_store *store, struct postgres_server *server);

/* A further engine on a database (NULL: the open one), with what stands behind '?' in the address ("" for nothing). */
int writer_pg_store_engine(struct writer_pg_store *store, const char *database, const char *parameters,
                           const struct ry_clock *clock, struct writer_engine **engine, struct ry_error *err);

/* The configuration that such an engine has. Free with ry_config_free. */
struct ry_config *writer_pg_store_config(struct writer_pg_store *store, const char *database, const char *parameters);

/* A new empty database; its name lives until the next one is made. */
const char *writer_pg_store_empty(struct writer_pg_store *store);

#endif

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
    const char *name;  /* of the suite's database, "test" */
    char database[32]; /* "" until the first test, then the same */
    int port;          /* where engines connect: the server, or what stands before it */
    int64_t timeout_ms;
    /* SQL files of tests/bed/origin; NULL: none. */
    const char *before; /* run on the suite's new database before reelyard opens it */
    const char *after;  /* ... and after it has */
};

void writer_pg_store_init(struct writer_pg_store *store, struct postgres_server *server);

/* A further engine on a database (NULL: the open one), with what stands behind '?' in the address ("" for nothing). */
int writer_pg_store_engine(struct writer_pg_store *store, const char *database, const char *parameters,
                           const struct ry_clock *clock, struct writer_engine **engine, struct ry_error *err);

/* The configuration that such an engine has. Free with ry_config_free. */
struct ry_config *writer_pg_store_config(struct writer_pg_store *store, const char *database, const char *parameters);

/* Runs a file of tests/bed/origin on a database and reads what it answers (text may be NULL). */
void writer_pg_store_file(struct writer_pg_store *store, const char *database, const char *name, char *text,
                          size_t text_bytes);

/* A new empty database; its name lives until the next one is made. */
const char *writer_pg_store_empty(struct writer_pg_store *store);

#endif

/* writer_pg_suite.c: a database of a test server as a store of the writer's suite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/conformance/writer_pg_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static struct writer_pg_store *of(struct writer_store *store)
{
    return store->arg;
}

struct ry_config *writer_pg_store_config(struct writer_pg_store *store, const char *database, const char *parameters)
{
    char *const none[] = {NULL};
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char url[256], timeout_ms[24];
    snprintf(url, sizeof url, "postgresql+asyncpg://postgres@127.0.0.1:%d/%s?%s", store->port,
             database ? database : store->database, parameters);
    snprintf(timeout_ms, sizeof timeout_ms, "%" PRId64, store->timeout_ms);
    if (ry_config_load(&config, none, &err) != RY_OK ||
        ry_config_set(config, RY_OPT_database_url, url, &err) != RY_OK ||
        ry_config_set(config, RY_OPT_db_timeout_ms, timeout_ms, &err) != RY_OK)
        fail_msg("configuration: %s", err.text);
    return config;
}

int writer_pg_store_engine(struct writer_pg_store *store, const char *database, const char *parameters,
                           const struct ry_clock *clock, struct writer_engine **engine, struct ry_error *err)
{
    struct ry_config *config = writer_pg_store_config(store, database, parameters);
    const struct writer_pg_options options = {.config = config, .clock = clock};
    int rc = writer_engine_pg_open(&options, engine, err);
    ry_config_free(&config);
    return rc;
}

static void run(struct writer_pg_store *store, const char *before, const char *name, const char *after)
{
    char sql[160];
    snprintf(sql, sizeof sql, "%s %s %s", before, name, after);
    postgres_server_sql(store->server, NULL, sql, NULL, 0);
}

static int store_open(struct writer_store *s, const struct ry_clock *clock, struct writer_engine **engine,
                      struct ry_error *err)
{
    struct writer_pg_store *store = of(s);
    if (!store->made) {
        int port = store->port;
        store->port = store->server->port;
        run(store, "CREATE DATABASE", "model", "");
        int rc = writer_pg_store_engine(store, "model", "", clock, engine, err);
        store->port = port;
        if (rc != RY_OK)
            return rc;
        writer_engine_close(engine);
        store->made = true;
    }
    snprintf(store->database, sizeof store->database, "test_%u", ++store->databases);
    run(store, "CREATE DATABASE", store->database, "TEMPLATE model STRATEGY file_copy");
    return writer_pg_store_engine(store, NULL, "", clock, engine, err);
}

static void store_remove(struct writer_store *s)
{
    run(of(s), "DROP DATABASE", of(s)->database, "WITH (FORCE)");
}

const char *writer_pg_store_empty(struct writer_pg_store *store)
{
    static char name[32];
    snprintf(name, sizeof name, "empty_%u", ++store->databases);
    run(store, "CREATE DATABASE", name, "");
    return name;
}

static void store_execute(struct writer_store *s, const char *sql)
{
    postgres_server_sql(of(s)->server, of(s)->database, sql, NULL, 0);
}

static void store_ask(struct writer_store *s, const char *sql, char *text, size_t text_bytes)
{
    postgres_server_sql(of(s)->server, of(s)->database, sql, text, text_bytes);
}

static int64_t store_time_ms(struct writer_store *s, const char *sql)
{
    char wrapped[2048], text[64];
    assert_true(snprintf(wrapped, sizeof wrapped, "SELECT (extract(epoch FROM (%s)) * 1000)::bigint", sql) <
                (int)sizeof wrapped);
    store_ask(s, wrapped, text, sizeof text);
    return text[0] == '\0' ? INT64_MIN : strtoll(text, NULL, 10);
}

void writer_pg_store_init(struct writer_pg_store *store, struct postgres_server *server)
{
    *store = (struct writer_pg_store){.store = {.name = "writer on postgresql",
                                                .open = store_open,
                                                .remove = store_remove,
                                                .execute = store_execute,
                                                .ask = store_ask,
                                                .time_ms = store_time_ms},
                                      .server = server,
                                      .port = server->port,
                                      .timeout_ms = 30000};
    store->store.arg = store;
}

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

void writer_pg_store_file(struct writer_pg_store *store, const char *database, const char *name, char *text,
                          size_t text_bytes)
{
    static char sql[16384];
    char path[512];
    snprintf(path, sizeof path, "%s/tests/bed/origin/%s", getenv("REELYARD_SOURCE"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t n = fread(sql, 1, sizeof sql, file);
    assert_true(n > 0 && n < sizeof sql);
    sql[n] = '\0';
    assert_int_equal(fclose(file), 0);
    postgres_server_sql(store->server, database, sql, text, text_bytes);
}

static int store_open(struct writer_store *s, const struct ry_clock *clock, struct writer_engine **engine,
                      struct ry_error *err)
{
    struct writer_pg_store *store = of(s);
    if (store->database[0] == '\0') {
        snprintf(store->database, sizeof store->database, "%s", store->name);
        run(store, "CREATE DATABASE", store->database, "");
        if (store->before != NULL)
            writer_pg_store_file(store, store->database, store->before, NULL, 0);
        int rc = writer_pg_store_engine(store, NULL, "", clock, engine, err);
        if (rc == RY_OK && store->after != NULL)
            writer_pg_store_file(store, store->database, store->after, NULL, 0);
        return rc;
    }
    return writer_pg_store_engine(store, NULL, "", clock, engine, err);
}

/* A copy of a database costs ten times as much as taking the rows out again. */
static void store_remove(struct writer_store *s)
{
    static const char clean[] =
        "SET LOCAL session_replication_role = replica; DO $$ DECLARE t record; BEGIN FOR t IN SELECT tablename AS name"
        " FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'reelyard_migration' LOOP"
        " IF t.name LIKE 'somebodys%' THEN EXECUTE format('DROP TABLE %I', t.name);"
        " ELSE EXECUTE format('DELETE FROM %I', t.name); END IF; END LOOP; END $$";
    postgres_server_sql(of(s)->server, of(s)->database, clean, NULL, 0);
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
                                      .name = "test",
                                      .port = server->port,
                                      .timeout_ms = 30000};
    store->store.arg = store;
}

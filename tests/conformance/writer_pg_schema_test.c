/* writer_pg_schema_test.c: opening PostgreSQL: the schema of an empty database, of one that another program made, and
 * of those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/engine_pg.h"
#include "actors/writer/schema.h"
#include "runtime/base/log.h"
#include "tests/conformance/writer_pg_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct postgres_server server;
static struct writer_pg_store store;
static const char *database; /* the test's own, empty */

static int setup(void **state)
{
    (void)state;
    database = writer_pg_store_empty(&store);
    return 0;
}

static void sql(const char *text)
{
    postgres_server_sql(&server, database, text, NULL, 0);
}

static void assert_answer(const char *question, const char *expected)
{
    static char text[4096];
    postgres_server_sql(&server, database, question, text, sizeof text);
    assert_string_equal(text, expected);
}

static int open_as(const char *parameters, struct writer_engine **engine, struct ry_error *err)
{
    return writer_pg_store_engine(&store, database, parameters, ry_clock_system(), engine, err);
}

static void assert_opens(void)
{
    struct writer_engine *engine = NULL;
    struct ry_error err = {0};
    if (open_as("", &engine, &err) != RY_OK)
        fail_msg("%s", err.text);
    assert_int_equal(engine->ops->ping(engine, &err), RY_OK);
    writer_engine_close(&engine);
}

/* The interface's tables as the old worker's program makes them: no rules of values, other names of indexes, one more
 * column, more tables. */
static void make_old_database(void)
{
    sql(writer_pg_migrations[0].sql);
    sql("ALTER TABLE clip DROP CONSTRAINT clip_visibility_known, DROP CONSTRAINT clip_thumbnail_status_known,"
        " ADD COLUMN embed_url TEXT");
    sql("CREATE INDEX idx_message_channel_a1b2c3 ON message (channel_id, timestamp)");
    sql("CREATE TABLE aerich (id SERIAL PRIMARY KEY, version VARCHAR(255))");
    sql("INSERT INTO aerich (version) VALUES ('1')");
    sql("DROP TABLE job");
    sql("INSERT INTO guild (id, name) VALUES ('100', 'g'); INSERT INTO message (id, guild_id, channel_id, author_id,"
        " timestamp) VALUES ('1', '100', '200', '3', now()); INSERT INTO clip (id, message_id, guild_id, channel_id,"
        " author_id, filename, file_size, mime_type, cdn_url, expires_at) VALUES ('c', '1', '100', '200', '3', 'a.mp4',"
        " 1, 'video/mp4', 'https://x', now())");
}

#define TABLES \
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'reelyard%' ORDER BY 1"
#define INDEXES \
    "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE 'reelyard\\_%'" \
    " AND NOT i.indisprimary AND i.indisvalid"

static void empty_database_gets_the_whole_schema(void **state)
{
    (void)state;
    assert_opens();
    assert_answer(TABLES, "author,channel,channel_scan_status,channel_settings,clip,clip_tags,failed_thumbnail,"
                          "favorite_clip,guild,guild_settings,install_intent,job,message,server_tags,thumbnail,user");
    assert_answer("SELECT version || name FROM reelyard_migration ORDER BY version", "1interface,2reelyard");
    static char before[64], after[64];
    postgres_server_sql(&server, database, INDEXES, before, sizeof before);
    assert_opens();
    postgres_server_sql(&server, database, INDEXES, after, sizeof after);
    assert_string_equal(before, after);
    assert_answer("SELECT count(*) FROM reelyard_migration", "2");
}

static void database_of_the_old_worker_is_adopted_as_it_is(void **state)
{
    (void)state;
    static const char columns[] = "SELECT string_agg(table_name || column_name || data_type, ',' ORDER BY table_name,"
                                  " ordinal_position) FROM information_schema.columns WHERE table_schema = 'public'"
                                  " AND table_name NOT LIKE 'reelyard%'";
    static char before[16384], after[16384];
    make_old_database();
    postgres_server_sql(&server, database, columns, before, sizeof before);
    assert_opens();
    postgres_server_sql(&server, database, columns, after, sizeof after);
    assert_string_equal(before, after);
    assert_answer("SELECT id FROM clip", "c");
    assert_answer("SELECT count(*) FROM reelyard_migration", "2");
    /* The index that was there under another name is not made again; the others are there and valid. */
    assert_answer("SELECT count(*) FROM pg_indexes WHERE tablename = 'message' AND indexdef LIKE '%(channel_id,"
                  " \"timestamp\")'",
                  "1");
    assert_answer("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0");
    assert_answer("SELECT count(*) FROM pg_indexes WHERE indexname = 'reelyard_clip_pending'", "1");
    assert_answer("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal", "0");
}

static void index_that_was_interrupted_is_made_anew(void **state)
{
    (void)state;
    assert_opens();
    sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'reelyard_clip_failed'::regclass");
    assert_opens();
    assert_answer("SELECT indisvalid FROM pg_index WHERE indexrelid = 'reelyard_clip_failed'::regclass", "t");
}

static void databases_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool old; /* else made by this program */
        const char *sql;
        const char *words;
    } cases[] = {
        {"newer", false, "INSERT INTO reelyard_migration VALUES (99, 'later', 'x', now())", "schema version 99"},
        {"variant", false, "UPDATE reelyard_migration SET sha1 = 'other' WHERE version = 2", "another variant"},
        {"lost", false,
         "SET client_min_messages = error; DROP TABLE clip, message, guild, channel, author, thumbnail, "
         "failed_thumbnail CASCADE",
         "lacks table author, table channel, table clip"},
        {"no column", true, "ALTER TABLE clip DROP COLUMN expires_at, DROP COLUMN cdn_url",
         "lacks clip.cdn_url, clip.expires_at"},
        {"other type", true, "ALTER TABLE message ALTER COLUMN timestamp TYPE timestamp",
         "message.timestamp (is timestamp without time zone)"},
        {"no rule", true, "ALTER TABLE author DROP CONSTRAINT author_user_id_guild_id_key",
         "UNIQUE rule on author (guild_id,user_id)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        database = writer_pg_store_empty(&store);
        if (cases[i].old)
            make_old_database();
        else
            assert_opens();
        sql(cases[i].sql);
        struct writer_engine *engine = NULL;
        struct ry_error err = {0};
        int rc = open_as("", &engine, &err);
        if (rc != RY_ECONFIG || strstr(err.text, cases[i].words) == NULL)
            fail_msg("%s: %d %s", cases[i].name, rc, err.text);
        assert_null(engine);
        if (cases[i].old) /* and left as it was */
            assert_answer("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'reelyard%'", "0");
    }
}

static void foreign_database_is_refused(void **state)
{
    (void)state;
    struct writer_engine *engine = NULL;
    struct ry_error err = {0};
    sql("CREATE TABLE wp_posts (id INT)");
    assert_int_equal(open_as("", &engine, &err), RY_ECONFIG);
    assert_non_null(strstr(err.text, "something else (it has a table wp_posts)"));
    assert_answer("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "1");
}

static void user_without_rights_is_told(void **state)
{
    (void)state;
    struct writer_engine *engine = NULL;
    struct ry_error err = {0};
    sql("CREATE ROLE weak LOGIN");
    sql("REVOKE ALL ON SCHEMA public FROM public");
    assert_int_equal(open_as("user=weak", &engine, &err), RY_ECONFIG);
    sql("DROP ROLE weak");
}

static void *open_in_thread(void *arg)
{
    struct ry_error *err = arg;
    struct writer_engine *engine = NULL;
    struct ry_config *config = writer_pg_store_config(&store, database, "");
    const struct writer_pg_options options = {.config = config, .clock = ry_clock_system()};
    (void)writer_engine_pg_open(&options, &engine, err);
    writer_engine_close(&engine);
    ry_config_free(&config);
    return NULL;
}

static void nodes_that_start_at_once_migrate_once(void **state)
{
    (void)state;
    for (int old = 0; old < 2; old++) {
        database = writer_pg_store_empty(&store);
        if (old)
            make_old_database();
        pthread_t threads[4];
        struct ry_error errs[4] = {{.code = RY_OK}};
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, open_in_thread, &errs[i]), 0);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (size_t i = 0; i < 4; i++)
            if (errs[i].code != RY_OK)
                fail_msg("node %zu: %s", i, errs[i].text);
        assert_answer("SELECT count(*) FROM reelyard_migration", "2");
        assert_answer("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0");
        assert_opens();
    }
}

/* ---- addresses ------------------------------------------------------------------------------------------------- */

static int open_url(const char *url, struct ry_error *err)
{
    char *const none[] = {NULL};
    struct ry_config *config = NULL;
    struct writer_engine *engine = NULL;
    assert_int_equal(ry_config_load(&config, none, err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_database_url, url, err), RY_OK);
    const struct writer_pg_options options = {.config = config, .clock = ry_clock_system()};
    int rc = writer_engine_pg_open(&options, &engine, err);
    writer_engine_close(&engine);
    ry_config_free(&config);
    return rc;
}

static void addresses_are_read_and_passwords_never_told(void **state)
{
    (void)state;
    const struct {
        const char *before; /* of the port */
        const char *after;  /* and the database's name */
        int code;
    } cases[] = {
        {"postgresql://postgres:s3cret@127.0.0.1:", "", RY_OK},
        {"postgres://postgres:s3cret@127.0.0.1:", "?sslmode=disable", RY_OK},
        {"postgresql+asyncpg://postgres:s3cret@127.0.0.1:", "?ssl=disable", RY_OK},
        {"postgresql+psycopg2://postgres:s3cret@127.0.0.1:", "?application_name=x&ssl=prefer", RY_OK},
        {"postgresql://postgres:s3cret@127.0.0.1:", "?sslmode=require", RY_EAWAY},
        {"postgresql://postgres:s3cret@127.0.0.1:", "_that_is_not_there", RY_ECONFIG},
        {"postgresql://nobody:s3cret@127.0.0.1:", "", RY_ECONFIG},
        {"postgresql://postgres:s3cret%zz@127.0.0.1:", "", RY_OK},
        {"postgresql://postgres:s3cret@127.0.0.1:", "?s3cret=1", RY_OK},
        {"asyncpg://postgres:s3cret%23@127.0.0.1:", "?minsize=1&maxsize=2&max_queries=9&schema=public&ssl=false",
         RY_OK},
        {"postgresql+asyncpg://postgres:s3cret@127.0.0.1:", "?statement_cache_size=0&command_timeout=3", RY_OK},
        {"mysql://postgres:s3cret@127.0.0.1:", "", RY_ECONFIG},
        {"postgres.example:s3cret@127.0.0.1:", "", RY_ECONFIG},
        {"postgresql://postgres:s3cret@127.0.0.1:1", "", RY_EAWAY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[256];
        struct ry_error err = {0};
        bool dead = cases[i].before[strlen(cases[i].before) - 1] != ':';
        snprintf(url, sizeof url, "%s%.*d/%s%s", cases[i].before, dead ? 0 : 1, dead ? 0 : server.port, database,
                 cases[i].after);
        int rc = open_url(url, &err);
        if (rc != cases[i].code || strstr(err.text, "s3cret") != NULL)
            fail_msg("%s: %s %s", url, ry_err_name((enum ry_err)rc), err.text);
    }
}

static void wrong_password_is_a_configuration_error(void **state)
{
    (void)state;
    char path[128], line[256], url[256];
    sql("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    snprintf(path, sizeof path, "%s/data/pg_hba.conf", server.folder);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    size_t n = fread(line, 1, sizeof line, file); /* over the comment at the top, whose rest stays one */
    assert_int_equal(n, sizeof line);
    memset(line, '#', sizeof line);
    memcpy(line, "host all guarded all scram-sha-256\n", 35);
    rewind(file);
    assert_int_equal(fwrite(line, 1, sizeof line, file), sizeof line);
    assert_int_equal(fclose(file), 0);
    sql("SELECT pg_reload_conf()");
    struct ry_error err = {0};
    snprintf(url, sizeof url, "postgresql://guarded:wrong@127.0.0.1:%d/%s", server.port, database);
    int rc = RY_OK;
    for (int i = 0; i < 200 && strstr(err.text, "password") == NULL; i++) /* until the server has read its rules */
        rc = open_url(url, &err);
    assert_int_equal(rc, RY_ECONFIG);
    assert_non_null(strstr(err.text, "password authentication failed"));
    assert_null(strstr(err.text, "wrong"));
}

static void parts_of_an_address_serve_as_well(void **state)
{
    (void)state;
    char *const none[] = {NULL};
    char port[16];
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    struct pg_address address;
    snprintf(port, sizeof port, "%d", server.port);
    assert_int_equal(ry_config_load(&config, none, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_db_host, server.folder, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_db_port, port, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_db_user, "postgres", &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_db_password, "it's \\ here", &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_db_name, database, &err), RY_OK);
    assert_int_equal(pg_address_read(config, &address, &err), RY_OK);
    bool found = false;
    for (size_t i = 0; address.keywords[i] != NULL; i++)
        found |= strcmp(address.keywords[i], "password") == 0 && strcmp(address.values[i], "it's \\ here") == 0;
    assert_true(found);
    assert_null(strstr(address.where, "here"));
    pg_address_free(&address);
    struct writer_engine *engine = NULL;
    const struct writer_pg_options options = {.config = config, .clock = ry_clock_system()};
    assert_int_equal(writer_engine_pg_open(&options, &engine, &err), RY_OK);
    writer_engine_close(&engine);
    ry_config_free(&config);
}

int main(void)
{
#define CLAIM(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        CLAIM(empty_database_gets_the_whole_schema),
        CLAIM(database_of_the_old_worker_is_adopted_as_it_is),
        CLAIM(index_that_was_interrupted_is_made_anew),
        CLAIM(databases_that_are_not_ours_are_refused),
        CLAIM(foreign_database_is_refused),
        CLAIM(user_without_rights_is_told),
        CLAIM(nodes_that_start_at_once_migrate_once),
        CLAIM(addresses_are_read_and_passwords_never_told),
        CLAIM(wrong_password_is_a_configuration_error),
        CLAIM(parts_of_an_address_serve_as_well),
    };
#undef CLAIM
    ry_log_setup(RY_CRITICAL, RY_LOG_AUTO, STDERR_FILENO);
    if (!postgres_server_available()) {
        fprintf(stderr, "no PostgreSQL server is installed: passed over\n");
        return 0;
    }
    postgres_server_make(&server);
    writer_pg_store_init(&store, &server);
    int failed = cmocka_run_group_tests_name("writer's postgresql schema", tests, NULL, NULL);
    postgres_server_remove(&server);
    return failed;
}

/* writer_pg_schema_test.c: opening PostgreSQL: the schema of an empty database, of one that another program made, and
 * of those that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "actors/writer/engine_pg.h"
#include "actors/writer/schema.h"
#include "runtime/base/log.h"
#include "tests/bed/patience.h"
#include "tests/conformance/writer_pg_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct postgres_server server;
static struct writer_pg_store store;
static const char *database; /* the test's own, empty */

#define MODELS "models" /* the database with the bot's tables */

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

/* The tables as the bot makes them; one more column and one more table, a table less, and other names of indexes. */
static void make_old_database(void)
{
    writer_pg_store_file(&store, database, "tables.sql", NULL, 0);
    writer_pg_store_file(&store, database, "defaults.sql", NULL, 0);
    sql("ALTER TABLE clip ADD COLUMN embed_url TEXT");
    sql("ALTER INDEX idx_message_channel_d9d2c3 RENAME TO idx_message_channel_a1b2c3");
    sql("CREATE TABLE aerich (id SERIAL PRIMARY KEY, version VARCHAR(255))");
    sql("INSERT INTO aerich (version) VALUES ('1')");
    sql("DROP TABLE job");
    sql("INSERT INTO guild (id, name) VALUES ('100', 'g'); INSERT INTO channel (id, guild_id, name) VALUES ('200', "
        "'100',"
        " 'c'); INSERT INTO message (id, guild_id, channel_id, author_id,"
        " timestamp) VALUES ('1', '100', '200', '3', now()); INSERT INTO clip (id, message_id, guild_id, channel_id,"
        " author_id, filename, file_size, mime_type, cdn_url, expires_at) VALUES ('c', '1', '100', '200', '3', 'a.mp4',"
        " 1, 'video/mp4', 'https://x', now())");
}

/* A database as versions of this program with two files made it. */
static void make_database_of_version_2(void)
{
    sql(writer_pg_migrations[0].sql);
    sql(writer_pg_migrations[1].sql);
    sql("CREATE TABLE reelyard_migration (version INT NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha1 TEXT NOT NULL,"
        " applied_at TIMESTAMPTZ NOT NULL)");
    for (size_t i = 0; i < 2; i++) {
        char record[256];
        snprintf(record, sizeof record, "INSERT INTO reelyard_migration VALUES (%d, '%s', '%s', now())",
                 writer_pg_migrations[i].version, writer_pg_migrations[i].name, writer_pg_migrations[i].sha1);
        sql(record);
    }
    sql("CREATE INDEX reelyard_clip_expires_at ON clip (expires_at);"
        " CREATE INDEX reelyard_clip_thumbnail_status ON clip (thumbnail_status);"
        " CREATE INDEX idx_clip_thumbna_3803e9 ON clip (thumbnail_status)");
}

#define TABLES \
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'reelyard%' ORDER BY 1"
#define INDEXES \
    "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname LIKE 'reelyard\\_%'" \
    " AND NOT i.indisprimary AND i.indisvalid"

static void assert_all_applied(void)
{
    char count[16];
    snprintf(count, sizeof count, "%zu", writer_pg_migration_count);
    assert_answer("SELECT count(*) FROM reelyard_migration", count);
    assert_answer("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0");
    assert_answer("SELECT count(*) FROM pg_constraint WHERE NOT convalidated", "0");
    assert_answer(
        "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
        "9"); /* reelyard_gate_shut, reelyard_other_guild, reelyard_file_lock, reelyard_media_out, and five of the
                         * search index */
}

/* The tables are those of the bot's models, fact by fact. */
static void assert_shape_of_the_bots(void)
{
    static char ours[32768], theirs[32768];
    writer_pg_store_file(&store, database, "shape.sql", ours, sizeof ours);
    writer_pg_store_file(&store, MODELS, "shape.sql", theirs, sizeof theirs);
    assert_string_equal(ours, theirs);
}

static void empty_database_gets_the_whole_schema(void **state)
{
    (void)state;
    assert_opens();
    assert_answer(TABLES, "author,channel,channel_scan_status,channel_settings,clip,clip_tags,failed_thumbnail,"
                          "favorite_clip,guild,guild_settings,install_intent,job,message,server_tags,thumbnail,user");
    assert_shape_of_the_bots();
    static char before[64], after[64];
    postgres_server_sql(&server, database, INDEXES, before, sizeof before);
    assert_opens();
    postgres_server_sql(&server, database, INDEXES, after, sizeof after);
    assert_string_equal(before, after);
    assert_all_applied();
}

static void database_of_the_old_worker_is_adopted_as_it_is(void **state)
{
    (void)state;
    static const char defaults[] = "SELECT table_name || column_name || column_default FROM information_schema.columns"
                                   " WHERE table_schema = 'public' AND column_default IS NOT NULL"
                                   " AND table_name NOT LIKE 'reelyard%' ORDER BY 1";
    static char before[2][32768], after[2][32768];
    make_old_database();
    postgres_server_sql(&server, database, defaults, before[0], sizeof before[0]);
    writer_pg_store_file(&store, database, "shape.sql", before[1], sizeof before[1]);
    assert_opens();
    postgres_server_sql(&server, database, defaults, after[0], sizeof after[0]);
    writer_pg_store_file(&store, database, "shape.sql", after[1], sizeof after[1]);
    assert_string_equal(before[0], after[0]);
    assert_string_equal(before[1], after[1]);
    assert_answer("SELECT id FROM clip", "c");
    assert_all_applied();
    /* The index that was there under another name is not made again; the others are there and valid. */
    assert_answer("SELECT count(*) FROM pg_indexes WHERE tablename = 'message' AND indexdef LIKE '%(channel_id,"
                  " \"timestamp\")'",
                  "1");
    assert_answer("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "0");
    assert_answer("SELECT count(*) FROM pg_indexes WHERE indexname = 'reelyard_clip_pending'", "1");
    /* Only the search index has triggers there, and they tie no column's type down. */
    assert_answer("SELECT string_agg(c.relname || ' ' || t.tgname, ',' ORDER BY c.relname, t.tgname) FROM pg_trigger t "
                  "JOIN pg_class c"
                  " ON c.oid = t.tgrelid WHERE NOT tgisinternal AND c.relname NOT LIKE 'reelyard%'",
                  "author reelyard_search_change,channel reelyard_search_change,clip reelyard_search_change,"
                  "clip reelyard_search_in,message reelyard_search_change");
    sql("ALTER TABLE clip ALTER COLUMN title TYPE TEXT");
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

#define USED_ROWS \
    "INSERT INTO \"user\" (id, username, discriminator) VALUES ('u1', 'U', '0'), ('u2', 'V', '0');" \
    " INSERT INTO guild (id, owner_id, name) VALUES ('100', 'u1', 'g');" \
    " INSERT INTO channel (id, guild_id, name) VALUES ('200', '100', 'c');" \
    " INSERT INTO message (id, guild_id, channel_id, author_id, timestamp) VALUES ('1', '100', '200', '3', now())," \
    " ('2', '101', '201', '3', now());" \
    " INSERT INTO clip (id, message_id, guild_id, channel_id, author_id, filename, file_size, mime_type, cdn_url," \
    " expires_at) SELECT c, m, g, h, '3', 'a.mp4', 1, 'video/mp4', 'https://x', now() FROM (VALUES" \
    " ('a', '1', '100', '200'), ('b', '2', '101', '201'), ('c', '1', '100', '202')) v (c, m, g, h);" \
    " INSERT INTO thumbnail (id, clip_id, size_type, storage_path, width, height, file_size)" \
    " SELECT gen_random_uuid(), id, 'small', 'thumbnails/' || id, 1, 1, 1 FROM clip;"
#define GUESSED_ROWS \
    "INSERT INTO server_tags (guild_id, name, slug, color, created_by) VALUES ('100', 'Best of!', NULL, '#7C3AED', " \
    "'u2')," \
    " ('100', 'Fun', 'fun', 'a long colour', NULL);" \
    " INSERT INTO clip_tags (clip_id, tag_id, applied_by) VALUES ('a', 1, 'u1'), ('a', 2, NULL);" \
    " INSERT INTO install_intent (guild_id, user_id, state, expires_at) VALUES ('100', 'u1', 's', now())," \
    " ('100', NULL, NULL, NULL);" \
    " INSERT INTO job (id, type, guild_id, channel_id, error_message) VALUES ('j', 'batch', '100', '200', 'why')," \
    " ('k', 'batch', NULL, NULL, NULL);"

static void tables_that_were_guessed_become_the_models(void **state)
{
    (void)state;
    make_database_of_version_2();
    assert_opens();
    assert_all_applied();
    assert_shape_of_the_bots();
    assert_answer("SELECT tablename FROM pg_tables WHERE tablename LIKE 'reelyard_former%'", "");
    /* Renamed, and of two for one thing ours is gone: the bot finds its own names and makes no index. */
    assert_answer("SELECT indexname FROM pg_indexes WHERE tablename = 'clip' AND indexdef ~ "
                  "'\\((expires_at|thumbnail_status)\\)$'"
                  " ORDER BY 1",
                  "idx_clip_expires_32c23b,idx_clip_thumbna_3803e9");
}

static void rows_of_guessed_tables_are_carried_over_and_kept(void **state)
{
    (void)state;
    make_database_of_version_2();
    sql(USED_ROWS);
    sql(GUESSED_ROWS);
    assert_opens();
    assert_all_applied();
    assert_answer("SELECT slug || coalesce(color, '-') || created_by_user_id || is_active FROM server_tags ORDER BY 1",
                  "best-of#7C3AEDu2true,fun-u1true");
    assert_answer("SELECT clip_id || slug || applied_by_user_id FROM clip_tags JOIN server_tags t ON t.id = tag_id"
                  " ORDER BY 1",
                  "abest-ofu1,afunu1");
    assert_answer("SELECT user_id || guild || state FROM install_intent", "u1100s");
    assert_answer("SELECT id || type || guild_id || channel_id || error FROM job", "jbatch100200why");
    assert_answer("SELECT tablename FROM pg_tables WHERE tablename LIKE 'reelyard_former%' ORDER BY 1",
                  "reelyard_former_clip_tags,reelyard_former_install_intent,reelyard_former_job,"
                  "reelyard_former_server_tags");
    assert_answer("SELECT count(*) FROM reelyard_former_job", "2");
    assert_answer("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attname = 'id' AND attrelid IN"
                  " ('thumbnail'::regclass, 'failed_thumbnail'::regclass) ORDER BY 1",
                  "character varying,uuid"); /* a table with rows is not rewritten */
}

static void rows_that_have_lost_their_place_go_with_their_files(void **state)
{
    (void)state;
    make_database_of_version_2();
    sql(USED_ROWS);
    assert_opens();
    assert_answer("SELECT id FROM message", "1");
    assert_answer("SELECT id FROM clip", "a");
    assert_answer("SELECT path FROM reelyard_doomed_file ORDER BY 1", "thumbnails/b,thumbnails/c");
    sql("DELETE FROM guild");
    assert_answer("SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM clip)", "0");
}

/* What is cut off between the transaction and the check of the keys is made up for at the next start. */
static void keys_that_were_not_validated_are_validated_at_the_next_start(void **state)
{
    (void)state;
    assert_opens();
    sql("ALTER TABLE message DROP CONSTRAINT reelyard_message_guild_id_fkey, DROP CONSTRAINT"
        " reelyard_message_channel_id_fkey");
    sql("INSERT INTO guild (id, name) VALUES ('100', 'g'); INSERT INTO channel (id, guild_id, name) VALUES ('200', "
        "'100',"
        " 'c'); INSERT INTO message (id, guild_id, channel_id, author_id, timestamp) VALUES ('1', '100', '200', '3',"
        " now()), ('2', '101', '200', '3', now())");
    sql("ALTER TABLE message ADD CONSTRAINT reelyard_message_guild_id_fkey FOREIGN KEY (guild_id) REFERENCES guild (id)"
        " ON DELETE CASCADE NOT VALID, ADD CONSTRAINT reelyard_message_channel_id_fkey FOREIGN KEY (channel_id)"
        " REFERENCES channel (id) ON DELETE CASCADE NOT VALID");
    assert_opens();
    assert_all_applied();
    assert_answer("SELECT id FROM message", "1");
}

/* Somebody reads a table for long: nobody waits behind a change of it for longer than the change itself may wait. */
static void change_of_a_table_in_use_gives_way_and_comes_again(void **state)
{
    (void)state;
    make_database_of_version_2();
    struct postgres_server reader = server; /* a connection of its own */
    reader.conn = NULL;
    postgres_server_sql(&reader, database, "BEGIN; SELECT count(*) FROM channel", NULL, 0);
    pthread_t thread;
    struct ry_error err = {.code = RY_OK};
    assert_int_equal(pthread_create(&thread, NULL, open_in_thread, &err), 0);
    static char waits[16];
    do /* until it has come to the table, and until it has given way */
        postgres_server_sql(&server, database, "SELECT count(*) FROM pg_locks WHERE NOT granted", waits, sizeof waits);
    while (strcmp(waits, "0") == 0);
    do
        postgres_server_sql(&server, database, "SELECT count(*) FROM pg_locks WHERE NOT granted", waits, sizeof waits);
    while (strcmp(waits, "0") != 0);
    assert_answer("SELECT count(*) FROM reelyard_migration", "2");
    postgres_server_sql(&reader, database, "COMMIT", NULL, 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    if (err.code != RY_OK)
        fail_msg("%s", err.text);
    assert_all_applied();
    postgres_server_disconnect(&reader);
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
        {"no rule", true, "ALTER TABLE author DROP CONSTRAINT uid_author_user_id_e73ab8",
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
        assert_all_applied();
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
    int64_t until_mono_ms = pg_now_mono_ms() + PATIENCE_MS;
    /* Until the server has read its rules. */
    while (strstr(err.text, "password") == NULL && pg_now_mono_ms() < until_mono_ms)
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
        CLAIM(tables_that_were_guessed_become_the_models),
        CLAIM(rows_of_guessed_tables_are_carried_over_and_kept),
        CLAIM(rows_that_have_lost_their_place_go_with_their_files),
        CLAIM(keys_that_were_not_validated_are_validated_at_the_next_start),
        CLAIM(change_of_a_table_in_use_gives_way_and_comes_again),
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
    postgres_server_needed();
    postgres_server_make(&server);
    writer_pg_store_init(&store, &server);
    postgres_server_sql(&server, NULL, "CREATE DATABASE " MODELS, NULL, 0);
    writer_pg_store_file(&store, MODELS, "tables.sql", NULL, 0);
    int failed = cmocka_run_group_tests_name("writer's postgresql schema", tests, NULL, NULL);
    postgres_server_remove(&server);
    return failed;
}

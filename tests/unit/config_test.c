/* Claims about the configuration: who wins, what is refused and in which words, what follows from what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/config/config.h"
#include "runtime/config/option.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A settings file with this text; its path is put into `path`. */
static void settings_file(char path[64], const char *text)
{
    (void)snprintf(path, 64, "/tmp/reelyard-config-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static struct ry_config *load(const char *const *env)
{
    struct ry_config *config = NULL;
    struct ry_error err;
    char *const none[] = {NULL};
    if (ry_config_load(&config, env ? (char *const *)(uintptr_t)env : none, &err) != RY_OK)
        fail_msg("%s", err.text);
    return config;
}

static void the_strongest_source_wins(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        const char *env;
        const char *flag;
        int64_t value;
        enum ry_source source;
    } cases[] = {
        {"{}", "OTHER=1", NULL, 300, RY_SOURCE_DEFAULT},
        {"{\"worker_settings_defaults\": {\"video_download_timeout_seconds\": 7}}", "OTHER=1", NULL, 7,
         RY_SOURCE_SETTINGS},
        {"{\"database_settings_defaults\": {\"video_download_timeout_seconds\": 7}}", "OTHER=1", NULL, 7,
         RY_SOURCE_SETTINGS},
        {"{\"worker_settings_defaults\": {\"video_download_timeout_seconds\": 7}}", "VIDEO_DOWNLOAD_TIMEOUT=8", NULL, 8,
         RY_SOURCE_ENVIRONMENT},
        {"{\"worker_settings_defaults\": {\"video_download_timeout_seconds\": 7}}", "VIDEO_DOWNLOAD_TIMEOUT=", NULL, 7,
         RY_SOURCE_SETTINGS},
        {"{\"worker_settings_defaults\": {\"video_download_timeout_seconds\": 7}}", "VIDEO_DOWNLOAD_TIMEOUT=8", "9", 9,
         RY_SOURCE_FLAG},
        {"{\"worker_settings_defaults\": {\"video_download_timeout_seconds\": null, \"unknown\": 1}}", "OTHER=1", NULL,
         300, RY_SOURCE_DEFAULT},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[64];
        char setting[128];
        struct ry_error err;
        settings_file(path, cases[i].settings);
        (void)snprintf(setting, sizeof setting, "DEFAULT_SETTINGS_PATH=%s", path);
        const char *const env[] = {cases[i].env, setting, NULL};
        struct ry_config *config = load(env);
        if (cases[i].flag)
            assert_int_equal(ry_config_set(config, RY_OPT_download_timeout, cases[i].flag, &err), RY_OK);
        assert_int_equal(ry_config_finish(config, &err), RY_OK);
        assert_int_equal(ry_config_int(config, RY_OPT_download_timeout), cases[i].value);
        assert_int_equal(ry_config_source(config, RY_OPT_download_timeout), cases[i].source);
        ry_config_free(&config);
        assert_int_equal(unlink(path), 0);
    }
}

static void the_defaults_are_allowed_and_typed(void **state)
{
    (void)state;
    struct ry_config *config = load(NULL);
    int64_t backoff[8] = {0};
    assert_string_equal(ry_config_str(config, RY_OPT_log_level), "INFO");
    assert_int_equal(ry_config_int(config, RY_OPT_http_port), 8080);
    assert_true(ry_config_real(config, RY_OPT_thumbnail_timestamp) == 1.0);
    assert_int_equal(ry_config_ints(config, RY_OPT_retry_backoff_minutes, backoff, COUNT(backoff)), 6);
    assert_int_equal(backoff[0], 5);
    assert_int_equal(backoff[5], 1440);
    assert_int_equal(ry_config_ints(config, RY_OPT_retry_backoff_minutes, backoff, 2), 6);
    ry_config_free(&config);
}

static void a_bad_variable_is_refused_with_its_name_value_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *env;
        const char *text;
    } cases[] = {
        {"REELYARD_HTTP_PORT=65536",
         "REELYARD_HTTP_PORT (environment): \"65536\" must be a whole number from 0 to 65535 (port)"},
        {"REELYARD_HTTP_PORT= 80",
         "REELYARD_HTTP_PORT (environment): \" 80\" must be a whole number from 0 to 65535 (port)"},
        {"REELYARD_HTTP_PORT=80x",
         "REELYARD_HTTP_PORT (environment): \"80x\" must be a whole number from 0 to 65535 (port)"},
        {"REELYARD_HTTP_PORT=99999999999999999999",
         "REELYARD_HTTP_PORT (environment): \"99999999999999999999\" must be a whole number from 0 to 65535 (port)"},
        {"DB_TYPE=sqlite", "DB_TYPE (environment): \"sqlite\" must be one of postgres, postgresql"},
        {"LOG_LEVEL=LOUD",
         "LOG_LEVEL (environment): \"LOUD\" must be one of TRACE, DEBUG, VERBOSE, INFO, WARN, WARNING, "
         "ERROR, FATAL, CRITICAL"},
        {"THUMBNAIL_TIMESTAMP=nan", "THUMBNAIL_TIMESTAMP (environment): \"nan\" must be a number from 0 to 86400 (s)"},
        {"THUMBNAIL_TIMESTAMP=0x10",
         "THUMBNAIL_TIMESTAMP (environment): \"0x10\" must be a number from 0 to 86400 (s)"},
        {"THUMBNAIL_TIMESTAMP=-1", "THUMBNAIL_TIMESTAMP (environment): \"-1\" must be a number from 0 to 86400 (s)"},
        {"THUMBNAIL_TIMESTAMP=1\n2", "THUMBNAIL_TIMESTAMP (environment): \"1?2\" must be a number from 0 to 86400 (s)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_config *config = NULL;
        struct ry_error err;
        char *const env[] = {(char *)(uintptr_t)cases[i].env, NULL};
        assert_int_equal(ry_config_load(&config, env, &err), RY_ECONFIG);
        assert_null(config);
        assert_string_equal(err.text, cases[i].text);
    }
}

static void an_environment_that_holds_a_secret_of_others_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        bool to_scanner, to_encoder; /* a secret to it */
    } cases[] = {
        {"PATH=/bin", false, false},          {"BOT_TOKEN=t0p", false, true},
        {"BOT_TOKENS=2", false, false},       {"DATABASE_URL=postgresql://a:b@c/d", true, true},
        {"DB_PASSWORD=", true, true},         {"REDIS_URL=redis://:x@y", true, true},
        {"REELYARD_WEB_TOKEN=w", true, true}, {"DB_HOST=c", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char first[] = "HOME=/";
        char *const env[] = {first, (char *)(uintptr_t)cases[i].variable, NULL};
        assert_int_equal(ry_config_env_has_secret(env, "scanner"), cases[i].to_scanner);
        assert_int_equal(ry_config_env_has_secret(env, "encoder"), cases[i].to_encoder);
    }
    assert_false(ry_config_env_has_secret(NULL, "encoder"));
}

static void a_secret_is_never_printed(void **state)
{
    (void)state;
    char *text = malloc(RY_OPTION_TEXT_MAX + 64);
    assert_non_null(text);
    (void)snprintf(text, RY_OPTION_TEXT_MAX + 64, "REELYARD_WEB_TOKEN=hunter2%0*d", (int)RY_OPTION_TEXT_MAX, 0);
    struct ry_config *config = NULL;
    struct ry_error err;
    char *const too_long[] = {text, NULL};
    assert_int_equal(ry_config_load(&config, too_long, &err), RY_ECONFIG);
    assert_null(strstr(err.text, "hunter2"));
    free(text);

    config = load((const char *const[]){"REELYARD_WEB_TOKEN=hunter2", NULL});
    struct ry_buf dump = ry_buf_make(1 << 16);
    ry_config_dump(config, &dump);
    const char *printed = ry_buf_cstr(&dump);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "web_token=***  (environment)\n"));
    assert_non_null(strstr(printed, "http_port=8080  (default)\n"));
    ry_buf_free(&dump);
    ry_config_free(&config);
}

static void flags_end_at_the_first_word(void **state)
{
    (void)state;
    static const struct {
        const char *argv[6];
        int rc;
        int next;
        const char *data;
        const char *text; /* of the error */
    } cases[] = {
        {{"x", "--data", "d", "word", NULL}, RY_OK, 3, "d", NULL},
        {{"x", "--data=d", "word", NULL}, RY_OK, 2, "d", NULL},
        {{"x", "--data=", "word", NULL}, RY_OK, 2, "", NULL},
        {{"x", "--data=--", "word", NULL}, RY_OK, 2, "--", NULL},
        {{"x", "--data", "d", "--", "--http-port", NULL}, RY_OK, 4, "d", NULL},
        {{"x", "-", NULL}, RY_OK, 1, "./reelyard-data", NULL},
        {{"x", "--data", "d", "--role", "y", NULL}, RY_ENOENT, 3, "d", "unknown option --role"},
        {{"x", "-v", NULL}, RY_ENOENT, 1, "./reelyard-data", "unknown option -v"},
        {{"x", "--data", NULL}, RY_EINVAL, 1, "./reelyard-data", "--data needs a value"},
        {{"x", "--data", "--", NULL}, RY_EINVAL, 1, "./reelyard-data", "--data needs a value"},
        {{"x", "--http-port", "http", NULL},
         RY_ECONFIG,
         1,
         "./reelyard-data",
         "--http-port: \"http\" must be a whole number from 0 to 65535 (port)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_config *config = load(NULL);
        struct ry_error err = {.text = ""};
        int argc = 0;
        int next = -1;
        while (cases[i].argv[argc])
            argc++;
        int rc = ry_config_flags(config, argc, (char *const *)(uintptr_t)cases[i].argv, 1, &next, &err);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(next, cases[i].next);
        assert_string_equal(ry_config_str(config, RY_OPT_data), cases[i].data);
        if (cases[i].text)
            assert_string_equal(err.text, cases[i].text);
        ry_config_free(&config);
    }
}

static void paths_follow_the_data_folder_unless_they_are_given(void **state)
{
    (void)state;
    struct ry_error err;
    struct ry_config *config =
        load((const char *const[]){"REELYARD_DATA=/srv/yard//", "STORAGE_PATH=/mnt/thumbs", "REELYARD_NODE=n", NULL});
    assert_int_equal(ry_config_finish(config, &err), RY_OK);
    assert_string_equal(ry_config_str(config, RY_OPT_sqlite_path), "/srv/yard/reelyard.db");
    assert_string_equal(ry_config_str(config, RY_OPT_spool_path), "/srv/yard/spool");
    assert_string_equal(ry_config_str(config, RY_OPT_run_dir), "/srv/yard/run");
    assert_string_equal(ry_config_str(config, RY_OPT_storage_path), "/mnt/thumbs");
    assert_string_equal(ry_config_str(config, RY_OPT_node), "n");
    ry_config_free(&config);

    config = load(NULL);
    assert_int_equal(ry_config_finish(config, &err), RY_OK);
    assert_true(strlen(ry_config_str(config, RY_OPT_node)) > 0);
    ry_config_free(&config);
}

#define LOCAL "Redis at localhost:6379"
#define USUAL "usual beside PostgreSQL without REDIS_URL; REELYARD_QUEUE=embedded takes the node's own queue"
#define NONE  "neither DATABASE_URL nor a DB_ variable is set"

static const struct {
    const char *env[5];
    const char *database, *database_why;
    const char *queue, *queue_why;
} bot_environments[] = {
    {{NULL}, "/d/reelyard.db", NONE, "embedded, /d/reelyard.db", "neither REDIS_URL nor PostgreSQL is set"},
    {{"DB_USER=u", "DB_PASSWORD=p", "DB_NAME=n"},
     "PostgreSQL at localhost:5432/n",
     "a DB_ variable is set, and not DB_HOST",
     LOCAL,
     USUAL},
    {{"DB_PASSWORD=p"}, "PostgreSQL at localhost:5432", "a DB_ variable is set, and not DB_HOST", LOCAL, USUAL},
    {{"DB_TYPE=Postgres"}, "PostgreSQL at localhost:5432", "a DB_ variable is set, and not DB_HOST", LOCAL, USUAL},
    {{"DB_HOST=pg", "DB_PORT=6543", "DB_USER=u", "REDIS_URL=redis://:pw@r:1/2"},
     "PostgreSQL at pg:6543",
     "DB_HOST",
     "Redis at r:1/2",
     "REDIS_URL"},
    {{"DATABASE_URL=asyncpg://u:p%40@h:1/n?maxsize=3"}, "PostgreSQL at h:1/n", "DATABASE_URL", LOCAL, USUAL},
    {{"DATABASE_URL=postgresql://u:p@h/n?x=a@b"}, "PostgreSQL", "DATABASE_URL", LOCAL, USUAL},
    {{"DATABASE_URL=postgres://h/n", "REELYARD_QUEUE=embedded", "REDIS_URL=redis://r"},
     "PostgreSQL at h/n",
     "DATABASE_URL",
     "embedded, /d/reelyard.db",
     "REELYARD_QUEUE"},
    {{"REELYARD_QUEUE=redis"}, "/d/reelyard.db", NONE, LOCAL, "REELYARD_QUEUE; REDIS_URL is not set"},
    {{"REDIS_URL=redis://u:p@r"}, "/d/reelyard.db", NONE, "Redis at r", "REDIS_URL"},
    {{"REELYARD_DATABASE=sqlite", "DB_NAME=n"},
     "/d/reelyard.db",
     "REELYARD_DATABASE",
     "embedded, /d/reelyard.db",
     "neither REDIS_URL nor PostgreSQL is set"},
    {{"REELYARD_DATABASE=postgresql"},
     "PostgreSQL at localhost:5432",
     "REELYARD_DATABASE; DB_HOST is not set",
     LOCAL,
     USUAL},
    {{"DB_PORT=5432", "DB_POOL_MAX=3"},
     "/d/reelyard.db",
     NONE,
     "embedded, /d/reelyard.db",
     "neither REDIS_URL nor PostgreSQL is set"},
};

static void the_bots_environment_decides_database_and_queue_as_it_does_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bot_environments); i++) {
        const char *env[7] = {"REELYARD_DATA=/d"};
        struct ry_error err;
        struct ry_place place;
        memcpy(env + 1, bot_environments[i].env, sizeof bot_environments[i].env);
        struct ry_config *config = load(env);
        assert_int_equal(ry_config_finish(config, &err), RY_OK);
        ry_config_database_place(config, &place);
        assert_string_equal(place.where, bot_environments[i].database);
        assert_string_equal(place.why, bot_environments[i].database_why);
        ry_config_queue_place(config, &place);
        assert_string_equal(place.where, bot_environments[i].queue);
        assert_string_equal(place.why, bot_environments[i].queue_why);

        /* A process that may know no secret decides the same. */
        char **child_env = ry_config_environment(config, "storage", (char *const *)(uintptr_t)env, NULL);
        struct ry_config *child = NULL;
        assert_int_equal(ry_config_load(&child, child_env, &err), RY_OK);
        assert_int_equal(ry_config_finish(child, &err), RY_OK);
        assert_int_equal(ry_config_has_postgres(child), ry_config_has_postgres(config));
        assert_int_equal(ry_config_str(child, RY_OPT_redis_url)[0] != 0,
                         ry_config_str(config, RY_OPT_redis_url)[0] != 0);
        ry_config_free(&child);
        free(child_env);
        ry_config_free(&config);
    }
}

static void every_level_of_the_bots_log_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *env, *level;
    } cases[] = {{"LOG_LEVEL=DEBUG", "DEBUG"},     {"LOG_LEVEL=verbose", "VERBOSE"},   {"LOG_LEVEL=Verbose", "VERBOSE"},
                 {"LOG_LEVEL=VERBOSE", "VERBOSE"}, {"LOG_LEVEL=info", "INFO"},         {"LOG_LEVEL=Warning", "WARNING"},
                 {"LOG_LEVEL=error", "ERROR"},     {"LOG_LEVEL=cRITICAL", "CRITICAL"}, {"LOG_LEVEL=WARN", "WARN"},
                 {"LOG_LEVEL=warn", "WARN"},       {"LOG_LEVEL=Fatal", "FATAL"},       {"LOG_LEVEL=trace", "TRACE"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_config *config = load((const char *const[]){cases[i].env, NULL});
        assert_string_equal(ry_config_str(config, RY_OPT_log_level), cases[i].level);
        ry_config_free(&config);
    }
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *env;
        const char *text;
    } cases[] = {
        {"DB_RETRY_BASE_DELAY=11", "db_retry_base_delay (11 s) must not exceed db_retry_max_delay (10 s)"},
        {"REELYARD_NODE=a/b", "node: a name must be UTF-8 of at most 64 bytes without \"/\""},
        {"DEFAULT_SETTINGS_PATH=/nonexistent/s.jsonc",
         "cannot open the settings file /nonexistent/s.jsonc: No such file or directory"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_error err;
        struct ry_config *config = load((const char *const[]){cases[i].env, NULL});
        assert_int_equal(ry_config_finish(config, &err), RY_ECONFIG);
        assert_string_equal(err.text, cases[i].text);
        ry_config_free(&config);
    }
}

static void a_settings_file_may_have_comments_and_its_errors_have_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *error; /* behind the path; NULL: job_batch_size is 3 */
    } cases[] = {
        {"// the worker\n{\"worker_settings_defaults\": {/* jobs, */ \"job_batch_size\": 3,},}\n", NULL},
        {"{\"worker_settings_defaults\": {\"x\": \"// no comment, }\", \"job_batch_size\": 3}}", NULL},
        {"{\"worker_settings_defaults\": {\"thumbnail_retry_backoff_minutes\": [1, 2,], \"job_batch_size\": 3}}", NULL},
        {"{\n\n \"worker_settings_defaults\": {\n\"job_batch_size\": 0}}",
         ":4: job_batch_size: \"0\" must be a whole number from 1 to 1000 (jobs)"},
        {"{\"worker_settings_defaults\": {\n // \"job_batch_size\" is:\n \"job_batch_size\": true}}",
         ":3: job_batch_size: \"true\" must be a whole number from 1 to 1000 (jobs)"},
        {"{\n\"worker_settings_defaults\": 5}", ":2: worker_settings_defaults must be an object"},
        {"{\n\"guild_admin_settings_defaults\": []}", ":2: guild_admin_settings_defaults must be an object"},
        {"{\n\n\"a\" 1}", ":3: not JSON: unexpected character, expected a colon after object key at byte 7"},
        {"[]", ":1: not JSON: not an object"},
        {"{\n\"a\": 1", ":2: not JSON: it ends too early, at byte 8"},
        {"{\n/* open", ":2: not JSON: unclosed multiline comment at byte 2"},
        {"{\n\n\"open", ":3: not JSON: it ends too early, at byte 8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char path[64];
        char expected[256];
        struct ry_error err;
        settings_file(path, cases[i].text);
        struct ry_config *config = load(NULL);
        assert_int_equal(ry_config_set(config, RY_OPT_settings_path, path, &err), RY_OK);
        int rc = ry_config_finish(config, &err);
        if (cases[i].error) {
            assert_int_equal(rc, RY_ECONFIG);
            (void)snprintf(expected, sizeof expected, "%s%s", path, cases[i].error);
            assert_string_equal(err.text, expected);
        } else {
            assert_int_equal(rc, RY_OK);
            assert_int_equal(ry_config_int(config, RY_OPT_job_batch_size), 3);
        }
        ry_config_free(&config);
        assert_int_equal(unlink(path), 0);
    }
}

static void values_are_read_by_their_type(void **state)
{
    (void)state;
    static const struct ry_option_row truth = {.name = "truth", .type = RY_TYPE_BOOL, .min = "", .max = "", .unit = ""};
    static const struct ry_option_row list = {
        .name = "list", .type = RY_TYPE_INTS, .min = "0", .max = "9", .unit = "x"};
    static const struct ry_option_row choice = {
        .name = "choice", .type = RY_TYPE_CHOICE, .min = "Auto|text", .max = "", .unit = ""};
    static const struct {
        const struct ry_option_row *row;
        const char *text;
        const char *canonical; /* NULL: refused */
    } cases[] = {
        {&truth, "yes", "yes"},
        {&truth, "FALSE", "FALSE"},
        {&truth, "", NULL},
        {&truth, "2", NULL},
        {&list, "1, 2 ,3", "1, 2 ,3"},
        {&list, "1,,3", NULL},
        {&list, "", NULL},
        {&list, "1,10", NULL},
        {&list, "0000000000000000000000000000000000005x", NULL},
        {&choice, "AUTO", "Auto"},
        {&choice, "aut", NULL},
        {&choice, "", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_option_value value = {.text = NULL};
        struct ry_error err;
        int rc = ry_option_parse(cases[i].row, cases[i].text, "place", &value, &err);
        assert_int_equal(rc, cases[i].canonical ? RY_OK : RY_ECONFIG);
        if (cases[i].canonical)
            assert_string_equal(value.text, cases[i].canonical);
        if (cases[i].canonical && cases[i].row == &truth)
            assert_int_equal(value.truth, cases[i].text[0] == 'y');
        free(value.text);
    }
}

static void a_copy_does_not_change_with_the_original(void **state)
{
    (void)state;
    struct ry_error err;
    struct ry_config *config = load(NULL);
    struct ry_config *copy = ry_config_copy(config);
    assert_non_null(copy);
    assert_int_equal(ry_config_set(config, RY_OPT_data, "elsewhere", &err), RY_OK);
    ry_config_free(&config);
    assert_string_equal(ry_config_str(copy, RY_OPT_data), "./reelyard-data");
    ry_config_free(&copy);
}

static void the_table_of_options_names_every_option(void **state)
{
    (void)state;
    struct ry_buf text = ry_buf_make(1 << 20);
    struct ry_buf table = ry_buf_make(1 << 20);
    ry_config_help(&text, false);
    ry_config_help(&table, true);
    size_t lines = 0;
    for (size_t i = 0; i < table.n; i++)
        lines += table.p[i] == '\n';
    assert_int_equal(lines, 2 + RY_OPT_COUNT);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        assert_true(row->env || row->flag || row->setting);
        assert_non_null(strstr(ry_buf_cstr(&text), row->doc));
        assert_non_null(strstr(ry_buf_cstr(&table), row->env ? row->env : row->setting));
    }
    ry_buf_free(&text);
    ry_buf_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_source_wins),
        cmocka_unit_test(the_defaults_are_allowed_and_typed),
        cmocka_unit_test(a_bad_variable_is_refused_with_its_name_value_and_what_is_allowed),
        cmocka_unit_test(an_environment_that_holds_a_secret_of_others_is_known),
        cmocka_unit_test(a_secret_is_never_printed),
        cmocka_unit_test(flags_end_at_the_first_word),
        cmocka_unit_test(paths_follow_the_data_folder_unless_they_are_given),
        cmocka_unit_test(the_bots_environment_decides_database_and_queue_as_it_does_there),
        cmocka_unit_test(every_level_of_the_bots_log_is_known),
        cmocka_unit_test(options_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_settings_file_may_have_comments_and_its_errors_have_lines),
        cmocka_unit_test(values_are_read_by_their_type),
        cmocka_unit_test(a_copy_does_not_change_with_the_original),
        cmocka_unit_test(the_table_of_options_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Claims about the command line: which words mean what, which jobs are taken, who holds the data folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/shell.h"
#include "runtime/cli/cli.h"
#include "runtime/cli/datadir.h"
#include "runtime/cli/job_entry.h"
#include "runtime/cli/job_input.h"
#include "runtime/cli/message_json.h"
#include "runtime/cli/page.h"
#include "runtime/import/progress.h"
#include "runtime/cli/table.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define WORDS_MAX    10

/* ---- words and options ------------------------------------------------------------------------------------------- */

struct desk {
    struct ry_cli cli;
    char *out;
    char *err;
    size_t out_bytes;
    size_t err_bytes;
};

static void desk_open(struct desk *desk, char *const *env)
{
    *desk = (struct desk){.cli = {.env = env}};
    desk->cli.out = open_memstream(&desk->out, &desk->out_bytes);
    desk->cli.err = open_memstream(&desk->err, &desk->err_bytes);
    assert_true(desk->cli.out && desk->cli.err);
}

static void desk_close(struct desk *desk)
{
    ry_config_free(&desk->cli.config);
    assert_int_equal(fclose(desk->cli.out), 0);
    assert_int_equal(fclose(desk->cli.err), 0);
    free(desk->out);
    free(desk->err);
}

static void desk_flush(struct desk *desk)
{
    assert_int_equal(fflush(desk->cli.out), 0);
    assert_int_equal(fflush(desk->cli.err), 0);
}

/* Copies the words, because a command may reorder them. Returns how many there are. */
static int words_copy(const char *const *words, char **copy)
{
    int n = 0;
    for (; words[n]; n++)
        copy[n] = (char *)(uintptr_t)words[n];
    copy[n] = NULL;
    return n;
}

static const struct {
    const char *argv[WORDS_MAX];
    int code;
    const char *words; /* joined by blanks */
    const char *name;
    bool all;
    const char *err;
} command_lines[] = {
    {{"x", "a", "--all", "b", NULL}, RY_CLI_GO, "a b", NULL, true, ""},
    {{"x", "--data", "d", "a", "--name", "n", NULL}, RY_CLI_GO, "a", "n", false, ""},
    {{"x", "--name=n", "--data=d", "--all", "a", NULL}, RY_CLI_GO, "a", "n", true, ""},
    {{"x", "--data=d", "--all", "--http-port", "1", "a", NULL}, RY_CLI_GO, "a", NULL, true, ""},
    {{"x", "-", "--", "--all", NULL}, RY_CLI_GO, "- --all", NULL, false, ""},
    {{"x", "--data", "d", "--", "--name", NULL}, RY_CLI_GO, "--name", NULL, false, ""},
    {{"x", "--", "--", NULL}, RY_CLI_GO, "--", NULL, false, ""},
    {{"x", NULL}, RY_EXIT_USAGE, "", NULL, false, "reelyard x: something is missing; usage: reelyard x A [B]\n"},
    {{"x", "a", "b", "c", NULL},
     RY_EXIT_USAGE,
     "",
     NULL,
     false,
     "reelyard x: \"c\" is an unexpected argument; usage: reelyard x A [B]\n"},
    {{"x", "a", "--al", NULL},
     RY_EXIT_USAGE,
     "",
     NULL,
     false,
     "reelyard x: unknown option --al; did you mean --all?\n"},
    {{"x", "a", "--htp-port=1", NULL},
     RY_EXIT_USAGE,
     "",
     NULL,
     false,
     "reelyard x: unknown option --htp-port; did you mean --http-port?\n"},
    {{"x", "a", "--bananas", NULL},
     RY_EXIT_USAGE,
     "",
     NULL,
     false,
     "reelyard x: unknown option --bananas; see `reelyard help x`\n"},
    {{"x", "a", "--all=yes", NULL}, RY_EXIT_USAGE, "", NULL, true, "reelyard x: --all takes no value\n"},
    {{"x", "a", "--name", "--all", NULL}, RY_EXIT_USAGE, "", NULL, false, "reelyard x: --name needs a value\n"},
    {{"x", "a", "--data", NULL},
     RY_EXIT_USAGE,
     "",
     NULL,
     false,
     "reelyard x: --data needs a value; usage: reelyard x A [B]\n"},
    {{"x", "a", "--http-port", "x", NULL},
     RY_EXIT_CONFIG,
     "",
     NULL,
     false,
     "reelyard x: --http-port: \"x\" must be a whole number from 0 to 65535 (port)\n"},
    {{"x", "a", "--data=", NULL},
     RY_EXIT_CONFIG,
     "",
     NULL,
     false,
     "reelyard x: data: the name of the data folder is empty\n"},
};

static void options_and_words_are_told_apart(void **state)
{
    (void)state;
    static const struct ry_command command = {.name = "x", .usage = "A [B]", .summary = "does x", .help = ""};
    for (size_t i = 0; i < COUNT(command_lines); i++) {
        struct desk desk;
        char *const env[] = {NULL};
        char *argv[WORDS_MAX];
        const char *name = NULL;
        bool all = false;
        const struct ry_cli_flag flags[] = {{.name = "name", .value = &name}, {.name = "all", .given = &all}};
        desk_open(&desk, env);
        desk.cli.command = &command;
        int argc = words_copy(command_lines[i].argv, argv);
        int code = ry_cli_begin(&desk.cli, &argc, argv, flags, COUNT(flags), 1, 2);
        desk_flush(&desk);
        assert_string_equal(desk.err, command_lines[i].err);
        assert_int_equal(code, command_lines[i].code);
        if (code == RY_CLI_GO) {
            char words[128] = "";
            for (int k = 1; k < argc; k++)
                (void)snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", k > 1 ? " " : "", argv[k]);
            assert_string_equal(words, command_lines[i].words);
            assert_int_equal(all, command_lines[i].all);
            assert_string_equal(name ? name : "(none)", command_lines[i].name ? command_lines[i].name : "(none)");
        }
        desk_close(&desk);
    }
}

static void a_variable_that_is_no_setting_is_named_with_the_nearest_once(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *err; /* NULL: nothing */
    } cases[] = {
        {"REELYARD_HTTP_PORT=81", NULL},
        {"REELYARD_HTTP_PORT=", NULL},
        {"REELYARD_HTTP_PROT=81",
         "reelyard x: REELYARD_HTTP_PROT is ignored: no such setting; did you mean REELYARD_HTTP_PORT?\n"},
        {"REELYARD_DATABASE_URL=postgresql://u:hunter2@h/d",
         "reelyard x: REELYARD_DATABASE_URL is ignored: no such setting; did you mean DATABASE_URL?\n"},
        {"REELYARD_BOT_TOKEN=hunter2",
         "reelyard x: REELYARD_BOT_TOKEN is ignored: no such setting; did you mean BOT_TOKEN?\n"},
        {"REELYARD_THUMBNAIL_TIMESTAMP=2",
         "reelyard x: REELYARD_THUMBNAIL_TIMESTAMP is ignored: no such setting; did you mean "
         "THUMBNAIL_TIMESTAMP?\n"},
        {"REELYARD_XYZZY_PLUGH_QUUX=1",
         "reelyard x: REELYARD_XYZZY_PLUGH_QUUX is ignored: no such setting; see `reelyard options`\n"},
        {"REELYARD=1", NULL},
        {"STORAGE_PTAH=x", NULL}, /* may be another program's */
    };
    static const struct ry_command command = {.name = "x", .usage = "", .summary = "does x", .help = ""};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk desk;
        char *const env[] = {(char *)(uintptr_t)cases[i].variable, NULL};
        char *argv[] = {(char *)(uintptr_t) "x", NULL};
        int argc = 1;
        desk_open(&desk, env);
        desk.cli.command = &command;
        assert_int_equal(ry_cli_begin(&desk.cli, &argc, argv, NULL, 0, 0, 0), RY_CLI_GO);
        desk_flush(&desk);
        assert_string_equal(desk.err, cases[i].err ? cases[i].err : "");
        desk_close(&desk);
    }
}

static const struct {
    const char *argv[WORDS_MAX];
    int code;
    const char *out; /* what must stand there */
    const char *err;
} program_runs[] = {
    {{"reelyard", NULL}, RY_EXIT_USAGE, "", "usage: reelyard COMMAND"},
    {{"reelyard", "help", NULL}, RY_EXIT_DONE, "usage: reelyard COMMAND", ""},
    {{"reelyard", "--help", NULL}, RY_EXIT_DONE, "usage: reelyard COMMAND", ""},
    {{"reelyard", "help", "run", NULL}, RY_EXIT_DONE, "usage: reelyard run", ""},
    {{"reelyard", "dead", "show", "--help", NULL}, RY_EXIT_DONE, "usage: reelyard dead", ""},
    {{"reelyard", "import", "-h", NULL}, RY_EXIT_DONE, "usage: reelyard import", ""},
    {{"reelyard", "help", "options", NULL}, RY_EXIT_DONE, "--http-port, REELYARD_HTTP_PORT\n", ""},
    {{"reelyard", "options", "--markdown", NULL}, RY_EXIT_DONE, "| `--http-port`", ""},
    {{"reelyard", "help", "nothing", NULL}, RY_EXIT_USAGE, "", "there is no command \"nothing\""},
    {{"reelyard", "version", NULL}, RY_EXIT_DONE, "reelyard " REELYARD_VERSION "\nmessages 1\n", ""},
    {{"reelyard", "--version", NULL}, RY_EXIT_DONE, "reelyard " REELYARD_VERSION, ""},
    {{"reelyard", "config", "--http-port", "81", NULL}, RY_EXIT_DONE, "http_port=81  (flag)\n", ""},
    {{"reelyard", "config", "--http-port", "x", NULL}, RY_EXIT_CONFIG, "", "--http-port"},
    {{"reelyard", "imprt", NULL}, RY_EXIT_USAGE, "", "did you mean \"import\"?"},
    {{"reelyard", "stat", NULL}, RY_EXIT_USAGE, "", "did you mean \"status\"?"},
    {{"reelyard", "xyzzy", NULL}, RY_EXIT_USAGE, "", "see `reelyard help`"},
    {{"reelyard", "--data", "x", "run", NULL}, RY_EXIT_USAGE, "", "the command comes first"},
    {{"reelyard", "failed", "lst", NULL}, RY_EXIT_USAGE, "", "\"lst\" must be list or retry"},
    {{"reelyard", "failed", "retry", NULL}, RY_EXIT_USAGE, "", "retry needs clip ids, or --all"},
    {{"reelyard", "failed", "retry", "x", NULL}, RY_EXIT_USAGE, "", "\"x\" is not a clip id"},
    {{"reelyard", "dead", "drop", NULL}, RY_EXIT_USAGE, "", "drop needs ids, or --all"},
    {{"reelyard", "dead", "show", "x", NULL}, RY_EXIT_USAGE, "", "\"x\" is not an id of a dead letter"},
    {{"reelyard", "dead", "drop", "1", "--all", NULL}, RY_EXIT_USAGE, "", "drop needs ids, or --all"},
    {{"reelyard", "dead", "list", "--data", "/nonexistent/r", NULL}, RY_EXIT_FAILED, "", "there is no archive at"},
    {{"reelyard", "failed", "list", "--data", "/nonexistent/r", NULL}, RY_EXIT_FAILED, "", "there is no archive at"},
    {{"reelyard", "status", "--data", "/nonexistent/r", NULL}, RY_EXIT_DONE, "archive  there is none yet", ""},
    {{"reelyard", "enqueue", "x", "--priority", "urgent", NULL}, RY_EXIT_USAGE, "", "must be live or backfill"},
    {{"reelyard", "enqueue", "/nonexistent/jobs", NULL}, RY_EXIT_FAILED, "", "cannot open /nonexistent/jobs"},
    {{"reelyard", "run", "--roles", "clown", NULL}, RY_EXIT_USAGE, "", "there is no role \"clown\""},
    {{"reelyard", "up", "--env-file", "/nonexistent/env", NULL},
     RY_EXIT_CONFIG,
     "",
     "reelyard up: --env-file: cannot open /nonexistent/env: No such file or directory"},
    {{"reelyard", "up", "--env-file", NULL}, RY_EXIT_USAGE, "", "--env-file needs a value"},
    {{"reelyard", "up", "--env-file", "--encoder", "1", NULL}, RY_EXIT_USAGE, "", "--env-file needs a value"},
    {{"reelyard", "up", "--settings", "/nonexistent/s.jsonc", NULL}, RY_EXIT_CONFIG, "", "/nonexistent/s.jsonc"},
    {{"reelyard", "up", "--help", NULL}, RY_EXIT_DONE, "usage: reelyard up", ""},
    {{"reelyard", "actor", "clown", NULL}, RY_EXIT_USAGE, "", "there is no role \"clown\""},
};

static void the_program_answers_with_its_exit_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(program_runs); i++) {
        struct desk desk;
        char *const env[] = {NULL};
        char *argv[WORDS_MAX];
        desk_open(&desk, env);
        int argc = words_copy(program_runs[i].argv, argv);
        int code = ry_cli_main(&desk.cli, argc, argv);
        desk_flush(&desk);
        if (code != program_runs[i].code || !strstr(desk.out, program_runs[i].out) ||
            !strstr(desk.err, program_runs[i].err))
            fail_msg("%s %s: code %d\n%s%s", argv[1], argc > 2 ? program_runs[i].argv[2] : "", code, desk.out,
                     desk.err);
        desk_close(&desk);
    }
}

static void strangers_text_cannot_steer_the_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed;
    } cases[] = {
        {"plain 名", "plain 名"},
        {"\033[2J", "?[2J"},
        {"a\nb", "a?b"},
        {"\xc2\x9b"
         "1m",
         "?1m"},
        {"\xff\xfe", "??"},
        {"cut \xe5\x90", "cut ??"},
        {"\x7f", "?"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk desk;
        char *const env[] = {NULL};
        desk_open(&desk, env);
        ry_cli_print_safe(desk.cli.out, ry_str_of(cases[i].text));
        desk_flush(&desk);
        assert_string_equal(desk.out, cases[i].printed);
        desk_close(&desk);
    }
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

#define REST ", \"guild_id\": \"1\", \"channel_id\": \"2\", \"created_at\": \"2024-10-19T15:03:09Z\"}"
#define ID   "\"job_id\": \"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d\""

static const struct {
    const char *json;
    const char *error; /* NULL: taken */
    enum ry_priority priority;
} jobs[] = {
    {"{" ID ", \"type\": \"batch\"" REST, NULL, RY_PRIORITY_BACKFILL},
    {"{" ID ", \"type\": \"message\", \"message_ids\": [\"3\"]" REST, NULL, RY_PRIORITY_LIVE},
    {"{" ID ", \"type\": \"messages\", \"messages\": []" REST, NULL, RY_PRIORITY_BACKFILL},
    {"{" ID ", \"type\": \"thumbnail_retry\"" REST, NULL, RY_PRIORITY_RETRY},
    {"{" ID ", \"type\": \"message_deletion\", \"message_id\": \"3\"" REST, NULL, RY_PRIORITY_DELETE},
    {"{" ID ", \"type\": \"purge_guild\", \"guild_id\": \"1\", \"channel_id\": \"0\", \"created_at\": "
     "\"2024-10-19T15:03:09.123456\"}",
     NULL, RY_PRIORITY_DELETE},
    {"{" ID ", \"type\": \"thumbnail_cleanup\", \"guild_id\": \"global\", \"channel_id\": \"0\"}", NULL,
     RY_PRIORITY_RETRY},
    {"{\"type\": \"batch\"" REST, NULL, RY_PRIORITY_BACKFILL},
    {"{\"type\": \"batch\", \"job_id\": null" REST, NULL, RY_PRIORITY_BACKFILL},
    {"[1]", "a job is a JSON object", 0},
    {"null", "a job is a JSON object", 0},
    {"{" ID REST, "type is missing", 0},
    {"{" ID ", \"type\": 5" REST, "type is not a string", 0},
    {"{" ID ", \"type\": \"dance\"" REST, "there is no job type \"dance\"", 0},
    {"{" ID ", \"type\": \"messages\"" REST, "a job of type messages needs messages, a list", 0},
    {"{" ID ", \"type\": \"messages\", \"messages\": \"x\"" REST, "a job of type messages needs messages, a list", 0},
    {"{" ID ", \"type\": \"message_deletion\"" REST, "a job of type message_deletion needs message_id, a string", 0},
    {"{" ID ", \"type\": \"batch\", \"channel_id\": \"2\"}", "guild_id is missing", 0},
    {"{" ID ", \"type\": \"batch\", \"guild_id\": 1, \"channel_id\": \"2\"}", "guild_id is not a string", 0},
    {"{" ID ", \"type\": \"batch\", \"guild_id\": \"x\", \"channel_id\": \"2\"}",
     "guild_id must be a snowflake (or \"global\") in a string", 0},
    {"{" ID ", \"type\": \"batch\", \"guild_id\": \"1\", \"channel_id\": \"-2\"}",
     "channel_id must be a snowflake (or \"0\") in a string", 0},
    {"{" ID ", \"type\": \"batch\", \"guild_id\": \"1\", \"channel_id\": \"2\", \"created_at\": \"today\"}",
     "created_at must be a time such as 2024-10-19T15:03:09Z", 0},
    {"{\"job_id\": \"7\", \"type\": \"batch\"" REST,
     "job_id must be a UUID, such as 6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d", 0},
    {"{\"job_id\": \"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c\\u0000f3d\", \"type\": \"batch\"" REST,
     "job_id must be a UUID, such as 6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d", 0},
};

static void a_job_has_what_the_contract_asks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(jobs); i++) {
        struct ry_job_entry entry;
        struct ry_error err = {.text = ""};
        RY_JSON_AUTO *doc = NULL;
        assert_int_equal(ry_json_parse(ry_str_of(jobs[i].json), &doc, &err), RY_OK);
        int rc = ry_job_entry_read(&entry, ry_json_root(doc), 1729350189000, &err);
        if (jobs[i].error) {
            assert_int_equal(rc, RY_EINVAL);
            assert_string_equal(err.text, jobs[i].error);
            continue;
        }
        if (rc != RY_OK)
            fail_msg("%s: %s", jobs[i].json, err.text);
        assert_int_equal(entry.push.priority, jobs[i].priority);
        assert_int_equal(entry.push.job_id.n, RY_UUID_BYTES - 1);
        assert_int_equal(entry.id_made, strstr(jobs[i].json, ID) == NULL);
        assert_non_null(strstr(entry.push.json.p, "\"created_at\":\"2024-10-19T15:03:09"));
        ry_job_entry_free(&entry);
    }
}

static void jobs_are_read_one_an_array_or_one_after_the_other(void **state)
{
    (void)state;
    /* read: a letter for each call: v a value, b broken, x an error that ends it, . the end. */
    static const struct {
        const char *text;
        const char *read;
        const char *error; /* the first one */
    } cases[] = {
        {"", ".", NULL},
        {" \n\n", ".", NULL},
        {"{}", "v.", NULL},
        {"\xEF\xBB\xBF{}", "v.", NULL},
        {"{\n \"a\":\n 1\n}\n", "v.", NULL},
        {"{}\n{}\n\n{}", "vvv.", NULL},
        {"{} {}{}", "vvv.", NULL},
        {"[]", ".", NULL},
        {"\n [{}, 1,\n null]\n", "vvv.", NULL},
        {"[{}", "x", "line 1: not JSON: it ends too early, at byte 3"},
        {"[{}\n,\n}]", "x", "line 3: not JSON: unexpected character, expected a valid JSON value at byte 6"},
        {"[]\n{}", "x", "line 2: not JSON: unexpected data after the array"},
        {"{}\nnonsense\n{}", "vbv.",
         "line 2: not JSON: invalid literal, expected a valid literal such as 'null' at byte 0"},
        {"{}\n{\"a\" 1}\n{}", "vbv.",
         "line 2: not JSON: unexpected character, expected a colon after object key at byte 5"},
        {"{\"a\":\n{}\n{}", "bv.",
         "line 1: not JSON: unexpected character, expected a comma or a closing brace at byte 9"},
        {"{}\n{\"a\": 1", "vb.", "line 2: not JSON: it ends too early, at byte 7"},
        {"{\"a\":\n1,\n\"b\":", "b.", "line 1: not JSON: it ends too early, at byte 13"},
        {"{\n\"a\": x\n},\n{}", "bv.", "line 1: not JSON: unexpected character, expected a valid JSON value at byte 7"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ry_job_input input;
        struct ry_error err;
        char read[16] = "";
        char first[sizeof err.text] = "";
        FILE *file = fmemopen((void *)(uintptr_t)cases[i].text, strlen(cases[i].text), "r");
        if (file == NULL) /* fmemopen knows no empty file */
            file = fopen("/dev/null", "re");
        assert_non_null(file);
        ry_job_input_init(&input, file);
        for (size_t n = 0; n < sizeof read - 1; n++) {
            const struct ry_json *value = NULL;
            int rc = ry_job_input_next(&input, &value, &err);
            read[n] = rc == RY_OK ? 'v' : rc == RY_ENOENT ? '.' : rc == RY_EINVAL ? 'b' : 'x';
            if ((read[n] == 'b' || read[n] == 'x') && first[0] == '\0')
                (void)snprintf(first, sizeof first, "%s", err.text);
            if (read[n] == '.' || read[n] == 'x')
                break;
        }
        if (strcmp(read, cases[i].read) != 0 || strcmp(first, cases[i].error ? cases[i].error : "") != 0)
            fail_msg("%s\nread as %s: %s", cases[i].text, read, first);
        ry_job_input_free(&input);
        assert_int_equal(fclose(file), 0);
    }
}

/* ---- the data folder --------------------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

/* A configuration whose data folder is `below` in a new temporary one. */
static struct ry_config *data_config(char folder[64], const char *below)
{
    struct ry_config *config = NULL;
    struct ry_error err;
    char data[256];
    char *const env[] = {NULL};
    (void)snprintf(folder, 64, "/tmp/reelyard-cli-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(data, sizeof data, "%s/%s", folder, below);
    assert_int_equal(ry_config_load(&config, env, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_data, data, &err), RY_OK);
    assert_int_equal(ry_config_finish(config, &err), RY_OK);
    return config;
}

static void data_remove(const char *folder, struct ry_config **config)
{
    ry_config_free(config);
    assert_int_equal(nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void one_process_holds_the_data_folder(void **state)
{
    (void)state;
    char folder[64];
    char socket[RY_SOCKET_PATH_BYTES];
    struct ry_error err;
    struct ry_datadir_holder holder;
    struct ry_config *config = data_config(folder, "a/b");
    assert_int_equal(ry_datadir_ask(config, &holder, &err), RY_OK);
    assert_false(holder.held);
    assert_int_equal(ry_datadir_prepare(config, &err), RY_OK);
    assert_int_equal(ry_datadir_prepare(config, &err), RY_OK);
    assert_int_equal(ry_datadir_socket(config, socket, &err), RY_OK);

    int lock_fd = -1;
    int second_fd = -1;
    assert_int_equal(ry_datadir_lock(config, socket, &lock_fd, &err), RY_OK);
    assert_int_equal(ry_datadir_ask(config, &holder, &err), RY_OK);
    assert_true(holder.held);
    assert_int_equal(holder.pid, getpid());
    assert_string_equal(holder.socket, socket);
    assert_int_equal(ry_datadir_lock(config, socket, &second_fd, &err), RY_EBUSY);
    char pid[32];
    (void)snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));

    assert_int_equal(close(lock_fd), 0);
    assert_int_equal(ry_datadir_ask(config, &holder, &err), RY_OK);
    assert_false(holder.held);
    assert_string_equal(holder.socket, "");
    assert_int_equal(ry_datadir_lock(config, NULL, &second_fd, &err), RY_OK);
    assert_int_equal(ry_datadir_ask(config, &holder, &err), RY_OK);
    assert_true(holder.held);
    assert_string_equal(holder.socket, "");
    assert_int_equal(close(second_fd), 0);
    data_remove(folder, &config);
}

static mode_t mode_of(const char *folder, const char *name)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (stat(path, &st) != 0)
        fail_msg("%s is not there", path);
    return st.st_mode & 0777;
}

static void make_wide(const char *folder, const char *name, bool file)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file)
        assert_int_equal(mknod(path, S_IFREG | 0600, 0), 0);
    else if (access(path, F_OK) != 0)
        assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, file ? 0664 : 0775), 0);
}

static void a_data_folder_is_its_owners_alone_whatever_the_umask(void **state)
{
    (void)state;
    char folder[64];
    struct ry_error err;
    struct ry_config *config = data_config(folder, "a");
    mode_t before = umask(0);
    assert_int_equal(ry_datadir_prepare(config, &err), RY_OK);
    (void)umask(before);
    assert_int_equal(mode_of(folder, "a"), 0700);
    assert_int_equal(mode_of(folder, "a/run"), 0700);
    data_remove(folder, &config);
}

static void what_an_earlier_version_left_open_is_shut_and_foreign_folders_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *file; /* in the folder; NULL: it is empty */
        bool shut;
    } cases[] = {{"reelyard.db", true}, {NULL, true}, {"holiday.jpg", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[64];
        struct ry_error err;
        struct ry_config *config = data_config(folder, "a");
        make_wide(folder, "a", false);
        if (cases[i].file != NULL) {
            char name[64];
            (void)snprintf(name, sizeof name, "a/%s", cases[i].file);
            make_wide(folder, name, true);
        }
        if (i == 0) {
            make_wide(folder, "a/reelyard.db-wal", true);
            make_wide(folder, "a/reelyard.db-shm", true);
        }
        assert_int_equal(ry_datadir_prepare(config, &err), RY_OK);
        assert_int_equal(mode_of(folder, "a"), cases[i].shut ? 0700 : 0775);
        if (i == 0) {
            assert_int_equal(mode_of(folder, "a/reelyard.db"), 0600);
            assert_int_equal(mode_of(folder, "a/reelyard.db-wal"), 0600);
            assert_int_equal(mode_of(folder, "a/reelyard.db-shm"), 0600);
        }
        data_remove(folder, &config);
    }
}

static void a_run_folder_that_others_may_enter_is_refused(void **state)
{
    (void)state;
    char folder[64];
    char run[256];
    struct ry_error err;
    struct ry_config *config = data_config(folder, "d");
    assert_int_equal(ry_datadir_prepare(config, &err), RY_OK);
    (void)snprintf(run, sizeof run, "%s/d/run", folder);
    assert_int_equal(chmod(run, 0750), 0);
    assert_int_equal(ry_datadir_prepare(config, &err), RY_EACCES);
    assert_non_null(strstr(err.text, "--run-dir"));
    data_remove(folder, &config);
}

static void a_file_in_the_way_of_the_data_folder_is_named(void **state)
{
    (void)state;
    char folder[64];
    char path[128];
    struct ry_error err;
    struct ry_config *config = data_config(folder, "file/data");
    (void)snprintf(path, sizeof path, "%s/file", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(ry_datadir_prepare(config, &err), RY_EIO);
    assert_non_null(strstr(err.text, path));
    data_remove(folder, &config);
}

static void a_socket_path_that_is_too_long_names_the_option(void **state)
{
    (void)state;
    char folder[64];
    char name[101];
    char socket[RY_SOCKET_PATH_BYTES];
    struct ry_error err;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct ry_config *config = data_config(folder, name);
    assert_int_equal(ry_datadir_socket(config, socket, &err), RY_ECONFIG);
    assert_non_null(strstr(err.text, "--run-dir"));
    data_remove(folder, &config);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static void progress_tells_share_rate_and_what_is_left(void **state)
{
    (void)state;
    static const struct {
        uint64_t first;
        uint64_t done;
        uint64_t total;
        int64_t after_ms;
        const char *detail;
        size_t width;
        const char *line;
    } cases[] = {
        {0, 50, 200, 10000, NULL, 60, "clips   25.0 %  50/200  5.0/s  ETA 0:30"},
        {0, 50, 200, 10000, "2 failed", 60, "clips   25.0 %  50/200  5.0/s  ETA 0:30  2 failed"},
        {0, 50, 200, 10000, NULL, 80, "clips  [======>                 ]  25.0 %  50/200  5.0/s  ETA 0:30"},
        {100, 150, 200, 10000, NULL, 60, "clips   75.0 %  150/200  5.0/s  ETA 0:10"},
        {0, 200, 200, 10000, NULL, 60, "clips  100.0 %  200/200  20.0/s"},
        {0, 1, 10001, 1000, NULL, 60, "clips    0.0 %  1/10001  1.0/s  ETA 2:46:40"},
        {0, 7, 0, 1000, NULL, 60, "clips  7  7.0/s"},
        {0, 7000, 0, 2000, NULL, 60, "clips  7000  3500/s"},
        {0, 0, 10, 0, NULL, 60, "clips    0.0 %  0/10"},
        {0, 50, 200, 10000, NULL, 12, "clips   25.0"},
        {0, 7, 0, 1000, "größer", 20, "clips  7  7.0/s  grö"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[256];
        struct ry_progress progress = {.label = "clips", .begun = true, .first = cases[i].first, .begun_mono_ms = 1000};
        ry_progress_line(&progress, 1000 + cases[i].after_ms, cases[i].done, cases[i].total, cases[i].detail,
                         cases[i].width, line, sizeof line);
        assert_string_equal(line, cases[i].line);
    }
}

static void plain_progress_says_little(void **state)
{
    (void)state;
    struct desk desk;
    char *const env[] = {NULL};
    struct ry_clock_manual clock;
    struct ry_progress progress;
    ry_clock_manual_init(&clock, 0);
    desk_open(&desk, env);
    ry_progress_init(&progress, desk.cli.out, &clock.clock, "clips");
    for (uint64_t done = 0; done < 120; done++) {
        ry_progress_update(&progress, done, 200, NULL);
        ry_clock_manual_advance(&clock, 100);
    }
    ry_progress_finish(&progress, 120, 200, NULL);
    desk_flush(&desk);
    assert_string_equal(desk.out, "clips  [======>                 ]  25.0 %  50/200  10.0/s  ETA 0:15\n"
                                  "clips  [============>           ]  50.0 %  100/200  10.0/s  ETA 0:10\n"
                                  "clips  [==============>         ]  60.0 %  120/200  10.0/s  ETA 0:08\n");
    desk_close(&desk);
}

static void a_table_is_as_wide_as_its_cells(void **state)
{
    (void)state;
    static const char *const headings[] = {"ID", "NAME", "WHY"};
    static const char *const cells[] = {"1", "größe", "x\033y", "22", "n", ""};
    struct desk desk;
    char *const env[] = {NULL};
    struct ry_table table;
    desk_open(&desk, env);
    ry_table_init(&table, headings, COUNT(headings));
    for (size_t i = 0; i < COUNT(cells); i++)
        ry_table_cell(&table, "%s", cells[i]);
    ry_table_print(&table, desk.cli.out);
    desk_flush(&desk);
    assert_string_equal(desk.out, "ID  NAME   WHY\n"
                                  "1   größe  x?y\n"
                                  "22  n      \n");
    desk_close(&desk);
}

static void a_word_is_quoted_when_a_shell_would_take_it_apart(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *quoted;
    } cases[] = {
        {"./reelyard-data", "./reelyard-data"},
        {"/srv/a b", "'/srv/a b'"},
        {"", "''"},
        {"it's", "'it'\\''s'"},
        {"$(reboot)", "'$(reboot)'"},
        {"größe", "'größe'"},
        {"~", "'~'"},
        {"a\nb'\033[2J", "$'a\\012b\\047\\033[2J'"},
        {"caf\xe9", "$'caf\\351'"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        RY_BUF_AUTO out = ry_buf_make(100);
        ry_shell_word(&out, ry_str_of(cases[i].word));
        assert_string_equal(ry_buf_cstr(&out), cases[i].quoted);
    }
}

static void the_way_to_the_page_is_that_of_the_node_that_runs_or_the_command_that_starts_one(void **state)
{
    (void)state;
    static const struct {
        const char *argv[WORDS_MAX];
        const char *variable;
        struct ry_page page;
        const char *told;
    } cases[] = {
        {{"x", NULL},
         NULL,
         {.joined = false},
         "To look at it: reelyard run --data ./reelyard-data, then http://127.0.0.1:8080/\n"},
        {{"x", "--data", "/srv/a b", "--http-port", "81", NULL},
         NULL,
         {.joined = false},
         "To look at it: reelyard run --data '/srv/a b' --http-port 81, then http://127.0.0.1:81/\n"},
        {{"x", "--http-bind", "::", NULL},
         NULL,
         {.joined = false},
         "To look at it: reelyard run --data ./reelyard-data --http-bind ::, then http://localhost:8080/\n"},
        {{"x", NULL},
         "REELYARD_HTTP_PORT=82",
         {.joined = false},
         "To look at it: reelyard run --data ./reelyard-data, then http://127.0.0.1:82/\n"},
        {{"x", NULL},
         "REELYARD_HTTP_BIND=fd00::7",
         {.joined = false},
         "To look at it: reelyard run --data ./reelyard-data, then http://[fd00::7]:8080/\n"},
        {{"x", "--http-port", "0", NULL}, NULL, {.joined = false}, ""},
        {{"x", NULL},
         NULL,
         {.joined = true, .known = true, .url = "http://127.0.0.1:9090/"},
         "To look at it: http://127.0.0.1:9090/\n"},
        {{"x", NULL},
         NULL,
         {.joined = true, .known = true},
         "The running node has no web page; start it with --http-port to enable it.\n"},
        {{"x", NULL}, NULL, {.joined = true}, ""},
    };
    static const struct ry_command command = {.name = "x", .usage = "", .summary = "does x", .help = ""};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk desk;
        char *const env[] = {(char *)(uintptr_t)cases[i].variable, NULL};
        char *argv[WORDS_MAX];
        desk_open(&desk, env);
        desk.cli.command = &command;
        int argc = words_copy(cases[i].argv, argv);
        assert_int_equal(ry_cli_begin(&desk.cli, &argc, argv, NULL, 0, 0, 0), RY_CLI_GO);
        ry_page_tell(desk.cli.out, desk.cli.config, &cases[i].page);
        desk_flush(&desk);
        assert_string_equal(desk.out, cases[i].told);
        desk_close(&desk);
    }
}

static void a_message_becomes_json_by_its_descriptor(void **state)
{
    (void)state;
    struct ry_failed_clip clip = {.clip_id = RY_STR("d1523646fd8f70dd6e199d427ae00606"),
                                  .channel_id = RY_STR("2"),
                                  .filename = RY_STR("\"a\".mp4"),
                                  .retries = UINT64_MAX,
                                  .next_wall_ms = -5};
    const struct ry_failed_page page = {.clips = {.items = &clip, .n = 1}, .more = true};
    RY_BUF_AUTO text = ry_buf_make(4096);
    struct ry_json_writer writer = ry_json_writer(&text, false);
    ry_message_json(&writer, NULL, &ry_descriptor(RY_TAG_failed_page)->record, &page);
    assert_string_equal(ry_buf_cstr(&text),
                        "{\"clips\":[{\"clip_id\":\"d1523646fd8f70dd6e199d427ae00606\",\"channel_id\":\"2\","
                        "\"filename\":\"\\\"a\\\".mp4\",\"reason\":null,\"retries\":18446744073709551615,"
                        "\"last_wall_ms\":0,\"next_wall_ms\":-5,\"class\":0,\"encoder\":null,\"url\":null,\"kind\":"
                        "null,\"alike\":0}],\"more\":true,\"error\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_words_are_told_apart),
        cmocka_unit_test(a_variable_that_is_no_setting_is_named_with_the_nearest_once),
        cmocka_unit_test(the_program_answers_with_its_exit_codes),
        cmocka_unit_test(strangers_text_cannot_steer_the_terminal),
        cmocka_unit_test(a_job_has_what_the_contract_asks),
        cmocka_unit_test(jobs_are_read_one_an_array_or_one_after_the_other),
        cmocka_unit_test(one_process_holds_the_data_folder),
        cmocka_unit_test(a_data_folder_is_its_owners_alone_whatever_the_umask),
        cmocka_unit_test(what_an_earlier_version_left_open_is_shut_and_foreign_folders_are_not),
        cmocka_unit_test(a_run_folder_that_others_may_enter_is_refused),
        cmocka_unit_test(a_file_in_the_way_of_the_data_folder_is_named),
        cmocka_unit_test(a_socket_path_that_is_too_long_names_the_option),
        cmocka_unit_test(progress_tells_share_rate_and_what_is_left),
        cmocka_unit_test(plain_progress_says_little),
        cmocka_unit_test(a_table_is_as_wide_as_its_cells),
        cmocka_unit_test(a_word_is_quoted_when_a_shell_would_take_it_apart),
        cmocka_unit_test(the_way_to_the_page_is_that_of_the_node_that_runs_or_the_command_that_starts_one),
        cmocka_unit_test(a_message_becomes_json_by_its_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* `reelyard failed`: clips whose thumbnails failed and rows that the database refused, as the writer tells. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "runtime/cli/message_json.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"

#define PAGE_CLIPS    1000
#define CLIPS_MAX     10000
#define ROWS_MAX      1000
#define CLIP_ID_BYTES 65

static int database_error(struct ry_str reason, struct ry_error *err)
{
    return ry_fail(err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(reason));
}

/* Hands every failed clip to take. */
static int each_failed(struct ry_session *session, void (*take)(void *arg, const struct ry_failed_clip *clip),
                       void *arg, struct ry_error *err)
{
    char after[CLIP_ID_BYTES] = "";
    bool more = true;
    while (more) {
        const struct ry_failed_get question = {.limit = PAGE_CLIPS, .after_id = ry_str_of(after)};
        const struct ry_mail *answer = NULL;
        int rc = ry_session_ask(session, RY_TAG_failed_get, &question, &answer, err);
        if (rc != RY_OK)
            return rc;
        const struct ry_failed_page *page = RY_BODY(answer, failed_page);
        if (page->error.p)
            return database_error(page->error, err);
        for (size_t i = 0; i < page->clips.n; i++)
            take(arg, &page->clips.items[i]);
        more = page->more && page->clips.n > 0;
        if (more)
            (void)snprintf(after, sizeof after, "%.*s", RY_STR_ARG(page->clips.items[page->clips.n - 1].clip_id));
    }
    return RY_OK;
}

static void add_json(void *arg, const struct ry_failed_clip *clip)
{
    const struct ry_descriptor *page = ry_descriptor(RY_TAG_failed_page);
    ry_message_json(arg, NULL, page->record.fields[0].record, clip);
}

static void add_row(void *arg, const struct ry_failed_clip *clip)
{
    struct ry_table *table = arg;
    char next[RY_TIME_TEXT_BYTES];
    ry_time_format(clip->next_wall_ms, next);
    ry_table_cell(table, "%.*s", RY_STR_ARG(clip->clip_id));
    ry_table_cell(table, "%.*s", RY_STR_ARG(clip->channel_id));
    ry_table_cell(table, "%.*s", RY_STR_ARG(clip->filename));
    ry_table_cell(table, "%llu", (unsigned long long)clip->retries);
    ry_table_cell(table, "%s", clip->class == RY_FAILURE_PERMANENT ? "never by itself" : next);
    ry_table_cell(table, "%.*s", RY_STR_ARG(clip->reason));
}

/* The rows that were refused, behind the clips: objects of the same list, or a table of their own where there are some.
 */
static int add_refused(struct ry_session *session, struct ry_json_writer *array, FILE *out, struct ry_error *err)
{
    static const char *const headings[] = {"REFUSED ROW", "KEY", "CHANNEL", "WHEN", "REASON"};
    const struct ry_refused_get question = {.limit = ROWS_MAX};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(session, RY_TAG_refused_get, &question, &answer, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_refused_page *page = RY_BODY(answer, refused_page);
    if (page->error.p)
        return database_error(page->error, err);
    const struct ry_record *record = ry_descriptor(RY_TAG_refused_page)->record.fields[0].record;
    for (size_t i = 0; array != NULL && i < page->rows.n; i++)
        ry_message_json(array, NULL, record, &page->rows.items[i]);
    if (array != NULL || page->rows.n == 0)
        return RY_OK;
    struct ry_table table;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    for (size_t i = 0; i < page->rows.n; i++) {
        const struct ry_refused_row *row = &page->rows.items[i];
        char when[RY_TIME_TEXT_BYTES];
        ry_time_format(row->refused_wall_ms, when);
        ry_table_cell(&table, "%.*s", RY_STR_ARG(row->table));
        ry_table_cell(&table, "%.*s", RY_STR_ARG(row->key));
        ry_table_cell(&table, "%.*s", RY_STR_ARG(row->channel_id));
        ry_table_cell(&table, "%s", when);
        ry_table_cell(&table, "%.*s", RY_STR_ARG(row->reason));
    }
    (void)fputc('\n', out);
    ry_table_print(&table, out);
    if (page->more)
        (void)fprintf(out, "and more: the last %d are shown\n", ROWS_MAX);
    return RY_OK;
}

static int list(struct ry_cli *cli, struct ry_session *session, bool json, struct ry_error *err)
{
    static const char *const headings[] = {"CLIP", "CHANNEL", "FILE", "TRIES", "NEXT TRY", "REASON"};
    if (json) {
        RY_BUF_AUTO text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES);
        struct ry_json_writer array = ry_json_writer(&text, true);
        ry_json_put_array(&array, NULL);
        int rc = each_failed(session, add_json, &array, err);
        if (rc == RY_OK)
            rc = add_refused(session, &array, NULL, err);
        ry_json_put_end(&array);
        return rc == RY_OK ? ry_message_json_print(&text, cli->out, err) : rc;
    }
    struct ry_table table;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    int rc = each_failed(session, add_row, &table, err);
    ry_table_print(&table, cli->out);
    return rc == RY_OK ? add_refused(session, NULL, cli->out, err) : rc;
}

static int retry(struct ry_cli *cli, struct ry_session *session, char **clips, size_t count, struct ry_error *err)
{
    struct ry_str ids[CLIPS_MAX];
    for (size_t i = 0; i < count; i++)
        ids[i] = ry_str_of(clips[i]);
    const struct ry_failed_retry question = {.clip_ids = {.items = ids, .n = count}};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(session, RY_TAG_failed_retry, &question, &answer, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_failed_retried *retried = RY_BODY(answer, failed_retried);
    if (retried->error.p)
        return database_error(retried->error, err);
    (void)fprintf(cli->out, "%llu %s for thumbnails again%s\n", (unsigned long long)retried->count,
                  retried->count == 1 ? "clip waits" : "clips wait",
                  session->node && retried->count > 0 ? "; no node is running: start one with `reelyard run`" : "");
    if (retried->count < count)
        return ry_fail(err, RY_ENOENT, "%llu of the %zu clips given had not failed, or do not exist",
                       (unsigned long long)(count - retried->count), count);
    return RY_OK;
}

/* Whether the words make sense. */
static int check_words(struct ry_cli *cli, int argc, char **argv, bool all, bool json)
{
    bool lists = strcmp(argv[1], "list") == 0;
    bool retries = strcmp(argv[1], "retry") == 0;
    if (!lists && !retries)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "\"%s\" must be list or retry", argv[1]);
    if ((lists && (argc > 2 || all)) || (retries && json))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "usage: reelyard failed %s", cli->command->usage);
    if (retries && (argc > 2) == all)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "retry needs clip ids, or --all");
    for (int i = 2; i < argc; i++)
        if (strlen(argv[i]) < 32 || strlen(argv[i]) >= CLIP_ID_BYTES || !ry_str_is_utf8(ry_str_of(argv[i])))
            return ry_cli_complain(cli, RY_EXIT_USAGE, "\"%s\" is not a clip id", argv[i]);
    return RY_CLI_GO;
}

int ry_cmd_failed(struct ry_cli *cli, int argc, char **argv)
{
    bool all = false;
    bool json = false;
    const struct ry_cli_flag flags[] = {{.name = "all", .given = &all}, {.name = "json", .given = &json}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 2, 1, 1 + CLIPS_MAX);
    if (code == RY_CLI_GO)
        code = check_words(cli, argc, argv, all, json);
    if (code != RY_CLI_GO)
        return code;
    struct ry_session session;
    struct ry_error err;
    int rc = ry_session_open(&session, cli, RY_ROLE_WRITER, false, &err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    rc = strcmp(argv[1], "list") == 0 ? list(cli, &session, json, &err)
                                      : retry(cli, &session, argv + 2, (size_t)(argc - 2), &err);
    struct ry_error close_err;
    int close_rc = ry_session_close(&session, &close_err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    return close_rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &close_err);
}

/* cmd_import.c: `reelyard import EXPORT.json...`: exports of DiscordChatExporter into the archive, with their videos.
 *
 * The work is that of a node: the one that runs on the data folder, or one that is started here, without its web page.
 * The command opens a session with it and the folder's own queue, runs the import (runtime/import) and prints what it
 * came to. SIGINT and SIGTERM stop it cleanly.
 *
 * A crash loses nothing: run again, the import goes on. */
#include "runtime/cli/cli.h"

#include "runtime/cli/import_report.h"
#include "runtime/cli/roles.h"
#include "runtime/cli/session.h"
#include "runtime/import/import.h"
#include "runtime/process/signals.h"

#include <unistd.h>

/* What the command line says. */
struct args {
    bool json;
    bool rows_only;                           /* nothing is made of the videos now */
    bool keep;                                /* originals are kept */
    struct ry_node_role roles[RY_ROLE_COUNT]; /* to start here, if no node runs */
    struct ry_cli_list media;
    struct ry_import_files files;
};

/* ---- the node ---------------------------------------------------------------------------------------------------- */

/* What an import starts of the troupe: no web page, and with --rows-only nothing that looks at videos. */
static bool starts_role(const struct args *args, enum ry_role role)
{
    bool rows = role == RY_ROLE_INGESTER || role == RY_ROLE_SCANNER || role == RY_ROLE_WRITER;
    return rows || (!args->rows_only && role != RY_ROLE_MONITOR);
}

/* A node that was joined must read the data folder's queue, or the jobs would lie there until another one does. */
static int check_queue(struct ry_session *session, const struct ry_cli *cli, struct ry_error *err)
{
    const struct ry_mail *mail = NULL;
    struct ry_queue_get get = {0};
    int rc = ry_session_ask(session, RY_TAG_queue_get, &get, &mail, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str engine = RY_BODY(mail, queue_state)->engine;
    if (ry_str_is(engine, "sqlite"))
        return RY_OK;
    return ry_fail(err, RY_ECONFIG,
                   "the node that runs on %s reads its jobs from %.*s, and an import goes through a folder's own queue:"
                   " stop that node for the import, or import with another --data and the same DATABASE_URL and"
                   " STORAGE_PATH",
                   ry_config_str(cli->config, RY_OPT_data), RY_STR_ARG(engine));
}

static int open_session(struct ry_session *session, struct ry_cli *cli, struct args *args, struct ry_error *err)
{
    int rc = ry_session_join(session, cli, err);
    /* Its jobs speak of files of this machine, so they go through the data folder's queue, wherever others go. */
    if (rc == RY_OK)
        return check_queue(session, cli, err);
    if (rc != RY_ENOENT || ry_config_set(cli->config, RY_OPT_redis_url, "", err) != RY_OK)
        return rc;
    for (size_t i = 0; i < cli->registry_count; i++)
        if (!starts_role(args, args->roles[i].spec->role))
            args->roles[i].instances = 0;
    return ry_session_start(session, cli, args->roles, cli->registry_count, true, err);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* Imports with an open session; errors as ry_import_run, and those of the queue. */
static int import(struct ry_session *session, struct ry_cli *cli, const struct args *args, struct ry_inquiry *inquiry,
                  struct ry_import_report *report, struct ry_error *err)
{
    struct ry_job_queue *queue = NULL;
    int rc = ry_session_queue_local(cli, true, &queue, err);
    if (rc != RY_OK)
        return rc;
    inquiry->node = ry_session_inquiry(session);
    struct ry_import_options options = {.files = &args->files,
                                        .queue = queue,
                                        .clock = ry_clock_system(),
                                        .out = cli->err,
                                        .rows_only = args->rows_only,
                                        .guilds_only = ry_config_has_postgres(cli->config),
                                        .keep = args->keep};
    rc = ry_import_run(inquiry, &options, report, err);
    ry_job_queue_close(&queue);
    return rc;
}

static int run(struct ry_cli *cli, struct args *args, struct ry_inquiry *inquiry, struct ry_import_report *report)
{
    if (!ry_import_has_export(&args->files, &inquiry->errors)) {
        ry_reasons_print(&inquiry->errors, "nothing imported; errors", cli->err);
        return RY_EXIT_FAILED;
    }
    struct ry_session session = RY_SESSION_NONE;
    struct ry_error err = {.code = RY_OK};
    struct ry_page page = {0};
    int code = RY_EXIT_DONE;
    int rc = open_session(&session, cli, args, &err);
    if (rc == RY_OK)
        rc = import(&session, cli, args, inquiry, report, &err);
    if (rc != RY_OK)
        code = ry_cli_fail(cli, &err);
    else if (ry_inquiry_goes_on(inquiry))
        ry_page_ask(&page, &session);
    struct ry_error why;
    if (ry_session_close(&session, &why) != RY_OK && !inquiry->stopped)
        ry_reasons_add(&inquiry->errors, "%s", why.text);
    if (rc != RY_OK)
        return code;
    ry_import_report_print(report, inquiry, &page, cli, args->json);
    return ry_import_report_good(report, inquiry) ? RY_EXIT_DONE : RY_EXIT_FAILED;
}

/* Sorts the options. RY_CLI_GO or an exit code. */
static int begin(struct ry_cli *cli, int *argc, char **argv, struct args *args)
{
    struct ry_roles counts;
    struct ry_cli_flag flags[RY_ROLE_COUNT + 4] = {{.name = "json", .given = &args->json},
                                                   {.name = "rows-only", .given = &args->rows_only},
                                                   {.name = "keep", .given = &args->keep},
                                                   {.name = "media", .list = &args->media}};
    size_t n = ry_roles_flags(&counts, cli);
    memcpy(flags + 4, counts.flags, n * sizeof flags[0]);
    int code = ry_cli_begin(cli, argc, argv, flags, n + 4, 1, RY_IMPORT_FILES_MAX);
    if (code != RY_CLI_GO)
        return code;
    if (args->keep && args->rows_only)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--keep comes after the thumbnails, and --rows-only makes none");
    ry_roles_default(cli, args->roles);
    return ry_roles_choose(&counts, cli, args->roles);
}

int ry_cmd_import(struct ry_cli *cli, int argc, char **argv)
{
    struct args args = {.json = false};
    int code = begin(cli, &argc, argv, &args);
    if (code != RY_CLI_GO)
        return code;
    struct ry_inquiry inquiry = {.out = cli->err};
    struct ry_error err;
    /* Before any thread starts, so that what ends the import arrives as data. */
    if (ry_signals_open(&inquiry.signal_fd, RY_STOP_SIGNALS, NULL, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    inquiry.errors = ry_reasons_make();
    struct ry_import_report report = ry_import_report_make();
    if (ry_import_files_list(&args.files, argv + 1, (size_t)argc - 1, args.media.items, args.media.n, &err) == RY_OK)
        code = run(cli, &args, &inquiry, &report);
    else
        code = ry_cli_complain(cli, err.code == RY_EINVAL ? RY_EXIT_USAGE : RY_EXIT_FAILED, "%s", err.text);
    ry_import_files_free(&args.files);
    ry_import_report_free(&report);
    ry_reasons_free(&inquiry.errors);
    (void)close(inquiry.signal_fd);
    return code;
}

/* `reelyard scan`: a channel of Discord into the archive, now, with its videos.
 *
 * The work is the troupe's: that of the node which runs on the data folder, or of one that is started here, without its
 * web page. The command pushes the job, watches (scan_wait.h) and tells what came of it.
 *
 * Nothing is lost when it ends in the middle, however it ends: the job stays in the queue, what is stored stays stored.
 * SIGINT and SIGTERM stop it cleanly, a second one at once; run again, it goes on. */
#include "runtime/cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cli/import_report.h"
#include "runtime/cli/page.h"
#include "runtime/cli/roles.h"
#include "runtime/cli/scan_wait.h"
#include "runtime/process/signals.h"

/* ---- the summary ------------------------------------------------------------------------------------------------- */

static uint64_t grown(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static uint64_t completed(const struct ry_scan_figures *figures)
{
    return grown(figures->clips, figures->waiting + figures->failed);
}

static void print_way(const struct ry_scan_wait *wait, const struct ry_page *page)
{
    const struct ry_config *config = wait->cli->config;
    FILE *out = wait->cli->out;
    if (wait->inquiry.stopped && page->joined)
        fprintf(out, "Stopped watching. The scan continues in the node on %s.\n", ry_config_str(config, RY_OPT_data));
    else if (wait->inquiry.stopped || wait->inquiry.broken)
        fputs("Stopped before the end. Run it again to continue where it stopped.\n", out);
    else
        ry_page_tell(out, config, page);
}

static void print_report(const struct ry_scan_wait *wait, const struct ry_page *page)
{
    const struct ry_scan_figures *now = &wait->now;
    const struct ry_scan_figures *begin = &wait->begin;
    const struct ry_config *config = wait->cli->config;
    FILE *out = wait->cli->out;
    uint64_t messages = grown(now->messages, begin->messages);
    uint64_t new_ones = grown(completed(now), completed(begin));
    fprintf(out, "messages    %" PRIu64 " read", messages);
    if (messages > 0 && wait->scan_seconds > 0)
        fprintf(out, " (%.0f messages/s)", (double)messages / wait->scan_seconds);
    fprintf(out,
            "\nclips       %" PRIu64 " new, %" PRIu64 " completed, %" PRIu64 " failed; the channel has %" PRIu64 "\n",
            grown(now->clips, begin->clips), new_ones, wait->failed.total, now->clips);
    ry_skipped_print(&wait->skipped, out);
    ry_keeping_print(&wait->keeping, out);
    /* Each clip has a small one and a large one. */
    fprintf(out, "thumbnails  %" PRIu64 " new\n", 2 * new_ones);
    fprintf(out, "time        %.1f s\n", (double)(ry_mono_ms(wait->clock) - wait->begin_mono_ms) / 1000);
    ry_reasons_print(&wait->inquiry.errors, "errors", out);
    ry_reasons_print(&wait->failed, "clips without thumbnails", out);
    struct ry_place place;
    ry_config_database_place(config, &place);
    fprintf(out, "database    %s\nthumbnails  ", place.where);
    ry_cli_print_safe(out, ry_str_of(ry_config_str(config, RY_OPT_storage_path)));
    fputs("/thumbnails\n", out);
    print_way(wait, page);
    fflush(out);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int open_session(struct ry_scan_wait *wait, struct ry_node_role *roles, struct ry_error *err)
{
    struct ry_cli *cli = wait->cli;
    int rc = ry_session_join(&wait->session, cli, err);
    if (rc != RY_ENOENT)
        return rc;
    if (ry_config_str(cli->config, RY_OPT_bot_token)[0] == '\0')
        return ry_fail(err, RY_ECONFIG,
                       "BOT_TOKEN is not set; set it to the token of a bot that can read the channel "
                       "(https://discord.com/developers/applications)");
    for (size_t i = 0; i < cli->registry_count; i++)
        if (roles[i].spec->role == RY_ROLE_MONITOR)
            roles[i].instances = 0;
    rc = ry_session_start(&wait->session, cli, roles, cli->registry_count, true, err);
    /* Somebody may have started a node since it was asked for. */
    return rc == RY_EBUSY ? ry_session_join(&wait->session, cli, err) : rc;
}

static int run(struct ry_scan_wait *wait, struct ry_node_role *roles)
{
    struct ry_error err = {.code = RY_OK};
    if (open_session(wait, roles, &err) != RY_OK)
        return ry_cli_fail(wait->cli, &err);
    bool joined = wait->session.node == NULL;
    wait->inquiry.node = ry_session_inquiry(&wait->session);
    ry_scan_wait(wait);
    struct ry_str channel = wait->request->channel_id;
    if (wait->request->keep && ry_inquiry_goes_on(&wait->inquiry))
        (void)ry_keeping_run(&wait->inquiry, &channel, 1, wait->clock, &wait->keeping);
    if (wait->inquiry.stopped) {
        (void)ry_signals_take(wait->inquiry.signal_fd);
        if (!joined)
            fprintf(wait->cli->err, "stopping: finishing work in progress; a second signal stops at once\n");
    }
    ry_signals_let_stop();
    struct ry_page page = {.joined = joined};
    if (ry_inquiry_goes_on(&wait->inquiry))
        ry_page_ask(&page, &wait->session);
    if (ry_session_close(&wait->session, &err) != RY_OK && !wait->inquiry.stopped)
        ry_reasons_add(&wait->inquiry.errors, "%s", err.text);
    print_report(wait, &page);
    bool good = !wait->inquiry.stopped && wait->inquiry.errors.total == 0 && wait->failed.total == 0 &&
                ry_keeping_good(&wait->keeping);
    return good ? RY_EXIT_DONE : RY_EXIT_FAILED;
}

/* Sorts the options into the request and the roles. RY_CLI_GO or an exit code. */
static int begin(struct ry_cli *cli, int argc, char **argv, struct ry_scan_request *request, struct ry_node_role *roles)
{
    struct ry_scan_args args = {0};
    struct ry_roles counts;
    bool keep = false;
    struct ry_cli_flag flags[RY_ROLE_COUNT + 7] = {{.name = "guild", .value = &args.guild},
                                                   {.name = "channel", .value = &args.channel},
                                                   {.name = "direction", .value = &args.direction},
                                                   {.name = "rescan", .value = &args.rescan},
                                                   {.name = "since", .value = &args.since},
                                                   {.name = "limit", .value = &args.limit},
                                                   {.name = "keep", .given = &keep}};
    size_t n = ry_roles_flags(&counts, cli);
    memcpy(flags + 7, counts.flags, n * sizeof flags[0]);
    int code = ry_cli_begin(cli, &argc, argv, flags, n + 7, 0, 0);
    if (code == RY_CLI_GO)
        code = ry_scan_request_read(request, &args, cli);
    request->keep = keep;
    ry_roles_default(cli, roles);
    return code == RY_CLI_GO ? ry_roles_choose(&counts, cli, roles) : code;
}

int ry_cmd_scan(struct ry_cli *cli, int argc, char **argv)
{
    struct ry_scan_request request;
    struct ry_node_role roles[RY_ROLE_COUNT];
    int code = begin(cli, argc, argv, &request, roles);
    if (code != RY_CLI_GO)
        return code;
    struct ry_scan_wait wait = {
        .cli = cli, .clock = ry_clock_system(), .request = &request, .session = RY_SESSION_NONE};
    struct ry_error err;
    wait.inquiry = (struct ry_inquiry){.out = cli->err};
    if (ry_signals_open(&wait.inquiry.signal_fd, RY_STOP_SIGNALS, NULL, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    wait.inquiry.errors = ry_reasons_make();
    wait.failed = ry_reasons_make();
    code = run(&wait, roles);
    ry_reasons_free(&wait.inquiry.errors);
    ry_reasons_free(&wait.failed);
    (void)close(wait.inquiry.signal_fd);
    return code;
}

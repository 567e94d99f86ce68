/* `reelyard doctor`: whether this machine is fit for reelyard.
 *
 * --sandbox puts child processes into the sandbox of the decoders and has each try one thing that a taken-over decoder
 * would; all must be denied. Without it: what the kernel gives to a sandbox, the folders and their disk, the database
 * and the queue. Makes nothing that is not there. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "runtime/cli/confine.h"
#include "runtime/cli/session.h"
#include "runtime/sandbox/probe.h"

/* Prints a line of the report; how many things are wrong by it. */
static unsigned report(const struct ry_cli *cli, bool good, const char *what, const char *finding)
{
    (void)fprintf(cli->out, "%-8s %-38s ", good ? "ok" : "BAD", what);
    ry_cli_print_safe(cli->out, ry_str_of(finding));
    (void)fputc('\n', cli->out);
    return good ? 0 : 1;
}

/* ---- the sandbox ------------------------------------------------------------------------------------------------- */

static unsigned report_probe(const struct ry_cli *cli, const struct ry_probe *probe, struct ry_probe_result result)
{
    char finding[160];
    char behind[64];
    (void)snprintf(behind, sizeof behind, "behind the %s", probe->sealed ? "filter" : "namespaces alone");
    switch (result.verdict) {
    case RY_PROBE_KILLED:
        (void)snprintf(finding, sizeof finding, "denied: killed (%s), %s", strsignal(result.number), behind);
        break;
    case RY_PROBE_REFUSED:
        (void)snprintf(finding, sizeof finding, "denied: %s, %s", strerror(result.number), behind);
        break;
    case RY_PROBE_ALLOWED: (void)snprintf(finding, sizeof finding, "ALLOWED, %s", behind); break;
    case RY_PROBE_UNKNOWN: (void)snprintf(finding, sizeof finding, "no sandbox could be entered"); break;
    }
    bool denied = result.verdict == RY_PROBE_KILLED || result.verdict == RY_PROBE_REFUSED;
    return report(cli, denied, probe->name, finding);
}

static int examine_sandbox(struct ry_cli *cli)
{
    struct ry_error err = {.code = RY_OK};
    struct ry_probe_targets targets;
    size_t count = 0;
    const struct ry_probe *probes = ry_probes(&count);
    if (*ry_sandbox_unavailable())
        return ry_cli_complain(cli, RY_EXIT_FAILED, "%s", ry_sandbox_unavailable());
    bool whole = ry_sandbox_check(&err) == RY_OK;
    unsigned wrong = report(cli, whole, "every part of the sandbox", whole ? "there" : err.text);
    wrong += report(cli, ry_probe_works(), "work goes on in it", "memory, clock, log");
    if (ry_probe_targets_open(&targets, &err) != RY_OK) {
        ry_probe_targets_close(&targets);
        return ry_cli_fail(cli, &err);
    }
    for (size_t i = 0; i < count; i++)
        wrong += report_probe(cli, &probes[i], ry_probe_try(&probes[i], &targets));
    ry_probe_targets_close(&targets);
    if (wrong)
        (void)fprintf(cli->out, "\n%u of %zu checks failed; docs/BARRIERS.md explains what each barrier stops.\n",
                      wrong, count + 2);
    else
        (void)fprintf(cli->out, "\nAll %zu checks passed: a compromised decoder can do none of this.\n", count + 2);
    return wrong ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

/* ---- the basics -------------------------------------------------------------------------------------------------- */

/* Before anything else, for it takes a process of one thread. */
static unsigned examine_kernel(const struct ry_cli *cli)
{
    struct ry_error err = {.code = RY_OK};
    enum ry_sandbox_mode mode = ry_confine_mode(cli->config);
    if (mode == RY_SANDBOX_OFF)
        return report(cli, true, "sandbox", "off, by REELYARD_SANDBOX");
    if (ry_sandbox_check(&err) == RY_OK)
        return report(cli, true, "sandbox", "complete; --sandbox tests it");
    /* The sentence is that of strict, whatever the mode is. */
    return report(cli, mode == RY_SANDBOX_AUTO, "sandbox", err.text);
}

/* The folder itself, or the nearest one above it that is there. */
static void nearest_folder(const char *folder, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s", folder);
    while (access(path, F_OK) != 0 && strcmp(path, "/") != 0 && strcmp(path, ".") != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            (void)snprintf(path, PATH_MAX, ".");
        else
            slash[slash == path ? 1 : 0] = '\0';
    }
}

static unsigned examine_folder(const struct ry_cli *cli, const char *what, enum ry_option option)
{
    char path[PATH_MAX];
    char finding[PATH_MAX + 160];
    struct statvfs disk;
    const char *folder = ry_config_str(cli->config, option);
    uint64_t reserve_bytes = (uint64_t)ry_config_int(cli->config, RY_OPT_disk_reserve);
    nearest_folder(folder, path);
    bool there = strcmp(path, folder) == 0;
    if (access(path, W_OK | X_OK) != 0 || statvfs(path, &disk) != 0) {
        (void)snprintf(finding, sizeof finding, "%s cannot be written: %s", path, strerror(errno));
        return report(cli, false, what, finding);
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    (void)snprintf(finding, sizeof finding, "%s%s, %" PRIu64 " MB free, of which %" PRIu64 " MB are never used", folder,
                   there ? "" : " will be made", free_bytes / 1000000, reserve_bytes / 1000000);
    return report(cli, free_bytes > reserve_bytes, what, finding);
}

/* "database: PostgreSQL", and where it is and why behind what was found. */
static unsigned report_place(const struct ry_cli *cli, bool good, const char *kind, const char *finding,
                             const struct ry_place *place)
{
    char what[64];
    char text[RY_PLACE_BYTES + 512];
    size_t n = strcspn(place->where, " ,");
    bool server = strncmp(place->where, "PostgreSQL", n) == 0 || strncmp(place->where, "Redis", n) == 0;
    (void)snprintf(what, sizeof what, "%s: %.*s", kind, server ? (int)n : 8, server ? place->where : "embedded");
    (void)snprintf(text, sizeof text, "%s (%s; %s)", finding, place->where, place->why);
    return report(cli, good, what, text);
}

static unsigned examine_queue(const struct ry_cli *cli)
{
    char finding[160];
    struct ry_place place;
    struct ry_job_queue *queue = NULL;
    struct ry_depth depth;
    struct ry_error err = {.code = RY_OK};
    ry_config_queue_place(cli->config, &place);
    int rc = ry_session_queue(cli, false, &queue, &err);
    if (rc == RY_OK)
        rc = queue->ops->depth(queue, &depth, &err);
    ry_job_queue_close(&queue);
    if (rc == RY_ENOENT)
        return report_place(cli, true, "queue", "does not exist yet, will be created", &place);
    if (rc != RY_OK)
        return report_place(cli, false, "queue", err.text, &place);
    (void)snprintf(finding, sizeof finding, "%" PRIu64 " jobs wait, %" PRIu64 " are worked on, %" PRIu64 " are dead",
                   depth.ready, depth.leased, depth.dead);
    return report_place(cli, true, "queue", finding, &place);
}

static unsigned examine_database(const struct ry_cli *cli)
{
    char finding[160];
    struct ry_place place;
    struct ry_session session;
    struct ry_error err = {.code = RY_OK};
    const struct ry_archive_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    ry_config_database_place(cli->config, &place);
    int rc = ry_session_open(&session, cli, RY_ROLE_WRITER, false, &err);
    if (rc == RY_ENOENT)
        return report_place(cli, true, "database", "does not exist yet, will be created", &place);
    if (rc == RY_OK)
        rc = ry_session_ask(&session, RY_TAG_archive_get, &question, &answer, &err);
    if (rc == RY_OK) {
        const struct ry_archive_state *state = RY_BODY(answer, archive_state);
        if (state->error.n > 0)
            rc = ry_fail(&err, RY_EIO, "%.*s", RY_STR_ARG(state->error));
        else
            (void)snprintf(finding, sizeof finding, "answers, schema version %" PRIu64, state->schema_version);
    }
    struct ry_error ignored;
    (void)ry_session_close(&session, &ignored);
    return report_place(cli, rc == RY_OK, "database", rc == RY_OK ? finding : err.text, &place);
}

static int examine_basics(struct ry_cli *cli)
{
    unsigned wrong = examine_kernel(cli);
    wrong += examine_folder(cli, "data folder", RY_OPT_data);
    wrong += examine_folder(cli, "thumbnails", RY_OPT_storage_path);
    wrong += examine_folder(cli, "spool", RY_OPT_spool_path);
    wrong += examine_queue(cli);
    wrong += examine_database(cli);
    return wrong ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int ry_cmd_doctor(struct ry_cli *cli, int argc, char **argv)
{
    bool sandbox = false;
    const struct ry_cli_flag flags[] = {{.name = "sandbox", .given = &sandbox}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    return sandbox ? examine_sandbox(cli) : examine_basics(cli);
}

/* `reelyard doctor`: whether this machine is fit for reelyard.
 *
 * --sandbox puts child processes into the sandbox of the decoders and has each try one thing that a taken-over decoder
 * would; all must be denied. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "runtime/sandbox/probe.h"

/* Prints a line of the report; how many things are wrong by it. */
static unsigned report(const struct ry_cli *cli, bool good, const char *what, const char *finding)
{
    (void)fprintf(cli->out, "%-8s %-38s %s\n", good ? "ok" : "BAD", what, finding);
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
        (void)fprintf(cli->out, "\n%u of %zu checks failed; docs/BARRIERS.md tells what each barrier stops.\n", wrong,
                      count + 2);
    else
        (void)fprintf(cli->out, "\nAll %zu checks passed: a decoder that is taken over can do none of this.\n",
                      count + 2);
    return wrong ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int ry_cmd_doctor(struct ry_cli *cli, int argc, char **argv)
{
    bool sandbox = false;
    const struct ry_cli_flag flags[] = {{.name = "sandbox", .given = &sandbox}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 0, 0);
    return code == RY_CLI_GO ? examine_sandbox(cli) : code;
}

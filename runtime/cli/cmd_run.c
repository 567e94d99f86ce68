/* `reelyard run`: a node with all its roles, until a signal or a failure ends it.
 *
 * Holds the data folder while it runs. SIGINT and SIGTERM arrive as data (signalfd), are blocked before the first
 * thread starts, and are given back their deadly meaning once a drain has begun, so that a second one ends the process
 * whatever it is doing: everything is safe to kill at any moment, a drain only saves work. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/cli/page.h"
#include "runtime/cli/roles.h"
#include "runtime/cli/session.h"
#include "runtime/process/signals.h"

/* What the options of this command say. */
struct args {
    const char *roles;      /* --roles, or NULL */
    struct ry_roles counts; /* --ROLE N */
};

static int begin(struct ry_cli *cli, int argc, char **argv, struct args *args)
{
    struct ry_cli_flag flags[RY_ROLE_COUNT + 1] = {{.name = "roles", .value = &args->roles}};
    size_t n = ry_roles_flags(&args->counts, cli);
    memcpy(flags + 1, args->counts.flags, n * sizeof flags[0]);
    return ry_cli_begin(cli, &argc, argv, flags, n + 1, 0, 0);
}

/* Starts nothing but the roles in the list. RY_CLI_GO or an exit code. */
static int choose_roles(struct ry_cli *cli, const char *list, struct ry_node_role *roles)
{
    for (size_t i = 0; i < cli->registry_count; i++) /* the relay brings what the others lack */
        roles[i].instances = cli->registry[i]->role == RY_ROLE_RELAY ? roles[i].instances : 0;
    while (*list) {
        struct ry_str word = {list, strcspn(list, ",")};
        size_t i = 0;
        while (i < cli->registry_count && !ry_str_is(word, ry_role_name(cli->registry[i]->role)))
            i++;
        if (i == cli->registry_count)
            return ry_cli_complain(cli, RY_EXIT_USAGE, "--roles: there is no role \"%.*s\"", RY_STR_ARG(word));
        roles[i].instances = cli->registry[i]->threads;
        list += word.n + (list[word.n] == ',');
    }
    return RY_CLI_GO;
}

/* How many instances of each role. RY_CLI_GO or an exit code. */
static int choose(struct ry_cli *cli, const struct args *args, struct ry_node_role *roles)
{
    ry_roles_default(cli, roles);
    int code = args->roles ? choose_roles(cli, args->roles, roles) : RY_CLI_GO;
    return code == RY_CLI_GO ? ry_roles_choose(&args->counts, cli, roles) : code;
}

static void greet(const struct ry_cli *cli, const struct ry_node_role *roles)
{
    const char *data = ry_config_str(cli->config, RY_OPT_data);
    RY_LOG(RY_INFO, "node_started", "node=%s data=%s", ry_config_str(cli->config, RY_OPT_node), data);
    if (isatty(fileno(cli->err)) != 1)
        return;
    char url[RY_PAGE_URL_BYTES];
    ry_page_of_config(cli->config, url);
    bool monitor = false;
    for (size_t i = 0; i < cli->registry_count; i++)
        monitor = monitor || (roles[i].spec->role == RY_ROLE_MONITOR && roles[i].instances > 0);
    if (monitor && *url)
        (void)fprintf(cli->err, "Serving the archive of %s at %s; press Ctrl-C to stop.\n", data, url);
    else
        (void)fprintf(cli->err, "Working on %s; press Ctrl-C to stop.\n", data);
}

/* Waits for a signal (RY_OK) or for an instance that ended with an error, which is put into *err. */
static int wait_for_end(struct ry_node *node, int signal_fd, struct ry_error *err)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = ry_node_failed_fd(node), .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        if (errno != EINTR)
            return ry_fail(err, RY_EIO, "cannot wait for signals: %s", strerror(errno));
    if (fds[0].revents) {
        int number = ry_signals_take(signal_fd);
        RY_LOG(RY_INFO, "stopping", "signal=%s", strsignal(number));
        return RY_OK;
    }
    ry_node_failure(node, err);
    RY_LOG(RY_CRITICAL, "instance_failed", "error=%s", err->text);
    return err->code == RY_OK ? RY_EBUG : (int)err->code;
}

static int work(struct ry_cli *cli, const struct ry_node_role *roles, int signal_fd)
{
    struct ry_session session;
    struct ry_error err = {.code = RY_OK};
    ry_config_log_places(cli->config);
    if (ry_session_start(&session, cli, roles, cli->registry_count, true, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    greet(cli, roles);
    int code = wait_for_end(session.node, signal_fd, &err) == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
    ry_signals_let_stop();
    if (ry_session_close(&session, &err) != RY_OK) {
        RY_LOG(RY_WARNING, "drain_incomplete", "reason=%s", err.text);
        return RY_EXIT_FAILED;
    }
    RY_LOG(RY_INFO, "node_stopped", "");
    return code;
}

int ry_cmd_run(struct ry_cli *cli, int argc, char **argv)
{
    struct args args = {.roles = NULL};
    struct ry_node_role roles[RY_ROLE_COUNT];
    int code = begin(cli, argc, argv, &args);
    if (code == RY_CLI_GO)
        code = choose(cli, &args, roles);
    if (code != RY_CLI_GO)
        return code;
    int signal_fd;
    struct ry_error err;
    if (ry_signals_open(&signal_fd, RY_STOP_SIGNALS, NULL, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    code = work(cli, roles, signal_fd);
    (void)close(signal_fd);
    return code;
}

/* `reelyard actor`: one instance in a process of its own, attached to a node. Nothing in the actor knows.
 *
 * An instance that works on bytes of strangers (its spec says so) shuts itself in before it connects: see
 * runtime/cli/confine.h. From then on there are two processes, and this function goes on in the inner one. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/cli/confine.h"
#include "runtime/cli/datadir.h"
#include "runtime/cli/leashed.h"

#define NAME_MAX_BYTES 64

/* Where to join: as told, else where the data folder's holder listens. RY_CLI_GO or an exit code. */
static int find_socket(struct ry_cli *cli, const char *join, char socket[RY_SOCKET_PATH_BYTES])
{
    if (join) {
        const char *path = strncmp(join, "ipc://", 6) == 0 ? join + 6 : join;
        if (path == join && strstr(join, "://"))
            return ry_cli_complain(cli, RY_EXIT_USAGE, "--join: \"%s\" must be ipc:// and the path of a socket", join);
        if (strlen(path) >= RY_SOCKET_PATH_BYTES)
            return ry_cli_complain(cli, RY_EXIT_USAGE, "--join: the path has more than %d bytes",
                                   RY_SOCKET_PATH_BYTES - 1);
        (void)snprintf(socket, RY_SOCKET_PATH_BYTES, "%s", path);
        return RY_CLI_GO;
    }
    struct ry_error err;
    struct ry_datadir_holder holder;
    if (ry_datadir_ask(cli->config, &holder, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    if (holder.socket[0] == '\0')
        return ry_cli_complain(cli, RY_EXIT_FAILED,
                               "no node runs on the data folder %s; name another with --data or --join",
                               ry_config_str(cli->config, RY_OPT_data));
    (void)snprintf(socket, RY_SOCKET_PATH_BYTES, "%s", holder.socket);
    return RY_CLI_GO;
}

/* Runs the instance to its end. on_leash: a supervisor started this process. */
static int attach(struct ry_cli *cli, const struct ry_actor_spec *spec, const char *name, const char *socket,
                  bool on_leash)
{
    struct ry_error err;
    struct ry_confined confined;
    struct ry_leashed leashed;
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    int rc = on_leash ? ry_leashed_check(&err) : RY_OK;
    if (rc == RY_OK)
        rc = ry_confine(&confined, cli, spec, name, socket, on_leash ? RY_LEASH_FD : 0, &err);
    if (rc == RY_OK && on_leash)
        rc = ry_leashed_begin(&leashed, &err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC);
    if (signal_fd < 0)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "cannot watch signals: %s", strerror(errno));
    rc = ry_node_attach(&(const struct ry_attachment){.spec = spec,
                                                      .name = name,
                                                      .config = cli->config,
                                                      .ipc_path = confined.socket,
                                                      .stop_fd = signal_fd,
                                                      .seal = confined.seal,
                                                      .supervised = on_leash ? &leashed.supervised : NULL},
                        &err);
    (void)close(signal_fd);
    if (rc == RY_EAWAY && on_leash)
        return RY_EXIT_ORPHAN;
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}

int ry_cmd_actor(struct ry_cli *cli, int argc, char **argv)
{
    const char *join = NULL;
    const char *name = NULL;
    bool on_leash = false; /* only `reelyard up` says it */
    const struct ry_cli_flag flags[] = {
        {.name = "join", .value = &join}, {.name = "name", .value = &name}, {.name = "on-leash", .given = &on_leash}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 3, 1, 1);
    if (code != RY_CLI_GO)
        return code;
    const struct ry_actor_spec *spec = ry_cli_spec(cli, ry_str_of(argv[1]));
    if (spec == NULL)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "there is no role \"%s\"", argv[1]);
    char own_name[NAME_MAX_BYTES];
    (void)snprintf(own_name, sizeof own_name, "%s-%ld", argv[1], (long)getpid());
    if (name && (*name == '\0' || strlen(name) >= NAME_MAX_BYTES || !ry_str_is_utf8(ry_str_of(name))))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--name: a name is UTF-8 of 1 to %d bytes", NAME_MAX_BYTES - 1);
    char socket[RY_SOCKET_PATH_BYTES];
    code = find_socket(cli, join, socket);
    if (code != RY_CLI_GO)
        return code;
    return attach(cli, spec, name ? name : own_name, socket, on_leash);
}

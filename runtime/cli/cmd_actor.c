/* `reelyard actor`: one instance in a process of its own, attached to a node. Nothing in the actor knows.
 *
 * An instance that works on bytes of strangers (its spec says so) shuts itself in before it connects: see
 * runtime/cli/confine.h. From then on there are two processes, and this function goes on in the inner one. At a node of
 * another host there is a third one around them, which has the network: see runtime/process/remote_encoder.h. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/cli/confine.h"
#include "runtime/cli/datadir.h"
#include "runtime/process/remote_encoder.h"
#include "runtime/cli/leashed.h"
#include "runtime/process/signals.h"
#include "runtime/cli/roles.h"

#define NAME_MAX_BYTES 64

/* Where to join: as told, else where the data folder's holder listens. RY_CLI_GO or an exit code. */
static int find_socket(struct ry_cli *cli, const char *join, char socket[RY_SOCKET_PATH_BYTES])
{
    if (join) {
        const char *path = strncmp(join, "ipc://", 6) == 0 ? join + 6 : join;
        if (path == join && strstr(join, "://"))
            return ry_cli_complain(cli, RY_EXIT_USAGE,
                                   "--join: \"%s\" must be ipc:// and the path of a socket, or tcp://HOST:PORT", join);
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

struct args {
    struct ry_cli *cli;
    const struct ry_actor_spec *spec;
    const char *name;
    bool on_leash; /* a keeper started this process */
    bool remote;   /* the node is on another host */
};

/* One connection to a node, and how far the instance came in it. */
struct visit {
    const char *socket;
    void (*joined)(void *arg); /* may be NULL */
    void *joined_arg;
    enum ry_attach_stage stage;
};

/* The keys of a connection to another host. */
static int read_keys(const struct ry_config *config, struct ry_curve *curve, struct ry_error *err)
{
    const char *own = ry_config_str(config, RY_OPT_join_key);
    const char *node = ry_config_str(config, RY_OPT_join_node_key);
    if (*own == '\0' || *node == '\0')
        return ry_fail(err, RY_ECONFIG,
                       "to join over TCP set REELYARD_JOIN_KEY (a file of `reelyard keys new`) and "
                       "REELYARD_JOIN_NODE_KEY (the node's public key)");
    if (!ry_key_parse(&curve->node, ry_str_of(node)))
        return ry_fail(err, RY_ECONFIG,
                       "REELYARD_JOIN_NODE_KEY is not a key: 64 hexadecimal digits, or 40 characters of Z85");
    return ry_keypair_read(&curve->own, own, err);
}

/* Runs the instance to its end. */
static int work(const struct args *args, struct visit *visit, struct ry_error *err)
{
    struct ry_confined confined;
    struct ry_leashed leashed;
    struct ry_curve curve;
    int signal_fd = -1;
    const struct ry_confine_options confine = {.spec = args->spec,
                                               .name = args->name,
                                               .socket = visit->socket,
                                               .encrypted = args->remote,
                                               .kept_fd = args->on_leash ? RY_LEASH_FD : 0};
    int rc = args->remote ? read_keys(args->cli->config, &curve, err) : RY_OK;
    if (rc == RY_OK && args->on_leash)
        rc = ry_leashed_check(err);
    if (rc == RY_OK)
        rc = ry_confine(&confined, args->cli, &confine, err);
    if (rc == RY_OK && args->on_leash)
        rc = ry_leashed_begin(&leashed, err);
    if (rc == RY_OK)
        rc = ry_signals_open(&signal_fd, RY_STOP_SIGNALS, NULL, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_attachment attachment = {
        .spec = args->spec,
        .name = args->name,
        .config = args->cli->config,
        .ipc_path = confined.socket,
        .stop_fd = signal_fd,
        .seal = confined.seal,
        .supervised = args->on_leash ? &leashed.supervised : NULL,
        .curve = args->remote ? &curve : NULL,
        .ready = visit->joined,
        .ready_arg = visit->joined_arg,
        .stage = &visit->stage,
    };
    rc = ry_node_attach(&attachment, err);
    (void)close(signal_fd);
    return rc;
}

/* The exit code for the end of work. That the node was lost is told by how far the instance came, never by the code of
 * an actor's error alone: its own database may be away too. */
static int end_of_work(const struct args *args, const struct visit *visit, int rc, const struct ry_error *err)
{
    if (rc == RY_OK)
        return RY_EXIT_DONE;
    bool lost = visit->stage == RY_ATTACH_ORPHANED || (visit->stage == RY_ATTACH_JOINING && rc == RY_EAWAY);
    if (lost && (args->on_leash || args->remote)) {
        RY_LOG(RY_WARNING, "node_away", "name=%s reason=%s", args->name, err->text);
        return RY_EXIT_ORPHAN;
    }
    if (args->on_leash && visit->stage == RY_ATTACH_OPENING && ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY) {
        struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_AWAY};
        (void)ry_utf8_print(msg.reason, sizeof msg.reason, "%s", err->text);
        (void)ry_leash_say(RY_LEASH_FD, &msg);
        RY_LOG(RY_WARNING, "open_failed", "name=%s reason=%s", args->name, err->text);
        return RY_EXIT_AWAY;
    }
    return ry_cli_fail(args->cli, err);
}

static int attach(const struct args *args, const char *socket)
{
    struct ry_error err;
    struct visit visit = {.socket = socket, .stage = RY_ATTACH_JOINING};
    ry_signals_hold_stop();
    int rc = work(args, &visit, &err);
    return end_of_work(args, &visit, rc, &err);
}

/* In the process of one connection. */
static int work_remote(void *arg, const char *socket, void (*joined)(void *joined_arg), void *joined_arg)
{
    const struct args *args = arg;
    struct ry_error err;
    struct visit visit = {.socket = socket, .joined = joined, .joined_arg = joined_arg, .stage = RY_ATTACH_JOINING};
    int rc = work(args, &visit, &err);
    return end_of_work(args, &visit, rc, &err);
}

static int attach_remote(struct args *args, const char *join)
{
    struct ry_error err;
    struct ry_curve curve;
    if (args->on_leash || args->spec->role != RY_ROLE_ENCODER)
        return ry_cli_complain(args->cli, RY_EXIT_USAGE, "only an encoder may join a node of another host");
    /* Before anything else, for this may start the program anew. */
    if (ry_confine_forget(args->cli, ry_role_name(args->spec->role), &err) != RY_OK ||
        read_keys(args->cli->config, &curve, &err) != RY_OK)
        return ry_cli_fail(args->cli, &err);
    ry_keypair_forget(&curve.own);
    ry_signals_hold_stop();
    args->remote = true;
    const struct ry_remote_encoder_options options = {
        .join = join, .name = args->name, .work = work_remote, .arg = args};
    int code = RY_EXIT_FAILED;
    int rc = ry_remote_encoder_run(&options, &code, &err);
    if (rc == RY_OK)
        return code;
    return rc == RY_EINVAL ? ry_cli_complain(args->cli, RY_EXIT_USAGE, "%s", err.text) : ry_cli_fail(args->cli, &err);
}

/* The instance's name: as told, or of role and process; at a node of another host, with this host's. */
static void choose_name(char name[NAME_MAX_BYTES], const char *told, const char *role, bool remote)
{
    char host[65] = "";
    if (told)
        (void)snprintf(name, NAME_MAX_BYTES, "%s", told);
    else
        (void)snprintf(name, NAME_MAX_BYTES, "%s-%ld", role, (long)getpid());
    if (!remote || strchr(name, '@'))
        return;
    (void)gethostname(host, sizeof host - 1);
    size_t n = strlen(name);
    if (n + 2 >= NAME_MAX_BYTES)
        n = NAME_MAX_BYTES - 2;
    (void)snprintf(name + n, NAME_MAX_BYTES - n, "@%.*s", (int)(NAME_MAX_BYTES - n - 2), host);
}

int ry_cmd_actor(struct ry_cli *cli, int argc, char **argv)
{
    const char *join = NULL;
    const char *name = NULL;
    bool on_leash = false; /* its keeper starts it, and holds its leash */
    const struct ry_cli_flag flags[] = {
        {.name = "join", .value = &join}, {.name = "name", .value = &name}, {.name = "on-leash", .given = &on_leash}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 3, 1, 1);
    if (code != RY_CLI_GO)
        return code;
    const struct ry_actor_spec *spec = ry_roles_spec(cli, ry_str_of(argv[1]));
    if (spec == NULL)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "there is no role \"%s\"", argv[1]);
    if (name && (*name == '\0' || strlen(name) >= NAME_MAX_BYTES || !ry_str_is_utf8(ry_str_of(name))))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--name: a name is UTF-8 of 1 to %d bytes", NAME_MAX_BYTES - 1);
    char own_name[NAME_MAX_BYTES];
    choose_name(own_name, name, argv[1], ry_remote_encoder_wanted(join));
    struct args args = {.cli = cli, .spec = spec, .name = own_name, .on_leash = on_leash};
    if (ry_remote_encoder_wanted(join))
        return attach_remote(&args, join);
    char socket[RY_SOCKET_PATH_BYTES];
    code = find_socket(cli, join, socket);
    return code == RY_CLI_GO ? attach(&args, socket) : code;
}

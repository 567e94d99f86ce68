/* `reelyard router`: the router of a node whose instances are processes; started by `reelyard up` and by nobody else.
 *
 * The main thread is the ear and the mouth towards the supervisor: it learns who may join, passes on what `reelyard
 * status` shall show, and tells that the router's own thread goes round. Told to leave, it drains the node in the order
 * that the declarations of the messages give, and its exit code tells whether all came to its end. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/cli/leashed.h"

struct router {
    struct ry_node *node;
    union ry_leash_packet packet;
    int64_t leave_ms; /* -1: not yet */
};

static void admit(struct router *router, const struct ry_leash_msg *msg)
{
    struct ry_ticket ticket = {.role = (enum ry_role)msg->role};
    struct ry_leash_msg answer = {.kind = RY_LEASH_MSG_ADMITTED};
    memcpy(ticket.name, msg->name, sizeof ticket.name);
    memcpy(ticket.token, msg->token, sizeof ticket.token);
    ry_node_admit(router->node, &ticket);
    memcpy(answer.name, msg->name, sizeof answer.name);
    memcpy(answer.token, msg->token, sizeof answer.token);
    (void)ry_leash_say(RY_LEASH_FD, &answer);
}

static void take(struct router *router)
{
    const struct ry_leash_msg *msg = &router->packet.msg;
    switch (msg->kind) {
    case RY_LEASH_MSG_ADMIT: admit(router, msg); break;
    case RY_LEASH_MSG_REVOKE: ry_node_revoke(router->node, msg->name); break;
    case RY_LEASH_MSG_CHILDREN: ry_node_children(router->node, &router->packet.report); break;
    case RY_LEASH_MSG_LEAVE: router->leave_ms = msg->ms; break;
    default: break;
    }
}

/* Serves the supervisor until it says leave. False: it is gone. */
static bool serve(struct router *router)
{
    const struct ry_leash_msg beat = {.kind = RY_LEASH_MSG_BEAT};
    const struct ry_leash_msg ready = {.kind = RY_LEASH_MSG_READY};
    (void)ry_leash_say(RY_LEASH_FD, &ready);
    while (router->leave_ms < 0) {
        struct pollfd leash = {.fd = RY_LEASH_FD, .events = POLLIN};
        (void)poll(&leash, 1, RY_BEAT_MS);
        enum ry_leash_got got = RY_LEASH_MSG;
        while (router->leave_ms < 0 &&
               (got = ry_leash_hear(RY_LEASH_FD, &router->packet, sizeof router->packet)) == RY_LEASH_MSG)
            take(router);
        if (got == RY_LEASH_ENDED)
            return false;
        ry_node_touch(router->node);
        (void)ry_leash_say(RY_LEASH_FD, &beat);
    }
    return true;
}

int ry_cmd_router(struct ry_cli *cli, int argc, char **argv)
{
    static struct router router = {.leave_ms = -1};
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 1, 1);
    if (code != RY_CLI_GO)
        return code;
    struct ry_error err;
    if (ry_leashed_check(&err) != RY_OK)
        return ry_cli_fail(cli, &err);
    struct ry_node_role roles[RY_ROLE_COUNT];
    for (size_t i = 0; i < cli->registry_count; i++)
        roles[i] = (struct ry_node_role){.spec = cli->registry[i]};
    const struct ry_node_options options = {
        .config = cli->config, .roles = roles, .role_count = cli->registry_count, .ipc_path = argv[1], .guarded = true};
    if (ry_node_start(&router.node, &options, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    bool told = serve(&router);
    int rc = ry_node_stop(&router.node, told ? router.leave_ms : 0, &err);
    if (rc != RY_OK)
        RY_LOG(RY_WARNING, "drain_incomplete", "reason=%s", err.text);
    return rc == RY_OK ? RY_EXIT_DONE : RY_EXIT_FAILED;
}

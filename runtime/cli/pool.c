/* pool.c: a command's sandbox pool; see pool.h. Owns nothing: the pool is the session's. */
#include "runtime/cli/pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cli/datadir.h"

/* The first restart after a death follows soon; on a machine where they cannot live, they are tried rarely. */
#define RESTART_FIRST_MS 200
#define RESTART_MAX_MS   30000
/* A life of this length ends the doubling. */
#define CALM_MS 30000

unsigned ry_pool_take(struct ry_node_role *roles, struct ry_node_role *away, size_t count)
{
    unsigned taken = 0;
    for (size_t i = 0; i < count; i++) {
        away[i] = (struct ry_node_role){.spec = roles[i].spec};
        if (!roles[i].spec->confinement.needed)
            continue;
        away[i].instances = roles[i].instances;
        taken += roles[i].instances;
        roles[i].instances = 0;
    }
    return taken;
}

/* ---- what the pool says to the node ------------------------------------------------------------------------------ */

static void admit(void *node, uint32_t role, const char *name, const char token[RY_TICKET_BYTES])
{
    struct ry_ticket ticket = {.role = (enum ry_role)role};
    (void)snprintf(ticket.name, sizeof ticket.name, "%s", name);
    memcpy(ticket.token, token, sizeof ticket.token);
    ry_node_admit(node, &ticket);
    explicit_bzero(&ticket, sizeof ticket);
}

static void revoke_ticket(void *node, const char *name)
{
    ry_node_revoke(node, name);
}

static void report(void *node, const struct ry_children_report *children)
{
    ry_node_children(node, children);
}

static void all_failed(void *node, const struct ry_error *why)
{
    ry_node_fail(node, "sandbox pool", why);
}

static void live_on(void *node, const struct ry_error *why)
{
    (void)node;
    (void)why; /* status and /ready name those that failed */
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static int64_t seconds_ms(const struct ry_config *config, enum ry_option option)
{
    return ry_config_int(config, option) * 1000;
}

int ry_pool_start(struct ry_sandbox_pool **pool, const struct ry_cli *cli, struct ry_node *node,
                  const struct ry_node_role *away, size_t count, const char *socket, struct ry_error *err)
{
    const struct ry_config *config = cli->config;
    bool lasting = cli->command->logs;
    bool whisper = !lasting && ry_config_source(config, RY_OPT_log_level) == RY_SOURCE_DEFAULT;
    char join[RY_SOCKET_PATH_BYTES + 8], drain_s[24];
    (void)snprintf(join, sizeof join, "ipc://%s", socket);
    (void)snprintf(drain_s, sizeof drain_s, "%" PRId64, ry_config_int(config, RY_OPT_drain_seconds));
    const char *const arguments[] = {"--join",
                                     join,
                                     "--log-level",
                                     whisper ? "WARNING" : ry_config_str(config, RY_OPT_log_level),
                                     "--log-format",
                                     ry_config_str(config, RY_OPT_log_format),
                                     "--drain-seconds",
                                     drain_s,
                                     "--sandbox",
                                     ry_config_str(config, RY_OPT_sandbox),
                                     NULL};
    struct ry_pool_role roles[RY_ROLE_COUNT];
    for (size_t i = 0; i < count; i++)
        roles[i] = (struct ry_pool_role){
            .role = away[i].spec->role, .name = ry_role_name(away[i].spec->role), .instances = away[i].instances};
    const struct ry_sandbox_pool_options options = {
        .roles = roles,
        .role_count = count,
        .arguments = arguments,
        .env = ry_config_environment(config, "encoder", cli->env, NULL),
        .rule = {.first_ms = RESTART_FIRST_MS,
                 .longest_ms = RESTART_MAX_MS,
                 .calm_ms = CALM_MS,
                 .period_ms = seconds_ms(config, RY_OPT_restart_seconds),
                 .most = (unsigned)ry_config_int(config, RY_OPT_restart_max)},
        .start_ms = seconds_ms(config, RY_OPT_start_seconds),
        .stuck_ms = seconds_ms(config, RY_OPT_stuck_seconds),
        .core_dumps = ry_config_bool(config, RY_OPT_core_dumps),
        .node = {.arg = node,
                 .admit = admit,
                 .revoke = revoke_ticket,
                 .report = report,
                 .all_failed = lasting ? live_on : all_failed},
    };
    if (options.env == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the environment of a sandbox");
    return ry_sandbox_pool_start(pool, &options, err);
}

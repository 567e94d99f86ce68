/* roles.c: `--encoder 2`. */
#include "runtime/cli/roles.h"

#define INSTANCES_MAX 256

const struct ry_actor_spec *ry_roles_spec(const struct ry_cli *cli, struct ry_str role)
{
    for (size_t i = 0; i < cli->registry_count; i++)
        if (ry_str_is(role, ry_role_name(cli->registry[i]->role)))
            return cli->registry[i];
    return NULL;
}

size_t ry_roles_flags(struct ry_roles *roles, const struct ry_cli *cli)
{
    *roles = (struct ry_roles){.counts = {NULL}};
    for (size_t i = 0; i < cli->registry_count; i++)
        roles->flags[i] =
            (struct ry_cli_flag){.name = ry_role_name(cli->registry[i]->role), .value = &roles->counts[i]};
    return cli->registry_count;
}

void ry_roles_default(const struct ry_cli *cli, struct ry_node_role *out)
{
    for (size_t i = 0; i < cli->registry_count; i++)
        out[i] =
            (struct ry_node_role){.spec = cli->registry[i],
                                  .instances = ry_roles_wanted(cli, cli->registry[i]) ? cli->registry[i]->threads : 0};
}

bool ry_roles_wanted(const struct ry_cli *cli, const struct ry_actor_spec *spec)
{
    return spec->role != RY_ROLE_RELAY || ry_config_str(cli->config, RY_OPT_redis_url)[0] != '\0';
}

int ry_roles_choose(const struct ry_roles *roles, struct ry_cli *cli, struct ry_node_role *out)
{
    for (size_t i = 0; i < cli->registry_count; i++) {
        uint64_t count = 0;
        if (roles->counts[i] == NULL)
            continue;
        if (!ry_str_u64(ry_str_of(roles->counts[i]), &count) || count > INSTANCES_MAX)
            return ry_cli_complain(cli, RY_EXIT_USAGE, "--%s: \"%s\" must be a whole number from 0 to %d",
                                   ry_role_name(cli->registry[i]->role), roles->counts[i], INSTANCES_MAX);
        out[i].instances = (unsigned)count;
    }
    return RY_CLI_GO;
}

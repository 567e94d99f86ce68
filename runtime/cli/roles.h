/* roles.h: how many instances of each role a command starts: the spec's own number, unless its options say otherwise.
 */
#ifndef REELYARD_RUNTIME_CLI_ROLES_H
#define REELYARD_RUNTIME_CLI_ROLES_H

#include "runtime/cli/cli.h"

/* The spec of a role in the registry, or NULL. */
const struct ry_actor_spec *ry_roles_spec(const struct ry_cli *cli, struct ry_str role);

/* What the options say, as words. */
struct ry_roles {
    const char *counts[RY_ROLE_COUNT]; /* --ROLE N, by place in the registry; NULL: not given */
    struct ry_cli_flag flags[RY_ROLE_COUNT];
};

/* Makes the flags --ROLE of all roles, which point into roles; for ry_cli_begin. Returns how many. */
size_t ry_roles_flags(struct ry_roles *roles, const struct ry_cli *cli);

/* Whether a command starts a role unless told otherwise: the relay only where REDIS_URL is set. */
bool ry_roles_wanted(const struct ry_cli *cli, const struct ry_actor_spec *spec);

/* Fills out[] (cli->registry_count of them, at most RY_ROLE_COUNT) with the specs' own numbers. */
void ry_roles_default(const struct ry_cli *cli, struct ry_node_role *out);

/* Puts what the options say over it. RY_CLI_GO, or an exit code when a count is no number (said). */
int ry_roles_choose(const struct ry_roles *roles, struct ry_cli *cli, struct ry_node_role *out);

#endif

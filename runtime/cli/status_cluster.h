/* status_cluster.h: `reelyard status --cluster`. */
#ifndef REELYARD_RUNTIME_CLI_STATUS_CLUSTER_H
#define REELYARD_RUNTIME_CLI_STATUS_CLUSTER_H

#include "runtime/cli/cli.h"

/* Tells, as JSON or as a table, which nodes share this configuration's Redis, and how much mail waits between them.
 * Returns an exit code. */
int ry_status_cluster(struct ry_cli *cli, bool json);

/* How many instances of each role the nodes but this one say they have. Blocks on Redis. RY_EAWAY: it is away. */
int ry_status_cluster_instances(const struct ry_cli *cli, struct ry_str own_node, unsigned remote[RY_ROLE_COUNT],
                                struct ry_error *err);

#endif

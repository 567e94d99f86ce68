/* status_cluster.h: `reelyard status --cluster`. */
#ifndef REELYARD_RUNTIME_CLI_STATUS_CLUSTER_H
#define REELYARD_RUNTIME_CLI_STATUS_CLUSTER_H

#include "runtime/cli/cli.h"

/* Tells, as JSON or as a table, which nodes share this configuration's Redis, and how much mail waits between them.
 * Returns an exit code. */
int ry_status_cluster(struct ry_cli *cli, bool json);

#endif

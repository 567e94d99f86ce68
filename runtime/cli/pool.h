/* pool.h: the sandbox pool of a node that a command has started: which of its roles, with what configuration. */
#ifndef REELYARD_RUNTIME_CLI_POOL_H
#define REELYARD_RUNTIME_CLI_POOL_H

#include "runtime/cli/cli.h"
#include "runtime/process/sandbox_pool.h"

/* Takes from roles[] what needs a sandbox: their instances go to away[] (as many as roles), and roles[] has 0 of them.
 * How many instances that are. */
unsigned ry_pool_take(struct ry_node_role *roles, struct ry_node_role *away, size_t count);

/* Starts them at the node, which listens at socket and must not end before ry_sandbox_pool_quiet. Under a command that
 * somebody waits for, the node fails when all are given up; a lasting one works on without. */
int ry_pool_start(struct ry_sandbox_pool **pool, const struct ry_cli *cli, struct ry_node *node,
                  const struct ry_node_role *away, size_t count, const char *socket, struct ry_error *err);

#endif

/* isolate.h: processes beside a node for the roles that need a sandbox: started, watched, and started again.
 *
 * Each is this program as `actor ROLE --join SOCKET`; what shuts it in is its own doing (confine.h). A process that
 * dies takes nothing with it: its mail is given to another. */
#ifndef REELYARD_RUNTIME_CLI_ISOLATE_H
#define REELYARD_RUNTIME_CLI_ISOLATE_H

#include "runtime/cli/cli.h"

struct ry_isolated;

/* Takes from roles[] what needs a sandbox: their instances go to away[] (as many as roles), and roles[] has 0 of them.
 * How many instances that are. */
unsigned ry_isolate_take(struct ry_node_role *roles, struct ry_node_role *away, size_t count);

/* Starts them at the node that listens at socket, and a thread that watches them. They join when they are ready; mail
 * for them waits. */
int ry_isolate_start(struct ry_isolated **isolated, const struct ry_cli *cli, const struct ry_node_role *away,
                     size_t count, const char *socket, struct ry_error *err);

/* From now on one that ends is not started again: the node is about to drain. NULL is allowed. */
void ry_isolate_quiet(struct ry_isolated *isolated);

/* Kills those that are left, and frees. For when the node has ended: it let them finish, and they hold nothing that
 * would be lost. *isolated may be NULL. */
void ry_isolate_stop(struct ry_isolated **isolated);

#endif

/* node_watch.h: what a running node says of itself, and waiting until it says so. */
#ifndef REELYARD_TESTS_BED_NODE_WATCH_H
#define REELYARD_TESTS_BED_NODE_WATCH_H

#include "runtime/bus/node.h"

/* Its state, borrowed until the console asks again. Fails the test when there is no answer. */
const struct ry_node_state *node_watch_state(struct ry_console *console);

/* Asks until so many instances are attached. */
void node_watch_instances(struct ry_console *console, size_t count);

/* Asks until so many instances have credit; consoles have none. */
void node_watch_credit(struct ry_console *console, size_t count);

#endif

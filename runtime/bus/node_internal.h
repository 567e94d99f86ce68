/* node_internal.h: what the files of the bus know of a node. */
#ifndef REELYARD_RUNTIME_BUS_NODE_INTERNAL_H
#define REELYARD_RUNTIME_BUS_NODE_INTERNAL_H

#include "runtime/bus/node.h"

/* The inproc endpoint of a node's router. */
const char *ry_node_endpoint(const struct ry_node *node);

/* The node's name as configured (the host's if not), and "name/incarnation" of this start. */
void ry_node_names(const struct ry_config *config, char node_name[65], char owner[128]);

#endif

/* leashed.h: commands that a keeper (a node or a supervisor) starts: their leash, and what comes over it. */
#ifndef REELYARD_RUNTIME_CLI_LEASHED_H
#define REELYARD_RUNTIME_CLI_LEASHED_H

#include "runtime/bus/node.h"
#include "runtime/process/leash.h"

/* RY_EINVAL when RY_LEASH_FD is no leash: a person typed the command. */
int ry_leashed_check(struct ry_error *err);

/* A ticket that came over the leash, and what ry_node_attach wants. Must stay where it is. */
struct ry_leashed {
    char token[RY_TICKET_BYTES];
    struct ry_supervised supervised;
};

/* Checks the leash and waits for the ticket. */
int ry_leashed_begin(struct ry_leashed *leashed, struct ry_error *err);

#endif

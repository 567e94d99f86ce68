/* node_record.h: the node record (proto/messages.def) as a node writes it into Redis, under the seal of its fleet.
 *
 *   SEAL LF BODY     SEAL: RY_SEAL_CHARS characters, or none where the writer has no key; BODY: the packed record
 *
 * The seal covers the node's name and the body. Nothing here blocks; any thread. */
#ifndef REELYARD_RUNTIME_QUEUE_NODE_RECORD_H
#define REELYARD_RUNTIME_QUEUE_NODE_RECORD_H

#include "proto/codec.h"
#include "runtime/queue/fleet.h"

#define RY_NODE_FAULT_BYTES 200

/* What stands in Redis under the name of a node. */
struct ry_mail_node {
    struct ry_str name;
    const struct ry_node_record *record; /* NULL: it is none that this version can read */
    enum ry_seal_state seal;
    bool accepted;                   /* by its seal; else nothing that it says is to be believed */
    char fault[RY_NODE_FAULT_BYTES]; /* why it is not accepted or has no record; "": it has one and is accepted */
};

/* Appends the value. RY_EINVAL or RY_ELIMIT with the field's name, RY_ENOMEM. */
int ry_node_record_write(const struct ry_fleet *fleet, struct ry_str name, const struct ry_node_record *record,
                         struct ry_buf *out, struct ry_error *err);

/* Reads a value, whoever wrote it. The record is in the arena and points into value; name is borrowed. */
void ry_node_record_read(const struct ry_fleet *fleet, struct ry_str name, struct ry_str value, struct ry_arena *arena,
                         struct ry_mail_node *node);

#endif

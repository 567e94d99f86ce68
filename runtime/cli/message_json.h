/* message_json.h: messages and their records as JSON, by their descriptors, for --json. */
#ifndef REELYARD_RUNTIME_CLI_MESSAGE_JSON_H
#define REELYARD_RUNTIME_CLI_MESSAGE_JSON_H

#include <json-c/json.h>
#include <stdio.h>

#include "proto/message.h"

/* An object with every field of the struct (a message's body or a record), lists as arrays of objects; blobs and SECRET
 * fields are left out, absent strings are null. The caller drops it with json_object_put; NULL without memory. */
struct json_object *ry_message_json(const struct ry_record *record, const void *message);

/* Writes the object to out, indented, with a newline. */
void ry_message_json_print(struct json_object *object, FILE *out);

#endif

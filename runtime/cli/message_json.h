/* message_json.h: messages and their records as JSON, by their descriptors, for --json. */
#ifndef REELYARD_RUNTIME_CLI_MESSAGE_JSON_H
#define REELYARD_RUNTIME_CLI_MESSAGE_JSON_H

#include <stdio.h>

#include "proto/message.h"
#include "runtime/json/writer.h"

/* Bytes of what one command prints as JSON. */
#define RY_MESSAGE_JSON_MAX_BYTES ((size_t)1 << 30)

/* Writes an object with every field of the struct (a message's body or a record), lists as arrays of objects; blobs and
 * SECRET fields are left out, absent strings are null. name: as in writer.h. */
void ry_message_json(struct ry_json_writer *writer, const char *name, const struct ry_record *record,
                     const void *message);

/* The same into an object that is open; `except` (or NULL) is left out. */
void ry_message_json_fields(struct ry_json_writer *writer, const struct ry_record *record, const void *message,
                            const char *except);

/* Writes the text to out with a newline. RY_ENOMEM when the buffer failed. */
int ry_message_json_print(const struct ry_buf *text, FILE *out, struct ry_error *err);

#endif

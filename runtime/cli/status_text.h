/* status_text.h: the parts of `reelyard status` as text, each from its object in the JSON. */
#ifndef REELYARD_RUNTIME_CLI_STATUS_TEXT_H
#define REELYARD_RUNTIME_CLI_STATUS_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "runtime/json/json.h"

void ry_status_print_archive(FILE *out, const struct ry_json *archive);
void ry_status_print_queue(FILE *out, const struct ry_json *queue);
/* Of the object `node`: the process that runs; what its relay exchanges, if it has one; its instances and what is wrong. */
void ry_status_print_process(FILE *out, const struct ry_json *node, uint64_t pid);
void ry_status_print_relay(FILE *out, const struct ry_json *node);
void ry_status_print_node(FILE *out, const struct ry_json *node);

#endif

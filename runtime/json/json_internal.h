/* json_internal.h: the library below, for runtime/json and its test alone. */
#ifndef REELYARD_RUNTIME_JSON_JSON_INTERNAL_H
#define REELYARD_RUNTIME_JSON_JSON_INTERNAL_H

#include "runtime/json/json.h"
#include <yyjson.h>

/* As ry_json_parse. flags: of yyjson, beyond those that all readers have. memory: the allocator, which outlives the
 * document; NULL: malloc. *at (unless NULL): how many bytes were read, on error the byte where reading stopped. */
int ry_json_parse_with(struct ry_str text, yyjson_read_flag flags, const yyjson_alc *memory, size_t *at,
                       struct ry_json_doc **doc, struct ry_error *err);

#endif

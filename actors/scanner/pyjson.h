/* pyjson.h: JSON printed byte for byte as Python's json.dumps(value, sort_keys=True) prints it.
 *
 * Hashes of settings are made over this text by others, so every byte counts: keys sorted by code point at every level
 * (which is the order of UTF-8 bytes), ", " and ": " between, everything but printable ASCII as \uXXXX in lower-case
 * hex with surrogate pairs, numbers as Python's int (of any size) and float print. Source:
 * https://docs.python.org/3/library/json.html#json.dumps */
#ifndef REELYARD_ACTORS_SCANNER_PYJSON_H
#define REELYARD_ACTORS_SCANNER_PYJSON_H

#include "runtime/base/buf.h"
#include "runtime/json/json.h"

/* Appends the text of value (NULL: null). Its depth must be bounded by whoever parsed it. RY_OK, RY_ELIMIT when out is
 * full, RY_ENOMEM. */
int pyjson_print(const struct ry_json *value, struct ry_buf *out);

#endif

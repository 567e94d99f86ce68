/* pyjson.h: JSON printed byte for byte as Python's json.dumps(value, sort_keys=True) prints it.
 *
 * Hashes of settings are made over this text by others, so every byte counts: keys sorted by code point at every level
 * (which is the order of UTF-8 bytes), ", " and ": " between, everything but printable ASCII as \uXXXX in lower-case
 * hex with surrogate pairs, numbers as Python's int and float print. Whole numbers beyond 64 bits are not kept by
 * json-c. Source: https://docs.python.org/3/library/json.html#json.dumps */
#ifndef REELYARD_ACTORS_SCANNER_PYJSON_H
#define REELYARD_ACTORS_SCANNER_PYJSON_H

#include "runtime/base/buf.h"

#include <json-c/json.h>

/* Appends the text of value (NULL: null). Its depth must be bounded by whoever parsed it. RY_OK, RY_ELIMIT when out is
 * full, RY_ENOMEM. */
int pyjson_print(struct json_object *value, struct ry_buf *out);

/* Bytes that pyjson_float needs, the NUL included. */
#define PYJSON_FLOAT_BYTES 40

/* Writes a double as Python's repr: the fewest digits that read back as the same number, with an exponent below 1e-4
 * and from 1e16 on. Locale "C" is assumed. */
void pyjson_float(double value, char text[PYJSON_FLOAT_BYTES]);

#endif

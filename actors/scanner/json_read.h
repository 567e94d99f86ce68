/* json_read.h: reading JSON from outside with errors that name the field.
 *
 * Strict on the outside (depth, UTF-8, nothing behind the value), typed on the inside. Strings point into the json-c
 * object that they were read from and live as long as it does. json-c cuts an object's key at a NUL and turns a lone
 * surrogate into U+FFFD; neither can stand in a PostgreSQL JSONB, where such JSON comes from. */
#ifndef REELYARD_ACTORS_SCANNER_JSON_READ_H
#define REELYARD_ACTORS_SCANNER_JSON_READ_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

#include <json-c/json.h>

/* Levels of objects and arrays that are followed. */
#define JSON_READ_DEPTH_MAX 64

/* Parses all of text as one JSON value. *value may be NULL for the JSON null; the caller frees it by json_object_put.
 * RY_EINVAL with the byte offset, RY_ENOMEM. */
int json_read_text(struct ry_str text, struct json_object **value, struct ry_error *err);

/* Each reads member `key` of object; `where` is put before the key in errors ("author."). An optional member that is
 * missing or null leaves the out value absent (strings, NULL) or untouched (numbers). RY_EINVAL otherwise. */
int json_read_str(struct json_object *object, const char *where, const char *key, bool required, struct ry_str *out,
                  struct ry_error *err);
/* A Discord snowflake in a string. */
int json_read_id(struct json_object *object, const char *where, const char *key, bool required, struct ry_str *out,
                 struct ry_error *err);
/* A whole number, 0 .. 2^63-1. */
int json_read_count(struct json_object *object, const char *where, const char *key, uint64_t *out,
                    struct ry_error *err);
/* true or false. */
int json_read_bool(struct json_object *object, const char *where, const char *key, bool *out, struct ry_error *err);
int json_read_object(struct json_object *object, const char *where, const char *key, bool required,
                     struct json_object **out, struct ry_error *err);
int json_read_array(struct json_object *object, const char *where, const char *key, bool required,
                    struct json_object **out, struct ry_error *err);

/* The string of a json-c string object. */
struct ry_str json_read_value_str(struct json_object *value);

/* The longest prefix of s that has at most max bytes and does not split a UTF-8 sequence. */
struct ry_str json_read_cut(struct ry_str s, size_t max);

#endif

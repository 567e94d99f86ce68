/* read.h: members of JSON objects with errors that name the field.
 *
 * Each reads member `name` of an object; `where` is put before the name in errors ("author."). An optional member that
 * is missing or null leaves the out value absent (strings, NULL) or untouched (numbers). RY_EINVAL otherwise. */
#ifndef REELYARD_RUNTIME_JSON_READ_H
#define REELYARD_RUNTIME_JSON_READ_H

#include "runtime/json/json.h"

int ry_json_read_str(const struct ry_json *object, const char *where, const char *name, bool required,
                     struct ry_str *out, struct ry_error *err);
/* A Discord snowflake in a string. */
int ry_json_read_id(const struct ry_json *object, const char *where, const char *name, bool required,
                    struct ry_str *out, struct ry_error *err);
/* A whole number, 0 .. 2^63-1. */
int ry_json_read_count(const struct ry_json *object, const char *where, const char *name, uint64_t *out,
                       struct ry_error *err);
/* true or false. */
int ry_json_read_bool(const struct ry_json *object, const char *where, const char *name, bool *out,
                      struct ry_error *err);
int ry_json_read_object(const struct ry_json *object, const char *where, const char *name, bool required,
                        const struct ry_json **out, struct ry_error *err);
int ry_json_read_array(const struct ry_json *object, const char *where, const char *name, bool required,
                       const struct ry_json **out, struct ry_error *err);

/* The longest prefix of s that has at most max bytes and does not split a UTF-8 sequence. */
struct ry_str ry_json_cut(struct ry_str s, size_t max);

#endif

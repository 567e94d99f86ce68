/* read.h: a JSON text and its fields, with errors that name the field: the one way to read what others wrote.
 *
 * Ownership: strings, arrays and objects that are read point into the document and live as long as it does. Limits:
 * those of json.h, and those that the caller gives. Pure; any thread.
 *
 * Each ry_json_read_TYPE reads member `name` of an object; `where` is put before the name in errors ("author."). An
 * optional member that is missing or null leaves the out value absent (strings, NULL) or untouched (numbers). RY_EINVAL
 * otherwise. */
#ifndef REELYARD_RUNTIME_JSON_READ_H
#define REELYARD_RUNTIME_JSON_READ_H

#include "runtime/json/json.h"

/* A string that is wanted from an object. */
struct ry_json_want {
    const char *name;
    struct ry_str *out;
    bool required;
};

/* Parses a text of 1 to bytes_max bytes, which must be one object, and reads the strings that are wanted of it. what:
 * the text in errors, such as "the job". The caller frees *doc, which is NULL on error; object: its root. RY_EINVAL
 * with the byte or the field, RY_ELIMIT; RY_ENOMEM says nothing about the text. */
int ry_json_read_text(struct ry_str text, const char *what, size_t bytes_max, const struct ry_json_want *wants,
                      size_t want_count, struct ry_json_doc **doc, const struct ry_json **object, struct ry_error *err);

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

/* Bytes that ry_json_text needs for the digits of a number. */
#define RY_JSON_DIGITS_BYTES 24

/* A member as text, without errors: a string, or a whole number, for whose digits `digits` is the room. Absent when it
 * is missing, null or something else. */
struct ry_str ry_json_text(const struct ry_json *object, const char *name, char digits[RY_JSON_DIGITS_BYTES]);

/* The longest prefix of s that has at most max bytes and does not split a UTF-8 sequence. */
struct ry_str ry_json_cut(struct ry_str s, size_t max);

#endif

/* json.h: reading JSON (RFC 8259): the only reader in reelyard.
 *
 * Strict: UTF-8 without overlong forms and surrogates, no NaN, no comments, nothing behind the value, at most
 * RY_JSON_DEPTH_MAX levels. A document is parsed as a whole and does not change. Values and strings belong to it and
 * live as long as it does.
 *
 * A value pointer is NULL for the JSON null and for what is missing; every function takes NULL. Of members with the
 * same name the last counts, as in Python and JavaScript. Strings and names may hold NUL (\u0000): use their length. A
 * lone surrogate (\ud800) is read as U+FFFD. A document may be read by several threads.
 *
 * Errors of the text are RY_EINVAL with the byte where it stopped, RY_ELIMIT when the text is larger than
 * RY_JSON_MAX_BYTES; RY_ENOMEM says nothing about the text and may be tried again. */
#ifndef REELYARD_RUNTIME_JSON_JSON_H
#define REELYARD_RUNTIME_JSON_JSON_H

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Levels of objects and arrays. */
#define RY_JSON_DEPTH_MAX 64
/* Bytes of one document. */
#define RY_JSON_MAX_BYTES ((size_t)256 << 20)

struct ry_json_doc;
struct ry_json; /* a value */

enum ry_json_type {
    RY_JSON_NULL, /* or missing */
    RY_JSON_BOOL,
    RY_JSON_INT,  /* a number without fraction and exponent, of any size */
    RY_JSON_REAL, /* any other number */
    RY_JSON_STRING,
    RY_JSON_ARRAY,
    RY_JSON_OBJECT
};

/* Parses all of text as one value. *doc is NULL on error; free it with ry_json_free. */
int ry_json_parse(struct ry_str text, struct ry_json_doc **doc, struct ry_error *err);

/* As ry_json_parse, for files that people edit: comments (// and C's) and commas before a closing bracket are allowed.
 * *line: where reading ended, on error where it stopped. */
int ry_json_parse_jsonc(struct ry_str text, struct ry_json_doc **doc, size_t *line, struct ry_error *err);

/* As ry_json_parse, but anything may stand behind the value, which ends before byte *end (on error: where reading
 * stopped). RY_ENOENT: the text ends before the value does, and is none that is broken so far. */
int ry_json_parse_next(struct ry_str text, struct ry_json_doc **doc, size_t *end, struct ry_error *err);

/* Where in the parsed text a string or a name of the document begins (behind its quote), in bytes. */
size_t ry_json_offset(const struct ry_json_doc *doc, struct ry_str text);

/* The line, from 1, in which the byte at `offset` stands. */
size_t ry_json_line(struct ry_str text, size_t offset);

/* As ry_json_parse, but the root must be an object: *object is it. */
int ry_json_parse_object(struct ry_str text, struct ry_json_doc **doc, const struct ry_json **object,
                         struct ry_error *err);

/* Frees a document and sets the pointer to NULL; NULL is allowed. */
void ry_json_free(struct ry_json_doc **doc);

/* For variables: the document is freed at the end of their scope. */
#define RY_JSON_AUTO __attribute__((cleanup(ry_json_free))) struct ry_json_doc

/* The value; NULL for the JSON null, and for no document. */
const struct ry_json *ry_json_root(const struct ry_json_doc *doc);

enum ry_json_type ry_json_type(const struct ry_json *value);
static inline bool ry_json_is(const struct ry_json *value, enum ry_json_type type)
{
    return ry_json_type(value) == type;
}

/* The member of an object, NULL when it is missing, null, or object is none. */
const struct ry_json *ry_json_get(const struct ry_json *object, const char *name);

/* Element i of an array, from 0; NULL when there is none. In constant time only where no element is an array or object:
 * walk through others. */
const struct ry_json *ry_json_at(const struct ry_json *array, size_t i);

/* Elements or members; 0 for what is neither an array nor an object. */
size_t ry_json_count(const struct ry_json *container);

/* A walk over an array's elements or an object's members (all of them, in the text's order). */
struct ry_json_walk {
    const struct ry_json *at;
    size_t left;
};
struct ry_json_walk ry_json_walk(const struct ry_json *container);
/* The next element; false at the end. */
bool ry_json_next(struct ry_json_walk *walk, const struct ry_json **element);
/* The next member; false at the end. */
bool ry_json_next_member(struct ry_json_walk *walk, struct ry_str *name, const struct ry_json **value);

/* The string; absent for what is no string. A NUL stands behind it. */
struct ry_str ry_json_str(const struct ry_json *value);
/* The number as text, for RY_JSON_INT that 64 bits do not hold and numbers beyond the range of double: as it stands in
 * the document. Absent for all others. */
struct ry_str ry_json_big(const struct ry_json *value);
/* Whether value is a whole number in the range of the type, and which. */
bool ry_json_u64(const struct ry_json *value, uint64_t *out);
bool ry_json_i64(const struct ry_json *value, int64_t *out);
/* Whether value is a number; beyond the range of double it is infinite. */
bool ry_json_f64(const struct ry_json *value, double *out);
/* false for what is not true. */
bool ry_json_true(const struct ry_json *value);

/* A member's string; absent when there is none. For documents that this program wrote; read.h has errors. */
static inline struct ry_str ry_json_get_str(const struct ry_json *object, const char *name)
{
    return ry_json_str(ry_json_get(object, name));
}
/* A member's number; 0 when there is none. */
static inline uint64_t ry_json_get_u64(const struct ry_json *object, const char *name)
{
    uint64_t value = 0;
    (void)ry_json_u64(ry_json_get(object, name), &value);
    return value;
}

/* The version of the library below, such as "0.10.0". Static. */
const char *ry_json_library(void);

#endif

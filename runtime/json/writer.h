/* writer.h: JSON, written piece by piece into a buffer: the only writer in reelyard.
 *
 * Every call writes one value. name: the member's name inside an object; NULL inside an array and for the root. Strings
 * are escaped; bytes that are not UTF-8 become U+FFFD, so that what is written is always JSON. Errors are the buffer's:
 * look at its `failed` at the end; more than RY_JSON_DEPTH_MAX levels are such an error.
 *
 *     struct ry_json_writer w = ry_json_writer(&buf, false);
 *     ry_json_put_object(&w, NULL);
 *     ry_json_put_u64(&w, "count", 3);
 *     ry_json_put_end(&w);
 *
 * Makes {"count":3}. */
#ifndef REELYARD_RUNTIME_JSON_WRITER_H
#define REELYARD_RUNTIME_JSON_WRITER_H

#include "runtime/base/buf.h"
#include "runtime/json/json.h"

struct ry_json_writer {
    struct ry_buf *out;
    bool pretty; /* one value a line, two blanks a level */
    size_t depth;
    bool is_object[RY_JSON_DEPTH_MAX]; /* of the open containers */
    bool is_filled[RY_JSON_DEPTH_MAX];
    size_t refused; /* containers that were opened beyond the deepest level */
};

static inline struct ry_json_writer ry_json_writer(struct ry_buf *out, bool pretty)
{
    return (struct ry_json_writer){.out = out, .pretty = pretty};
}

/* Begins a container; the values that follow are its, up to ry_json_put_end. */
void ry_json_put_object(struct ry_json_writer *writer, const char *name);
void ry_json_put_array(struct ry_json_writer *writer, const char *name);
void ry_json_put_end(struct ry_json_writer *writer);

/* An absent string is null. */
void ry_json_put_str(struct ry_json_writer *writer, const char *name, struct ry_str value);
void ry_json_put_text(struct ry_json_writer *writer, const char *name, const char *value);
void ry_json_put_u64(struct ry_json_writer *writer, const char *name, uint64_t value);
void ry_json_put_i64(struct ry_json_writer *writer, const char *name, int64_t value);
/* What is not finite is null. decimals: how many; -1: as many as are needed to read it back exactly. */
void ry_json_put_f64(struct ry_json_writer *writer, const char *name, double value, int decimals);
void ry_json_put_bool(struct ry_json_writer *writer, const char *name, bool value);
void ry_json_put_null(struct ry_json_writer *writer, const char *name);

/* A value of a document, with all that is in it. Numbers keep their value. */
void ry_json_put_value(struct ry_json_writer *writer, const char *name, const struct ry_json *value);
/* The same as a member whose name may hold any character. */
void ry_json_put_member(struct ry_json_writer *writer, struct ry_str name, const struct ry_json *value);
/* All members of an object, into the open object. */
void ry_json_put_members(struct ry_json_writer *writer, const struct ry_json *object);

/* Appends a string with its quotes, escaped. */
void ry_json_print_str(struct ry_buf *out, struct ry_str text);

#endif

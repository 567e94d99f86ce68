/* check.h: the constraints of a field's value, checked before packing and after unpacking.
 *
 * For the codec only. An error names the field by its path: "batch_write.clips[3].url". */
#ifndef REELYARD_PROTO_CHECK_H
#define REELYARD_PROTO_CHECK_H

#include "proto/message.h"
#include "runtime/base/error.h"

/* Longest string of a STRS field, bytes. */
#define RY_STRS_ITEM_MAX_BYTES 4096

/* A place in a message. Lives on the stack of whoever walks it. */
struct ry_path {
    const struct ry_path *up; /* NULL: the message itself */
    const char *name;
    size_t index; /* of the list's item that the rest of the path is in; RY_NO_INDEX: the field itself */
};
#define RY_NO_INDEX SIZE_MAX

/* A list of any record: each LIST field's struct begins like this. */
struct ry_list {
    void *items;
    size_t n;
};

static inline struct ry_path ry_path_of(const struct ry_path *up, const char *name)
{
    return (struct ry_path){up, name, RY_NO_INDEX};
}

/* Fills *err with the path and the sentence; returns code. */
int ry_refuse(struct ry_error *err, enum ry_err code, const struct ry_path *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether a list of this field may have n items. */
int ry_check_count(const struct ry_field *field, size_t n, const struct ry_path *path, struct ry_error *err);

/* What is asked of a text but its limits: that it is UTF-8, or nothing, for whoever mends it then. */
enum ry_check_texts { RY_CHECK_TEXTS, RY_PASS_TEXTS };

/* Whether the field in this struct is within its limits and flags. Of a LIST only the count is checked: whoever walks
 * the message comes to its items anyway. RY_EINVAL, RY_ELIMIT. */
int ry_check_field(const struct ry_field *field, const void *record, enum ry_check_texts texts,
                   const struct ry_path *path, struct ry_error *err);

#endif

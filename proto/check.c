/* check.c: one rule per field, for both directions. */
#include "proto/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/assert.h"

/* Writes the path from its root; returns the length that is there. */
static size_t print_path(const struct ry_path *path, char *text, size_t size)
{
    size_t n = 0;
    if (path->up) {
        n = print_path(path->up, text, size);
        RY_ASSERT(n < size, "%zu of %zu bytes", n, size);
        n += (size_t)snprintf(text + n, size - n, ".");
    }
    if (n < size) {
        int more = path->index == RY_NO_INDEX ? snprintf(text + n, size - n, "%s", path->name)
                                              : snprintf(text + n, size - n, "%s[%zu]", path->name, path->index);
        n += more > 0 ? (size_t)more : 0;
    }
    return n < size ? n : size - 1;
}

int ry_refuse(struct ry_error *err, enum ry_err code, const struct ry_path *path, const char *format, ...)
{
    char place[160];
    char sentence[240];
    (void)print_path(path, place, sizeof place);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return ry_fail(err, code, "%s %s", place, sentence);
}

static int check_bytes(const struct ry_field *field, size_t n, const struct ry_path *path, struct ry_error *err)
{
    if (n > field->max.u)
        return ry_refuse(err, RY_ELIMIT, path, "has %zu bytes, more than %" PRIu64, n, field->max.u);
    if (n < field->min.u)
        return ry_refuse(err, RY_EINVAL, path, "has %zu bytes, fewer than %" PRIu64, n, field->min.u);
    return RY_OK;
}

static int check_absent(const struct ry_field *field, const struct ry_path *path, struct ry_error *err)
{
    return field->flags & RY_FLAG_REQUIRED ? ry_refuse(err, RY_EINVAL, path, "is missing") : RY_OK;
}

static int check_text(const struct ry_field *field, struct ry_str text, enum ry_check_texts texts,
                      const struct ry_path *path, struct ry_error *err)
{
    if (texts == RY_CHECK_TEXTS && !ry_str_is_utf8(text))
        return ry_refuse(err, RY_EINVAL, path, "is not UTF-8");
    if ((field->flags & RY_FLAG_SNOWFLAKE) && !ry_str_is_snowflake(text))
        return ry_refuse(err, RY_EINVAL, path, "is not a snowflake");
    return RY_OK;
}

static int check_str(const struct ry_field *field, struct ry_str text, enum ry_check_texts texts,
                     const struct ry_path *path, struct ry_error *err)
{
    if (text.p == NULL)
        return check_absent(field, path, err);
    int rc = check_bytes(field, text.n, path, err);
    return rc != RY_OK ? rc : check_text(field, text, texts, path, err);
}

static int check_strs(const struct ry_field *field, const struct ry_strs *strs, enum ry_check_texts texts,
                      const struct ry_path *path, struct ry_error *err)
{
    int rc = ry_check_count(field, strs->n, path, err);
    struct ry_path item = *path;
    for (size_t i = 0; rc == RY_OK && i < strs->n; i++) {
        item.index = i;
        if (strs->items[i].p == NULL)
            rc = ry_refuse(err, RY_EINVAL, &item, "is missing");
        else if (strs->items[i].n > RY_STRS_ITEM_MAX_BYTES)
            rc = ry_refuse(err, RY_ELIMIT, &item, "has %zu bytes, more than %d", strs->items[i].n,
                           RY_STRS_ITEM_MAX_BYTES);
        else
            rc = check_text(field, strs->items[i], texts, &item, err);
    }
    return rc;
}

static int check_blob(const struct ry_field *field, const struct ry_blob *blob, const struct ry_path *path,
                      struct ry_error *err)
{
    if (blob->frame == NULL && blob->p == NULL)
        return check_absent(field, path, err);
    return check_bytes(field, blob->frame ? ry_frame_size(blob->frame) : blob->n, path, err);
}

int ry_check_count(const struct ry_field *field, size_t n, const struct ry_path *path, struct ry_error *err)
{
    if (n > field->max.u)
        return ry_refuse(err, RY_ELIMIT, path, "has %zu items, more than %" PRIu64, n, field->max.u);
    if (n < field->min.u)
        return ry_refuse(err, RY_EINVAL, path, "has %zu items, fewer than %" PRIu64, n, field->min.u);
    return RY_OK;
}

int ry_check_field(const struct ry_field *field, const void *record, enum ry_check_texts texts,
                   const struct ry_path *path, struct ry_error *err)
{
    const void *at = (const char *)record + field->offset;
    switch (field->type) {
    case RY_FIELD_STR: return check_str(field, *(const struct ry_str *)at, texts, path, err);
    case RY_FIELD_U64: {
        uint64_t value = *(const uint64_t *)at;
        if (value < field->min.u || value > field->max.u)
            return ry_refuse(err, RY_EINVAL, path, "is %" PRIu64 ", not in %" PRIu64 "..%" PRIu64, value, field->min.u,
                             field->max.u);
        return RY_OK;
    }
    case RY_FIELD_I64: {
        int64_t value = *(const int64_t *)at;
        if (value < field->min.i || value > field->max.i)
            return ry_refuse(err, RY_EINVAL, path, "is %" PRId64 ", not in %" PRId64 "..%" PRId64, value, field->min.i,
                             field->max.i);
        return RY_OK;
    }
    case RY_FIELD_F64: {
        double value = *(const double *)at;
        if (!isfinite(value) || value < field->min.f || value > field->max.f)
            return ry_refuse(err, RY_EINVAL, path, "is %g, not in %g..%g", value, field->min.f, field->max.f);
        return RY_OK;
    }
    case RY_FIELD_BOOL: return RY_OK;
    case RY_FIELD_BLOB: return check_blob(field, at, path, err);
    case RY_FIELD_STRS: return check_strs(field, at, texts, path, err);
    case RY_FIELD_LIST: return ry_check_count(field, ((const struct ry_list *)at)->n, path, err);
    }
    return ry_refuse(err, RY_EBUG, path, "has no type");
}

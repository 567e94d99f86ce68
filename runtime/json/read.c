/* read.c: see read.h. Owns nothing: documents are the caller's. */
#include "runtime/json/read.h"

#include "runtime/base/assert.h"

#include <inttypes.h>
#include <stdio.h>

/* Bytes of a wrong value that an error shows. */
#define SHOWN_BYTES ((size_t)40)

/* *out: the member, NULL when it is missing or null. */
static int read_member(const struct ry_json *object, const char *where, const char *name, bool required,
                       enum ry_json_type type, const char *type_text, const struct ry_json **out, struct ry_error *err)
{
    const struct ry_json *value = ry_json_get(object, name);
    *out = value;
    if (value == NULL)
        return required ? ry_fail(err, RY_EINVAL, "%s%s is missing", where, name) : RY_OK;
    if (ry_json_is(value, type))
        return RY_OK;
    *out = NULL;
    return ry_fail(err, RY_EINVAL, "%s%s is not %s", where, name, type_text);
}

int ry_json_read_text(struct ry_str text, const char *what, size_t bytes_max, const struct ry_json_want *wants,
                      size_t want_count, struct ry_json_doc **doc, const struct ry_json **object, struct ry_error *err)
{
    RY_ASSERT(bytes_max > 0 && bytes_max <= RY_JSON_MAX_BYTES, "%zu bytes", bytes_max);
    struct ry_error why;
    *doc = NULL;
    *object = NULL;
    if (text.p == NULL || text.n == 0)
        return ry_fail(err, RY_EINVAL, "%s is empty", what);
    if (text.n > bytes_max)
        return ry_fail(err, RY_ELIMIT, "%s has %zu bytes; at most %zu are allowed", what, text.n, bytes_max);
    int rc = ry_json_parse_object(text, doc, object, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "%s", why.text);
    if (rc != RY_OK) /* "not JSON: ..." */
        return ry_fail(err, rc, "%s is %s", what, why.text);
    for (size_t i = 0; i < want_count && rc == RY_OK; i++)
        rc = ry_json_read_str(*object, "", wants[i].name, wants[i].required, wants[i].out, err);
    if (rc != RY_OK)
        ry_json_free(doc);
    return rc;
}

int ry_json_read_str(const struct ry_json *object, const char *where, const char *name, bool required,
                     struct ry_str *out, struct ry_error *err)
{
    const struct ry_json *value = NULL;
    int rc = read_member(object, where, name, required, RY_JSON_STRING, "a string", &value, err);
    *out = ry_json_str(value);
    return rc;
}

int ry_json_read_id(const struct ry_json *object, const char *where, const char *name, bool required,
                    struct ry_str *out, struct ry_error *err)
{
    int rc = ry_json_read_str(object, where, name, required, out, err);
    if (rc != RY_OK || out->p == NULL || ry_str_is_snowflake(*out))
        return rc;
    struct ry_str shown = ry_json_cut(*out, SHOWN_BYTES);
    *out = (struct ry_str){0};
    return ry_fail(err, RY_EINVAL, "%s%s '%.*s' is not a snowflake", where, name, RY_STR_ARG(shown));
}

int ry_json_read_count(const struct ry_json *object, const char *where, const char *name, uint64_t *out,
                       struct ry_error *err)
{
    const struct ry_json *value = NULL;
    int rc = read_member(object, where, name, false, RY_JSON_INT, "a whole number", &value, err);
    if (rc != RY_OK || value == NULL)
        return rc;
    int64_t number = 0;
    if (!ry_json_i64(value, &number) || number < 0)
        return ry_fail(err, RY_EINVAL, "%s%s is out of range", where, name);
    *out = (uint64_t)number;
    return RY_OK;
}

int ry_json_read_bool(const struct ry_json *object, const char *where, const char *name, bool *out,
                      struct ry_error *err)
{
    const struct ry_json *value = NULL;
    int rc = read_member(object, where, name, false, RY_JSON_BOOL, "true or false", &value, err);
    if (rc == RY_OK && value != NULL)
        *out = ry_json_true(value);
    return rc;
}

int ry_json_read_object(const struct ry_json *object, const char *where, const char *name, bool required,
                        const struct ry_json **out, struct ry_error *err)
{
    return read_member(object, where, name, required, RY_JSON_OBJECT, "an object", out, err);
}

int ry_json_read_array(const struct ry_json *object, const char *where, const char *name, bool required,
                       const struct ry_json **out, struct ry_error *err)
{
    return read_member(object, where, name, required, RY_JSON_ARRAY, "an array", out, err);
}

struct ry_str ry_json_text(const struct ry_json *object, const char *name, char digits[RY_JSON_DIGITS_BYTES])
{
    const struct ry_json *value = ry_json_get(object, name);
    uint64_t number = 0;
    if (!ry_json_u64(value, &number))
        return ry_json_str(value);
    (void)snprintf(digits, RY_JSON_DIGITS_BYTES, "%" PRIu64, number);
    return ry_str_of(digits);
}

struct ry_str ry_json_cut(struct ry_str s, size_t max)
{
    if (s.n <= max)
        return s;
    size_t n = max;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return (struct ry_str){s.p, n};
}

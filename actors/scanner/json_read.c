/* json_read.c: json-c behind a strict door. */
#include "actors/scanner/json_read.h"

#include <limits.h>

int json_read_text(struct ry_str text, struct json_object **value, struct ry_error *err)
{
    *value = NULL;
    if (text.n > INT_MAX)
        return ry_fail(err, RY_EINVAL, "JSON of %zu bytes is too large", text.n);
    if (text.n > 0 && !ry_str_is_utf8(text)) /* json-c's own check lets overlong forms and surrogates pass */
        return ry_fail(err, RY_EINVAL, "not JSON: the text is not UTF-8");
    struct json_tokener *tokener = json_tokener_new_ex(JSON_READ_DEPTH_MAX);
    if (tokener == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to read JSON");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *root = json_tokener_parse_ex(tokener, text.n > 0 ? text.p : "", (int)text.n);
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t at = json_tokener_get_parse_end(tokener);
    if (code == json_tokener_continue) { /* a number or a word ends only where something follows it */
        root = json_tokener_parse_ex(tokener, " ", 1);
        code = json_tokener_get_error(tokener);
    }
    json_tokener_free(tokener);
    if (code == json_tokener_success) {
        *value = root;
        return RY_OK;
    }
    json_object_put(root);
    if (code == json_tokener_continue)
        return ry_fail(err, RY_EINVAL, "not JSON: ends too early, at byte %zu", text.n);
    return ry_fail(err, RY_EINVAL, "not JSON: %s at byte %zu", json_tokener_error_desc(code), at);
}

/* *out: the member, NULL when it is missing or null. */
static int read_member(struct json_object *object, const char *where, const char *key, bool required,
                       enum json_type type, const char *type_text, struct json_object **out, struct ry_error *err)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    *out = value;
    if (value == NULL)
        return required ? ry_fail(err, RY_EINVAL, "%s%s is missing", where, key) : RY_OK;
    if (json_object_is_type(value, type))
        return RY_OK;
    *out = NULL;
    return ry_fail(err, RY_EINVAL, "%s%s is not %s", where, key, type_text);
}

struct ry_str json_read_value_str(struct json_object *value)
{
    return (struct ry_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
}

int json_read_str(struct json_object *object, const char *where, const char *key, bool required, struct ry_str *out,
                  struct ry_error *err)
{
    struct json_object *value = NULL;
    *out = (struct ry_str){0};
    int rc = read_member(object, where, key, required, json_type_string, "a string", &value, err);
    if (rc == RY_OK && value != NULL)
        *out = json_read_value_str(value);
    return rc;
}

int json_read_id(struct json_object *object, const char *where, const char *key, bool required, struct ry_str *out,
                 struct ry_error *err)
{
    int rc = json_read_str(object, where, key, required, out, err);
    if (rc != RY_OK || out->p == NULL || ry_str_is_snowflake(*out))
        return rc;
    struct ry_str shown = json_read_cut(*out, 40);
    *out = (struct ry_str){0};
    return ry_fail(err, RY_EINVAL, "%s%s '%.*s' is no snowflake", where, key, RY_STR_ARG(shown));
}

int json_read_count(struct json_object *object, const char *where, const char *key, uint64_t *out, struct ry_error *err)
{
    struct json_object *value = NULL;
    int rc = read_member(object, where, key, false, json_type_int, "a whole number", &value, err);
    if (rc != RY_OK || value == NULL)
        return rc;
    /* json-c clamps: a negative number is 0 as unsigned, one above INT64_MAX is INT64_MAX as signed. */
    int64_t number = json_object_get_int64(value);
    if (number < 0 || json_object_get_uint64(value) > INT64_MAX)
        return ry_fail(err, RY_EINVAL, "%s%s is out of range", where, key);
    *out = (uint64_t)number;
    return RY_OK;
}

int json_read_bool(struct json_object *object, const char *where, const char *key, bool *out, struct ry_error *err)
{
    struct json_object *value = NULL;
    int rc = read_member(object, where, key, false, json_type_boolean, "true or false", &value, err);
    if (rc == RY_OK && value != NULL)
        *out = json_object_get_boolean(value);
    return rc;
}

int json_read_object(struct json_object *object, const char *where, const char *key, bool required,
                     struct json_object **out, struct ry_error *err)
{
    return read_member(object, where, key, required, json_type_object, "an object", out, err);
}

int json_read_array(struct json_object *object, const char *where, const char *key, bool required,
                    struct json_object **out, struct ry_error *err)
{
    return read_member(object, where, key, required, json_type_array, "an array", out, err);
}

struct ry_str json_read_cut(struct ry_str s, size_t max)
{
    if (s.n <= max)
        return s;
    size_t n = max;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return (struct ry_str){s.p, n};
}

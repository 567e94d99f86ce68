/* json.c: yyjson behind a strict door. A document is yyjson's, a value is one of its values. */
#include "runtime/json/json_internal.h"

#include "runtime/base/assert.h"
#include "runtime/base/hex.h"

#include <math.h>
#include <stdlib.h>

static yyjson_val *val(const struct ry_json *value)
{
    return (yyjson_val *)value; /* yyjson reads through pointers that are not const */
}

/* NULL for the JSON null. */
static const struct ry_json *value_of(yyjson_val *value)
{
    return yyjson_is_null(value) ? NULL : (const struct ry_json *)value;
}

static yyjson_doc *document(const struct ry_json_doc *doc)
{
    return (yyjson_doc *)doc;
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

/* yyjson has no limit of depth (its parser does not recurse), but those who walk through a document do. Values lie in
 * the text's order, and a container knows where the next value behind it lies. */
static bool is_too_deep(yyjson_doc *doc)
{
    const yyjson_val *ends[RY_JSON_DEPTH_MAX];
    size_t depth = 0;
    yyjson_val *end = doc->root + doc->val_read;
    for (yyjson_val *at = doc->root; at < end; at++) {
        while (depth > 0 && at >= ends[depth - 1])
            depth--;
        if (!yyjson_is_ctn(at))
            continue;
        if (depth == RY_JSON_DEPTH_MAX)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(at);
    }
    return false;
}

static int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = ry_hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The code unit of the escape \uXXXX at p, -1 when there is none. */
static int unit_at(const char *p, const char *end)
{
    return end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2) : -1;
}

/* Overwrites each escape of a lone surrogate by that of U+FFFD. False when there is none. */
static bool replace_lone_surrogates(char *text, size_t n)
{
    static const char replacement[] = {'F', 'F', 'F', 'D'}; /* U+FFFD, behind the \u that stands there */
    bool changed = false;
    char *end = text + n;
    for (char *p = text; (p = memchr(p, '\\', (size_t)(end - p))) != NULL;) {
        int unit = unit_at(p, end);
        int next = unit >= 0xD800 && unit < 0xDC00 ? unit_at(p + 6, end) : -1;
        if (next >= 0xDC00 && next < 0xE000) {
            p += 12;
        } else if (unit >= 0xD800 && unit < 0xE000) {
            memcpy(p + 2, replacement, sizeof replacement);
            changed = true;
            p += 6;
        } else {
            p += end - p >= 2 ? 2 : 1;
        }
    }
    return changed;
}

/* Whether the text ends where more of the value is expected. */
static bool is_cut_off(const yyjson_read_err *why)
{
    return why->code == YYJSON_READ_ERROR_UNEXPECTED_END || why->code == YYJSON_READ_ERROR_EMPTY_CONTENT;
}

static int explain(struct ry_str text, const yyjson_read_err *why, struct ry_error *err)
{
    if (why->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return ry_fail(err, RY_ENOMEM, "no memory to read JSON of %zu bytes", text.n);
    if (is_cut_off(why))
        return ry_fail(err, RY_EINVAL, "not JSON: it ends too early, at byte %zu", text.n);
    if (why->pos < text.n && (unsigned char)text.p[why->pos] >= 0x80 && !ry_str_is_utf8(text))
        return ry_fail(err, RY_EINVAL, "not JSON: not UTF-8 at byte %zu", why->pos);
    return ry_fail(err, RY_EINVAL, "not JSON: %s at byte %zu", why->msg, why->pos);
}

int ry_json_parse_with(struct ry_str text, yyjson_read_flag flags, const yyjson_alc *memory, size_t *at,
                       struct ry_json_doc **doc, struct ry_error *err)
{
    *doc = NULL;
    if (text.n == 0)
        return ry_fail(err, RY_EINVAL, "not JSON: it ends too early, at byte 0");
    if (text.n > RY_JSON_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "JSON of %zu bytes; at most %zu are read", text.n, RY_JSON_MAX_BYTES);
    flags |= YYJSON_READ_BIGNUM_AS_RAW;
    yyjson_read_err why = {0};
    char *bytes = (char *)text.p; /* not written to: the flag INSITU is never given */
    yyjson_doc *read = yyjson_read_opts(bytes, text.n, flags, memory, &why);
    if (read == NULL && why.code == YYJSON_READ_ERROR_INVALID_STRING) {
        char *mended = malloc(text.n);
        if (mended == NULL)
            return ry_fail(err, RY_ENOMEM, "no memory to read JSON of %zu bytes", text.n);
        memcpy(mended, text.p, text.n);
        if (replace_lone_surrogates(mended, text.n))
            read = yyjson_read_opts(mended, text.n, flags, memory, &why);
        free(mended);
    }
    if (at != NULL)
        *at = read != NULL ? read->dat_read : is_cut_off(&why) ? text.n : why.pos < text.n ? why.pos : text.n - 1;
    if (read == NULL)
        return explain(text, &why, err);
    if (is_too_deep(read)) {
        yyjson_doc_free(read);
        return ry_fail(err, RY_EINVAL, "not taken: the JSON has more than %d levels", RY_JSON_DEPTH_MAX);
    }
    *doc = (struct ry_json_doc *)read;
    return RY_OK;
}

int ry_json_parse(struct ry_str text, struct ry_json_doc **doc, struct ry_error *err)
{
    return ry_json_parse_with(text, YYJSON_READ_NOFLAG, NULL, NULL, doc, err);
}

int ry_json_parse_jsonc(struct ry_str text, struct ry_json_doc **doc, size_t *line, struct ry_error *err)
{
    size_t at = 0;
    int rc =
        ry_json_parse_with(text, YYJSON_READ_ALLOW_COMMENTS | YYJSON_READ_ALLOW_TRAILING_COMMAS, NULL, &at, doc, err);
    *line = ry_json_line(text, at);
    return rc;
}

int ry_json_parse_next(struct ry_str text, struct ry_json_doc **doc, size_t *end, struct ry_error *err)
{
    size_t at = 0;
    int rc = ry_json_parse_with(text, YYJSON_READ_STOP_WHEN_DONE, NULL, &at, doc, err);
    *end = at;
    return rc == RY_EINVAL && at >= text.n ? ry_fail(err, RY_ENOENT, "not JSON: it ends too early, at byte %zu", at)
                                           : rc;
}

/* Strings lie where they stood in the text, of which the document has a copy. */
size_t ry_json_offset(const struct ry_json_doc *doc, struct ry_str text)
{
    RY_ASSERT(text.p != NULL && text.p >= document(doc)->str_pool, "no string of this document");
    return (size_t)(text.p - document(doc)->str_pool);
}

size_t ry_json_line(struct ry_str text, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < text.n && i < offset; i++)
        line += text.p[i] == '\n';
    return line;
}

int ry_json_parse_object(struct ry_str text, struct ry_json_doc **doc, const struct ry_json **object,
                         struct ry_error *err)
{
    *object = NULL;
    int rc = ry_json_parse(text, doc, err);
    if (rc != RY_OK)
        return rc;
    if (ry_json_is(ry_json_root(*doc), RY_JSON_OBJECT)) {
        *object = ry_json_root(*doc);
        return RY_OK;
    }
    ry_json_free(doc);
    return ry_fail(err, RY_EINVAL, "not a JSON object");
}

void ry_json_free(struct ry_json_doc **doc)
{
    yyjson_doc_free(document(*doc));
    *doc = NULL;
}

const struct ry_json *ry_json_root(const struct ry_json_doc *doc)
{
    return value_of(yyjson_doc_get_root(document(doc)));
}

const char *ry_json_library(void)
{
    return YYJSON_VERSION_STRING;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

enum ry_json_type ry_json_type(const struct ry_json *value)
{
    struct ry_str big = {0};
    switch (yyjson_get_type(val(value))) {
    case YYJSON_TYPE_RAW:
        big = ry_json_big(value);
        for (size_t i = 0; i < big.n; i++)
            if (big.p[i] == '.' || big.p[i] == 'e' || big.p[i] == 'E')
                return RY_JSON_REAL;
        return RY_JSON_INT;
    case YYJSON_TYPE_BOOL: return RY_JSON_BOOL;
    case YYJSON_TYPE_NUM: return yyjson_is_real(val(value)) ? RY_JSON_REAL : RY_JSON_INT;
    case YYJSON_TYPE_STR: return RY_JSON_STRING;
    case YYJSON_TYPE_ARR: return RY_JSON_ARRAY;
    case YYJSON_TYPE_OBJ: return RY_JSON_OBJECT;
    default: return RY_JSON_NULL;
    }
}

const struct ry_json *ry_json_get(const struct ry_json *object, const char *name)
{
    size_t n = strlen(name);
    yyjson_val *found = NULL;
    struct ry_json_walk walk = ry_json_walk(ry_json_is(object, RY_JSON_OBJECT) ? object : NULL);
    yyjson_val *key = val(walk.at);
    for (; walk.left > 0; walk.left--) {
        yyjson_val *value = key + 1;
        if (unsafe_yyjson_get_len(key) == n && memcmp(unsafe_yyjson_get_str(key), name, n) == 0)
            found = value;
        key = unsafe_yyjson_get_next(value);
    }
    return value_of(found);
}

const struct ry_json *ry_json_at(const struct ry_json *array, size_t i)
{
    return value_of(yyjson_arr_get(val(array), i));
}

size_t ry_json_count(const struct ry_json *container)
{
    return ry_json_walk(container).left;
}

struct ry_json_walk ry_json_walk(const struct ry_json *container)
{
    yyjson_val *value = val(container);
    if (!yyjson_is_ctn(value))
        return (struct ry_json_walk){.at = NULL};
    return (struct ry_json_walk){.at = (const struct ry_json *)unsafe_yyjson_get_first(value),
                                 .left = unsafe_yyjson_get_len(value)};
}

bool ry_json_next(struct ry_json_walk *walk, const struct ry_json **element)
{
    *element = NULL;
    if (walk->left == 0)
        return false;
    walk->left--;
    yyjson_val *at = val(walk->at);
    *element = value_of(at);
    walk->at = (const struct ry_json *)unsafe_yyjson_get_next(at);
    return true;
}

bool ry_json_next_member(struct ry_json_walk *walk, struct ry_str *name, const struct ry_json **value)
{
    *name = (struct ry_str){0};
    *value = NULL;
    if (walk->left == 0)
        return false;
    walk->left--;
    yyjson_val *key = val(walk->at);
    *name = (struct ry_str){unsafe_yyjson_get_str(key), unsafe_yyjson_get_len(key)};
    *value = value_of(key + 1);
    walk->at = (const struct ry_json *)unsafe_yyjson_get_next(key + 1);
    return true;
}

struct ry_str ry_json_str(const struct ry_json *value)
{
    return (struct ry_str){yyjson_get_str(val(value)), yyjson_get_len(val(value)) * (size_t)yyjson_is_str(val(value))};
}

struct ry_str ry_json_big(const struct ry_json *value)
{
    return (struct ry_str){yyjson_get_raw(val(value)), yyjson_get_len(val(value)) * (size_t)yyjson_is_raw(val(value))};
}

bool ry_json_u64(const struct ry_json *value, uint64_t *out)
{
    if (!yyjson_is_uint(val(value)) && !(yyjson_is_sint(val(value)) && yyjson_get_sint(val(value)) >= 0))
        return false;
    *out = yyjson_get_uint(val(value));
    return true;
}

bool ry_json_i64(const struct ry_json *value, int64_t *out)
{
    if (!yyjson_is_int(val(value)) || (yyjson_is_uint(val(value)) && yyjson_get_uint(val(value)) > INT64_MAX))
        return false;
    *out = yyjson_get_sint(val(value));
    return true;
}

bool ry_json_f64(const struct ry_json *value, double *out)
{
    if (yyjson_is_raw(val(value)))
        *out = strtod(yyjson_get_raw(val(value)), NULL); /* what follows it in the document cannot belong to a number */
    else if (yyjson_is_num(val(value)))
        *out = yyjson_get_num(val(value));
    else
        return false;
    return true;
}

bool ry_json_true(const struct ry_json *value)
{
    return yyjson_is_true(val(value));
}

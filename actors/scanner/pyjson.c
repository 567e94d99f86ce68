/* pyjson.c: a walk over a document; pure but for the buffer it fills. */
#include "actors/scanner/pyjson.h"

#include "runtime/base/error.h"
#include "runtime/json/number.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
    struct ry_str name;
    const struct ry_json *value;
    size_t position;
};

/* Reads one code point of well-formed UTF-8 (the reader gives nothing else) and returns its length in bytes. */
static size_t code_point(const unsigned char *p, uint32_t *out)
{
    if (p[0] < 0x80)
        return *out = p[0], 1;
    if (p[0] < 0xE0)
        return *out = (uint32_t)(p[0] & 0x1F) << 6 | (p[1] & 0x3F), 2;
    if (p[0] < 0xF0)
        return *out = (uint32_t)(p[0] & 0x0F) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F), 3;
    *out = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3F) << 12 | (uint32_t)(p[2] & 0x3F) << 6 | (p[3] & 0x3F);
    return 4;
}

static const char *short_escape(uint32_t c)
{
    switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '\f': return "\\f";
    case '\b': return "\\b";
    default: return NULL;
    }
}

static void print_string(struct ry_str s, struct ry_buf *out)
{
    ry_buf_add(out, "\"", 1);
    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t step = code_point((const unsigned char *)s.p + i, &c);
        const char *escape = short_escape(c);
        if (escape != NULL)
            ry_buf_add(out, escape, 2);
        else if (c >= 0x20 && c < 0x7F)
            ry_buf_add(out, s.p + i, 1);
        else if (c < 0x10000)
            ry_buf_addf(out, "\\u%04" PRIx32, c);
        else
            ry_buf_addf(out, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xD800 + ((c - 0x10000) >> 10),
                        0xDC00 + ((c - 0x10000) & 0x3FF));
        i += step;
    }
    ry_buf_add(out, "\"", 1);
}

/* Python's int has any size, and -0 is 0; beyond the range of double its float is infinite. */
static void print_number(const struct ry_json *value, struct ry_buf *out)
{
    char text[RY_JSON_F64_BYTES];
    double real = 0;
    uint64_t whole = 0;
    int64_t negative = 0;
    if (ry_json_is(value, RY_JSON_REAL) && ry_json_f64(value, &real)) {
        ry_json_print_f64(real, text);
        ry_buf_add_str(out, ry_str_of(text));
    } else if (ry_json_u64(value, &whole)) {
        ry_buf_addf(out, "%" PRIu64, whole);
    } else if (ry_json_i64(value, &negative)) {
        ry_buf_addf(out, "%" PRId64, negative);
    } else {
        ry_buf_add_str(out, ry_json_big(value));
    }
}

/* By code point, which is the order of UTF-8 bytes; of members with the same name the one that stands last, last. */
static int member_order(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
    int order = memcmp(x->name.p, y->name.p, n);
    if (order == 0)
        order = (x->name.n > y->name.n) - (x->name.n < y->name.n);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

static int print_object(const struct ry_json *object, struct ry_buf *out)
{
    size_t n = ry_json_count(object);
    struct member *members = calloc(n + 1, sizeof *members);
    if (members == NULL)
        return RY_ENOMEM;
    struct ry_json_walk walk = ry_json_walk(object);
    for (size_t i = 0; ry_json_next_member(&walk, &members[i].name, &members[i].value); i++)
        members[i].position = i;
    qsort(members, n, sizeof *members, member_order);
    int rc = RY_OK;
    bool first = true;
    ry_buf_add(out, "{", 1);
    for (size_t i = 0; i < n && rc == RY_OK; i++) {
        if (i + 1 < n && ry_str_eq(members[i].name, members[i + 1].name))
            continue;
        if (!first)
            ry_buf_add(out, ", ", 2);
        first = false;
        print_string(members[i].name, out);
        ry_buf_add(out, ": ", 2);
        rc = pyjson_print(members[i].value, out);
    }
    ry_buf_add(out, "}", 1);
    free(members);
    return rc;
}

static int print_array(const struct ry_json *array, struct ry_buf *out)
{
    const struct ry_json *element = NULL;
    struct ry_json_walk walk = ry_json_walk(array);
    int rc = RY_OK;
    bool first = true;
    ry_buf_add(out, "[", 1);
    while (rc == RY_OK && ry_json_next(&walk, &element)) {
        if (!first)
            ry_buf_add(out, ", ", 2);
        first = false;
        rc = pyjson_print(element, out);
    }
    ry_buf_add(out, "]", 1);
    return rc;
}

int pyjson_print(const struct ry_json *value, struct ry_buf *out)
{
    int rc = RY_OK;
    switch (ry_json_type(value)) {
    case RY_JSON_NULL: ry_buf_add(out, "null", 4); break;
    case RY_JSON_BOOL: ry_buf_add_str(out, ry_str_of(ry_json_true(value) ? "true" : "false")); break;
    case RY_JSON_INT:
    case RY_JSON_REAL: print_number(value, out); break;
    case RY_JSON_STRING: print_string(ry_json_str(value), out); break;
    case RY_JSON_ARRAY: rc = print_array(value, out); break;
    case RY_JSON_OBJECT: rc = print_object(value, out); break;
    }
    if (rc != RY_OK)
        return rc;
    return out->failed ? RY_ELIMIT : RY_OK;
}

/* pyjson.c: a walk over json-c objects; pure but for the buffer it fills. */
#include "actors/scanner/pyjson.h"

#include "runtime/base/error.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
    const char *key;
    struct json_object *value;
};

/* Reads one code point of well-formed UTF-8 (json-c gives nothing else) and returns its length in bytes. */
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

/* Adds one to the last digit of a number in scientific notation. False when that would carry out of the first one. */
static bool digits_up(char *scientific)
{
    for (char *p = strchr(scientific, 'e') - 1; p >= scientific && *p != '-'; p--) {
        if (*p == '.')
            continue;
        if (*p < '9')
            return (*p)++, true;
        *p = '0';
    }
    return false;
}

/* Writes value with `digits` digits; whether they read back as value. Above a power of two doubles lie twice as far
 * apart as below it, so there the number one up may read back where the nearest one does not. */
static bool print_digits(double value, int digits, char scientific[PYJSON_FLOAT_BYTES])
{
    snprintf(scientific, PYJSON_FLOAT_BYTES, "%.*e", digits - 1, value);
    if (strtod(scientific, NULL) == value)
        return true;
    return digits_up(scientific) && strtod(scientific, NULL) == value;
}

void pyjson_float(double value, char text[PYJSON_FLOAT_BYTES])
{
    if (isnan(value) || isinf(value)) {
        snprintf(text, PYJSON_FLOAT_BYTES, "%s", isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    char scientific[PYJSON_FLOAT_BYTES];
    int digits = 1;
    while (digits < 17 && !print_digits(value, digits, scientific))
        digits++;
    if (digits == 17)
        snprintf(scientific, sizeof scientific, "%.16e", value);

    int exponent = (int)strtol(strchr(scientific, 'e') + 1, NULL, 10);
    if (exponent < -4 || exponent >= 16) {
        snprintf(text, PYJSON_FLOAT_BYTES, "%s", scientific); /* two digits of exponent at least: as Python does */
        return;
    }
    /* In this range a power of two needs fewer than 17 digits, so the nearest number of so many digits is the one. */
    int decimals = digits - 1 - exponent;
    snprintf(text, PYJSON_FLOAT_BYTES, "%.*f", decimals > 0 ? decimals : 1, value);
}

static void print_number(struct json_object *value, struct ry_buf *out)
{
    if (json_object_is_type(value, json_type_double)) {
        char text[PYJSON_FLOAT_BYTES];
        pyjson_float(json_object_get_double(value), text);
        ry_buf_add(out, text, strlen(text));
        return;
    }
    int64_t number = json_object_get_int64(value);
    if (number < 0)
        ry_buf_addf(out, "%" PRId64, number);
    else
        ry_buf_addf(out, "%" PRIu64, json_object_get_uint64(value));
}

static int member_order(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int print_object(struct json_object *object, struct ry_buf *out)
{
    size_t n = (size_t)json_object_object_length(object);
    struct member *members = calloc(n + 1, sizeof *members);
    if (members == NULL)
        return RY_ENOMEM;
    size_t i = 0;
    json_object_object_foreach(object, key, value) members[i++] = (struct member){key, value};
    qsort(members, n, sizeof *members, member_order);
    int rc = RY_OK;
    ry_buf_add(out, "{", 1);
    for (i = 0; i < n && rc == RY_OK; i++) {
        if (i > 0)
            ry_buf_add(out, ", ", 2);
        print_string(ry_str_of(members[i].key), out);
        ry_buf_add(out, ": ", 2);
        rc = pyjson_print(members[i].value, out);
    }
    ry_buf_add(out, "}", 1);
    free(members);
    return rc;
}

static int print_array(struct json_object *array, struct ry_buf *out)
{
    size_t n = json_object_array_length(array);
    int rc = RY_OK;
    ry_buf_add(out, "[", 1);
    for (size_t i = 0; i < n && rc == RY_OK; i++) {
        if (i > 0)
            ry_buf_add(out, ", ", 2);
        rc = pyjson_print(json_object_array_get_idx(array, i), out);
    }
    ry_buf_add(out, "]", 1);
    return rc;
}

int pyjson_print(struct json_object *value, struct ry_buf *out)
{
    int rc = RY_OK;
    switch (json_object_get_type(value)) {
    case json_type_null: ry_buf_add(out, "null", 4); break;
    case json_type_boolean: ry_buf_add_str(out, ry_str_of(json_object_get_boolean(value) ? "true" : "false")); break;
    case json_type_int:
    case json_type_double: print_number(value, out); break;
    case json_type_string:
        print_string((struct ry_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)}, out);
        break;
    case json_type_array: rc = print_array(value, out); break;
    case json_type_object: rc = print_object(value, out); break;
    }
    if (rc != RY_OK)
        return rc;
    return out->failed ? RY_ELIMIT : RY_OK;
}

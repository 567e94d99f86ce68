/* writer.c: see writer.h. Owns nothing: the text is the caller's buffer, which remembers whether it became too small.
 */
#include "runtime/json/writer.h"

#include "runtime/base/assert.h"
#include "runtime/json/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- strings ----------------------------------------------------------------------------------------------------- */

/* Bytes at p (n are left) that need no escape and are ASCII, counted in words where that is possible. */
static size_t plain_bytes(const unsigned char *p, size_t n)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = UINT64_C(0x8080808080808080);
    size_t i = 0;
    for (uint64_t word; n - i >= sizeof word; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        uint64_t quote = word ^ (ones * '"');
        uint64_t slash = word ^ (ones * '\\');
        uint64_t special =
            ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | word;
        if (special & high)
            break;
    }
    while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

static void print_escape(struct ry_buf *out, unsigned char c)
{
    switch (c) {
    case '"': ry_buf_add(out, "\\\"", 2); return;
    case '\\': ry_buf_add(out, "\\\\", 2); return;
    case '\n': ry_buf_add(out, "\\n", 2); return;
    case '\r': ry_buf_add(out, "\\r", 2); return;
    case '\t': ry_buf_add(out, "\\t", 2); return;
    default: ry_buf_addf(out, "\\u%04x", c); return;
    }
}

void ry_json_print_str(struct ry_buf *out, struct ry_str text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t plain = 0; /* the first byte that is not yet written */
    ry_buf_add(out, "\"", 1);
    for (size_t i = 0; i < text.n;) {
        i += plain_bytes(p + i, text.n - i);
        if (i == text.n)
            break;
        size_t step = p[i] < 0x80 ? 0 : ry_str_utf8_step((struct ry_str){text.p + i, text.n - i});
        if (step > 0) {
            i += step;
            continue;
        }
        ry_buf_add(out, p + plain, i - plain);
        if (p[i] < 0x80)
            print_escape(out, p[i]);
        else
            ry_buf_add_str(out, RY_STR("\xEF\xBF\xBD"));
        plain = ++i;
    }
    if (text.n > plain)
        ry_buf_add(out, p + plain, text.n - plain);
    ry_buf_add(out, "\"", 1);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void new_line(struct ry_json_writer *writer)
{
    ry_buf_add(writer->out, "\n", 1);
    for (size_t i = 0; i < writer->depth; i++)
        ry_buf_add(writer->out, "  ", 2);
}

/* What stands before a value: comma, line, name. */
static void begin_value(struct ry_json_writer *writer, const struct ry_str *name)
{
    if (writer->depth == 0)
        return;
    size_t level = writer->depth - 1;
    if (writer->is_filled[level])
        ry_buf_add(writer->out, ",", 1);
    writer->is_filled[level] = true;
    if (writer->pretty)
        new_line(writer);
    if (!writer->is_object[level])
        return;
    RY_ASSERT(name->p != NULL, "a member of an object needs a name");
    ry_json_print_str(writer->out, *name);
    ry_buf_add(writer->out, ": ", writer->pretty ? 2 : 1);
}

static void put(struct ry_json_writer *writer, const char *name, struct ry_str value)
{
    struct ry_str text = ry_str_of(name);
    begin_value(writer, &text);
    ry_buf_add_str(writer->out, value);
}

static void begin_container(struct ry_json_writer *writer, const struct ry_str *name, bool is_object)
{
    if (writer->depth == RY_JSON_DEPTH_MAX || writer->refused > 0) {
        writer->refused++;
        writer->out->failed = true;
        return;
    }
    begin_value(writer, name);
    ry_buf_add(writer->out, is_object ? "{" : "[", 1);
    writer->is_object[writer->depth] = is_object;
    writer->is_filled[writer->depth++] = false;
}

void ry_json_put_object(struct ry_json_writer *writer, const char *name)
{
    struct ry_str text = ry_str_of(name);
    begin_container(writer, &text, true);
}

void ry_json_put_array(struct ry_json_writer *writer, const char *name)
{
    struct ry_str text = ry_str_of(name);
    begin_container(writer, &text, false);
}

void ry_json_put_end(struct ry_json_writer *writer)
{
    if (writer->refused > 0) {
        writer->refused--;
        return;
    }
    RY_ASSERT(writer->depth > 0, "no object or array is open");
    writer->depth--;
    if (writer->pretty && writer->is_filled[writer->depth])
        new_line(writer);
    ry_buf_add(writer->out, writer->is_object[writer->depth] ? "}" : "]", 1);
}

void ry_json_put_null(struct ry_json_writer *writer, const char *name)
{
    put(writer, name, RY_STR("null"));
}

void ry_json_put_bool(struct ry_json_writer *writer, const char *name, bool value)
{
    put(writer, name, value ? RY_STR("true") : RY_STR("false"));
}

void ry_json_put_str(struct ry_json_writer *writer, const char *name, struct ry_str value)
{
    if (value.p == NULL) {
        ry_json_put_null(writer, name);
        return;
    }
    put(writer, name, RY_STR(""));
    ry_json_print_str(writer->out, value);
}

void ry_json_put_text(struct ry_json_writer *writer, const char *name, const char *value)
{
    ry_json_put_str(writer, name, ry_str_of(value));
}

void ry_json_put_u64(struct ry_json_writer *writer, const char *name, uint64_t value)
{
    char text[24];
    put(writer, name, (struct ry_str){text, (size_t)snprintf(text, sizeof text, "%" PRIu64, value)});
}

void ry_json_put_i64(struct ry_json_writer *writer, const char *name, int64_t value)
{
    char text[24];
    put(writer, name, (struct ry_str){text, (size_t)snprintf(text, sizeof text, "%" PRId64, value)});
}

void ry_json_put_f64(struct ry_json_writer *writer, const char *name, double value, int decimals)
{
    char text[400] = "null"; /* the largest double has 309 digits */
    RY_ASSERT(decimals < (int)sizeof text - 320, "%d decimals", decimals);
    if (isfinite(value) && decimals >= 0)
        (void)snprintf(text, sizeof text, "%.*f", decimals, value);
    else if (isfinite(value))
        ry_json_print_f64(value, text);
    put(writer, name, ry_str_of(text));
}

/* ---- values of documents ----------------------------------------------------------------------------------------- */

static void put_number(struct ry_json_writer *writer, const struct ry_json *value)
{
    char text[RY_JSON_F64_BYTES];
    uint64_t whole = 0;
    int64_t negative = 0;
    double real = 0;
    struct ry_str big = ry_json_big(value);
    if (big.p != NULL) {
        ry_buf_add_str(writer->out, big);
    } else if (ry_json_u64(value, &whole)) {
        ry_buf_addf(writer->out, "%" PRIu64, whole);
    } else if (ry_json_i64(value, &negative)) {
        ry_buf_addf(writer->out, "%" PRId64, negative);
    } else if (ry_json_f64(value, &real)) {
        ry_json_print_f64(real, text);
        ry_buf_add_str(writer->out, ry_str_of(text));
    }
}

static void put_value(struct ry_json_writer *writer, const struct ry_str *name, const struct ry_json *value)
{
    enum ry_json_type type = ry_json_type(value);
    if (type == RY_JSON_OBJECT || type == RY_JSON_ARRAY) {
        const struct ry_json *part = NULL;
        struct ry_str part_name = {0};
        struct ry_json_walk walk = ry_json_walk(value);
        begin_container(writer, name, type == RY_JSON_OBJECT);
        while (type == RY_JSON_OBJECT ? ry_json_next_member(&walk, &part_name, &part) : ry_json_next(&walk, &part))
            put_value(writer, &part_name, part);
        ry_json_put_end(writer);
        return;
    }
    begin_value(writer, name);
    if (type == RY_JSON_STRING)
        ry_json_print_str(writer->out, ry_json_str(value));
    else if (type == RY_JSON_INT || type == RY_JSON_REAL)
        put_number(writer, value);
    else if (type == RY_JSON_BOOL)
        ry_buf_add_str(writer->out, ry_json_true(value) ? RY_STR("true") : RY_STR("false"));
    else
        ry_buf_add_str(writer->out, RY_STR("null"));
}

void ry_json_put_value(struct ry_json_writer *writer, const char *name, const struct ry_json *value)
{
    struct ry_str text = ry_str_of(name);
    put_value(writer, &text, value);
}

void ry_json_put_member(struct ry_json_writer *writer, struct ry_str name, const struct ry_json *value)
{
    put_value(writer, &name, value);
}

void ry_json_put_members(struct ry_json_writer *writer, const struct ry_json *object)
{
    struct ry_str name = {0};
    const struct ry_json *value = NULL;
    struct ry_json_walk walk = ry_json_walk(object);
    while (ry_json_next_member(&walk, &name, &value))
        put_value(writer, &name, value);
}

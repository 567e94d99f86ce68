/* form.c: see form.h. Owns the decoded values. */
#include "actors/monitor/form.h"

#include "runtime/base/assert.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static void decode(struct ry_str coded, struct ry_buf *out)
{
    for (size_t i = 0; i < coded.n; i++) {
        char c = coded.p[i] == '+' ? ' ' : coded.p[i];
        int high = coded.p[i] == '%' && i + 2 < coded.n ? hex_digit(coded.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(coded.p[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high * 16 + low);
            i += 2;
        }
        (void)ry_buf_add(out, &c, 1);
    }
}

void form_read(struct ry_str body, const char *name, struct form_fields *fields, struct ry_str *value)
{
    RY_ASSERT(fields->n < FORM_FIELDS_MAX, "%zu fields", fields->n);
    struct ry_buf *out = &fields->values[fields->n++];
    *out = ry_buf_make(FORM_VALUE_MAX_BYTES);
    *value = (struct ry_str){NULL, 0};
    while (body.n > 0) {
        const char *end = memchr(body.p, '&', body.n);
        struct ry_str pair = {body.p, end ? (size_t)(end - body.p) : body.n};
        size_t skip = pair.n + (end ? 1 : 0);
        body = (struct ry_str){body.p + skip, body.n - skip};
        const char *equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
        if (equals == NULL || !ry_str_is((struct ry_str){pair.p, (size_t)(equals - pair.p)}, name))
            continue;
        decode((struct ry_str){equals + 1, (size_t)(pair.p + pair.n - equals) - 1}, out);
        if (!out->failed && out->n > 0 && memchr(out->p, '\0', out->n) == NULL)
            *value = ry_buf_str(out);
        return;
    }
}

void form_free(struct form_fields *fields)
{
    while (fields->n > 0)
        ry_buf_free(&fields->values[--fields->n]);
}

bool form_is_local(struct ry_str path)
{
    if (path.n == 0 || path.p[0] != '/' || (path.n > 1 && (path.p[1] == '/' || path.p[1] == '\\')))
        return false;
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] <= ' ' || (unsigned char)path.p[i] >= 0x7f)
            return false;
    return true;
}

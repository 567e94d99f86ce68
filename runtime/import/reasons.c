/* reasons.c: see reasons.h. A sentence that finds no room is counted like one behind the limit. */
#include "runtime/import/reasons.h"

#include "runtime/base/assert.h"
#include "runtime/base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct ry_reasons ry_reasons_make(void)
{
    return (struct ry_reasons){.text = ry_buf_make(RY_REASONS_MAX_BYTES)};
}

void ry_reasons_free(struct ry_reasons *reasons)
{
    ry_buf_free(&reasons->text);
}

void ry_reasons_add(struct ry_reasons *reasons, const char *format, ...)
{
    RY_ASSERT(reasons->shown <= RY_REASONS_SHOWN_MAX && reasons->shown <= reasons->total, "shown %zu of %" PRIu64,
              reasons->shown, reasons->total);
    reasons->total++;
    if (reasons->shown == RY_REASONS_SHOWN_MAX)
        return;
    struct ry_error text;
    va_list args;
    va_start(args, format);
    ry_vfail(&text, RY_EDATA, format, args);
    va_end(args);
    for (char *p = text.text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    if (ry_buf_addf(&reasons->text, "%s\n", text.text) == RY_OK)
        reasons->shown++;
}

void ry_reasons_count(struct ry_reasons *reasons, uint64_t more)
{
    reasons->total += more;
}

void ry_reasons_reset(struct ry_reasons *reasons)
{
    ry_buf_reset(&reasons->text);
    reasons->shown = 0;
    reasons->total = 0;
}

bool ry_reasons_next(struct ry_str *rest, struct ry_str *sentence)
{
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    RY_ASSERT(end != NULL, "%zu bytes without a newline", rest->n);
    *sentence = (struct ry_str){rest->p, (size_t)(end - rest->p)};
    *rest = (struct ry_str){end + 1, rest->n - sentence->n - 1};
    return true;
}

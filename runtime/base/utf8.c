/* utf8.c: see utf8.h. Pure. */
#include "runtime/base/utf8.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <stdio.h>

#define SEQUENCE_BYTES_MAX 4

struct ry_str ry_utf8_head(struct ry_str s, size_t max)
{
    if (s.n <= max)
        return s;
    size_t n = max;
    for (size_t back = 0; back < SEQUENCE_BYTES_MAX && back < max; back++) {
        struct ry_str rest = {s.p + max - back, s.n - (max - back)};
        if (ry_str_utf8_step(rest) > back) {
            n = max - back;
            break;
        }
    }
    return (struct ry_str){s.p, n};
}

void ry_utf8_mend(char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t step = ry_str_utf8_step((struct ry_str){text + i, n - i});
        if (step == 0)
            text[i] = '?';
        i += step ? step : 1;
    }
}

/* Controls are C0, DEL, and C1, which has two bytes in UTF-8. */
void ry_utf8_line(char *text, size_t n)
{
    ry_utf8_mend(text, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c == 0x7F)
            text[i] = ' ';
        else if (c == 0xC2 && (unsigned char)text[i + 1] < 0xA0)
            text[i] = text[i + 1] = ' ';
    }
}

size_t ry_utf8_vprint(char *out, size_t size, const char *format, va_list args)
{
    RY_ASSERT(size > 0);
    int saved = errno;
    int length = vsnprintf(out, size, format, args);
    size_t n = length < 0 ? 0 : (size_t)length;
    if (n >= size) {
        /* The end may be the beginning of a character whose rest did not fit: that is cut, the rest is mended. */
        n = size - 1;
        for (size_t back = 1; back < SEQUENCE_BYTES_MAX && back <= n; back++)
            if ((unsigned char)out[n - back] >= 0xC0) {
                n -= ry_str_utf8_step((struct ry_str){out + n - back, back}) == 0 ? back : 0;
                break;
            }
    }
    RY_ASSERT(n < size, "%zu of %zu bytes", n, size);
    out[n] = '\0';
    ry_utf8_line(out, n);
    errno = saved;
    return n;
}

size_t ry_utf8_print(char *out, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t n = ry_utf8_vprint(out, size, format, args);
    va_end(args);
    return n;
}

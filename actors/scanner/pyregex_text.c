/* pyregex_text.c: a pattern as a text that is read from left to right, and its refusal. */
#include "actors/scanner/pyregex_internal.h"

#include <stdarg.h>
#include <stdio.h>

int pyregex_refuse(struct pyregex *self, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return ry_fail(self->err, RY_EINVAL, "%s at offset %zu", text, (size_t)(self->at - self->start));
}

int32_t pyregex_get(struct pyregex *self)
{
    if (self->at == self->end)
        return -1;
    unsigned char first = (unsigned char)*self->at++;
    if (first < 0x80)
        return first;
    int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1; /* the pattern is well-formed UTF-8 */
    int32_t c = first & (0x3F >> more);
    for (; more > 0 && self->at < self->end; more--)
        c = c << 6 | ((unsigned char)*self->at++ & 0x3F);
    return c;
}

bool pyregex_match(struct pyregex *self, char c)
{
    if (self->at == self->end || *self->at != c)
        return false;
    self->at++;
    return true;
}

int pyregex_digits(struct pyregex *self, int base, int max, uint64_t *value)
{
    int n = 0;
    *value = 0;
    for (; n < max && self->at < self->end; n++, self->at++) {
        char c = *self->at, lower = (char)(c | 0x20);
        int digit = c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
        if (digit >= base)
            break;
        *value = *value > UINT64_MAX / 32 ? UINT64_MAX / 32 : *value * (uint64_t)base + (uint64_t)digit;
    }
    return n;
}

int pyregex_until(struct pyregex *self, char mark, const char *what, struct ry_str *name)
{
    const char *stop = memchr(self->at, mark, (size_t)(self->end - self->at));
    if (stop == NULL)
        return pyregex_refuse(self, "missing %c, unterminated name", mark);
    if (stop == self->at)
        return pyregex_refuse(self, "missing %s", what);
    *name = (struct ry_str){self->at, (size_t)(stop - self->at)};
    self->at = stop + 1;
    return RY_OK;
}

int pyregex_check_reference(struct pyregex *self, int group, const char *name, bool must_be_closed)
{
    if (must_be_closed && self->groups[group].open)
        return pyregex_refuse(self, "cannot refer to an open group%s%s", name ? " " : "", name ? name : "");
    if (self->lookbehind_groups != 0 && group >= self->lookbehind_groups)
        return pyregex_refuse(self, "cannot refer to group defined in the same lookbehind subpattern");
    return RY_OK;
}

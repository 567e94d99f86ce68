/* pyregex_escape.c: what follows a backslash in a pattern of Python's re.
 *
 * Every rule is Python's: an octal number begins with 0 or has three octal digits, one or two other digits name a
 * group, an ASCII letter without a meaning is an error, anything else stands for itself. \N{NAME} is looked up in
 * Unicode's names (libunistring). Nothing is written here. */
#include "actors/scanner/pyregex_internal.h"

#include <uniname.h>

#define NAME_BYTES_MAX 256 /* of a character; Unicode promises at most 88 */

static int read_hex(struct pyregex *self, int digits, struct pyregex_escape *escape)
{
    uint64_t value = 0;
    if (pyregex_digits(self, 16, digits, &value) != digits)
        return pyregex_refuse(self, "incomplete escape");
    if (value > 0x10FFFF)
        return pyregex_refuse(self, "bad escape: no such character");
    *escape = (struct pyregex_escape){PYREGEX_CHARACTER, (int32_t)value};
    return RY_OK;
}

static int read_name(struct pyregex *self, struct pyregex_escape *escape)
{
    struct ry_str name;
    if (!pyregex_match(self, '{'))
        return pyregex_refuse(self, "missing {");
    int rc = pyregex_until(self, '}', "character name", &name);
    if (rc != RY_OK)
        return rc;
    char text[NAME_BYTES_MAX];
    ucs4_t c = UNINAME_INVALID;
    if (name.n < sizeof text) {
        memcpy(text, name.p, name.n);
        text[name.n] = '\0';
        c = unicode_name_character(text);
    }
    if (c == UNINAME_INVALID || c > 0x10FFFF)
        return pyregex_refuse(self, "undefined character name '%.*s'", RY_STR_ARG(name));
    *escape = (struct pyregex_escape){PYREGEX_CHARACTER, (int32_t)c};
    return RY_OK;
}

static int octal(struct pyregex *self, uint64_t value, struct pyregex_escape *escape)
{
    if (value > 0377)
        return pyregex_refuse(self, "octal escape value outside of range 0-0o377");
    *escape = (struct pyregex_escape){PYREGEX_CHARACTER, (int32_t)value};
    return RY_OK;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* A number outside of a set, whose first digit was consumed: an octal escape or a group. */
static int read_number(struct pyregex *self, char first, struct pyregex_escape *escape)
{
    uint64_t value = 0;
    if (first == '0') {
        (void)pyregex_digits(self, 8, 2, &value);
        return octal(self, value, escape);
    }
    const char *digits = self->at - 1;
    if (self->end - digits >= 3 && is_octal(digits[0]) && is_octal(digits[1]) && is_octal(digits[2])) {
        self->at = digits;
        (void)pyregex_digits(self, 8, 3, &value);
        return octal(self, value, escape);
    }
    self->at = digits;
    (void)pyregex_digits(self, 10, 2, &value);
    if (value >= (uint64_t)self->groups_n)
        return pyregex_refuse(self, "invalid group reference %u", (unsigned)value);
    *escape = (struct pyregex_escape){PYREGEX_REFERENCE, (int32_t)value};
    return pyregex_check_reference(self, (int)value, NULL, true);
}

/* A number in a set: octal. */
static int read_set_number(struct pyregex *self, struct pyregex_escape *escape)
{
    uint64_t value = 0;
    self->at--;
    if (pyregex_digits(self, 8, 3, &value) == 0)
        return pyregex_refuse(self, "bad escape: a digit");
    return octal(self, value, escape);
}

static int read_letter(struct pyregex *self, char letter, bool in_set, struct pyregex_escape *escape)
{
    static const char CONTROLS[] = "a\ab\bf\fn\nr\rt\tv\v";
    switch (letter) {
    case 'x': return read_hex(self, 2, escape);
    case 'u': return read_hex(self, 4, escape);
    case 'U': return read_hex(self, 8, escape);
    case 'N': return read_name(self, escape);
    case 'd':
    case 'D':
    case 's':
    case 'S':
    case 'w':
    case 'W': *escape = (struct pyregex_escape){PYREGEX_CLASS, letter}; return RY_OK;
    case 'A':
    case 'B':
    case 'Z':
        if (in_set)
            break;
        *escape = (struct pyregex_escape){PYREGEX_POSITION, letter};
        return RY_OK;
    default: break;
    }
    if (letter == 'b' && !in_set) {
        *escape = (struct pyregex_escape){PYREGEX_POSITION, letter};
        return RY_OK;
    }
    for (const char *control = CONTROLS; *control != '\0'; control += 2)
        if (*control == letter) {
            *escape = (struct pyregex_escape){PYREGEX_CHARACTER, control[1]};
            return RY_OK;
        }
    return pyregex_refuse(self, "bad escape \\%c", letter);
}

int pyregex_read_escape(struct pyregex *self, bool in_set, struct pyregex_escape *escape)
{
    int32_t c = pyregex_get(self);
    if (c < 0)
        return pyregex_refuse(self, "bad escape (end of pattern)");
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
        return read_letter(self, (char)c, in_set, escape);
    if (c >= '0' && c <= '9')
        return in_set ? read_set_number(self, escape) : read_number(self, (char)c, escape);
    *escape = (struct pyregex_escape){PYREGEX_CHARACTER, c};
    return RY_OK;
}

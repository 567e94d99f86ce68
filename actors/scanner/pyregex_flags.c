/* pyregex_flags.c: the letters of (?flags) and (?flags-flags:...). */
#include "actors/scanner/pyregex_internal.h"

int pyregex_flag_of(char letter)
{
    switch (letter) {
    case 'a': return PYREGEX_ASCII;
    case 'i': return PYREGEX_IGNORECASE;
    case 'm': return PYREGEX_MULTILINE;
    case 's': return PYREGEX_DOTALL;
    case 'x': return PYREGEX_VERBOSE;
    case 'u': return 0;
    default: return -1;
    }
}

int pyregex_read_flags(struct pyregex *self, struct pyregex_flags *flags)
{
    bool off = false, missing = true; /* missing: a letter must come */
    for (;;) {
        int32_t c = pyregex_get(self);
        if (c == '-' && !off) {
            off = missing = true;
            continue;
        }
        if (c == ':' || (c == ')' && !off)) {
            flags->mark = (char)c;
            break;
        }
        int flag = c > 0 && c < 0x80 ? pyregex_flag_of((char)c) : -1;
        if (flag < 0)
            return pyregex_refuse(self, c == 'L' ? "bad inline flags: cannot use 'L' flag with a str pattern"
                                                 : "unknown flag");
        if (off && (flag == 0 || flag == PYREGEX_ASCII))
            return pyregex_refuse(self, "bad inline flags: cannot turn off flags 'a' and 'u'");
        flags->unicode = flags->unicode || flag == 0;
        *(off ? &flags->off : &flags->on) |= (unsigned)flag;
        missing = false;
    }
    if (missing)
        return pyregex_refuse(self, "missing flag");
    if (flags->unicode && (flags->on & PYREGEX_ASCII))
        return pyregex_refuse(self, "bad inline flags: flags 'a' and 'u' are incompatible");
    if (flags->on & flags->off)
        return pyregex_refuse(self, "bad inline flags: flag turned on and off");
    return RY_OK;
}

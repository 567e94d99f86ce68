/* str.c: see str.h. Pure; never allocates. */
#include "runtime/base/str.h"

#include "runtime/base/assert.h"

static char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ry_str_starts(struct ry_str s, struct ry_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool ry_str_ends(struct ry_str s, struct ry_str suffix, bool fold)
{
    if (s.n < suffix.n)
        return false;
    if (suffix.n == 0)
        return true;
    const char *tail = s.p + (s.n - suffix.n);
    for (size_t i = 0; i < suffix.n; i++) {
        char x = tail[i];
        char y = suffix.p[i];
        if (fold ? ascii_lower(x) != ascii_lower(y) : x != y)
            return false;
    }
    return true;
}

bool ry_str_u64(struct ry_str s, uint64_t *out)
{
    if (s.n == 0 || s.n > 20)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool ry_str_is_snowflake(struct ry_str s)
{
    uint64_t value = 0;
    return ry_str_u64(s, &value) && value > 0 && value <= INT64_MAX;
}

size_t ry_str_utf8_step(struct ry_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t n = s.n;
    RY_ASSERT(n > 0);
    if (p[0] < 0x80)
        return 1;
    size_t more = p[0] >= 0xC2 && p[0] <= 0xDF ? 1 : (p[0] & 0xF0) == 0xE0 ? 2 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 3 : 0;
    if (more == 0 || more >= n)
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xED && p[1] > 0x9F;
    bool too_high = p[0] == 0xF4 && p[1] > 0x8F;
    return overlong || surrogate || too_high ? 0 : more + 1;
}

/* How many of the n bytes at p are certainly ASCII, counted in words: text mostly is. */
static size_t ascii_words(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (uint64_t word; n - i >= sizeof word; i += sizeof word) {
        memcpy(&word, p + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    return i;
}

bool ry_str_is_utf8(struct ry_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = s.n ? ascii_words(p, s.n) : 0; i < s.n;) {
        size_t step = ry_str_utf8_step((struct ry_str){s.p + i, s.n - i});
        if (step == 0)
            return false;
        i += step;
        if (step > 1)
            i += ascii_words(p + i, s.n - i);
    }
    return true;
}

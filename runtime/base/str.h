/* str.h: a borrowed run of bytes that is text by intent.
 *
 * A ry_str points into memory that somebody else owns (a received frame, an arena, a literal); it is never freed and is
 * not terminated by NUL. p == NULL means "absent", which is not the same as empty. */
#ifndef REELYARD_RUNTIME_BASE_STR_H
#define REELYARD_RUNTIME_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ry_str {
    const char *p; /* NULL: absent */
    size_t n;      /* bytes */
};

/* A ry_str of a string literal. */
#define RY_STR(literal) ((struct ry_str){(literal), sizeof(literal) - 1})

/* printf: "%.*s", RY_STR_ARG(s). Prints nothing for an absent string. */
#define RY_STR_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

/* Wraps a NUL-terminated string; NULL gives the absent string. */
static inline struct ry_str ry_str_of(const char *text)
{
    return (struct ry_str){text, text ? strlen(text) : 0};
}

/* Equal bytes; two absent strings are equal, an absent and an empty one are not. */
static inline bool ry_str_eq(struct ry_str a, struct ry_str b)
{
    return a.n == b.n && (a.p == NULL) == (b.p == NULL) && (a.n == 0 || a.p == NULL || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal to a NUL-terminated text. */
static inline bool ry_str_is(struct ry_str a, const char *text)
{
    return ry_str_eq(a, ry_str_of(text));
}

/* Whether s begins / ends with the given bytes; fold: ASCII letters compare without case. */
bool ry_str_starts(struct ry_str s, struct ry_str prefix);
bool ry_str_ends(struct ry_str s, struct ry_str suffix, bool fold);

/* Parses all of s as an unsigned decimal number (no sign, no blanks, at most 2^64-1). False and *out untouched if it is
 * not one. */
bool ry_str_u64(struct ry_str s, uint64_t *out);

/* Whether s is a Discord snowflake as a string: 1 to 20 decimal digits, in 1 .. 2^63-1.
 * Source: https://discord.com/developers/docs/reference#snowflakes */
bool ry_str_is_snowflake(struct ry_str s);

/* Whether s is well-formed UTF-8 without surrogates or overlong forms (RFC 3629). */
bool ry_str_is_utf8(struct ry_str s);

/* How many bytes the UTF-8 sequence has that s (which is not empty) begins with; 0 if it is not well-formed. */
size_t ry_str_utf8_step(struct ry_str s);

#endif

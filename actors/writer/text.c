/* text.c: fits text to columns and reads file: URLs; see text.h.
 *
 * Pure but for its arena. Text is cut between characters and loses NUL bytes, which no database takes. */
#include "actors/writer/text.h"

#include "runtime/base/file_url.h"

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* The bytes of the first `chars` characters of s. */
static size_t bytes_of_chars(struct ry_str s, unsigned chars)
{
    unsigned seen = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (is_continuation(s.p[i]))
            continue;
        if (seen == chars)
            return i;
        seen++;
    }
    return s.n;
}

static struct ry_str without_nul(struct ry_str s, struct ry_arena *arena, bool *failed)
{
    char *copy = ry_arena_alloc(arena, s.n);
    if (copy == NULL) {
        *failed = true;
        return (struct ry_str){0};
    }
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\0')
            copy[n++] = s.p[i];
    return (struct ry_str){copy, n};
}

struct ry_str writer_text_fit(struct ry_str s, unsigned chars, struct ry_arena *arena, uint64_t *cut, bool *failed)
{
    if (s.n > 0 && memchr(s.p, '\0', s.n) != NULL)
        s = without_nul(s, arena, failed);
    if (chars == WRITER_WIDTH_ANY || s.n <= chars)
        return s;
    size_t n = bytes_of_chars(s, chars);
    if (n < s.n)
        *cut += 1;
    s.n = n;
    return s;
}

struct ry_str writer_text_file_path(struct ry_str url, struct ry_arena *arena)
{
    char *path = ry_arena_alloc(arena, url.n + 1);
    size_t n = path ? ry_file_url_path(url, path, url.n + 1) : 0;
    return n > 0 ? (struct ry_str){path, n} : (struct ry_str){0};
}

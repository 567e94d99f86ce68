/* shell.c: see shell.h. Pure; what is written reads back as the same word in any POSIX shell. */
#include "runtime/base/shell.h"

static bool is_plain(struct ry_str word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\0' || strchr(plain, word.p[i]) == NULL)
            return false;
    return word.n > 0;
}

/* Whether the word is a line of UTF-8, which single quotes show as it is. */
static bool is_line(struct ry_str word)
{
    for (size_t i = 0; i < word.n; i++)
        if ((unsigned char)word.p[i] < ' ' || word.p[i] == 0x7F)
            return false;
    return ry_str_is_utf8(word);
}

static void add_quoted(struct ry_buf *out, struct ry_str word)
{
    (void)ry_buf_add_str(out, RY_STR("'"));
    for (size_t i = 0; i < word.n; i++)
        (void)ry_buf_add_str(out, word.p[i] == '\'' ? RY_STR("'\\''") : (struct ry_str){word.p + i, 1});
    (void)ry_buf_add_str(out, RY_STR("'"));
}

/* Source: POSIX.1-2024, Shell Command Language, 2.2.4 Dollar-Single-Quotes. */
static void add_escaped(struct ry_buf *out, struct ry_str word)
{
    (void)ry_buf_add_str(out, RY_STR("$'"));
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        if (c < ' ' || c >= 0x7F || c == '\'' || c == '\\')
            (void)ry_buf_addf(out, "\\%03o", c);
        else
            (void)ry_buf_add(out, &c, 1);
    }
    (void)ry_buf_add_str(out, RY_STR("'"));
}

void ry_shell_word(struct ry_buf *out, struct ry_str word)
{
    if (is_plain(word))
        (void)ry_buf_add_str(out, word);
    else if (is_line(word))
        add_quoted(out, word);
    else
        add_escaped(out, word);
}

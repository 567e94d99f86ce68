#include "runtime/config/jsonc.h"

#include <stdbool.h>

#define NO_COMMA ((size_t)-1)

/* The index behind the string that begins at `at`, or 0 when it does not end. */
static size_t string_end(const char *text, size_t n, size_t at)
{
    for (size_t i = at + 1; i < n; i++) {
        if (text[i] == '\\')
            i++;
        else if (text[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The index behind the comment that begins at `at`, or 0 when it does not end. A line comment ends before its newline,
 * or with the text. */
static size_t comment_end(const char *text, size_t n, size_t at)
{
    bool line = text[at + 1] == '/';
    for (size_t i = at + 2; i < n; i++) {
        if (line && text[i] == '\n')
            return i;
        if (!line && text[i] == '*' && i + 1 < n && text[i + 1] == '/')
            return i + 2;
    }
    return line ? n : 0;
}

static void blank(char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (text[i] != '\n' && text[i] != '\r')
            text[i] = ' ';
}

int ry_jsonc_strip(char *text, size_t n, struct ry_error *err)
{
    size_t comma = NO_COMMA; /* the last comma, while only blanks and comments have followed it */
    for (size_t i = 0; i < n;) {
        char c = text[i];
        if (c == '"') {
            size_t end = string_end(text, n, i);
            if (end == 0)
                return ry_fail(err, RY_EINVAL, "line %zu: the string that begins here does not end",
                               ry_jsonc_line(text, n, i));
            comma = NO_COMMA;
            i = end;
        } else if (c == '/' && i + 1 < n && (text[i + 1] == '/' || text[i + 1] == '*')) {
            size_t end = comment_end(text, n, i);
            if (end == 0)
                return ry_fail(err, RY_EINVAL, "line %zu: the comment that begins here does not end",
                               ry_jsonc_line(text, n, i));
            blank(text, i, end);
            i = end;
        } else {
            if ((c == '}' || c == ']') && comma != NO_COMMA)
                text[comma] = ' ';
            if (c == ',')
                comma = i;
            else if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
                comma = NO_COMMA;
            i++;
        }
    }
    return RY_OK;
}

size_t ry_jsonc_line(const char *text, size_t n, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < n && i < offset; i++)
        line += text[i] == '\n';
    return line;
}

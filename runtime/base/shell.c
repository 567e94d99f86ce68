#include "runtime/base/shell.h"

static bool is_plain(struct ry_str word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\0' || strchr(plain, word.p[i]) == NULL)
            return false;
    return word.n > 0;
}

void ry_shell_word(struct ry_buf *out, struct ry_str word)
{
    if (is_plain(word)) {
        (void)ry_buf_add_str(out, word);
        return;
    }
    (void)ry_buf_add_str(out, RY_STR("'"));
    for (size_t i = 0; i < word.n; i++) {
        unsigned char c = (unsigned char)word.p[i];
        if (c == '\'')
            (void)ry_buf_add_str(out, RY_STR("'\\''"));
        else
            (void)ry_buf_add(out, c < ' ' || c == 0x7F ? "?" : word.p + i, 1);
    }
    (void)ry_buf_add_str(out, RY_STR("'"));
}

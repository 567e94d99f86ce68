/* file_url.c: see file_url.h. Pure: it does not look at the file system. */
#include "runtime/base/file_url.h"

#include "runtime/base/hex.h"

int ry_percent_byte(struct ry_str s, size_t at)
{
    if (at >= s.n || s.n - at < 3 || s.p[at] != '%')
        return -1;
    int high = ry_hex_digit(s.p[at + 1]);
    int low = ry_hex_digit(s.p[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t ry_file_url_path(struct ry_str url, char *path, size_t size)
{
    static const struct ry_str forms[] = {{"file:///", 8}, {"file://localhost/", 17}};
    struct ry_str rest = {0};
    for (size_t i = 0; i < sizeof forms / sizeof *forms && rest.p == NULL; i++)
        if (ry_str_starts(url, forms[i])) /* the last slash begins the path */
            rest = (struct ry_str){url.p + forms[i].n - 1, url.n - forms[i].n + 1};
    size_t n = 0;
    for (size_t i = 0; i < rest.n; i++) {
        int byte = (unsigned char)rest.p[i];
        if (byte == '%') {
            byte = ry_percent_byte(rest, i);
            i += 2;
        }
        if (byte <= 0 || n + 1 >= size)
            return 0;
        path[n++] = (char)byte;
    }
    if (n > 0)
        path[n] = '\0';
    return n;
}

/* export_url.c: exports are made on any system and read on another. */
#include "runtime/cli/export_url.h"

#include "runtime/base/file_url.h"

#include <stdio.h>
#include <unistd.h>

#define PATH_MAX_BYTES 8192

/* scheme ":" "//", RFC 3986 section 3.1; two letters at least, because one is a Windows drive. */
static bool has_scheme(struct ry_str url)
{
    size_t i = 0;
    while (i < url.n && (((url.p[i] | 0x20) >= 'a' && (url.p[i] | 0x20) <= 'z') ||
                         (i > 0 && ((url.p[i] >= '0' && url.p[i] <= '9') || strchr("+-.", url.p[i]) != NULL))))
        i++;
    return i >= 2 && url.n - i >= 3 && memcmp(url.p + i, "://", 3) == 0;
}

/* One reading of a path into text. False when it does not fit, or holds a NUL. */
static bool read_path(const char *folder, struct ry_str url, bool slashes, bool decode, char text[PATH_MAX_BYTES])
{
    size_t n = 0;
    if (url.n == 0 || url.p[0] != '/')
        n = (size_t)snprintf(text, PATH_MAX_BYTES, "%s/", folder);
    for (size_t i = 0; i < url.n && n < PATH_MAX_BYTES - 1; i++) {
        char c = url.p[i];
        int escaped = decode ? ry_percent_byte(url, i) : -1;
        if (escaped >= 0) {
            c = (char)escaped;
            i += 2;
        }
        text[n++] = slashes && c == '\\' ? '/' : c;
    }
    if (n >= PATH_MAX_BYTES - 1 || memchr(text, '\0', n) != NULL)
        return false;
    text[n] = '\0';
    return true;
}

/* Everything but RFC 3986's unreserved characters and the slash becomes %XX. */
static void add_file_url(const char *path, struct ry_buf *out)
{
    ry_buf_add(out, "file://", 7);
    for (const char *p = path; *p != '\0'; p++) {
        char c = *p;
        bool plain = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || strchr("-._~/", c) != NULL;
        if (plain)
            ry_buf_add(out, p, 1);
        else
            ry_buf_addf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

void ry_export_url(const char *folder, struct ry_str url, struct ry_buf *out)
{
    if (has_scheme(url)) {
        ry_buf_add_str(out, url);
        return;
    }
    static const struct {
        bool slashes;
        bool decode;
    } READINGS[] = {{false, false}, {true, false}, {false, true}, {true, true}};
    char path[PATH_MAX_BYTES];
    for (size_t i = 0; i < sizeof READINGS / sizeof READINGS[0]; i++)
        if (read_path(folder, url, READINGS[i].slashes, READINGS[i].decode, path) && access(path, F_OK) == 0) {
            add_file_url(path, out);
            return;
        }
    if (read_path(folder, url, false, false, path))
        add_file_url(path, out);
}

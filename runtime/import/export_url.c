/* export_url.c: exports are made on any system and read on another. */
#include "runtime/import/export_url.h"

#include "runtime/base/assert.h"
#include "runtime/base/file_url.h"

#include <stdio.h>
#include <sys/stat.h>
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
    RY_ASSERT(n < PATH_MAX_BYTES, "a folder of %zu bytes", n);
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

/* Whether path lies below a folder. */
static bool lies_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    n -= n > 0 && folder[n - 1] == '/'; /* the root */
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static const char *folder_of(const struct ry_export_media *media, size_t i)
{
    RY_ASSERT(i <= media->dir_count && media->dir_count <= RY_EXPORT_DIRS_MAX, "folder %zu of %zu", i,
              media->dir_count);
    return i == 0 ? media->folder : media->dirs[i - 1];
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Whether the path names a file in one of the folders. */
static bool find_as_it_is(struct ry_export_media *media, const char *path)
{
    if (access(path, F_OK) != 0)
        return false;
    for (size_t i = 0; i <= media->dir_count; i++)
        if (lies_below(path, folder_of(media, i))) {
            media->used |= UINT32_C(1) << i;
            return true;
        }
    return false;
}

/* The beginning of the longest tail of path: behind its last component that is empty, "." or "..". */
static const char *longest_tail(const char *path)
{
    const char *tail = path;
    for (const char *at = path; *at != '\0';) {
        size_t n = strcspn(at, "/");
        bool none = n == 0 || (n == 1 && at[0] == '.') || (n == 2 && at[0] == '.' && at[1] == '.');
        at += n + (at[n] == '/');
        if (none)
            tail = at;
    }
    return tail;
}

/* Finds the file by its longest tail that a folder has; found: its path. */
static bool find_by_tail(struct ry_export_media *media, const char *path, char found[PATH_MAX_BYTES])
{
    const char *tail = longest_tail(path);
    while (*tail != '\0') {
        for (size_t i = 0; i <= media->dir_count; i++) {
            const char *folder = folder_of(media, i);
            int n = snprintf(found, PATH_MAX_BYTES, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, tail);
            if (n < PATH_MAX_BYTES && is_file(found)) {
                media->used |= UINT32_C(1) << i;
                return true;
            }
        }
        size_t n = strcspn(tail, "/");
        tail += n + (tail[n] == '/');
    }
    return false;
}

void ry_export_url(struct ry_export_media *media, struct ry_str url, struct ry_buf *out)
{
    if (has_scheme(url)) {
        ry_buf_add_str(out, url);
        return;
    }
    static const struct {
        bool slashes;
        bool decode;
    } READINGS[] = {{false, false}, {true, false}, {false, true}, {true, true}};
    const size_t n = sizeof READINGS / sizeof READINGS[0];
    char path[PATH_MAX_BYTES];
    char found[PATH_MAX_BYTES];
    for (size_t i = 0; i < n; i++)
        if (read_path(media->folder, url, READINGS[i].slashes, READINGS[i].decode, path) &&
            find_as_it_is(media, path)) {
            add_file_url(path, out);
            return;
        }
    for (size_t i = 0; i < n; i++)
        if (read_path("", url, READINGS[i].slashes, READINGS[i].decode, path) && find_by_tail(media, path, found)) {
            add_file_url(found, out);
            return;
        }
    if (read_path(media->folder, url, false, false, path))
        add_file_url(path, out);
}

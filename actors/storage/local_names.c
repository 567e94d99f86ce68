/* local_names.c: splits and recognises names; see local_names.h. Owns nothing. */
#include "actors/storage/local_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/assert.h"

struct local_name local_split(const char *name)
{
    struct local_name parts = {.kind = ry_store_name_check(ry_str_of(name), NULL)};
    RY_ASSERT(parts.kind != RY_STORE_NONE, "a file called %s", name);
    const char *folder = strchr(name, '/') + 1;
    const char *slash = strchr(folder, '/');
    (void)snprintf(parts.folder, sizeof parts.folder, "%.*s", (int)(slash - folder), folder);
    parts.file = slash + 1;
    return parts;
}

bool local_is_folder(enum ry_store_kind kind, const char *folder, ry_store_name text)
{
    static const char *const files[RY_STORE_KINDS] = {
        [RY_STORE_THUMBNAIL] = "00000000000000000000000000000000_small.webp",
        [RY_STORE_SHEET] = "00000000000000000000000000000000.webp",
        [RY_STORE_MEDIA] = "00000000000000000000000000000000000000000000000000000000000000.bin",
        [RY_STORE_PLAYABLE] = "00000000000000000000000000000000000000000000000000000000000000.mp4",
    };
    char sample[RY_STORE_NAME_BYTES + sizeof((struct dirent *)0)->d_name];
    (void)snprintf(sample, sizeof sample, "%s/%s/%s", ry_store_folder(kind), folder, files[kind]);
    if (ry_store_name_check(ry_str_of(sample), NULL) != kind)
        return false;
    (void)snprintf(text, RY_STORE_NAME_BYTES, "%.*s", (int)(strrchr(sample, '/') + 1 - sample), sample);
    return true;
}

DIR *local_open_names(int at_fd, const char *name)
{
    int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (names == NULL && fd >= 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
    }
    return names;
}

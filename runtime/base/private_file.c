/* private_file.c: see private_file.h. Keeps no state. */
#include "runtime/base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOREIGN_RIGHTS ((mode_t)077)

void ry_private_file_make(const char *path)
{
    (void)mknod(path, S_IFREG | 0600, 0);
}

bool ry_private_file_mend(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0 || S_ISLNK(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & FOREIGN_RIGHTS) == 0)
        return false;
    return fchmodat(AT_FDCWD, path, st.st_mode & ~(mode_t)S_IFMT & ~FOREIGN_RIGHTS, AT_SYMLINK_NOFOLLOW) == 0;
}

#include "runtime/base/private_file.h"

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
    if (stat(path, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & FOREIGN_RIGHTS) == 0)
        return false;
    return chmod(path, st.st_mode & ~(mode_t)S_IFMT & ~FOREIGN_RIGHTS) == 0;
}

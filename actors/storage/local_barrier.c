/* local_barrier.c: syncfs, where it can be trusted; see local_barrier.h.
 *
 * Owns nothing. syncfs reports what failed since the descriptor was opened or asked last, for any file of the file
 * system, from Linux 5.8 on; before, it reported nothing. FUSE without virtiofs never hears of it, overlayfs loses
 * failures, and btrfs and f2fs commit all they have, which costs more than some files. */
#include "actors/storage/local_barrier.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXT4_MAGIC  0xef53u
#define XFS_MAGIC   0x58465342u
#define TMPFS_MAGIC 0x01021994u

static bool kernel_reports(void)
{
    struct utsname name;
    unsigned major = 0;
    unsigned minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 8));
}

static bool is_trusted(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0)
        return false;
    unsigned long type = (unsigned long)fs.f_type;
    return type == EXT4_MAGIC || type == XFS_MAGIC || type == TMPFS_MAGIC;
}

/* Whether an earlier one of the folders is on the same file system. */
static bool was_asked(const int *folder_fds, size_t i)
{
    struct stat st;
    struct stat earlier;
    if (fstat(folder_fds[i], &st) != 0)
        return false;
    for (size_t k = 0; k < i; k++)
        if (fstat(folder_fds[k], &earlier) == 0 && earlier.st_dev == st.st_dev)
            return true;
    return false;
}

bool local_barrier_whole(const int *folder_fds, size_t n)
{
    if (!kernel_reports())
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_trusted(folder_fds[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        if (!was_asked(folder_fds, i) && syncfs(folder_fds[i]) != 0)
            return false;
    return true;
}

/* local_mend.c: sweeps leftovers and sets modes, once at a start; see local_mend.h.
 *
 * Owns nothing but the descriptors of its walk. Follows no symbolic link. What cannot be repaired stays and is logged;
 * a crash leaves the rest to the next start. */
#include "actors/storage/local_mend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/storage/store.h"
#include "runtime/base/log.h"

/* Leftovers looked at when the store opens: a bound on its start, far above what crashes leave. */
#define SWEEP_MAX 10000

#define MODE_BITS ((mode_t)0777)

/* ---- leftovers --------------------------------------------------------------------------------------------------- */

/* Whether nobody works on this file of .incoming any more. */
static bool is_leftover(const struct local_root *root, const char *name)
{
    FD_AUTO fd = openat(root->incoming_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Removes what crashes left in .incoming. What cannot be removed stays; it does no harm. A writer whose file is taken
 * in the moment before it has the lock fails to rename it, and writes it again. */
static void sweep(const struct local_root *root)
{
    int fd = openat(root->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        local_root_close_fd(&fd);
        return;
    }
    unsigned removed = 0;
    const struct dirent *entry;
    for (int i = 0; i < SWEEP_MAX && (entry = readdir(folder)) != NULL; i++) {
        if (is_leftover(root, entry->d_name) && unlinkat(root->incoming_fd, entry->d_name, 0) == 0)
            removed++;
    }
    (void)closedir(folder);
    if (removed > 0)
        RY_LOG(RY_INFO, "leftovers_removed", "folder=%s files=%u", root->path, removed);
}

/* ---- modes ------------------------------------------------------------------------------------------------------- */

struct modes {
    mode_t folder;
    mode_t file;
    unsigned folders; /* changed */
    unsigned files;
    int error; /* errno of the last that could not be changed */
};

/* Gives an open file or folder the mode; whether it has it then. */
static bool set_mode(struct modes *modes, int fd, mode_t wanted, unsigned *count)
{
    bool changed;
    bool set = local_root_chmod(fd, wanted, &changed);
    if (!set)
        modes->error = errno;
    *count += changed;
    return set;
}

static bool has_mode(int fd, mode_t wanted)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & MODE_BITS) == wanted;
}

/* Whether it is the name of a thumbnail, or (file NULL) of a guild's folder. */
static bool is_ours(const char *folder, const char *file)
{
    char text[2 * NAME_MAX + 32];
    store_name name;
    (void)snprintf(text, sizeof text, THUMBNAILS "/%s/%s", folder,
                   file != NULL ? file : "00000000000000000000000000000000_small.webp");
    return ry_thumbnail_name_check(ry_str_of(text), name);
}

/* Opens a folder for reading its names. */
static DIR *open_names(int at_fd, const char *name)
{
    int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    if (names == NULL)
        local_root_close_fd(&fd);
    return names;
}

static void mend_guild(struct modes *modes, int thumbnails_fd, const char *guild)
{
    DIR *names = open_names(thumbnails_fd, guild);
    if (names == NULL)
        return;
    bool all = true;
    const struct dirent *entry;
    while (!has_mode(dirfd(names), modes->folder) && (entry = readdir(names)) != NULL) {
        if (!is_ours(guild, entry->d_name))
            continue;
        FD_AUTO fd = openat(dirfd(names), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        struct stat st;
        if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
            all = set_mode(modes, fd, modes->file, &modes->files) && all;
    }
    if (all)
        (void)set_mode(modes, dirfd(names), modes->folder, &modes->folders);
    (void)closedir(names);
}

static void mend_modes(const struct local_root *root, mode_t file_mode)
{
    struct modes modes = {.folder = root->folder_mode, .file = file_mode};
    DIR *names = open_names(root->thumbnails_fd, ".");
    const struct dirent *entry;
    while (names != NULL && (entry = readdir(names)) != NULL)
        if (is_ours(entry->d_name, NULL))
            mend_guild(&modes, root->thumbnails_fd, entry->d_name);
    if (names != NULL)
        (void)closedir(names);
    (void)set_mode(&modes, root->incoming_fd, 0700, &modes.folders);
    (void)set_mode(&modes, root->thumbnails_fd, modes.folder, &modes.folders);
    if (modes.folders + modes.files > 0)
        RY_LOG(RY_WARNING, "modes_mended", "folder=%s folders=%u files=%u folder_mode=%04o file_mode=%04o reason=%s",
               root->path, modes.folders, modes.files, (unsigned)modes.folder, (unsigned)modes.file,
               "REELYARD_STORAGE_ACCESS says who may read thumbnails");
    if (modes.error != 0)
        RY_LOG(RY_WARNING, "modes_not_mended", "folder=%s reason=%s", root->path, strerror(modes.error));
}

void local_mend(const struct local_root *root, mode_t file_mode)
{
    sweep(root);
    mend_modes(root, file_mode);
}

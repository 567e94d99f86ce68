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

#include "actors/storage/local_names.h"
#include "runtime/base/log.h"

/* Leftovers looked at when the store opens: a bound on its start, far above what crashes leave. */
#define SWEEP_MAX 10000

#define MODE_BITS ((mode_t)0777)

/* ---- leftovers --------------------------------------------------------------------------------------------------- */

/* Whether nobody works on this file of .incoming any more. */
static bool is_leftover(int incoming_fd, const char *name)
{
    FD_AUTO fd = openat(incoming_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/* Removes what crashes left in a kind's .incoming, if it has one. What cannot be removed stays; it does no harm. A
 * writer whose file is taken in the moment before it has the lock fails to rename it, and writes it again. */
static void sweep(const struct local_root *root, enum ry_store_kind kind)
{
    FD_AUTO top_fd = openat(root->root_fd, ry_store_folder(kind), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = top_fd < 0 ? NULL : local_open_names(top_fd, INCOMING);
    if (folder == NULL)
        return;
    unsigned removed = 0;
    const struct dirent *entry;
    for (int i = 0; i < SWEEP_MAX && (entry = readdir(folder)) != NULL; i++) {
        if (is_leftover(dirfd(folder), entry->d_name) && unlinkat(dirfd(folder), entry->d_name, 0) == 0)
            removed++;
    }
    (void)closedir(folder);
    if (removed > 0)
        RY_LOG(RY_INFO, "leftovers_removed", "root=%s kind=%s files=%u", root->path, ry_store_folder(kind), removed);
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

/* Whether a file of a kind's folder is ours. */
static bool is_ours(enum ry_store_kind kind, const char *folder, const char *file)
{
    char text[2 * NAME_MAX + 32];
    (void)snprintf(text, sizeof text, "%s/%s/%s", ry_store_folder(kind), folder, file);
    return ry_store_name_check(ry_str_of(text), NULL) == kind;
}

static void mend_folder(struct modes *modes, enum ry_store_kind kind, int top_fd, const char *folder)
{
    DIR *names = local_open_names(top_fd, folder);
    if (names == NULL)
        return;
    bool all = true;
    const struct dirent *entry;
    while (!has_mode(dirfd(names), modes->folder) && (entry = readdir(names)) != NULL) {
        if (!is_ours(kind, folder, entry->d_name))
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

static void mend_kind(struct modes *modes, const struct local_root *root, enum ry_store_kind kind)
{
    DIR *names = local_open_names(root->root_fd, ry_store_folder(kind));
    if (names == NULL)
        return;
    const struct dirent *entry;
    ry_store_name text;
    while ((entry = readdir(names)) != NULL)
        if (local_is_folder(kind, entry->d_name, text))
            mend_folder(modes, kind, dirfd(names), entry->d_name);
    FD_AUTO incoming_fd = openat(dirfd(names), INCOMING, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (incoming_fd >= 0)
        (void)set_mode(modes, incoming_fd, 0700, &modes->folders);
    (void)set_mode(modes, dirfd(names), modes->folder, &modes->folders);
    (void)closedir(names);
}

static void mend_modes(const struct local_root *root, mode_t file_mode)
{
    struct modes modes = {.folder = root->folder_mode, .file = file_mode};
    for (int kind = RY_STORE_NONE + 1; kind < RY_STORE_KINDS; kind++)
        mend_kind(&modes, root, (enum ry_store_kind)kind);
    if (modes.folders + modes.files > 0)
        RY_LOG(RY_WARNING, "modes_mended", "folder=%s folders=%u files=%u folder_mode=%04o file_mode=%04o reason=%s",
               root->path, modes.folders, modes.files, (unsigned)modes.folder, (unsigned)modes.file,
               "REELYARD_STORAGE_ACCESS says who may read the files");
    if (modes.error != 0)
        RY_LOG(RY_WARNING, "modes_not_mended", "folder=%s reason=%s", root->path, strerror(modes.error));
}

void local_mend(const struct local_root *root, mode_t file_mode)
{
    for (int kind = RY_STORE_NONE + 1; kind < RY_STORE_KINDS; kind++)
        sweep(root, (enum ry_store_kind)kind);
    mend_modes(root, file_mode);
}

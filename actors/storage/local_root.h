/* local_root.h: the folders that files are kept in, and whether they are still those under their names.
 *
 * Disks are unmounted, folders moved, replaced or deleted under a running program, and an open descriptor does not
 * notice. So what is open is compared with what has the name now (device and inode) before it is used and again before
 * success is said. Whatever is wrong passes once a person has repaired it: RY_EAWAY. Then nothing stays open, so that
 * the disk can be unmounted. One thread; several programs may use one root. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_ROOT_H
#define REELYARD_ACTORS_STORAGE_LOCAL_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/store_name.h"
#include "runtime/base/error.h"

#define THUMBNAILS "thumbnails"
#define INCOMING   ".incoming"

/* The folder of one kind of files, and that below it for files which are not whole yet: on one disk, even when that is
 * another one than the root's, so that a file can be renamed. */
struct local_top {
    int fd; /* -1: not open */
    int incoming_fd;
    dev_t device; /* of the folder that was used last */
    bool used;    /* there was one */
};

struct local_root {
    const char *path;   /* borrowed */
    mode_t folder_mode; /* of folders that are made, whatever the umask */
    int root_fd;        /* -1: not open */
    struct local_top tops[RY_STORE_KINDS];
    dev_t device;   /* of the root that was used last */
    bool used;      /* there was one */
    bool moved;     /* it has another name now, and nothing has its own */
    int open_errno; /* of the last settle that failed, 0: none */
};

/* A root of which nothing is open. */
struct local_root local_root_make(const char *path, mode_t folder_mode);

#define FD_AUTO __attribute__((cleanup(local_root_close_fd))) int
void local_root_close_fd(int *fd);

/* Makes sure that the root and the folders of thumbnails are open and those that have their names, so that files can be
 * made in them. A root that was deleted is made again, one that was replaced is taken. RY_EAWAY: it was moved away, is
 * on another device and has no thumbnails (a mount point without its disk), or the system refuses it. */
int local_root_settle(struct local_root *root, struct ry_error *err);

/* The same for the folders of another kind, of a settled root. RY_EAWAY as above. */
int local_root_settle_top(struct local_root *root, enum ry_store_kind kind, struct ry_error *err);

/* A root in which nothing can be made (it is read-only, or others' to write), for reading alone; the caller closes it.
 * -1: there is none, or no right to read it. */
int local_root_open_to_read(const struct local_root *root);

/* Whether the root, the folders of thumbnails and those of this kind still have their names. RY_EAWAY: not. */
int local_root_check(const struct local_root *root, enum ry_store_kind kind, struct ry_error *err);

/* Closes all of it, noting whether the root was moved away. */
void local_root_close(struct local_root *root);

/* Whether an open folder is the one that has this name below at_fd. */
bool local_root_same(int fd, int at_fd, const char *name, int flags);

/* Opens the folder `name` below parent_fd without following a link, making it (and that lasting) when it is not there.
 * False: errno. */
bool local_root_folder(int parent_fd, const char *name, mode_t mode, int *fd);

/* Gives an open file or folder the permissions, whatever the umask; the other bits of its mode stay, so that a folder
 * which hands down its group goes on to. False: errno. */
bool local_root_chmod(int fd, mode_t permissions, bool *changed);

/* Syncs a folder. Some file systems cannot, and say so by EINVAL; there is then nothing to wait for. */
bool local_root_sync(int fd);

#endif

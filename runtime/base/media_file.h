/* media_file.h: the videos of exports on this machine's disks: opened below their registered folder and nowhere else.
 *
 * Error texts complete a sentence that begins with the file's name: "is empty", "is not a regular file". */
#ifndef REELYARD_RUNTIME_BASE_MEDIA_FILE_H
#define REELYARD_RUNTIME_BASE_MEDIA_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* Exports' folders whose device is remembered; of more, the oldest is forgotten. */
#define RY_MEDIA_ROOTS_MAX 64

/* On which device the folders of exports were when a file in them was opened last: one that is on another now is a
 * mount point without its disk. All zero at first; of one thread. */
struct ry_media_roots {
    struct {
        uint64_t path; /* FNV-1a of it */
        dev_t device;
    } items[RY_MEDIA_ROOTS_MAX];
    size_t count; /* of all that were noted; the place of the next is the rest by the size */
};

struct ry_media_file {
    int fd; /* read-only, a regular file; the caller closes it. -1 after an error */
    uint64_t bytes;
    int64_t modified_wall_ns; /* with the size: whether it is the same file as before */
};

/* Opens the file of a file URL (RFC 8089) below media_root (absent: none is registered), without waiting for more than
 * the disk. Whether it is there, may be read and has bytes is known at once. RY_ENOENT, RY_EACCES, RY_EINVAL, RY_EIO;
 * RY_EDATA: it is empty; RY_EUNSUPPORTED: there is no openat2. RY_EAWAY: the folder is not there, is empty, or is on
 * another device than before, so nothing is known of the file. */
int ry_media_file_open(struct ry_media_roots *roots, struct ry_str url, struct ry_str media_root,
                       struct ry_media_file *file, struct ry_error *err);

#endif

/* assembly.h: originals while they are put together: a file and a manifest for each clip, in one folder.
 *
 * The manifest tells how much of the file is there, the SHA-256 of that much, of which content it is (validator) and
 * since which boot of the machine, because what was not synced is worth nothing after a power cut. Every call opens and
 * closes what it needs, under a lock: any instance, after any crash, goes on where the last one was. Error texts
 * complete a sentence that begins with the clip's file name. Calls block for as long as the disk needs. */
#ifndef REELYARD_ACTORS_STORAGE_ASSEMBLY_H
#define REELYARD_ACTORS_STORAGE_ASSEMBLY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/digest.h"
#include "runtime/base/error.h"
#include "runtime/base/str.h"

/* What assembly_copy takes of a file in one call. */
#define ASSEMBLY_COPY_BYTES ((uint64_t)32 << 20)

#define ASSEMBLY_BOOT_BYTES 40

struct assembly {
    char folder[PATH_MAX];
    uint64_t reserve_bytes;         /* free space that is left alone */
    char boot[ASSEMBLY_BOOT_BYTES]; /* of the machine; "": not known, nothing is gone on with */
};

/* A whole file: its bytes and their digest. The caller closes fd. */
struct assembly_whole {
    int fd;
    uint64_t bytes;
    char sha256[RY_SHA256_HEX_BYTES];
};

/* folder: made at the first use. RY_ECONFIG: its path is too long. */
int assembly_open(struct assembly *assembly, const char *folder, uint64_t reserve_bytes, struct ry_error *err);

/* Begins a file of total bytes, or goes on with the one that has the same total and validator (absent or "": never);
 * *offset: bytes that are there. RY_EFULL: there is no room for the rest. RY_EIO, RY_EAWAY. */
int assembly_begin(const struct assembly *assembly, struct ry_str clip_id, uint64_t total, struct ry_str validator,
                   uint64_t *offset, struct ry_error *err);

/* Writes bytes at offset; those that are there already are left as they are. *there: bytes that are there now; less
 * than offset + bytes.n when the file does not reach up to offset: then nothing was written. RY_ENOENT: it was not
 * begun. RY_EINVAL: beyond its end. RY_EFULL, RY_EIO. */
int assembly_write(const struct assembly *assembly, struct ry_str clip_id, uint64_t offset, struct ry_str bytes,
                   uint64_t *there, struct ry_error *err);

/* The same from an open file, as much as one call takes (ASSEMBLY_COPY_BYTES), by reflink where the file system can. */
int assembly_copy(const struct assembly *assembly, struct ry_str clip_id, int from_fd, uint64_t *there,
                  struct ry_error *err);

/* Opens the whole file. RY_ENOENT: it is not there. RY_EBUSY: it is not whole yet. RY_EIO. */
int assembly_take(const struct assembly *assembly, struct ry_str clip_id, struct assembly_whole *whole,
                  struct ry_error *err);

/* Removes what is there of it. */
void assembly_drop(const struct assembly *assembly, struct ry_str clip_id);

/* Removes files that nobody has touched for a day: of clips that were deleted or given up. Returns how many. */
unsigned assembly_sweep(const struct assembly *assembly, int64_t now_wall_ms);

#endif

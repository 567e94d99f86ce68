/* spool.h: a whole video on disk, because its server has no ranges.
 *
 * The file has no name: the kernel frees it when its descriptor is closed, however the process ends. Before and while
 * it grows, the limit and the disk's reserve are kept. One owner, one thread; writes block for as long as the disk
 * does. Error texts complete a sentence that begins with the file's name. */
#ifndef REELYARD_ACTORS_DOWNLOADER_SPOOL_H
#define REELYARD_ACTORS_DOWNLOADER_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"

struct spool {
    int fd; /* -1: not open */
    uint64_t written;
    uint64_t checked; /* free space was looked at when so many bytes were written */
    uint64_t max_bytes;
    uint64_t reserve_bytes;
};

/* Makes the file in folder (which is made, 0700, if only it is missing). expected: bytes to come; 0: not known.
 * RY_ELIMIT: larger than max_bytes. RY_EFULL: it would eat into the reserve. RY_EIO. */
int spool_open(struct spool *spool, const char *folder, uint64_t expected, uint64_t max_bytes, uint64_t reserve_bytes,
               struct ry_error *err);

/* Appends. The same errors. */
int spool_write(struct spool *spool, const void *bytes, size_t n, struct ry_error *err);

/* Gives up the descriptor: the caller owns it now. */
int spool_take(struct spool *spool);

/* Closes what is open. */
void spool_close(struct spool *spool);

#endif

/* local_barrier.h: asks a disk to make things durable: a whole file system at once where that is to be trusted.
 *
 * Several programs may use the file system; a failure of theirs must not become one of ours, nor hide one of ours. */
#ifndef REELYARD_ACTORS_STORAGE_LOCAL_BARRIER_H
#define REELYARD_ACTORS_STORAGE_LOCAL_BARRIER_H

#include <stdbool.h>
#include <stddef.h>

/* Makes all that was written to the file systems of these open folders durable, with one call for each file system.
 * False: that cannot be said for sure, and each file has to be asked for (fsync), which also tells whose failure it is:
 * because the kernel (before 5.8) or the file system (only ext4, XFS and tmpfs are known) might keep a failure to
 * itself or not reach the disk, or because something failed. */
bool local_barrier_whole(const int *folder_fds, size_t n);

#endif

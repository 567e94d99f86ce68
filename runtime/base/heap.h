/* heap.h: what the allocator knows of the memory that is in use, and its heap profiler.
 *
 * The program is linked with jemalloc where the build found it. Without it (sanitizers, or REELYARD_JEMALLOC=OFF) every
 * question is answered with zero or RY_EUNSUPPORTED. Source: https://jemalloc.net/jemalloc.3.html */
#ifndef REELYARD_RUNTIME_BASE_HEAP_H
#define REELYARD_RUNTIME_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"

/* Longest path of a profile, its NUL included. */
#define RY_HEAP_PATH_BYTES 512

/* The memory of one thread: an arena that it allocates from. */
struct ry_heap {
    unsigned arena;
    bool separate; /* false: the allocator has no arena for it; it uses those of the process */
};

/* The calling thread allocates from an arena of its own from now on. Never fails: without jemalloc, or without memory,
 * nothing changes. */
void ry_heap_enter(struct ry_heap *heap);

/* Bytes in use that were allocated by the thread since ry_heap_enter, whoever holds them now; 0: not known. Merges the
 * allocator's figures: some microseconds for each arena, so ask at most a few times a second. Any thread. */
uint64_t ry_heap_bytes(const struct ry_heap *heap);

/* Whether allocations of this process are sampled for profiles. */
bool ry_heap_sampling(void);

/* Begins or ends sampling for the whole process. What was allocated before it began is in no profile.
 * RY_EUNSUPPORTED: no jemalloc, or one that cannot profile. */
int ry_heap_sample(bool on, struct ry_error *err);

/* Writes a profile of the process for jeprof to FOLDER/NAME-PID-NUMBER.heap, with a number that is not taken, and its
 * path to path. The folder (0700) is made if it is missing. Blocks for as long as the file system does.
 * RY_EUNSUPPORTED as above; RY_EINVAL: no sampling goes on; RY_EIO. */
int ry_heap_write(const char *folder, const char *name, char path[RY_HEAP_PATH_BYTES], struct ry_error *err);

#endif

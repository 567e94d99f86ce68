/* spawn.h: this program once more, as a process of its own, on a leash (leash.h). */
#ifndef REELYARD_RUNTIME_PROCESS_SPAWN_H
#define REELYARD_RUNTIME_PROCESS_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/error.h"

struct ry_spawn {
    char *const *argv;       /* argv[0] is for people; what runs is this very program */
    char *const *env;        /* the whole of it */
    size_t memory_max_bytes; /* address space; 0: no limit */
    bool core_dumps;
    bool silent; /* standard input and output are /dev/null */
};

/* Starts it: in a process group of its own (a terminal's Ctrl-C is for its keeper), with no signal blocked or
 * ignored, no descriptor but 0 to 2 and RY_LEASH_FD, and killed when the calling thread ends. *leash_fd: our end, which
 * does not block. What goes wrong behind the fork ends the child with exit code 127. Call from the one thread that
 * lives as long as the process does. */
int ry_spawn(const struct ry_spawn *spawn, pid_t *pid, int *leash_fd, struct ry_error *err);

#endif

/* workers.h: threads that do what waits for a disk or a network, so that the instance's own thread never does.
 *
 * A piece of work is run by one of the threads, each with a store of its own, and then handed back: workers_fd becomes
 * readable, and workers_take gives it out. Everything here is called from the instance's thread, but `run`. */
#ifndef REELYARD_ACTORS_STORAGE_WORKERS_H
#define REELYARD_ACTORS_STORAGE_WORKERS_H

#include <stdint.h>

#include "actors/storage/store.h"

struct work {
    void (*run)(struct work *work, struct store *store); /* in a worker's thread */
    struct work *next;                                   /* the workers' */
    int64_t begun_mono_ms;                               /* the workers' */
};

struct workers;

/* Starts one thread for each store; the stores become the workers', also on an error. RY_ENOMEM, RY_EIO. */
int workers_open(struct workers **workers, struct store *const *stores, size_t n, struct ry_error *err);

/* Hands over a piece of work, which is run in the order of handing over and stays where it is until it is taken. */
void workers_submit(struct workers *workers, struct work *work);

/* One that has been run, or NULL. */
struct work *workers_take(struct workers *workers);

/* Readable when one may be taken; -1 when nothing was handed over that has not been taken. */
int workers_fd(const struct workers *workers);

/* Since when (system's monotonic clock) the one that has been running longest has; 0: nothing runs. */
int64_t workers_oldest_mono_ms(struct workers *workers);

/* Waits for what runs, drops what has not begun, and closes the stores. *workers may be NULL. */
void workers_close(struct workers **workers);

#endif

/* turnstile.h: holds the requests of a fake back until a test lets them through.
 *
 * A test that needs work to be unfinished closes the turnstile, waits for what it wants to see, and lets through as
 * many requests as the next step takes: nothing depends on how fast either side is. Open at first. Any thread may call.
 */
#ifndef REELYARD_TESTS_BED_TURNSTILE_H
#define REELYARD_TESTS_BED_TURNSTILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turnstile {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool closed;
    uint64_t passes;  /* how many more go through while it is closed */
    uint64_t waiting; /* requests that stand before it now */
    uint64_t passed;  /* requests that went through, ever */
};

#define TURNSTILE_INIT \
    { \
        .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER \
    }

/* Waits until the caller may go on. */
void turnstile_pass(struct turnstile *turnstile);

/* From now on everybody waits; passes that nobody has used are void. */
void turnstile_close(struct turnstile *turnstile);

/* Lets n through and no more. */
void turnstile_let(struct turnstile *turnstile, uint64_t n);

/* Lets everybody through, from now on. */
void turnstile_open(struct turnstile *turnstile);

/* How many wait, and how many went through. */
void turnstile_counts(struct turnstile *turnstile, uint64_t *waiting, uint64_t *passed);

#endif

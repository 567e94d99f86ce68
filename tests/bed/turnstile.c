/* turnstile.c: see turnstile.h. */
#include "tests/bed/turnstile.h"

void turnstile_pass(struct turnstile *turnstile)
{
    pthread_mutex_lock(&turnstile->lock);
    turnstile->waiting++;
    while (turnstile->closed && turnstile->passes == 0)
        pthread_cond_wait(&turnstile->moved, &turnstile->lock);
    turnstile->waiting--;
    turnstile->passed++;
    if (turnstile->closed)
        turnstile->passes--;
    pthread_mutex_unlock(&turnstile->lock);
}

static void change(struct turnstile *turnstile, bool closed, uint64_t passes)
{
    pthread_mutex_lock(&turnstile->lock);
    turnstile->closed = closed;
    turnstile->passes = passes;
    pthread_cond_broadcast(&turnstile->moved);
    pthread_mutex_unlock(&turnstile->lock);
}

void turnstile_close(struct turnstile *turnstile)
{
    change(turnstile, true, 0);
}

void turnstile_let(struct turnstile *turnstile, uint64_t n)
{
    pthread_mutex_lock(&turnstile->lock);
    turnstile->passes = turnstile->closed ? turnstile->passes + n : n;
    turnstile->closed = true;
    pthread_cond_broadcast(&turnstile->moved);
    pthread_mutex_unlock(&turnstile->lock);
}

void turnstile_open(struct turnstile *turnstile)
{
    change(turnstile, false, 0);
}

void turnstile_counts(struct turnstile *turnstile, uint64_t *waiting, uint64_t *passed)
{
    pthread_mutex_lock(&turnstile->lock);
    *waiting = turnstile->waiting;
    *passed = turnstile->passed;
    pthread_mutex_unlock(&turnstile->lock);
}

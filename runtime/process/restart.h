/* restart.h: when a process that died is started again, and when no more.
 *
 * The wait doubles from death to death and begins anew when it had lived for long; whoever dies too often within a
 * period has spent its budget. Waits that have grown keep slow deaths within the budget for ever, so a process that
 * never gets ready has a limit of its own: RY_UNREADY_DEATHS_MAX deaths in a row before it was ready, over any time. A
 * process that dies at its work does not come near that limit, as it is ready in between. One per child; pure, time is
 * handed in. A crash of the parent forgets the deaths. */
#ifndef REELYARD_RUNTIME_PROCESS_RESTART_H
#define REELYARD_RUNTIME_PROCESS_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/rng.h"

#define RY_RESTARTS_MAX 64

/* With the waits of a sandbox pool this takes 25 s, with those of `up` 11 s: a short lack of memory is outlasted. */
#define RY_UNREADY_DEATHS_MAX 8

struct ry_restart_rule {
    int64_t first_ms; /* wait before the first restart */
    int64_t longest_ms;
    int64_t calm_ms;   /* a life of this length ends the doubling */
    int64_t period_ms; /* more than `most` deaths within it spend the budget */
    unsigned most;     /* below RY_RESTARTS_MAX */
};

struct ry_restart {
    unsigned quick;                          /* deaths in a row that came early */
    int64_t deaths_mono_ms[RY_RESTARTS_MAX]; /* the last ones, a ring */
    size_t deaths;                           /* all that count */
    unsigned unready;                        /* deaths in a row before it was ready */
};

/* How far a process came in the life that has ended. */
enum ry_life {
    RY_LIFE_READY,   /* it was ready */
    RY_LIFE_UNREADY, /* it was not, by its own fault */
    RY_LIFE_EXCUSED  /* it ended because somebody else was away: it is not counted, and only waited after */
};

/* The end of a life of lived_ms. True, and how long to wait before the next start; false: it is given up. */
bool ry_restart_after(struct ry_restart *restart, const struct ry_restart_rule *rule, struct ry_rng *rng,
                      int64_t now_mono_ms, int64_t lived_ms, enum ry_life life, int64_t *wait_ms);

/* Whether it is given up because it never gets ready, and not because its budget is spent. */
bool ry_restart_never_ready(const struct ry_restart *restart);

#endif

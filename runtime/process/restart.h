/* restart.h: when a process that died is started again, and when no more.
 *
 * The wait doubles from death to death and begins anew when it had lived for long; whoever dies too often within a
 * period has spent its budget. One per child; pure, time is handed in. */
#ifndef REELYARD_RUNTIME_SUPERVISOR_RESTART_H
#define REELYARD_RUNTIME_SUPERVISOR_RESTART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/rng.h"

#define RY_RESTARTS_MAX 64

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
    size_t deaths;                           /* all there were */
};

/* A death after a life of lived_ms. True, and how long to wait before the next start; false: the budget is spent. */
bool ry_restart_after(struct ry_restart *restart, const struct ry_restart_rule *rule, struct ry_rng *rng,
                      int64_t now_mono_ms, int64_t lived_ms, int64_t *wait_ms);

#endif

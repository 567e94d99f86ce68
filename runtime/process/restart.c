/* restart.c: backoff and restart intensity; see restart.h. */
#include "runtime/process/restart.h"

#include <inttypes.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define JITTER_PERCENT 10

/* Counts a death; whether it may be followed by a start. */
static bool is_within_limits(struct ry_restart *restart, const struct ry_restart_rule *rule, int64_t now_mono_ms,
                             enum ry_life life)
{
    restart->unready = life == RY_LIFE_READY ? 0 : restart->unready + 1;
    restart->deaths_mono_ms[restart->deaths % RY_RESTARTS_MAX] = now_mono_ms;
    restart->deaths++;
    /* The death before which there must have been `most` others within the period. */
    if (restart->deaths > rule->most) {
        int64_t earlier_mono_ms = restart->deaths_mono_ms[(restart->deaths - 1 - rule->most) % RY_RESTARTS_MAX];
        if (now_mono_ms - earlier_mono_ms < rule->period_ms)
            return false;
    }
    return !ry_restart_never_ready(restart);
}

bool ry_restart_after(struct ry_restart *restart, const struct ry_restart_rule *rule, struct ry_rng *rng,
                      int64_t now_mono_ms, int64_t lived_ms, enum ry_life life, int64_t *wait_ms)
{
    RY_ASSERT(lived_ms >= 0 && rule->most < RY_RESTARTS_MAX, "%" PRId64 " ms, %u", lived_ms, rule->most);
    if (life != RY_LIFE_EXCUSED && !is_within_limits(restart, rule, now_mono_ms, life))
        return false;
    if (lived_ms >= rule->calm_ms)
        restart->quick = 0;
    *wait_ms = ry_backoff_doubling_ms(rng, rule->first_ms, rule->longest_ms, restart->quick, JITTER_PERCENT);
    restart->quick++;
    return true;
}

bool ry_restart_never_ready(const struct ry_restart *restart)
{
    return restart->unready >= RY_UNREADY_DEATHS_MAX;
}

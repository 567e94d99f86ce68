/* backoff.c: see backoff.h. Pure but for the generator that it draws from. */
#include "runtime/base/backoff.h"

#include "runtime/base/assert.h"

int64_t ry_backoff_doubling_ms(struct ry_rng *rng, int64_t base_ms, int64_t max_ms, unsigned tries, unsigned percent)
{
    RY_ASSERT(base_ms >= 0 && max_ms >= 0 && percent <= 100, "%lld to %lld ms, %u %%", (long long)base_ms,
              (long long)max_ms, percent);
    int64_t wait_ms = base_ms;
    for (unsigned i = 0; i < tries && wait_ms < max_ms; i++)
        wait_ms = wait_ms > max_ms / 2 ? max_ms : wait_ms * 2;
    return ry_rng_jitter(rng, wait_ms < max_ms ? wait_ms : max_ms, percent);
}

int64_t ry_backoff_listed_ms(struct ry_rng *rng, const int64_t *minutes, size_t n, uint64_t tries, unsigned percent)
{
    RY_ASSERT(n > 0 && percent <= 100, "%zu waits, %u %%", n, percent);
    return ry_rng_jitter(rng, minutes[tries < n ? tries : n - 1] * 60000, percent);
}

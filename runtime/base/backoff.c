#include "runtime/base/backoff.h"

int64_t ry_backoff_doubling_ms(struct ry_rng *rng, int64_t base_ms, int64_t max_ms, unsigned tries, unsigned percent)
{
    int64_t wait_ms = base_ms;
    for (unsigned i = 0; i < tries && wait_ms < max_ms; i++)
        wait_ms = wait_ms > max_ms / 2 ? max_ms : wait_ms * 2;
    return ry_rng_jitter(rng, wait_ms < max_ms ? wait_ms : max_ms, percent);
}

int64_t ry_backoff_listed_ms(struct ry_rng *rng, const int64_t *minutes, size_t n, uint64_t tries, unsigned percent)
{
    return ry_rng_jitter(rng, minutes[tries < n ? tries : n - 1] * 60000, percent);
}

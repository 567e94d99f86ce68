/* rng.h: chance from a seed, so that a run can be repeated (SplitMix64, Steele, Lea and Flood 2014).
 *
 * For jitter and for tests; not for secrets. One owner, not thread-safe. */
#ifndef REELYARD_RUNTIME_BASE_RNG_H
#define REELYARD_RUNTIME_BASE_RNG_H

#include <stdint.h>

struct ry_rng {
    uint64_t state;
};

static inline uint64_t ry_rng_u64(struct ry_rng *rng)
{
    uint64_t z = (rng->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in 0 .. bound-1; bound > 0. The bias is below 2^-32 for bounds below 2^32. */
static inline uint64_t ry_rng_below(struct ry_rng *rng, uint64_t bound)
{
    return ry_rng_u64(rng) % bound;
}

/* value changed by a uniform share of up to +-percent; value >= 0, percent 0..100. */
static inline int64_t ry_rng_jitter(struct ry_rng *rng, int64_t value, unsigned percent)
{
    int64_t span = value / 100 * (int64_t)percent + value % 100 * (int64_t)percent / 100;
    return span <= 0 ? value : value - span + (int64_t)ry_rng_below(rng, (uint64_t)span * 2 + 1);
}

#endif

/* backoff.h: how long to wait before the next try. Pure but for the generator's state. */
#ifndef REELYARD_RUNTIME_BASE_BACKOFF_H
#define REELYARD_RUNTIME_BASE_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/rng.h"

/* base_ms doubled `tries` times (0: base_ms itself), at most max_ms, then changed by up to +-percent. */
int64_t ry_backoff_doubling_ms(struct ry_rng *rng, int64_t base_ms, int64_t max_ms, unsigned tries, unsigned percent);

/* The wait of a list of minutes at position `tries`, its last one for all later tries, changed by up to +-percent; n >
 * 0. */
int64_t ry_backoff_listed_ms(struct ry_rng *rng, const int64_t *minutes, size_t n, uint64_t tries, unsigned percent);

#endif

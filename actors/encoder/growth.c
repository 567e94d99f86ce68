/* growth.c: the counter of sample sizes behind a blank key frame; see growth.h.
 *
 * Pure; its state is the caller's. */
#include "actors/encoder/growth.h"

/* A sample behind a blank key frame shows something when it is larger than that. */
#define LARGE_FACTOR 4
#define LARGE_BYTES  2048

/* What is enough behind it: so many samples, or so many bytes. */
#define BEHIND_SAMPLES 8
#define BEHIND_BYTES   ((int64_t)96 << 10)

#define SLOW_BYTES ((int64_t)64 << 10)

struct growth growth_from(int64_t key_bytes)
{
    return (struct growth){.large = key_bytes * LARGE_FACTOR + LARGE_BYTES, .behind = -1};
}

bool growth_count(struct growth *growth, int64_t bytes)
{
    if (growth->behind < 0 && bytes < growth->large) {
        growth->bytes += bytes;
        return false;
    }
    growth->bytes = growth->behind < 0 ? 0 : growth->bytes + bytes;
    return ++growth->behind >= BEHIND_SAMPLES || growth->bytes > BEHIND_BYTES;
}

bool growth_is_slow(const struct growth *growth)
{
    return growth->behind < 0 && growth->bytes >= SLOW_BYTES;
}

/* growth.h: how far to read behind a blank key frame, by the sizes of the samples: small ones repeat it, and where they
 * become large, something begins to show. A pure counter. */
#ifndef REELYARD_ACTORS_ENCODER_GROWTH_H
#define REELYARD_ACTORS_ENCODER_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

struct growth {
    int64_t large; /* bytes of a sample that shows something */
    int64_t bytes; /* of the small ones before it; then of those behind it */
    int behind;    /* samples behind it; below 0: it was not met */
};

/* Behind a key frame of so many bytes. */
struct growth growth_from(int64_t key_bytes);

/* Counts the next sample. True if it is enough: a large one, and so many behind it that the clearest can be chosen. */
bool growth_count(struct growth *growth, int64_t bytes);

/* Whether the small samples are so many bytes that they may show something, too. */
bool growth_is_slow(const struct growth *growth);

#endif

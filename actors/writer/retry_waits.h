/* retry_waits.h: how long a clip that failed waits until it is tried again. Pure but for the generator's state.
 *
 * The list of waits is an option (thumbnail_retry_backoff_minutes). How many failures a clip has stands in its row
 * (failed_thumbnail.retry_count), which only the engine reads, inside its transaction. So the writer draws the waits
 * for all of the list beforehand, and the engine takes one of them. */
#ifndef REELYARD_ACTORS_WRITER_RETRY_WAITS_H
#define REELYARD_ACTORS_WRITER_RETRY_WAITS_H

#include "runtime/base/error.h"
#include "runtime/base/rng.h"
#include "runtime/config/config.h"

#define RETRY_WAITS_MAX 32

/* The option; its last wait repeats. */
struct retry_list {
    int64_t minutes[RETRY_WAITS_MAX];
    size_t n;
};

/* What one failure costs, by the number of failures before it; the last one repeats. */
struct retry_waits {
    int64_t ms[RETRY_WAITS_MAX]; /* >= 0 */
    size_t n;                    /* > 0 */
};

/* Reads the option. RY_ECONFIG when it is empty. */
int retry_list_read(const struct ry_config *config, struct retry_list *list, struct ry_error *err);

/* The waits of the list, jittered, each at least asked_ms: what the video's server asked for, of which a day at most
 * counts. */
void retry_waits_draw(const struct retry_list *list, struct ry_rng *rng, uint64_t asked_ms, struct retry_waits *waits);

/* The wait of a clip that has failed retry_count times before. */
int64_t retry_wait_ms(const struct retry_waits *waits, uint64_t retry_count);

#endif

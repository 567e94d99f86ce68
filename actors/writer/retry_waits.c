/* retry_waits.c: the one place where the wait of a failed clip is computed; see retry_waits.h.
 *
 * Owns nothing. Every wait is at least what the video's server asked for, of which a day counts at most, and never
 * negative. The result is committed with the failure, so a crash before that only means that it is computed again. */
#include "actors/writer/retry_waits.h"

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define JITTER_PERCENT 10

/* A server that asks for more time than this is asked again all the same. */
#define ASKED_MAX_MS ((uint64_t)24 * 3600 * 1000)

int retry_list_read(const struct ry_config *config, struct retry_list *list, struct ry_error *err)
{
    size_t n = ry_config_ints(config, RY_OPT_retry_backoff_minutes, list->minutes, RETRY_WAITS_MAX);
    list->n = n < RETRY_WAITS_MAX ? n : RETRY_WAITS_MAX;
    if (n == 0)
        return ry_fail(err, RY_ECONFIG, "thumbnail_retry_backoff_minutes is empty: name at least one wait in minutes");
    return RY_OK;
}

void retry_waits_draw(const struct retry_list *list, struct ry_rng *rng, uint64_t asked_ms, struct retry_waits *waits)
{
    RY_ASSERT(list->n > 0 && list->n <= RETRY_WAITS_MAX, "%zu waits", list->n);
    int64_t least_ms = (int64_t)(asked_ms < ASKED_MAX_MS ? asked_ms : ASKED_MAX_MS);
    waits->n = list->n;
    for (size_t i = 0; i < list->n; i++) {
        int64_t wait_ms = ry_backoff_listed_ms(rng, list->minutes, list->n, i, JITTER_PERCENT);
        waits->ms[i] = wait_ms > least_ms ? wait_ms : least_ms;
        RY_ASSERT(waits->ms[i] >= 0, "a wait of %lld ms", (long long)waits->ms[i]);
    }
}

int64_t retry_wait_ms(const struct retry_waits *waits, uint64_t retry_count)
{
    RY_ASSERT(waits->n > 0 && waits->n <= RETRY_WAITS_MAX, "%zu waits", waits->n);
    return waits->ms[retry_count < waits->n ? retry_count : waits->n - 1];
}

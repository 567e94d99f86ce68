/* queue_health.c: whether the queue can be asked now.
 *
 * Owns the backoff towards a queue that is locked, full or away, and the log lines about it: one when the trouble
 * changes and one a minute while it stays. Nothing is lost meanwhile: what the queue did not take is kept by the
 * caller. */
#include "actors/ingester/queue_health.h"

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define RECOVER_BASE_MS 200
#define RECOVER_MAX_MS  30000
#define JITTER_PERCENT  20

/* A trouble that stays is logged so often. */
#define TROUBLE_LOG_MS 60000

bool queue_health_is_bad(const struct queue_health *health)
{
    return health->trouble.code != RY_OK;
}

bool queue_health_is_final(int rc)
{
    return ry_err_class((enum ry_err)rc) == RY_CLASS_REJECT && rc != RY_EACCES;
}

void queue_health_failed(struct queue_health *health, struct ry_ctx *ctx, const struct ry_error *err)
{
    RY_ASSERT(err->code != RY_OK);
    bool news = health->trouble.code != err->code;
    unsigned suppressed = 0;
    bool allowed = ry_log_allowed(&health->limit, 1, TROUBLE_LOG_MS, &suppressed);
    if (news || allowed)
        RY_LOG(RY_ERROR, "queue_failed", "code=%s reason=%s tries=%u", ry_err_name(err->code), err->text,
               health->tries + 1);
    health->trouble = *err;
    health->resting = true;
    if (ry_err_class(err->code) == RY_CLASS_DIE) {
        ry_ctx_exit(ctx, err);
        return;
    }
    ry_timer(ctx, health->timer,
             ry_backoff_doubling_ms(ry_ctx_rng(ctx), RECOVER_BASE_MS, RECOVER_MAX_MS, health->tries, JITTER_PERCENT));
    health->tries++;
}

void queue_health_recovered(struct queue_health *health)
{
    if (!queue_health_is_bad(health))
        return;
    RY_LOG(RY_INFO, "queue_recovered", "tries=%u", health->tries);
    health->trouble = (struct ry_error){0};
    health->tries = 0;
}

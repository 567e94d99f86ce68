/* upkeep.c: signs of life, and what is forgotten after a while; see upkeep.h.
 *
 * Each is a transaction of its own between two others. A crash costs one round. */
#include "actors/writer/upkeep.h"
#include "runtime/base/assert.h"

#include <inttypes.h>

#define PRUNE_PERIOD_MS 60000
#define PRUNE_ROWS      5000
/* The search index: what other programs changed, and how the rest is gone about: a slice, then others' turn. */
#define INDEX_PERIOD_MS 2000
#define INDEX_PAUSE_MS  20
#define INDEX_CLIPS     1000
#define FENCE_KEPT_MS   (INT64_C(24) * 3600 * 1000)

void writer_upkeep_begin(struct writer *self, struct ry_ctx *ctx)
{
    RY_ASSERT(self->ping_period_ms > 0, "%lld ms", (long long)self->ping_period_ms);
    ry_timer(ctx, WRITER_TIMER_PRUNE, PRUNE_PERIOD_MS);
    ry_timer(ctx, WRITER_TIMER_PING, self->ping_period_ms);
    ry_timer(ctx, WRITER_TIMER_SEARCH, INDEX_PERIOD_MS);
}

void writer_ping(struct writer *self, struct ry_ctx *ctx)
{
    ry_timer(ctx, WRITER_TIMER_PING, self->ping_period_ms);
    struct ry_error err;
    int64_t began_us = writer_now_us();
    int rc = self->engine->ops->ping(self->engine, &err);
    if (rc == RY_OK) {
        int64_t took_us = writer_now_us() - began_us;
        ry_observe(ctx, RY_HISTOGRAM_db_ping, (double)took_us / 1e6);
        if (self->pings_failed >= WRITER_PINGS_FAILED_MAX)
            RY_LOG(RY_INFO, "database_healthy", "engine=%s latency_ms=%" PRId64 " pings_failed=%u",
                   self->engine->ops->name, took_us / 1000, self->pings_failed);
        self->pings_failed = 0;
        return;
    }
    ry_count(ctx, RY_COUNTER_db_pings_failed, 1);
    self->ping_error = err;
    self->pings_failed++;
    if (ry_err_class(err.code) == RY_CLASS_DIE)
        writer_end(self, ctx, &err);
    else if (self->pings_failed == WRITER_PINGS_FAILED_MAX)
        RY_LOG(RY_ERROR, "database_unhealthy", "engine=%s pings_failed=%u reason=%s", self->engine->ops->name,
               self->pings_failed, err.text);
}

void writer_prune(struct writer *self, struct ry_ctx *ctx)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    int64_t before_wall_ms = ry_wall_ms(ry_ctx_clock(ctx)) - FENCE_KEPT_MS;
    uint64_t corrected = 0;
    struct ry_error err;
    int rc = ops->begin(self->engine, &err);
    if (rc == RY_OK)
        rc = ops->fence_prune(self->engine, before_wall_ms, PRUNE_ROWS, &err);
    if (rc == RY_OK)
        rc = ops->clock_correct(self->engine, &corrected, &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc != RY_OK) {
        ops->rollback(self->engine);
        RY_LOG(RY_DEBUG, "prune_failed", "reason=%s", err.text);
    } else if (corrected > 0) {
        const struct ry_send send = {.priority = RY_PRIORITY_CONTROL};
        RY_LOG(RY_WARNING, "clock_was_ahead", "clips=%" PRIu64, corrected);
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = corrected}, &send);
    }
    ry_timer(ctx, WRITER_TIMER_PRUNE, PRUNE_PERIOD_MS);
}

void writer_index(struct writer *self, struct ry_ctx *ctx)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    struct ry_error err;
    bool left = false;
    if (self->troubles > 0) { /* the database has to answer first */
        ry_timer(ctx, WRITER_TIMER_SEARCH, INDEX_PERIOD_MS);
        return;
    }
    int rc = ops->begin(self->engine, &err);
    if (rc == RY_OK)
        rc = ops->search_write(self->engine, INDEX_CLIPS, true, &left, &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc != RY_OK) {
        ops->rollback(self->engine);
        unsigned suppressed = 0;
        if (ry_log_allowed(&self->trouble_log, 2, WRITER_TROUBLE_LOG_MS, &suppressed))
            RY_LOG(RY_WARNING, "index_failed", "reason=%s held_back=%u", err.text, suppressed);
    }
    ry_timer(ctx, WRITER_TIMER_SEARCH, rc == RY_OK && left ? INDEX_PAUSE_MS : INDEX_PERIOD_MS);
}

/* verdict_review.c: when an encoder of another version is there, permanent failures that others judged become due.
 *
 * Owns the list of versions and the position of the walk over the failures. Each step is a transaction of its own, so
 * that no claim waits for more than that. When it crashes, the walk begins anew with the next version that is told. */
#include "actors/writer/verdict_review.h"
#include "runtime/base/assert.h"

#include <stdio.h>

#define REVIEW_ROWS     500
#define REVIEW_PAUSE_MS 50
#define REVIEW_RETRY_MS 60000
#define VERSIONS_A_DAY  4
#define DAY_MS          (INT64_C(24) * 3600 * 1000)

/* Begins a walk over the permanent failures when a version comes that was not heard of since the start, in a claim or
 * with a verdict. An encoder that was taken over can say any; so only a few new ones a day are believed. */
void writer_version_seen(struct writer *self, struct ry_ctx *ctx, struct ry_str version)
{
    RY_ASSERT(self->versions_today <= VERSIONS_A_DAY, "%u versions today", self->versions_today);
    for (size_t i = 0; i < self->versions_n && i < WRITER_VERSIONS_MAX; i++)
        if (ry_str_is(version, self->versions[i]))
            return;
    if (!ry_encoder_is_known(version))
        return;
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    if (self->versions_today == 0 || now_mono_ms - self->day_mono_ms >= DAY_MS) {
        self->day_mono_ms = now_mono_ms;
        self->versions_today = 0;
    }
    if (self->versions_today == VERSIONS_A_DAY)
        return;
    self->versions_today++;
    (void)snprintf(self->versions[self->versions_n++ % WRITER_VERSIONS_MAX], WRITER_VERSION_BYTES, "%.*s",
                   RY_STR_ARG(version));
    self->review.after[0] = '\0';
    ry_timer(ctx, WRITER_TIMER_REVIEW, REVIEW_PAUSE_MS);
}

void writer_review_step(struct writer *self, struct ry_ctx *ctx)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    struct writer_review step = self->review;
    struct ry_error err;
    step.max = REVIEW_ROWS;
    int rc = ops->begin(self->engine, &err);
    if (rc == RY_OK)
        rc = ops->verdicts_review(self->engine, &step, &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc != RY_OK) {
        ops->rollback(self->engine);
        RY_LOG(RY_DEBUG, "review_failed", "reason=%s", err.text);
        ry_timer(ctx, WRITER_TIMER_REVIEW, REVIEW_RETRY_MS);
        return;
    }
    self->review = step;
    if (step.due > 0)
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = step.due},
                &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    if (step.more)
        ry_timer(ctx, WRITER_TIMER_REVIEW, REVIEW_PAUSE_MS);
}

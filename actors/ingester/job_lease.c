/* job_lease.c: the queue's side of a job in flight: its lease, and its end.
 *
 * Owns the order in which the queue hears of ends: one that it refuses is kept and reported again, the others first.
 * Until the queue has taken an end, the lease is renewed, so that nobody else begins the job; a lease that is lost
 * takes the job out of flight, for another worker has it. */
#include "actors/ingester/job_lease.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/assert.h"

static void remove_job(struct ingester *self, struct inflight_job *job)
{
    RY_ASSERT(self->in_flight > 0 && job < self->jobs + self->in_flight, "in flight %zu", self->in_flight);
    inflight_job_free(job);
    *job = self->jobs[--self->in_flight];
}

static void report_end(struct ry_ctx *ctx, const struct inflight_job *job)
{
    int64_t took_ms = ry_mono_ms(ry_ctx_clock(ctx)) - job->since_mono_ms;
    switch (job->end) {
    case END_ACK:
        ry_count(ctx, RY_COUNTER_jobs_done, 1);
        ry_observe(ctx, RY_HISTOGRAM_job, (double)took_ms / 1000.0);
        break;
    case END_RETRY:
    case END_HOLD:
        ry_count(ctx, RY_COUNTER_jobs_retried, 1);
        RY_LOG(RY_WARNING, "job_retried", "job=%.*s attempts=%u delay_ms=%" PRId64 " reason=%s",
               RY_STR_ARG(inflight_job_id(job)), job->attempts, job->delay_ms, job->reason);
        break;
    case END_DEAD_LETTER:
        ry_count(ctx, RY_COUNTER_jobs_dead, 1);
        RY_LOG(RY_ERROR, "job_dead", "job=%.*s attempts=%u reason=%s", RY_STR_ARG(inflight_job_id(job)), job->attempts,
               job->reason);
        break;
    case END_RELEASE:
    case END_NONE: break;
    }
}

static void lose_job(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job, const struct ry_error *err)
{
    ry_count(ctx, RY_COUNTER_leases_lost, 1);
    RY_LOG(RY_WARNING, "lease_lost", "job=%.*s reason=%s", RY_STR_ARG(inflight_job_id(job)), err->text);
    remove_job(self, job);
}

bool ingester_end_job(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job)
{
    struct ry_error err = {0};
    int rc = inflight_job_report_end(job, self->queue, &err);
    if (rc == RY_OK) {
        report_end(ctx, job);
        remove_job(self, job);
    } else if (queue_health_is_final(rc)) {
        lose_job(self, ctx, job, &err);
    } else {
        queue_health_failed(&self->health, ctx, &err);
    }
    return rc == RY_OK || queue_health_is_final(rc);
}

/* Whoever was refused goes to the end, so that the next round begins with the others. */
static void put_last(struct ingester *self, struct inflight_job *job)
{
    struct inflight_job *last = &self->jobs[self->in_flight - 1];
    struct inflight_job refused = *job;
    *job = *last;
    *last = refused;
}

void ingester_retry_ends(struct ingester *self, struct ry_ctx *ctx)
{
    for (size_t i = 0; i < self->in_flight && !self->health.resting;) {
        struct inflight_job *job = &self->jobs[i];
        if (job->end == END_NONE)
            i++;
        else if (!ingester_end_job(self, ctx, job))
            put_last(self, job);
    }
}

void ingester_renew_leases(struct ingester *self, struct ry_ctx *ctx)
{
    self->renewal_due = true;
    for (size_t i = 0; i < self->in_flight;) {
        struct inflight_job *job = &self->jobs[i];
        struct ry_error err = {0};
        int rc = self->queue->ops->renew(self->queue, inflight_job_id(job), job->token, self->lease_ms, &err);
        if (rc == RY_OK) {
            i++;
        } else if (queue_health_is_final(rc)) {
            lose_job(self, ctx, job, &err);
        } else {
            queue_health_failed(&self->health, ctx, &err);
            return;
        }
    }
    self->renewal_due = false;
}

int ingester_release_previous(struct ingester *self, struct ry_error *err)
{
    struct ry_str owner = ry_str_of(self->owner);
    const char *slash = memrchr(owner.p, '/', owner.n);
    if (slash == NULL)
        return ry_fail(err, RY_EBUG, "the owner %s has no incarnation", self->owner);
    struct ry_str node = {owner.p, (size_t)(slash - owner.p) + 1};
    size_t released = 0;
    int rc = self->queue->ops->release(self->queue, node, owner, &released, err);
    self->release_due = rc != RY_OK;
    if (rc == RY_OK && released > 0)
        RY_LOG(RY_INFO, "leases_released", "jobs=%zu", released);
    return rc;
}

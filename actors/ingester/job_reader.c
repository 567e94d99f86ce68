/* job_reader.c: from the queue to the scanner.
 *
 * Decides how many jobs are leased, and makes a job_run of each. In flight are never more than the scanner's mailbox
 * takes; the last quarter of these places is for live jobs, so that no backfill can hold them up. A job that cannot be
 * read becomes a dead letter with the field named, and one that was being worked on at too many crashes does too. */
#include "actors/ingester/job_reader.h"

#include "actors/ingester/job_lease.h"
#include "actors/ingester/job_head.h"
#include "runtime/base/assert.h"

/* Of the places for jobs, this share is kept for live ones. */
#define LIVE_SHARE 4

/* What cannot be read for a reason of its own never will be; without memory it is tried again. */
static void send_back(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job, int rc, const char *what,
                      const char *why)
{
    if (ry_err_class((enum ry_err)rc) == RY_CLASS_REJECT)
        inflight_job_set_end(job, END_DEAD_LETTER, "%s: %s", what, why);
    else
        inflight_job_set_failed(job, ry_str_of(why), self->attempts_max, ry_ctx_rng(ctx));
}

static void send_job(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job, const struct ry_lease *lease)
{
    struct ry_error err = {0};
    /* One copy, for which there may be no memory; what is said then takes a reference. */
    struct ry_frame *json = ry_frame_copy(lease->json.p, lease->json.n);
    struct ry_job_run run = {
        .job_id = lease->job_id,
        .type = lease->type,
        .token = lease->token,
        .local_media = !lease->hints, /* the embedded queue is this node's own */
        .job = {.frame = json},
        .attempts = lease->attempts,
    };
    int rc = json ? ry_check(RY_TAG_job_run, &run, &err)
                  : ry_fail(&err, RY_ENOMEM, "no memory for a job of %zu bytes", lease->json.n);
    if (rc == RY_OK) {
        struct ry_send send = {.priority = lease->priority};
        if (!ry_str_u64(lease->guild_id, &send.tenant))
            send.tenant = 0;
        job->mail_id = RY_TELL(ctx, job_run, &run, &send);
    } else {
        send_back(self, ctx, job, rc, "the queue's job is damaged", err.text);
    }
    ry_frame_unref(json);
}

/* A job that somebody else has pushed: what counts of it is in its JSON. */
static void send_foreign_job(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job,
                             const struct ry_lease *lease)
{
    struct job_head head;
    struct ry_error err = {0};
    int rc = job_head_read(&head, lease->json, &err);
    if (rc != RY_OK) {
        send_back(self, ctx, job, rc, "the job cannot be read", err.text);
        return;
    }
    struct ry_lease told = *lease;
    told.job_id = head.job_id;
    told.type = head.type;
    told.guild_id = head.guild_id;
    told.channel_id = head.channel_id;
    told.priority = head.priority;
    inflight_job_name(job, &told);
    send_job(self, ctx, job, &told);
    job_head_free(&head);
}

static void on_lease(struct ingester *self, struct ry_ctx *ctx, const struct ry_lease *lease)
{
    RY_ASSERT(self->in_flight < self->window, "in flight %zu of %zu", self->in_flight, self->window);
    struct inflight_job *job = &self->jobs[self->in_flight++];
    inflight_job_begin(job, lease, ry_mono_ms(ry_ctx_clock(ctx)));
    ry_count(ctx, RY_COUNTER_jobs_read, 1);
    if (lease->attempts > self->attempts_max)
        inflight_job_set_end(job, END_DEAD_LETTER, "was being worked on at %u crashes", lease->attempts - 1);
    else if (lease->hints)
        send_foreign_job(self, ctx, job, lease);
    else
        send_job(self, ctx, job, lease);
    if (job->end != END_NONE)
        (void)ingester_end_job(self, ctx, job);
}

/* Places for jobs of any urgency; those that are not live fill no more than their share. */
static size_t room_for_all(const struct ingester *self)
{
    size_t kept = self->window / LIVE_SHARE;
    size_t limit = self->allowed > kept ? self->allowed - kept : 1;
    size_t others = 0;
    for (size_t i = 0; i < self->in_flight; i++)
        others += self->jobs[i].priority > RY_PRIORITY_LIVE;
    size_t room = others < limit ? limit - others : 0;
    size_t left = self->allowed - self->in_flight;
    return room < left ? room : left;
}

/* Reads up to max jobs; whether there may be more of them. */
static bool read_up_to(struct ingester *self, struct ry_ctx *ctx, size_t max, enum ry_priority least)
{
    RY_ARENA_AUTO arena = ry_arena_make(RY_JOB_MAX_BYTES + ((size_t)1 << 20));
    struct ry_error err = {0};
    size_t n = 0;
    int rc = self->queue->ops->read(self->queue, ry_str_of(self->owner), max, least, self->lease_ms, &arena,
                                    self->leases, &n, &err);
    if (rc != RY_OK) {
        queue_health_failed(&self->health, ctx, &err);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        on_lease(self, ctx, &self->leases[i]);
    return n == max && !self->health.resting;
}

void ingester_read_jobs(struct ingester *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx) || self->health.resting || self->full || self->in_flight >= self->allowed)
        return;
    size_t room = room_for_all(self);
    if (room > 0 && !read_up_to(self, ctx, room, RY_PRIORITY_BACKFILL))
        return;
    if (self->in_flight < self->allowed)
        (void)read_up_to(self, ctx, self->allowed - self->in_flight, RY_PRIORITY_LIVE);
}

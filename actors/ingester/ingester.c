/* ingester.c: brings jobs from the queue to the scanner, and their ends back to the queue.
 *
 * Owns      the job queue (runtime/queue), on Redis if REDIS_URL is set, else in the data folder: leases, ends, dead
 *           letters. In flight are at most job_batch_size jobs.
 *
 * Accepts   job_done and job_failed (the scanner's answers), undeliverable, mail_dead (the router's dead letters),
 *           queue_get, jobs_push, jobs_find.
 *
 * Sends     job_run to the scanner, queue_state, jobs_pushed, jobs_found.
 *
 * Promises  a job leaves the queue only when the scanner has said that all of it is committed, or when it moves to the
 *           dead letters with its reason. A lease is renewed for as long as its job is in flight. What the queue does
 *           not take now (locked, disk full, away) is said to it again until it does. Where others push too, a job is
 *           what its JSON says; one that nobody could work on is a dead letter with the field named.
 *
 * When it crashes, its leases stay: its next incarnation ends them at once, other nodes see them run out. Either way
 * the job is worked on again, under a larger fencing token, so that nothing of the former worker can be committed
 * after. A job that was leased more than job_attempts_max times is what crashed it, and becomes a dead letter before it
 * is tried again. The parts: job_reader.c leases and sends jobs, inflight_job.c decides how one ends, job_lease.c
 * reports that to the queue, queue_health.c waits for a queue that refuses, dead_mail.c stores the router's dead
 * letters. */
#include "actors/ingester/ingester.h"

#include <stdlib.h>

#include "actors/ingester/dead_mail.h"
#include "actors/ingester/ingester_internal.h"
#include "actors/ingester/job_lease.h"
#include "actors/ingester/job_reader.h"
#include "actors/ingester/produce.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define FULL_BASE_MS   50
#define FULL_MAX_MS    5000
#define JITTER_PERCENT 20

/* A queue that tells when something has come is looked at no more often than this. */
#define TOLD_POLL_MS 500

enum timer { TIMER_POLL, TIMER_RENEW, TIMER_RECOVER, TIMER_FULL };

/* ---- what the scanner and the router report ---------------------------------------------------------------------- */

static struct inflight_job *find_job(struct ingester *self, uint64_t mail_id)
{
    for (size_t i = 0; i < self->in_flight; i++)
        if (inflight_job_is_run_by(&self->jobs[i], mail_id))
            return &self->jobs[i];
    return NULL;
}

static void hold(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job, struct ry_str reason)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    unsigned rounds = held_note(&self->held, inflight_job_id(job), now_mono_ms);
    inflight_job_set_held(job, reason, rounds, ry_ctx_rng(ctx));
    held_round_waits(&self->held, job->delay_ms, now_mono_ms);
}

/* A job was taken. If it had been held before, the others will be taken too. */
static void hurry_held(struct ingester *self, struct ry_ctx *ctx, struct ry_str job_id)
{
    struct ry_error err = {0};
    if (self->health.resting || !held_has(&self->held, job_id))
        return;
    if (self->queue->ops->hurry(self->queue, &err) == RY_OK)
        self->held = (struct held){0};
    else
        queue_health_failed(&self->health, ctx, &err);
}

static void on_end(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job)
{
    if (!self->health.resting && ingester_end_job(self, ctx, job))
        ingester_read_jobs(self, ctx);
}

static void on_job_done(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct inflight_job *job = find_job(self, mail->envelope.correlation);
    if (job == NULL)
        return; /* of a lease that was lost */
    if (inflight_job_set_done(job, RY_BODY(mail, job_done)) != RY_OK)
        RY_LOG(RY_WARNING, "job_again", "job=%.*s reason=%s", RY_STR_ARG(inflight_job_id(job)), job->reason);
    self->full_tries = 0;
    if (self->allowed < self->window)
        self->allowed++;
    hurry_held(self, ctx, inflight_job_id(job));
    on_end(self, ctx, job);
}

static void on_job_failed(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_job_failed *failed = RY_BODY(mail, job_failed);
    struct inflight_job *job = find_job(self, mail->envelope.correlation);
    if (job == NULL)
        return;
    if (failed->retry && failed->held)
        hold(self, ctx, job, failed->reason);
    else if (failed->retry)
        inflight_job_set_failed(job, failed->reason, self->attempts_max, ry_ctx_rng(ctx));
    else
        inflight_job_set_end(job, END_DEAD_LETTER, "%.*s", RY_STR_ARG(failed->reason));
    on_end(self, ctx, job);
}

static void on_undeliverable(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_undeliverable *undeliverable = RY_BODY(mail, undeliverable);
    struct inflight_job *job = find_job(self, undeliverable->id);
    if (job == NULL)
        return;
    if (undeliverable->cause == RY_UNDELIVERABLE_FULL) {
        job->end = END_RELEASE;
        self->full = true;
        self->allowed = self->in_flight > 1 ? self->in_flight - 1 : 1;
        ry_timer(
            ctx, TIMER_FULL,
            ry_backoff_doubling_ms(ry_ctx_rng(ctx), FULL_BASE_MS, FULL_MAX_MS, self->full_tries++, JITTER_PERCENT));
    } else {
        inflight_job_set_failed(job, undeliverable->reason, self->attempts_max, ry_ctx_rng(ctx));
    }
    on_end(self, ctx, job);
}

/* ---- what others ask of the queue -------------------------------------------------------------------------------- */

static void on_queue_get(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct ry_depth depth = {0};
    struct ry_error err = {0};
    if (!self->health.resting && self->queue->ops->depth(self->queue, &depth, &err) != RY_OK)
        queue_health_failed(&self->health, ctx, &err);
    struct ry_queue_state state = {
        .healthy = !queue_health_is_bad(&self->health),
        .ready = depth.ready,
        .leased = depth.leased,
        .dead = depth.dead,
        .oldest_ms = (uint64_t)depth.oldest_ms,
        .reason = queue_health_is_bad(&self->health) ? ry_str_of(self->health.trouble.text) : (struct ry_str){NULL, 0},
        .engine = ry_str_of(self->queue->ops->name),
        .streams = depth.streams,
        .malformed = depth.malformed,
    };
    RY_ANSWER(ctx, mail, queue_state, &state);
}

/* What others ask of the queue. */
static void on_question(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_error *trouble = self->health.resting ? &self->health.trouble : NULL;
    struct ry_error err = {0};
    bool push = mail->envelope.tag == RY_TAG_jobs_push;
    int rc = push ? produce_answer_push(self->queue, trouble, ctx, mail, &err)
                  : produce_answer_find(self->queue, trouble, ctx, mail, &err);
    if (rc != RY_OK && !self->health.resting && !queue_health_is_final(rc))
        queue_health_failed(&self->health, ctx, &err);
    if (rc == RY_OK && push)
        ingester_read_jobs(self, ctx);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* The queue is asked again, the most urgent first; the first refusal ends the round and sets the timer anew. */
static void recover(struct ingester *self, struct ry_ctx *ctx)
{
    struct ry_error err = {0};
    self->health.resting = false;
    if (self->release_due && ingester_release_previous(self, &err) != RY_OK)
        queue_health_failed(&self->health, ctx, &err);
    if (self->renewal_due && !self->health.resting)
        ingester_renew_leases(self, ctx);
    ingester_retry_ends(self, ctx);
    if (!self->health.resting)
        dead_mail_retry(self, ctx);
    ingester_read_jobs(self, ctx);
    if (!self->health.resting)
        queue_health_recovered(&self->health);
}

static struct ingester *ingester_of(void *arg)
{
    struct ingester *self = arg;
    RY_ASSERT(self->magic == INGESTER_MAGIC);
    return self;
}

static void ingester_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ingester *self = ingester_of(arg);
    switch (mail->envelope.tag) {
    case RY_TAG_job_done: on_job_done(self, ctx, mail); break;
    case RY_TAG_job_failed: on_job_failed(self, ctx, mail); break;
    case RY_TAG_undeliverable: on_undeliverable(self, ctx, mail); break;
    case RY_TAG_mail_dead: dead_mail_receive(self, ctx, mail); break;
    case RY_TAG_queue_get: on_queue_get(self, ctx, mail); break;
    case RY_TAG_jobs_push:
    case RY_TAG_jobs_find: on_question(self, ctx, mail); break;
    default: break; /* the codec lets nothing else pass to this role */
    }
}

static void ingester_tick(void *arg, struct ry_ctx *ctx, unsigned timer)
{
    struct ingester *self = ingester_of(arg);
    switch ((enum timer)timer) {
    case TIMER_POLL:
        ingester_read_jobs(self, ctx);
        ry_timer(ctx, TIMER_POLL, self->poll_ms);
        break;
    case TIMER_RENEW:
        self->renewal_due = true;
        if (!self->health.resting)
            ingester_renew_leases(self, ctx);
        ry_timer(ctx, TIMER_RENEW, self->lease_ms / 3);
        break;
    case TIMER_RECOVER: recover(self, ctx); break;
    case TIMER_FULL:
        self->full = false;
        ingester_read_jobs(self, ctx);
        break;
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void ingester_ready(void *arg, struct ry_ctx *ctx)
{
    struct ingester *self = ingester_of(arg);
    if (self->queue->ops->ready(self->queue))
        ingester_read_jobs(self, ctx);
}

static int ingester_engine_fd(void *arg)
{
    const struct ingester *self = ingester_of(arg);
    return self->queue->ops->fd ? self->queue->ops->fd(self->queue) : -1;
}

/* Opens the queue that the configuration names. A Redis that is away now is waited for. */
static int open_queue(struct ingester *self, struct ry_ctx *ctx, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    const struct ry_job_queue_redis_options redis = {
        .url = ry_config_str(config, RY_OPT_redis_url), .clock = ry_ctx_clock(ctx), .config = config};
    int rc;
    if (redis.url[0] == '\0')
        rc = ry_job_queue_sqlite_open(ry_config_str(config, RY_OPT_sqlite_path), ry_ctx_clock(ctx), &self->queue, err);
    else
        rc = ry_job_queue_redis_open(&redis, &self->queue, err);
    if (self->queue == NULL)
        return rc;
    if (self->queue->ops->fd && self->poll_ms < TOLD_POLL_MS)
        self->poll_ms = TOLD_POLL_MS;
    self->release_due = true;
    if (rc == RY_OK)
        rc = ingester_release_previous(self, err);
    if (rc == RY_OK || redis.url[0] == '\0' || ry_err_class((enum ry_err)rc) == RY_CLASS_DIE)
        return rc;
    queue_health_failed(&self->health, ctx, err);
    return RY_OK;
}

static int ingester_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    struct ingester *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the ingester");
    int64_t mailbox = ry_config_int(config, RY_OPT_mailbox);
    int64_t batch = ry_config_int(config, RY_OPT_job_batch_size);
    self->window = (size_t)(batch < mailbox ? batch : mailbox);
    self->allowed = self->window;
    self->lease_ms = ry_config_int(config, RY_OPT_lease_seconds) * 1000;
    self->poll_ms = ry_config_int(config, RY_OPT_poll_ms);
    self->attempts_max = (unsigned)ry_config_int(config, RY_OPT_job_attempts_max);
    self->magic = INGESTER_MAGIC;
    self->health.timer = TIMER_RECOVER;
    self->owner = ry_ctx_owner(ctx);
    self->jobs = calloc(self->window, sizeof *self->jobs);
    self->leases = calloc(self->window, sizeof *self->leases);
    if (self->jobs == NULL || self->leases == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the ingester");
    int rc = open_queue(self, ctx, err);
    if (rc != RY_OK)
        return rc;
    ry_timer(ctx, TIMER_POLL, 0);
    ry_timer(ctx, TIMER_RENEW, self->lease_ms / 3);
    return RY_OK;
}

/* No more is read; what is in flight comes to its end. */
static bool ingester_drain(void *arg, struct ry_ctx *ctx)
{
    (void)ctx;
    const struct ingester *self = ingester_of(arg);
    return self->in_flight == 0 && self->dead_mail_count == 0;
}

/* What is left in flight was interrupted, not tried: it is ready again at once. If the queue does not take that, the
 * next incarnation's release does the same. */
static void ingester_close(void **out)
{
    struct ingester *self = *out;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->in_flight; i++) {
        struct inflight_job *job = &self->jobs[i];
        if (job->end == END_NONE)
            job->end = END_RELEASE;
        if (inflight_job_report_end(job, self->queue, NULL) != RY_OK)
            break;
    }
    for (size_t i = 0; i < self->in_flight; i++)
        inflight_job_free(&self->jobs[i]);
    ry_job_queue_close(&self->queue);
    free(self->jobs);
    free(self->leases);
    free(self);
    *out = NULL;
}

const struct ry_actor_spec ry_ingester_spec = {
    .role = RY_ROLE_INGESTER,
    .capacity = INGESTER_CAPACITY,
    .threads = 1,
    .open = ingester_open,
    .receive = ingester_receive,
    .tick = ingester_tick,
    .ready = ingester_ready,
    .engine_fd = ingester_engine_fd,
    .drain = ingester_drain,
    .close = ingester_close,
};

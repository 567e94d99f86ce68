/* ingester.c: brings jobs from the queue to the scanner, and their ends back to the queue.
 *
 * Owns      the job queue (runtime/queue), on Redis if REDIS_URL is set, else in the data folder: leases, ends, dead
 *           letters. In flight are at most job_batch_size jobs, and never more than the scanner's mailbox takes; the
 *           last quarter of these places is for live jobs, so that no backfill can hold them up.
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
 * When it crashes, its leases stay: its next self ends them at once (release of the node's former incarnations), other
 * nodes see them run out. Either way the job is worked on again, under a larger fencing token, so that nothing of the
 * former worker can be committed after. A job that was leased more than job_attempts_max times is what crashed it, and
 * becomes a dead letter before it is tried again. */
#include "actors/ingester/ingester.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/ingester/flight.h"
#include "actors/ingester/held.h"
#include "actors/ingester/job_head.h"
#include "actors/ingester/produce.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/queue/job_queue.h"

/* Mails held at a time: dead letters and questions. A dead letter may have 128 MiB. */
#define CAPACITY 8

#define FULL_BASE_MS    50
#define FULL_MAX_MS     5000
#define RECOVER_BASE_MS 200
#define RECOVER_MAX_MS  30000
#define JITTER_PERCENT  20

/* A queue that tells when something has come is looked at no more often than this. */
#define TOLD_POLL_MS 500

/* Of the places for jobs, this share is kept for live ones. */
#define LIVE_SHARE 4

/* A trouble that stays is logged so often. */
#define TROUBLE_LOG_MS 60000

enum timer { TIMER_POLL, TIMER_RENEW, TIMER_RECOVER, TIMER_FULL };

struct ingester {
    struct ry_job_queue *queue;

    struct flight *flights; /* `window` of them */
    size_t in_flight;
    size_t window;
    struct ry_lease *leases; /* `window` of them: room to read */

    /* What undeliverable(full) taught: no more than `allowed` in flight, and no reading before TIMER_FULL. */
    size_t allowed;
    bool full;
    unsigned full_tries;

    /* What the queue said last, if it was an error. It then rests: nothing is asked of it before TIMER_RECOVER. */
    struct ry_error trouble;
    unsigned trouble_tries; /* refusals since it was well */
    bool resting;
    bool renewal_due; /* the last round of renewals was cut short */
    bool release_due; /* the leases of the former self are still to be ended */
    struct ry_log_limit trouble_limit;

    struct held held;

    struct ry_mail *dead_mails[CAPACITY]; /* kept until the queue takes them */
    size_t dead_mail_count;

    int64_t lease_ms;
    int64_t poll_ms;
    unsigned attempts_max;
    const char *owner; /* the context's */
};

/* ---- the queue's health ------------------------------------------------------------------------------------------ */

static bool in_trouble(const struct ingester *self)
{
    return self->trouble.code != RY_OK;
}

static void on_trouble(struct ingester *self, struct ry_ctx *ctx, const struct ry_error *err)
{
    bool news = self->trouble.code != err->code;
    unsigned held_back = 0;
    bool allowed = ry_log_allowed(&self->trouble_limit, 1, TROUBLE_LOG_MS, &held_back);
    if (news || allowed)
        RY_LOG(RY_ERROR, "queue_failed", "code=%s reason=%s tries=%u", ry_err_name(err->code), err->text,
               self->trouble_tries + 1);
    self->trouble = *err;
    self->resting = true;
    if (ry_err_class(err->code) == RY_CLASS_DIE) {
        ry_ctx_exit(ctx, err);
        return;
    }
    ry_timer(
        ctx, TIMER_RECOVER,
        ry_backoff_doubling_ms(ry_ctx_rng(ctx), RECOVER_BASE_MS, RECOVER_MAX_MS, self->trouble_tries, JITTER_PERCENT));
    self->trouble_tries++;
}

static void on_queue_well(struct ingester *self)
{
    if (!in_trouble(self))
        return;
    RY_LOG(RY_INFO, "queue_recovered", "tries=%u", self->trouble_tries);
    self->trouble = (struct ry_error){0};
    self->trouble_tries = 0;
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static struct flight *find(struct ingester *self, uint64_t mail_id)
{
    for (size_t i = 0; i < self->in_flight; i++)
        if (flight_answers(&self->flights[i], mail_id))
            return &self->flights[i];
    return NULL;
}

static void flight_remove(struct ingester *self, struct flight *flight)
{
    flight_free(flight);
    *flight = self->flights[--self->in_flight];
}

static void tell_of_end(struct ry_ctx *ctx, const struct flight *flight)
{
    int64_t took_ms = ry_mono_ms(ry_ctx_clock(ctx)) - flight->since_mono_ms;
    switch (flight->ending) {
    case ENDING_ACK:
        ry_count(ctx, RY_COUNTER_jobs_done, 1);
        ry_observe(ctx, RY_HISTOGRAM_job, (double)took_ms / 1000.0);
        break;
    case ENDING_RETRY:
    case ENDING_HOLD:
        ry_count(ctx, RY_COUNTER_jobs_retried, 1);
        RY_LOG(RY_WARNING, "job_retried", "job=%.*s attempts=%u delay_ms=%" PRId64 " reason=%s",
               RY_STR_ARG(flight_job(flight)), flight->attempts, flight->delay_ms, flight->reason);
        break;
    case ENDING_BURY:
        ry_count(ctx, RY_COUNTER_jobs_dead, 1);
        RY_LOG(RY_ERROR, "job_dead", "job=%.*s attempts=%u reason=%s", RY_STR_ARG(flight_job(flight)), flight->attempts,
               flight->reason);
        break;
    case ENDING_GIVE_BACK:
    case ENDING_NONE: break;
    }
}

/* Whether the queue will never take this from us, so that asking again would only hold up the others: a lease that was
 * lost, a row that was damaged. What is left of the job stays in the queue and is leased again. */
static bool is_final(int rc)
{
    return ry_err_class((enum ry_err)rc) == RY_CLASS_REJECT && rc != RY_EACCES;
}

static void lose(struct ingester *self, struct ry_ctx *ctx, struct flight *flight, const struct ry_error *err)
{
    ry_count(ctx, RY_COUNTER_leases_lost, 1);
    RY_LOG(RY_WARNING, "lease_lost", "job=%.*s reason=%s", RY_STR_ARG(flight_job(flight)), err->text);
    flight_remove(self, flight);
}

/* Says a flight's end to the queue. True: the flight is no more. */
static bool flight_end(struct ingester *self, struct ry_ctx *ctx, struct flight *flight)
{
    struct ry_error err = {0};
    int rc = flight_say_end(flight, self->queue, &err);
    if (rc == RY_OK) {
        tell_of_end(ctx, flight);
        flight_remove(self, flight);
    } else if (is_final(rc)) {
        lose(self, ctx, flight, &err);
    } else {
        on_trouble(self, ctx, &err);
    }
    return rc == RY_OK || is_final(rc);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* What cannot be read for a reason of its own never will be; without memory it is tried again. */
static void send_back(struct ingester *self, struct ry_ctx *ctx, struct flight *flight, int rc, const char *what,
                      const char *why)
{
    if (ry_err_class((enum ry_err)rc) == RY_CLASS_REJECT)
        flight_set_ending(flight, ENDING_BURY, "%s: %s", what, why);
    else
        flight_set_failed(flight, ry_str_of(why), self->attempts_max, ry_ctx_rng(ctx));
}

static void send_job(struct ingester *self, struct ry_ctx *ctx, struct flight *flight, const struct ry_lease *lease)
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
        flight->mail_id = RY_TELL(ctx, job_run, &run, &send);
    } else {
        send_back(self, ctx, flight, rc, "the queue's job is damaged", err.text);
    }
    ry_frame_unref(json);
}

/* A job that somebody else has pushed: what counts of it is in its JSON. */
static void send_foreign_job(struct ingester *self, struct ry_ctx *ctx, struct flight *flight,
                             const struct ry_lease *lease)
{
    struct job_head head;
    struct ry_error err = {0};
    int rc = job_head_read(&head, lease->json, &err);
    if (rc != RY_OK) {
        send_back(self, ctx, flight, rc, "the job cannot be read", err.text);
        return;
    }
    struct ry_lease told = *lease;
    told.job_id = head.job_id;
    told.type = head.type;
    told.guild_id = head.guild_id;
    told.channel_id = head.channel_id;
    told.priority = head.priority;
    flight_name(flight, &told);
    send_job(self, ctx, flight, &told);
    job_head_free(&head);
}

static void on_lease(struct ingester *self, struct ry_ctx *ctx, const struct ry_lease *lease)
{
    struct flight *flight = &self->flights[self->in_flight++];
    flight_begin(flight, lease, ry_mono_ms(ry_ctx_clock(ctx)));
    ry_count(ctx, RY_COUNTER_jobs_read, 1);
    if (lease->attempts > self->attempts_max)
        flight_set_ending(flight, ENDING_BURY, "was being worked on at %u crashes", lease->attempts - 1);
    else if (lease->hints)
        send_foreign_job(self, ctx, flight, lease);
    else
        send_job(self, ctx, flight, lease);
    if (flight->ending != ENDING_NONE)
        (void)flight_end(self, ctx, flight);
}

/* Places for jobs of any urgency; those that are not live fill no more than their share. */
static size_t room_for_all(const struct ingester *self)
{
    size_t kept = self->window / LIVE_SHARE;
    size_t limit = self->allowed > kept ? self->allowed - kept : 1;
    size_t others = 0;
    for (size_t i = 0; i < self->in_flight; i++)
        others += self->flights[i].priority > RY_PRIORITY_LIVE;
    size_t room = others < limit ? limit - others : 0;
    size_t left = self->allowed - self->in_flight;
    return room < left ? room : left;
}

/* Reads up to max jobs; whether there may be more of them. */
static bool read_jobs(struct ingester *self, struct ry_ctx *ctx, size_t max, enum ry_priority least)
{
    RY_ARENA_AUTO arena = ry_arena_make(RY_JOB_MAX_BYTES + ((size_t)1 << 20));
    struct ry_error err = {0};
    size_t n = 0;
    int rc = self->queue->ops->read(self->queue, ry_str_of(self->owner), max, least, self->lease_ms, &arena,
                                    self->leases, &n, &err);
    if (rc != RY_OK) {
        on_trouble(self, ctx, &err);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        on_lease(self, ctx, &self->leases[i]);
    return n == max && !self->resting;
}

/* Reads what there is room for: jobs of all kinds first, then live ones into the places that are theirs. */
static void look(struct ingester *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx) || self->resting || self->full || self->in_flight >= self->allowed)
        return;
    size_t room = room_for_all(self);
    if (room > 0 && !read_jobs(self, ctx, room, RY_PRIORITY_BACKFILL))
        return;
    if (self->in_flight < self->allowed)
        (void)read_jobs(self, ctx, self->allowed - self->in_flight, RY_PRIORITY_LIVE);
}

/* ---- what the scanner and the router say ------------------------------------------------------------------------- */

static void hold(struct ingester *self, struct ry_ctx *ctx, struct flight *flight, struct ry_str reason)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    unsigned rounds = held_note(&self->held, flight_job(flight), now_mono_ms);
    flight_set_held(flight, reason, rounds, ry_ctx_rng(ctx));
    held_round_waits(&self->held, flight->delay_ms, now_mono_ms);
}

/* A job was taken. If it had been held before, the others will be taken too. */
static void hurry_held(struct ingester *self, struct ry_ctx *ctx, struct ry_str job_id)
{
    struct ry_error err = {0};
    if (self->resting || !held_has(&self->held, job_id))
        return;
    if (self->queue->ops->hurry(self->queue, &err) == RY_OK)
        self->held = (struct held){0};
    else
        on_trouble(self, ctx, &err);
}

static void on_end(struct ingester *self, struct ry_ctx *ctx, struct flight *flight)
{
    if (!self->resting && flight_end(self, ctx, flight))
        look(self, ctx);
}

static void on_job_done(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct flight *flight = find(self, mail->envelope.correlation);
    if (flight == NULL)
        return; /* of a lease that was lost */
    if (flight_set_done(flight, RY_BODY(mail, job_done)) != RY_OK)
        RY_LOG(RY_WARNING, "job_again", "job=%.*s reason=%s", RY_STR_ARG(flight_job(flight)), flight->reason);
    self->full_tries = 0;
    if (self->allowed < self->window)
        self->allowed++;
    hurry_held(self, ctx, flight_job(flight));
    on_end(self, ctx, flight);
}

static void on_job_failed(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_job_failed *failed = RY_BODY(mail, job_failed);
    struct flight *flight = find(self, mail->envelope.correlation);
    if (flight == NULL)
        return;
    if (failed->retry && failed->held)
        hold(self, ctx, flight, failed->reason);
    else if (failed->retry)
        flight_set_failed(flight, failed->reason, self->attempts_max, ry_ctx_rng(ctx));
    else
        flight_set_ending(flight, ENDING_BURY, "%.*s", RY_STR_ARG(failed->reason));
    on_end(self, ctx, flight);
}

static void on_undeliverable(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_undeliverable *undeliverable = RY_BODY(mail, undeliverable);
    struct flight *flight = find(self, undeliverable->id);
    if (flight == NULL)
        return;
    if (undeliverable->cause == RY_UNDELIVERABLE_FULL) {
        flight->ending = ENDING_GIVE_BACK;
        self->full = true;
        self->allowed = self->in_flight > 1 ? self->in_flight - 1 : 1;
        ry_timer(
            ctx, TIMER_FULL,
            ry_backoff_doubling_ms(ry_ctx_rng(ctx), FULL_BASE_MS, FULL_MAX_MS, self->full_tries++, JITTER_PERCENT));
    } else {
        flight_set_failed(flight, undeliverable->reason, self->attempts_max, ry_ctx_rng(ctx));
    }
    on_end(self, ctx, flight);
}

static int keep_dead_mail(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail, struct ry_error *err)
{
    const struct ry_mail_dead *dead = RY_BODY(mail, mail_dead);
    char id[24];
    char guild[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, dead->id);
    (void)snprintf(guild, sizeof guild, "%" PRIu64, mail->envelope.tenant);
    struct ry_dead letter = {
        .kind = RY_DEAD_MAIL,
        .job_id = ry_str_of(id),
        .type = dead->message,
        .guild_id = mail->envelope.tenant != 0 ? ry_str_of(guild) : (struct ry_str){NULL, 0},
        .reason = dead->reason,
        .summary = dead->summary,
        .body = {dead->mail.p, dead->mail.n},
        .priority = (enum ry_priority)mail->envelope.priority,
        .attempts = (unsigned)dead->attempts,
        .died_wall_ms = ry_wall_ms(ry_ctx_clock(ctx)),
    };
    int rc = self->queue->ops->dead_add(self->queue, &letter, err);
    if (rc == RY_OK)
        RY_LOG(RY_ERROR, "mail_dead", "mail=%" PRIu64 " message=%.*s role=%.*s attempts=%" PRIu64 " reason=%.*s",
               dead->id, RY_STR_ARG(dead->message), RY_STR_ARG(dead->role), dead->attempts, RY_STR_ARG(dead->reason));
    else if (!is_final(rc))
        on_trouble(self, ctx, err);
    return rc;
}

static void on_mail_dead(struct ingester *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_error err = {0};
    int rc = self->resting ? RY_EBUSY : keep_dead_mail(self, ctx, mail, &err);
    if (rc == RY_OK)
        return;
    if (is_final(rc)) {
        ry_mail_fail(ctx, mail, false, err.text);
        return;
    }
    if (self->dead_mail_count == CAPACITY) {
        ry_mail_fail(ctx, mail, true, "the queue takes no dead letters now");
        return;
    }
    ry_mail_keep(ctx, mail);
    self->dead_mails[self->dead_mail_count++] = mail;
}

static void on_queue_get(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct ry_depth depth = {0};
    struct ry_error err = {0};
    if (!self->resting && self->queue->ops->depth(self->queue, &depth, &err) != RY_OK)
        on_trouble(self, ctx, &err);
    struct ry_queue_state state = {
        .healthy = !in_trouble(self),
        .ready = depth.ready,
        .leased = depth.leased,
        .dead = depth.dead,
        .oldest_ms = (uint64_t)depth.oldest_ms,
        .reason = in_trouble(self) ? ry_str_of(self->trouble.text) : (struct ry_str){NULL, 0},
        .engine = ry_str_of(self->queue->ops->name),
        .streams = depth.streams,
        .malformed = depth.malformed,
    };
    RY_ANSWER(ctx, mail, queue_state, &state);
}

/* What others ask of the queue. */
static void on_question(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_error *trouble = self->resting ? &self->trouble : NULL;
    struct ry_error err = {0};
    bool push = mail->envelope.tag == RY_TAG_jobs_push;
    int rc = push ? produce_answer_push(self->queue, trouble, ctx, mail, &err)
                  : produce_answer_find(self->queue, trouble, ctx, mail, &err);
    if (rc != RY_OK && !self->resting && !is_final(rc))
        on_trouble(self, ctx, &err);
    if (rc == RY_OK && push)
        look(self, ctx);
}

static void ingester_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ingester *self = arg;
    switch (mail->envelope.tag) {
    case RY_TAG_job_done: on_job_done(self, ctx, mail); break;
    case RY_TAG_job_failed: on_job_failed(self, ctx, mail); break;
    case RY_TAG_undeliverable: on_undeliverable(self, ctx, mail); break;
    case RY_TAG_mail_dead: on_mail_dead(self, ctx, mail); break;
    case RY_TAG_queue_get: on_queue_get(self, ctx, mail); break;
    case RY_TAG_jobs_push:
    case RY_TAG_jobs_find: on_question(self, ctx, mail); break;
    default: break; /* the codec lets nothing else pass to this role */
    }
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* Renews every lease, those of jobs at an unsaid end included. */
static void renew_all(struct ingester *self, struct ry_ctx *ctx)
{
    self->renewal_due = true;
    for (size_t i = 0; i < self->in_flight;) {
        struct flight *flight = &self->flights[i];
        struct ry_error err = {0};
        int rc = self->queue->ops->renew(self->queue, flight_job(flight), flight->token, self->lease_ms, &err);
        if (rc == RY_OK) {
            i++;
        } else if (is_final(rc)) {
            lose(self, ctx, flight, &err);
        } else {
            on_trouble(self, ctx, &err);
            return;
        }
    }
    self->renewal_due = false;
}

/* The leases of this instance's former selves are void; those of another ingester of this node are not. */
static int release_former_self(struct ingester *self, struct ry_error *err)
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

/* Whoever was refused goes to the end, so that the next round begins with the others. */
static void flight_put_last(struct ingester *self, struct flight *flight)
{
    struct flight *last = &self->flights[self->in_flight - 1];
    struct flight refused = *flight;
    *flight = *last;
    *last = refused;
}

/* The queue is asked again, the most urgent first; the first refusal ends the round and sets the timer anew. */
static void recover(struct ingester *self, struct ry_ctx *ctx)
{
    struct ry_error err = {0};
    self->resting = false;
    if (self->release_due && release_former_self(self, &err) != RY_OK)
        on_trouble(self, ctx, &err);
    if (self->renewal_due && !self->resting)
        renew_all(self, ctx);
    for (size_t i = 0; i < self->in_flight && !self->resting;) {
        struct flight *flight = &self->flights[i];
        if (flight->ending == ENDING_NONE)
            i++;
        else if (!flight_end(self, ctx, flight))
            flight_put_last(self, flight);
    }
    while (self->dead_mail_count > 0 && !self->resting) {
        struct ry_mail *mail = self->dead_mails[self->dead_mail_count - 1];
        int rc = keep_dead_mail(self, ctx, mail, &err);
        if (rc == RY_OK)
            ry_mail_done(ctx, mail);
        else if (is_final(rc))
            ry_mail_fail(ctx, mail, false, err.text);
        if (!self->resting)
            self->dead_mail_count--;
    }
    look(self, ctx);
    if (!self->resting)
        on_queue_well(self);
}

static void ingester_tick(void *arg, struct ry_ctx *ctx, unsigned timer)
{
    struct ingester *self = arg;
    switch ((enum timer)timer) {
    case TIMER_POLL:
        look(self, ctx);
        ry_timer(ctx, TIMER_POLL, self->poll_ms);
        break;
    case TIMER_RENEW:
        self->renewal_due = true;
        if (!self->resting)
            renew_all(self, ctx);
        ry_timer(ctx, TIMER_RENEW, self->lease_ms / 3);
        break;
    case TIMER_RECOVER: recover(self, ctx); break;
    case TIMER_FULL:
        self->full = false;
        look(self, ctx);
        break;
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void ingester_ready(void *arg, struct ry_ctx *ctx)
{
    struct ingester *self = arg;
    if (self->queue->ops->ready(self->queue))
        look(self, ctx);
}

static int ingester_engine_fd(void *arg)
{
    const struct ingester *self = arg;
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
        rc = release_former_self(self, err);
    if (rc == RY_OK || redis.url[0] == '\0' || ry_err_class((enum ry_err)rc) == RY_CLASS_DIE)
        return rc;
    on_trouble(self, ctx, err);
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
    self->owner = ry_ctx_owner(ctx);
    self->flights = calloc(self->window, sizeof *self->flights);
    self->leases = calloc(self->window, sizeof *self->leases);
    if (self->flights == NULL || self->leases == NULL)
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
    const struct ingester *self = arg;
    return self->in_flight == 0 && self->dead_mail_count == 0;
}

/* What is left in flight was interrupted, not tried: it is ready again at once. If the queue does not take that, the
 * next self's release does the same. */
static void ingester_close(void **out)
{
    struct ingester *self = *out;
    if (self == NULL)
        return;
    for (size_t i = 0; i < self->in_flight; i++) {
        struct flight *flight = &self->flights[i];
        if (flight->ending == ENDING_NONE)
            flight->ending = ENDING_GIVE_BACK;
        if (flight_say_end(flight, self->queue, NULL) != RY_OK)
            break;
    }
    for (size_t i = 0; i < self->in_flight; i++)
        flight_free(&self->flights[i]);
    ry_job_queue_close(&self->queue);
    free(self->flights);
    free(self->leases);
    free(self);
    *out = NULL;
}

const struct ry_actor_spec ry_ingester_spec = {
    .role = RY_ROLE_INGESTER,
    .capacity = CAPACITY,
    .threads = 1,
    .open = ingester_open,
    .receive = ingester_receive,
    .tick = ingester_tick,
    .ready = ingester_ready,
    .engine_fd = ingester_engine_fd,
    .drain = ingester_drain,
    .close = ingester_close,
};

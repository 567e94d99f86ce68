/* inflight_job.c: one job in flight: its names, and the rules of its end.
 *
 * Owns the jobs that its end pushes, and the reason of its end. Which end follows from what is decided here, so that
 * ingester.c has no policy: a job that failed too often becomes a dead letter, one that the database did not take is
 * tried again without counting. A crash loses all of it; the lease ends, and the job is leased again. */
#include "actors/ingester/inflight_job.h"

#include <stdio.h>

#include "actors/ingester/job_head.h"
#include "actors/ingester/produce.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/queue/job_type.h"

#define RETRY_BASE_MS        1000
#define RETRY_MAX_MS         (5 * 60 * 1000)
#define HELD_BASE_MS         5000
#define HELD_MAX_MS          60000
#define RETRY_JITTER_PERCENT 20

/* Jobs that go on from one: four of 64 KiB and their names. */
#define NEXT_MAX_BYTES ((size_t)512 << 10)

void inflight_job_begin(struct inflight_job *job, const struct ry_lease *lease, int64_t now_mono_ms)
{
    *job = (struct inflight_job){
        .token = lease->token,
        .attempts = lease->attempts,
        .since_mono_ms = now_mono_ms,
        .arena = ry_arena_make(NEXT_MAX_BYTES),
    };
    inflight_job_name(job, lease);
}

void inflight_job_free(struct inflight_job *job)
{
    ry_arena_free(&job->arena);
}

static void text_set(struct inflight_job_text *text, struct ry_str from)
{
    text->n = from.n < sizeof text->p ? from.n : sizeof text->p;
    if (text->n > 0)
        memcpy(text->p, from.p, text->n);
}

static struct ry_str text_of(const struct inflight_job_text *text)
{
    return (struct ry_str){text->p, text->n};
}

void inflight_job_name(struct inflight_job *job, const struct ry_lease *lease)
{
    text_set(&job->job_id, lease->job_id);
    text_set(&job->type, lease->type);
    text_set(&job->guild_id, lease->guild_id);
    text_set(&job->channel_id, lease->channel_id);
    job->priority = lease->priority;
}

struct ry_str inflight_job_id(const struct inflight_job *job)
{
    return text_of(&job->job_id);
}

bool inflight_job_is_run_by(const struct inflight_job *job, uint64_t mail_id)
{
    return mail_id != 0 && job->mail_id == mail_id && job->end == END_NONE;
}

void inflight_job_set_end(struct inflight_job *job, enum job_end end, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)ry_utf8_vprint(job->reason, sizeof job->reason, format, args);
    va_end(args);
    job->end = end;
}

static int check_place(const struct inflight_job *job, struct ry_str type, struct ry_str guild_id,
                       struct ry_str channel_id, struct ry_error *err)
{
    const struct ry_job_type *own = ry_job_type_find(text_of(&job->type));
    if (own == NULL || own->next == NULL || !ry_str_is(type, own->next))
        return ry_fail(err, RY_EACCES, "a %.*s does not go on from a job of type %.*s", RY_STR_ARG(type),
                       RY_STR_ARG(text_of(&job->type)));
    if (!ry_str_eq(guild_id, text_of(&job->guild_id)))
        return ry_fail(err, RY_EACCES, "it is of another guild, %.*s", RY_STR_ARG(guild_id));
    if (!ry_str_eq(channel_id, text_of(&job->channel_id)))
        return ry_fail(err, RY_EACCES, "it is of another channel, %.*s", RY_STR_ARG(channel_id));
    return RY_OK;
}

/* Whether a job may go on from this one: by what is told beside it and by its JSON, which counts in the end. */
static int check_next(const struct inflight_job *job, const struct ry_job_spec *next, struct ry_error *err)
{
    struct job_head head;
    int rc = check_place(job, next->type, next->guild_id, next->channel_id, err);
    if (rc == RY_OK)
        rc = job_head_read(&head, next->json, err);
    if (rc != RY_OK)
        return rc;
    rc = check_place(job, head.type, head.guild_id, head.channel_id, err);
    if (rc == RY_OK && !ry_str_eq(head.job_id, next->job_id))
        rc = ry_fail(err, RY_EACCES, "its JSON names the job %.*s", RY_STR_ARG(head.job_id));
    job_head_free(&head);
    return rc;
}

/* Keeps a job that goes on from this one, in the arena. */
static int add_next(struct inflight_job *job, const struct ry_job_spec *spec)
{
    RY_ASSERT(job->next_count < INFLIGHT_JOB_NEXT_MAX);
    struct ry_job_push *next = &job->next[job->next_count];
    *next = produce_job(spec);
    struct ry_str *texts[] = {&next->job_id, &next->type, &next->guild_id, &next->channel_id, &next->json};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        struct ry_str copy = ry_arena_str(&job->arena, *texts[t]);
        if (copy.p == NULL && texts[t]->p != NULL)
            return RY_ENOMEM;
        *texts[t] = copy;
    }
    job->next_count++;
    return RY_OK;
}

int inflight_job_set_done(struct inflight_job *job, const struct ry_job_done *done)
{
    RY_ASSERT(job->end == END_NONE, "end %d", (int)job->end);
    for (size_t i = 0; i < done->next.n && i < INFLIGHT_JOB_NEXT_MAX; i++) {
        const struct ry_job_spec *next = &done->next.items[i];
        struct ry_error why = {0};
        if (check_next(job, next, &why) != RY_OK && why.code != RY_ENOMEM) {
            RY_LOG(RY_ERROR, "next_job_refused", "job=%.*s next=%.*s reason=%s", RY_STR_ARG(inflight_job_id(job)),
                   RY_STR_ARG(next->job_id), why.text);
            continue;
        }
        if (why.code == RY_ENOMEM || add_next(job, next) != RY_OK) {
            inflight_job_set_end(job, END_RELEASE, "no memory for the jobs that go on from it");
            return RY_ENOMEM;
        }
    }
    job->end = END_ACK;
    return RY_OK;
}

void inflight_job_set_failed(struct inflight_job *job, struct ry_str reason, unsigned attempts_max, struct ry_rng *rng)
{
    if (job->attempts >= attempts_max) {
        inflight_job_set_end(job, END_DEAD_LETTER, "failed %u times; the last time: %.*s", job->attempts,
                             RY_STR_ARG(reason));
        return;
    }
    inflight_job_set_end(job, END_RETRY, "%.*s", RY_STR_ARG(reason));
    job->delay_ms = ry_backoff_doubling_ms(rng, RETRY_BASE_MS, RETRY_MAX_MS, job->attempts - 1, RETRY_JITTER_PERCENT);
}

void inflight_job_set_held(struct inflight_job *job, struct ry_str reason, unsigned rounds, struct ry_rng *rng)
{
    inflight_job_set_end(job, END_HOLD, "%.*s", RY_STR_ARG(reason));
    job->delay_ms = ry_backoff_doubling_ms(rng, HELD_BASE_MS, HELD_MAX_MS, rounds, RETRY_JITTER_PERCENT);
}

int inflight_job_report_end(const struct inflight_job *job, struct ry_job_queue *queue, struct ry_error *err)
{
    const struct ry_job_queue_ops *ops = queue->ops;
    struct ry_str job_id = inflight_job_id(job);
    switch (job->end) {
    case END_ACK: return ops->ack(queue, job_id, job->token, job->next, job->next_count, err);
    case END_RETRY: return ops->nack(queue, job_id, job->token, job->delay_ms, true, err);
    case END_HOLD: return ops->nack(queue, job_id, job->token, job->delay_ms, false, err);
    case END_RELEASE: return ops->nack(queue, job_id, job->token, 0, false, err);
    case END_DEAD_LETTER: return ops->bury(queue, job_id, job->token, ry_str_of(job->reason), err);
    case END_NONE: break;
    }
    return ry_fail(err, RY_EBUG, "a job that is worked on has no end");
}

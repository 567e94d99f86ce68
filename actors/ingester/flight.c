#include "actors/ingester/flight.h"

#include <stdio.h>

#include "actors/ingester/job_head.h"
#include "actors/ingester/produce.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"
#include "runtime/queue/job_type.h"

#define RETRY_BASE_MS        1000
#define RETRY_MAX_MS         (5 * 60 * 1000)
#define HELD_BASE_MS         5000
#define HELD_MAX_MS          60000
#define RETRY_JITTER_PERCENT 20

/* Next jobs of a flight: four of 64 KiB and their names. */
#define NEXT_MAX_BYTES ((size_t)512 << 10)

void flight_begin(struct flight *flight, const struct ry_lease *lease, int64_t now_mono_ms)
{
    *flight = (struct flight){
        .token = lease->token,
        .attempts = lease->attempts,
        .since_mono_ms = now_mono_ms,
        .arena = ry_arena_make(NEXT_MAX_BYTES),
    };
    flight_name(flight, lease);
}

void flight_free(struct flight *flight)
{
    ry_arena_free(&flight->arena);
}

static void text_set(struct flight_text *text, struct ry_str from)
{
    text->n = from.n < sizeof text->p ? from.n : sizeof text->p;
    if (text->n > 0)
        memcpy(text->p, from.p, text->n);
}

static struct ry_str text_of(const struct flight_text *text)
{
    return (struct ry_str){text->p, text->n};
}

void flight_name(struct flight *flight, const struct ry_lease *lease)
{
    text_set(&flight->job_id, lease->job_id);
    text_set(&flight->type, lease->type);
    text_set(&flight->guild_id, lease->guild_id);
    text_set(&flight->channel_id, lease->channel_id);
    flight->priority = lease->priority;
}

struct ry_str flight_job(const struct flight *flight)
{
    return text_of(&flight->job_id);
}

bool flight_answers(const struct flight *flight, uint64_t mail_id)
{
    return mail_id != 0 && flight->mail_id == mail_id && flight->ending == ENDING_NONE;
}

void flight_set_ending(struct flight *flight, enum ending ending, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)ry_utf8_vprint(flight->reason, sizeof flight->reason, format, args);
    va_end(args);
    flight->ending = ending;
}

static int check_place(const struct flight *flight, struct ry_str type, struct ry_str guild_id,
                       struct ry_str channel_id, struct ry_error *err)
{
    const struct ry_job_type *own = ry_job_type_find(text_of(&flight->type));
    if (own == NULL || own->next == NULL || !ry_str_is(type, own->next))
        return ry_fail(err, RY_EACCES, "a %.*s does not go on from a job of type %.*s", RY_STR_ARG(type),
                       RY_STR_ARG(text_of(&flight->type)));
    if (!ry_str_eq(guild_id, text_of(&flight->guild_id)))
        return ry_fail(err, RY_EACCES, "it is of another guild, %.*s", RY_STR_ARG(guild_id));
    if (!ry_str_eq(channel_id, text_of(&flight->channel_id)))
        return ry_fail(err, RY_EACCES, "it is of another channel, %.*s", RY_STR_ARG(channel_id));
    return RY_OK;
}

/* Whether a job may go on from this one: by what is told beside it and by its JSON, which counts in the end. */
static int check_next(const struct flight *flight, const struct ry_job_spec *next, struct ry_error *err)
{
    struct job_head head;
    int rc = check_place(flight, next->type, next->guild_id, next->channel_id, err);
    if (rc == RY_OK)
        rc = job_head_read(&head, next->json, err);
    if (rc != RY_OK)
        return rc;
    rc = check_place(flight, head.type, head.guild_id, head.channel_id, err);
    if (rc == RY_OK && !ry_str_eq(head.job_id, next->job_id))
        rc = ry_fail(err, RY_EACCES, "its JSON names the job %.*s", RY_STR_ARG(head.job_id));
    job_head_free(&head);
    return rc;
}

static int lack_memory(struct flight *flight)
{
    flight_set_ending(flight, ENDING_GIVE_BACK, "no memory for the jobs that go on from it");
    return RY_ENOMEM;
}

int flight_set_done(struct flight *flight, const struct ry_job_done *done)
{
    for (size_t i = 0; i < done->next.n && i < FLIGHT_NEXT_MAX; i++) {
        struct ry_error why = {0};
        if (check_next(flight, &done->next.items[i], &why) != RY_OK && why.code != RY_ENOMEM) {
            RY_LOG(RY_ERROR, "next_job_refused", "job=%.*s next=%.*s reason=%s", RY_STR_ARG(flight_job(flight)),
                   RY_STR_ARG(done->next.items[i].job_id), why.text);
            continue;
        }
        if (why.code == RY_ENOMEM)
            return lack_memory(flight);
        struct ry_job_push *job = &flight->next[flight->next_count];
        *job = produce_job(&done->next.items[i]);
        struct ry_str *texts[] = {&job->job_id, &job->type, &job->guild_id, &job->channel_id, &job->json};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            struct ry_str copy = ry_arena_str(&flight->arena, *texts[t]);
            if (copy.p == NULL && texts[t]->p != NULL)
                return lack_memory(flight);
            *texts[t] = copy;
        }
        flight->next_count++;
    }
    flight->ending = ENDING_ACK;
    return RY_OK;
}

void flight_set_failed(struct flight *flight, struct ry_str reason, unsigned attempts_max, struct ry_rng *rng)
{
    if (flight->attempts >= attempts_max) {
        flight_set_ending(flight, ENDING_BURY, "failed %u times; the last time: %.*s", flight->attempts,
                          RY_STR_ARG(reason));
        return;
    }
    flight_set_ending(flight, ENDING_RETRY, "%.*s", RY_STR_ARG(reason));
    flight->delay_ms =
        ry_backoff_doubling_ms(rng, RETRY_BASE_MS, RETRY_MAX_MS, flight->attempts - 1, RETRY_JITTER_PERCENT);
}

void flight_set_held(struct flight *flight, struct ry_str reason, unsigned rounds, struct ry_rng *rng)
{
    flight_set_ending(flight, ENDING_HOLD, "%.*s", RY_STR_ARG(reason));
    flight->delay_ms = ry_backoff_doubling_ms(rng, HELD_BASE_MS, HELD_MAX_MS, rounds, RETRY_JITTER_PERCENT);
}

int flight_say_end(const struct flight *flight, struct ry_job_queue *queue, struct ry_error *err)
{
    const struct ry_job_queue_ops *ops = queue->ops;
    struct ry_str job_id = flight_job(flight);
    switch (flight->ending) {
    case ENDING_ACK: return ops->ack(queue, job_id, flight->token, flight->next, flight->next_count, err);
    case ENDING_RETRY: return ops->nack(queue, job_id, flight->token, flight->delay_ms, true, err);
    case ENDING_HOLD: return ops->nack(queue, job_id, flight->token, flight->delay_ms, false, err);
    case ENDING_GIVE_BACK: return ops->nack(queue, job_id, flight->token, 0, false, err);
    case ENDING_BURY: return ops->bury(queue, job_id, flight->token, ry_str_of(flight->reason), err);
    case ENDING_NONE: break;
    }
    return ry_fail(err, RY_EBUG, "a job that is worked on has no end");
}

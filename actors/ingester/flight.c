#include "actors/ingester/flight.h"

#include <stdio.h>

#include "actors/ingester/produce.h"
#include "runtime/base/backoff.h"
#include "runtime/base/utf8.h"

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
    flight_name(flight, lease->job_id, lease->priority);
}

void flight_free(struct flight *flight)
{
    ry_arena_free(&flight->arena);
}

void flight_name(struct flight *flight, struct ry_str job_id, enum ry_priority priority)
{
    flight->job_id_bytes = job_id.n < RY_JOB_ID_MAX ? job_id.n : RY_JOB_ID_MAX;
    memcpy(flight->job_id, job_id.p, flight->job_id_bytes);
    flight->priority = priority;
}

struct ry_str flight_job(const struct flight *flight)
{
    return (struct ry_str){flight->job_id, flight->job_id_bytes};
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

int flight_set_done(struct flight *flight, const struct ry_job_done *done)
{
    for (size_t i = 0; i < done->next.n && i < FLIGHT_NEXT_MAX; i++) {
        struct ry_job_push *job = &flight->next[flight->next_count];
        *job = produce_job(&done->next.items[i]);
        struct ry_str *texts[] = {&job->job_id, &job->type, &job->guild_id, &job->channel_id, &job->json};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            struct ry_str copy = ry_arena_str(&flight->arena, *texts[t]);
            if (copy.p == NULL && texts[t]->p != NULL) {
                flight_set_ending(flight, ENDING_GIVE_BACK, "no memory for the jobs that go on from it");
                return RY_ENOMEM;
            }
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

int flight_say_end(const struct flight *flight, struct ry_stream *stream, struct ry_error *err)
{
    const struct ry_stream_ops *ops = stream->ops;
    struct ry_str job_id = flight_job(flight);
    switch (flight->ending) {
    case ENDING_ACK: return ops->ack(stream, job_id, flight->token, flight->next, flight->next_count, err);
    case ENDING_RETRY: return ops->nack(stream, job_id, flight->token, flight->delay_ms, true, err);
    case ENDING_HOLD: return ops->nack(stream, job_id, flight->token, flight->delay_ms, false, err);
    case ENDING_GIVE_BACK: return ops->nack(stream, job_id, flight->token, 0, false, err);
    case ENDING_BURY: return ops->bury(stream, job_id, flight->token, ry_str_of(flight->reason), err);
    case ENDING_NONE: break;
    }
    return ry_fail(err, RY_EBUG, "a job that is worked on has no end");
}

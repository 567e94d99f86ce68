#include "actors/ingester/flight.h"

#include <stdio.h>

#include "runtime/base/backoff.h"

#define RETRY_BASE_MS        1000
#define RETRY_MAX_MS         (5 * 60 * 1000)
#define RETRY_JITTER_PERCENT 20

void flight_begin(struct flight *flight, const struct ry_lease *lease, int64_t now_mono_ms)
{
    *flight = (struct flight){
        .token = lease->token,
        .job_id_bytes = lease->job_id.n < RY_JOB_ID_MAX ? lease->job_id.n : RY_JOB_ID_MAX,
        .attempts = lease->attempts,
        .since_mono_ms = now_mono_ms,
    };
    memcpy(flight->job_id, lease->job_id.p, flight->job_id_bytes);
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
    struct ry_error text = {0}; /* cuts at a character boundary */
    va_list args;
    va_start(args, format);
    (void)ry_vfail(&text, RY_EDATA, format, args);
    va_end(args);
    flight->ending = ending;
    (void)snprintf(flight->reason, sizeof flight->reason, "%s", text.text);
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

int flight_say_end(const struct flight *flight, struct ry_stream *stream, struct ry_error *err)
{
    const struct ry_stream_ops *ops = stream->ops;
    struct ry_str job_id = flight_job(flight);
    switch (flight->ending) {
    case ENDING_ACK: return ops->ack(stream, job_id, flight->token, NULL, 0, err);
    case ENDING_RETRY: return ops->nack(stream, job_id, flight->token, flight->delay_ms, true, err);
    case ENDING_GIVE_BACK: return ops->nack(stream, job_id, flight->token, 0, false, err);
    case ENDING_BURY: return ops->bury(stream, job_id, flight->token, ry_str_of(flight->reason), err);
    case ENDING_NONE: break;
    }
    return ry_fail(err, RY_EBUG, "a job that is worked on has no end");
}

/* flight.h: one job in flight: leased, and either with the scanner or at an end that the queue has yet to take.
 *
 * Plain data with the rules of its ends; the ingester holds the table of them. One owner. */
#ifndef REELYARD_ACTORS_INGESTER_FLIGHT_H
#define REELYARD_ACTORS_INGESTER_FLIGHT_H

#include "runtime/base/rng.h"
#include "runtime/stream/stream.h"

enum ending {
    ENDING_NONE, /* the scanner is at work */
    ENDING_ACK,
    ENDING_RETRY,     /* back into the queue, later */
    ENDING_BURY,      /* to the dead letters */
    ENDING_GIVE_BACK, /* back into the queue, untried */
};

#define FLIGHT_REASON_BYTES 400

struct flight {
    uint64_t mail_id; /* of its job_run; 0: never sent */
    uint64_t token;
    size_t job_id_bytes;
    char job_id[RY_JOB_ID_MAX];
    unsigned attempts; /* leases, this one included */
    int64_t since_mono_ms;
    enum ending ending;
    int64_t delay_ms; /* of ENDING_RETRY */
    char reason[FLIGHT_REASON_BYTES];
};

void flight_begin(struct flight *flight, const struct ry_lease *lease, int64_t now_mono_ms);

/* The job's id, borrowed from the flight. */
struct ry_str flight_job(const struct flight *flight);

/* Whether the scanner is at work on it by this mail. */
bool flight_answers(const struct flight *flight, uint64_t mail_id);

/* Decides its end; the reason is for people, and cut where it is too long. */
void flight_set_ending(struct flight *flight, enum ending ending, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A try has failed: again later, longer each time, or never after attempts_max leases. */
void flight_set_failed(struct flight *flight, struct ry_str reason, unsigned attempts_max, struct ry_rng *rng);

/* Says its end to the queue; what the queue's op returns. */
int flight_say_end(const struct flight *flight, struct ry_stream *stream, struct ry_error *err);

#endif

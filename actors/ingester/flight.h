/* flight.h: one job in flight: leased, and either with the scanner or at an end that the queue has yet to take.
 *
 * Plain data with the rules of its ends, and the jobs that its end pushes; the ingester holds the table of them, and
 * may move it in memory. One owner. */
#ifndef REELYARD_ACTORS_INGESTER_FLIGHT_H
#define REELYARD_ACTORS_INGESTER_FLIGHT_H

#include "proto/message.h"
#include "runtime/base/rng.h"
#include "runtime/queue/job_queue.h"

enum ending {
    ENDING_NONE, /* the scanner is at work */
    ENDING_ACK,
    ENDING_RETRY,     /* back into the queue, later */
    ENDING_HOLD,      /* the same, uncounted: nothing of the job's own is at fault */
    ENDING_BURY,      /* to the dead letters */
    ENDING_GIVE_BACK, /* back into the queue, untried */
};

#define FLIGHT_REASON_BYTES 400
#define FLIGHT_NEXT_MAX     4 /* as in job_done */

struct flight_text {
    size_t n;
    char p[RY_JOB_ID_MAX]; /* as long as any of a job's names */
};

struct flight {
    uint64_t mail_id; /* of its job_run; 0: never sent */
    uint64_t token;
    struct flight_text job_id;
    struct flight_text type;
    struct flight_text guild_id;
    struct flight_text channel_id;
    unsigned attempts; /* leases, this one included */
    int64_t since_mono_ms;
    enum ending ending;
    int64_t delay_ms; /* of ENDING_RETRY and ENDING_HOLD */
    char reason[FLIGHT_REASON_BYTES];
    enum ry_priority priority;
    struct ry_job_push next[FLIGHT_NEXT_MAX]; /* of ENDING_ACK: jobs that go on from here, in the arena */
    size_t next_count;
    struct ry_arena arena;
};

void flight_begin(struct flight *flight, const struct ry_lease *lease, int64_t now_mono_ms);

/* Frees what it holds. */
void flight_free(struct flight *flight);

/* Takes the names and the urgency that the job itself tells, where the lease had only hints. */
void flight_name(struct flight *flight, const struct ry_lease *lease);

/* The job's id, borrowed from the flight. */
struct ry_str flight_job(const struct flight *flight);

/* Whether the scanner is at work on it by this mail. */
bool flight_answers(const struct flight *flight, uint64_t mail_id);

/* Decides its end; the reason is for people, and cut where it is too long. */
void flight_set_ending(struct flight *flight, enum ending ending, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All that the job has to say is committed: its end is an ack, which pushes what the scanner names. A job of another
 * guild, channel or type than goes on from this one is left out, with a line in the log. RY_ENOMEM: there was no room
 * for that, and its end is another try. */
int flight_set_done(struct flight *flight, const struct ry_job_done *done);

/* A try has failed: again later, longer each time, or never after attempts_max leases. */
void flight_set_failed(struct flight *flight, struct ry_str reason, unsigned attempts_max, struct ry_rng *rng);

/* The database does not take what it has to say: again later, however often; longer the more rounds of this there were
 * before, up to a minute. */
void flight_set_held(struct flight *flight, struct ry_str reason, unsigned rounds, struct ry_rng *rng);

/* Says its end to the queue; what the queue's op returns. */
int flight_say_end(const struct flight *flight, struct ry_job_queue *queue, struct ry_error *err);

#endif

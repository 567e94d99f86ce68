/* inflight_job.h: one job in flight: leased, and either with the scanner or at an end that the queue has yet to take.
 *
 * Plain data with the rules of its ends, and the jobs that its end pushes; the ingester holds the table of them, and
 * may move it in memory. One owner. */
#ifndef REELYARD_ACTORS_INGESTER_INFLIGHT_JOB_H
#define REELYARD_ACTORS_INGESTER_INFLIGHT_JOB_H

#include "proto/message.h"
#include "runtime/base/rng.h"
#include "runtime/queue/job_queue.h"

enum job_end {
    END_NONE, /* the scanner is at work */
    END_ACK,
    END_RETRY,       /* back into the queue, later */
    END_HOLD,        /* the same, uncounted: nothing of the job's own is at fault */
    END_DEAD_LETTER, /* to the dead letters */
    END_RELEASE,     /* back into the queue, untried */
};

#define INFLIGHT_JOB_REASON_BYTES 400
#define INFLIGHT_JOB_NEXT_MAX     4 /* as in job_done */

struct inflight_job_text {
    size_t n;
    char p[RY_JOB_ID_MAX]; /* as long as any of a job's names */
};

struct inflight_job {
    uint64_t mail_id; /* of its job_run; 0: never sent */
    uint64_t token;
    struct inflight_job_text job_id;
    struct inflight_job_text type;
    struct inflight_job_text guild_id;
    struct inflight_job_text channel_id;
    unsigned attempts; /* leases, this one included */
    int64_t since_mono_ms;
    enum job_end end;
    int64_t delay_ms; /* of END_RETRY and END_HOLD */
    char reason[INFLIGHT_JOB_REASON_BYTES];
    enum ry_priority priority;
    struct ry_job_push next[INFLIGHT_JOB_NEXT_MAX]; /* of END_ACK: jobs that go on from here, in the arena */
    size_t next_count;
    struct ry_arena arena;
};

void inflight_job_begin(struct inflight_job *job, const struct ry_lease *lease, int64_t now_mono_ms);

/* Frees what it holds. */
void inflight_job_free(struct inflight_job *job);

/* Takes the names and the urgency that the job itself tells, where the lease had only hints. */
void inflight_job_name(struct inflight_job *job, const struct ry_lease *lease);

/* The job's id, borrowed from it. */
struct ry_str inflight_job_id(const struct inflight_job *job);

/* Whether the scanner is at work on it by this mail. */
bool inflight_job_is_run_by(const struct inflight_job *job, uint64_t mail_id);

/* Decides its end; the reason is for people, and cut where it is too long. */
void inflight_job_set_end(struct inflight_job *job, enum job_end end, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All that the job has to say is committed: its end is an ack, which pushes what the scanner names. A job of another
 * guild, channel or type than goes on from this one is left out, with a line in the log. RY_ENOMEM: there was no room
 * for that, and its end is another try. */
int inflight_job_set_done(struct inflight_job *job, const struct ry_job_done *done);

/* A try has failed: again later, longer each time, or never after attempts_max leases. */
void inflight_job_set_failed(struct inflight_job *job, struct ry_str reason, unsigned attempts_max, struct ry_rng *rng);

/* The database does not take what it has to say: again later, however often; longer the more rounds of this there were
 * before, up to a minute. */
void inflight_job_set_held(struct inflight_job *job, struct ry_str reason, unsigned rounds, struct ry_rng *rng);

/* Says its end to the queue; what the queue's op returns. */
int inflight_job_report_end(const struct inflight_job *job, struct ry_job_queue *queue, struct ry_error *err);

#endif

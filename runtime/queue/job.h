/* job.h: a job as a producer pushes it into a queue (job_queue.h), and its limits. Pure; any thread. */
#ifndef REELYARD_RUNTIME_QUEUE_JOB_H
#define REELYARD_RUNTIME_QUEUE_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "proto/envelope.h"
#include "runtime/base/error.h"

#define RY_JOB_ID_MAX      64
#define RY_JOB_TYPE_MAX    32
#define RY_JOB_GUILD_MAX   64
#define RY_JOB_CHANNEL_MAX 64
#define RY_JOB_MAX_BYTES   ((size_t)64 << 20)

/* How long the id of a job that was pushed by an ack is remembered after its end. */
#define RY_JOB_REMEMBERED_MS (INT64_C(24) * 3600 * 1000)

/* No job is leased or put off for longer; a later time was told by a clock that was ahead, and is over. */
#define RY_JOB_PUT_OFF_MAX_MS (INT64_C(2) * 24 * 3600 * 1000)

/* A job as a producer pushes it. */
struct ry_job_push {
    struct ry_str job_id;     /* 1..64 bytes; a second push with an id that waits or is leased is a no-op */
    struct ry_str type;       /* "messages"; 1..32 bytes */
    struct ry_str guild_id;   /* at most 64 bytes; jobs without one are one guild */
    struct ry_str channel_id; /* at most 64 bytes */
    enum ry_priority priority;
    struct ry_str json; /* the job, 1 to RY_JOB_MAX_BYTES bytes; the queue does not look into it */
};

/* The priority of a job by its type (job_type.h): live messages first, then deletions, retries, backfill; BACKFILL for
 * a type that nobody knows. */
enum ry_priority ry_job_priority(struct ry_str type);

/* Whether a job may be pushed: RY_OK, or RY_EINVAL or RY_ELIMIT with the field's name. */
int ry_job_check(const struct ry_job_push *job, struct ry_error *err);

#endif

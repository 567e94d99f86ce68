/* ingester_internal.h: the ingester's state, shared by its files. */
#ifndef REELYARD_ACTORS_INGESTER_INGESTER_INTERNAL_H
#define REELYARD_ACTORS_INGESTER_INGESTER_INTERNAL_H

#include "actors/ingester/held.h"
#include "actors/ingester/inflight_job.h"
#include "actors/ingester/queue_health.h"
#include "runtime/actor/actor.h"
#include "runtime/queue/job_queue.h"

/* Mails held at a time: dead letters and questions. A dead letter may have 128 MiB. */
#define INGESTER_CAPACITY 8

#define INGESTER_MAGIC 0x1a6e57e2u

struct ingester {
    unsigned magic;
    struct ry_job_queue *queue;

    struct inflight_job *jobs; /* `window` of them */
    size_t in_flight;
    size_t window;
    struct ry_lease *leases; /* `window` of them: room to read */

    /* What undeliverable(full) taught: no more than `allowed` in flight, and no reading before TIMER_FULL. */
    size_t allowed;
    bool full;
    unsigned full_tries;

    struct queue_health health;
    bool renewal_due; /* the last round of renewals was cut short */
    bool release_due; /* the leases of the previous incarnation are still to be ended */

    struct held held;

    struct ry_mail *dead_mails[INGESTER_CAPACITY]; /* kept until the queue takes them */
    size_t dead_mail_count;

    int64_t lease_ms;
    int64_t poll_ms;
    unsigned attempts_max;
    const char *owner; /* the context's */
};

#endif

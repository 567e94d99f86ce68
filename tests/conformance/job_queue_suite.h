/* job_queue_suite.h: what every implementation of runtime/queue/job_queue.h must do.
 *
 * An implementation brings a factory; the suite opens a fresh store for each claim, sometimes twice at once. */
#ifndef REELYARD_TESTS_CONFORMANCE_JOB_QUEUE_SUITE_H
#define REELYARD_TESTS_CONFORMANCE_JOB_QUEUE_SUITE_H

#include "runtime/queue/job_queue.h"

struct job_queue_factory {
    const char *name; /* of the implementation */
    /* Makes an empty store. */
    void *(*store_new)(void);
    /* Opens a queue on it; called several times for one store. NULL: it did not open. */
    struct ry_job_queue *(*open)(void *store, const struct ry_clock *clock);
    /* Removes the store; all its queues are closed. */
    void (*store_free)(void *store);
    /* Lets a queue notice what was pushed through another, where it would by itself only after a while. NULL: it
     * always does at once. */
    void (*notice)(struct ry_job_queue *queue);
    /* Pushes are stamped by the store's own clock, and read leases carry hints (job_queue.h). */
    bool foreign;
};

/* Runs all claims; the number that failed. */
int job_queue_suite_run(const struct job_queue_factory *factory);

#endif

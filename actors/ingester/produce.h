/* produce.h: what other actors ask of the queue: to push jobs, and which channels have a scan job. */
#ifndef REELYARD_ACTORS_INGESTER_PRODUCE_H
#define REELYARD_ACTORS_INGESTER_PRODUCE_H

#include "runtime/actor/actor.h"
#include "runtime/queue/job_queue.h"

/* A job as a message brings it, its priority by its type; borrows the message's strings. */
struct ry_job_push produce_job(const struct ry_job_spec *spec);

/* Answer jobs_push and jobs_find. trouble: why the queue is not to be asked now; NULL: it is well. What the queue's op
 * returns, with the reason in err; RY_EBUSY when it was not asked. */
int produce_answer_push(struct ry_job_queue *queue, const struct ry_error *trouble, struct ry_ctx *ctx,
                        const struct ry_mail *mail, struct ry_error *err);
int produce_answer_find(struct ry_job_queue *queue, const struct ry_error *trouble, struct ry_ctx *ctx,
                        const struct ry_mail *mail, struct ry_error *err);

#endif

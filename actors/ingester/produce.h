/* produce.h: what other actors ask of the queue: to push jobs, and which channels have a scan job. */
#ifndef REELYARD_ACTORS_INGESTER_PRODUCE_H
#define REELYARD_ACTORS_INGESTER_PRODUCE_H

#include "proto/message.h"
#include "runtime/stream/stream.h"

/* A job as a message brings it, its priority by its type; borrows the message's strings. */
struct ry_job_push produce_job(const struct ry_job_spec *spec);

/* Pushes all or none; what the queue's op returns. */
int produce_push(struct ry_stream *stream, const struct ry_jobs_push *push, size_t *accepted, struct ry_error *err);

/* The channels of the question for which no batch or rescan job waits or is leased: at most question->channels.n
 * references into it, *n. */
int produce_find(struct ry_stream *stream, const struct ry_jobs_find *question, struct ry_channel_ref *without,
                 size_t *n, struct ry_error *err);

#endif

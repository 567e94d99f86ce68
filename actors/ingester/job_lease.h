/* job_lease.h: the queue's side of a job in flight: its lease, and its end. */
#ifndef REELYARD_ACTORS_INGESTER_JOB_LEASE_H
#define REELYARD_ACTORS_INGESTER_JOB_LEASE_H

#include "actors/ingester/ingester_internal.h"

/* Reports a job's end to the queue. True: the job is no more in flight; false: the queue did not take it now. */
bool ingester_end_job(struct ingester *self, struct ry_ctx *ctx, struct inflight_job *job);
/* Reports the ends that the queue has not taken yet, until it refuses one. */
void ingester_retry_ends(struct ingester *self, struct ry_ctx *ctx);

/* Renews every lease, those of jobs at an unreported end included. */
void ingester_renew_leases(struct ingester *self, struct ry_ctx *ctx);
/* Ends the leases of this instance's previous incarnations; those of another ingester of this node stay. */
int ingester_release_previous(struct ingester *self, struct ry_error *err);

#endif

/* job_reader.h: from the queue to the scanner. */
#ifndef REELYARD_ACTORS_INGESTER_JOB_READER_H
#define REELYARD_ACTORS_INGESTER_JOB_READER_H

#include "actors/ingester/ingester_internal.h"

/* Reads what there is room for, unless the node drains, the queue rests or the scanner's mailbox is full: jobs of all
 * kinds first, then live ones into the places that are theirs. */
void ingester_read_jobs(struct ingester *self, struct ry_ctx *ctx);

#endif

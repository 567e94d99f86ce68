/* held.h: jobs that the database did not take, through no fault of their own.
 *
 * They are tried again in rounds, each later than the one before, so that a schema that is wrong for a night costs
 * little. When one of them is taken, the others will be: the ingester then makes all of them ready. Plain data; zeroed
 * is empty. */
#ifndef REELYARD_ACTORS_INGESTER_HELD_H
#define REELYARD_ACTORS_INGESTER_HELD_H

#include <stdbool.h>

#include "runtime/base/str.h"

/* The last ones are known by their ids. */
#define HELD_KNOWN 64

struct held {
    uint64_t hashes[HELD_KNOWN]; /* of job ids; 0: none */
    size_t next;
    unsigned rounds; /* since one was taken */
    int64_t round_ends_mono_ms;
};

/* Notes a job that was not taken; how many rounds there were before this one. */
unsigned held_note(struct held *held, struct ry_str job_id, int64_t now_mono_ms);

/* The jobs of this round wait so long; who comes back later begins the next one. */
void held_round_waits(struct held *held, int64_t delay_ms, int64_t now_mono_ms);

/* Whether the job is one of them. */
bool held_has(const struct held *held, struct ry_str job_id);

#endif

/* upkeep.h: what the writer does for its database by timer. */
#ifndef REELYARD_ACTORS_WRITER_UPKEEP_H
#define REELYARD_ACTORS_WRITER_UPKEEP_H

#include "actors/writer/writer_state.h"

/* Sets the timers. */
void writer_upkeep_begin(struct writer *self, struct ry_ctx *ctx);

/* WRITER_TIMER_PING: asks the database for a sign of life. It is unhealthy after WRITER_PINGS_FAILED_MAX failures in a
 * row; one success makes it healthy. */
void writer_ping(struct writer *self, struct ry_ctx *ctx);

/* WRITER_TIMER_PRUNE: forgets fencing tokens and slices of jobs that ended long ago, and corrects what a wrong clock
 * has put off. An error does not matter: it is tried again in a minute. */
void writer_prune(struct writer *self, struct ry_ctx *ctx);

/* By timer: a slice of what the search index does not tell yet. */
void writer_index(struct writer *self, struct ry_ctx *ctx);

#endif

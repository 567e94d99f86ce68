/* scheduler.h: the scheduler's spec; what it does stands at the top of scheduler.c. */
#ifndef REELYARD_ACTORS_SCHEDULER_SCHEDULER_H
#define REELYARD_ACTORS_SCHEDULER_SCHEDULER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_scheduler_spec;

#endif

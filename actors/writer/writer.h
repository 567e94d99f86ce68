/* writer.h: the writer's spec; what it does stands at the top of writer.c. */
#ifndef REELYARD_ACTORS_WRITER_WRITER_H
#define REELYARD_ACTORS_WRITER_WRITER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_writer_spec;

#endif

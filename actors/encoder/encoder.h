/* encoder.h: the encoder's spec; what it does stands at the top of encoder.c. */
#ifndef REELYARD_ACTORS_ENCODER_ENCODER_H
#define REELYARD_ACTORS_ENCODER_ENCODER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_encoder_spec;

#endif

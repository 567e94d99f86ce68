/* scanner.h: the scanner's spec; what it does stands at the top of scanner.c. */
#ifndef REELYARD_ACTORS_SCANNER_SCANNER_H
#define REELYARD_ACTORS_SCANNER_SCANNER_H

#include "runtime/actor/actor.h"

extern const struct ry_actor_spec ry_scanner_spec;

#endif

/* effort.h: an encoder that was taken over and does all the harm that it can, without a judge, inside its sandbox.
 *
 * It is the instance encoder-1 of a node that is called "taken-over" (REELYARD_NODE). In every other span of
 * EFFORT_SPAN_S of the wall clock it says all cells without a pause; in the others it rests, so that its neighbours can
 * be measured with it and without it. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_EFFORT_H
#define REELYARD_TESTS_FAKES_ROGUE_EFFORT_H

#include "runtime/bus/node.h"

#define EFFORT_SPAN_S 5

bool effort_is_for(const struct ry_attachment *attachment);
/* Does not return. */
void effort_spend(const struct ry_attachment *attachment) __attribute__((noreturn));

#endif

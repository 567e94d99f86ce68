/* excess.h: an encoder that was taken over and uses up what it can, inside its sandbox, without a word to its node.
 *
 * Which one it is, the node's name (REELYARD_NODE) says: every encoder of the node "endless" sends one message without
 * an end, every one of the node "spinning" uses its CPU for ever and hears nothing, its end least of all. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_EXCESS_H
#define REELYARD_TESTS_FAKES_ROGUE_EXCESS_H

#include "runtime/bus/node.h"

bool excess_is_for(const struct ry_attachment *attachment);
/* Does not return. */
void excess_commit(const struct ry_attachment *attachment) __attribute__((noreturn));

#endif

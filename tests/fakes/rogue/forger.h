/* forger.h: somebody who can write to the Redis of a fleet: without its key, with another one, or with it. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_FORGER_H
#define REELYARD_TESTS_FAKES_ROGUE_FORGER_H

#include "tests/fakes/rogue/judge.h"

/* Writes every message about every subject, as mail for a role and as an answer for the node, without a key and with a
 * strange one; with the fleet's key what no node of a fleet sends. */
void forger_try_all(struct judge *judge);

#endif

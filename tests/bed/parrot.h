/* parrot.h: a server on 127.0.0.1 that says the same bytes to whatever it is told, as no real one can be brought to.
 *
 * One thread; each connection gets the bytes once for each read of what the client sent, until it hangs up. */
#ifndef REELYARD_TESTS_BED_PARROT_H
#define REELYARD_TESTS_BED_PARROT_H

#include "runtime/base/str.h"

struct parrot;

/* port 0: any free one. words are borrowed. Fails the test (cmocka) on an error. */
struct parrot *parrot_start(unsigned port, struct ry_str words);
unsigned parrot_port(const struct parrot *parrot);
/* NULL is allowed. */
void parrot_stop(struct parrot *parrot);

#endif

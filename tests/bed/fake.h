/* fake.h: a fake server of tests/fakes as a child process, for as long as a test needs it.
 *
 * The program lies beside the test's own and prints "port N" when it listens on 127.0.0.1. It is killed by fake_stop,
 * and by the kernel if the test dies first. */
#ifndef REELYARD_TESTS_BED_FAKE_H
#define REELYARD_TESTS_BED_FAKE_H

#include <stdint.h>

struct fake;

/* Starts fakes_<name> with one argument (may be NULL) and waits until it listens. Fails the test if it does not. */
struct fake *fake_start(const char *name, const char *argument);
void fake_stop(struct fake *fake);

unsigned fake_port(const struct fake *fake);

/* A number of its GET /stats, such as "requests". Fails the test if there is none of that name. */
uint64_t fake_stat(const struct fake *fake, const char *name);

#endif

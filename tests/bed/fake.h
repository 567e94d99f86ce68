/* fake.h: a fake server of tests/fakes as a child process, for as long as a test needs it.
 *
 * The program lies beside the test's own and prints "port N" when it listens on 127.0.0.1. It is killed by fake_stop,
 * and by the kernel if the test dies first. */
#ifndef REELYARD_TESTS_BED_FAKE_H
#define REELYARD_TESTS_BED_FAKE_H

#include <stddef.h>
#include <stdint.h>

struct fake;

/* Starts fakes_<name> with one argument (may be NULL) and waits until it listens. Fails the test if it does not. */
struct fake *fake_start(const char *name, const char *argument);

/* The same with several arguments, ended by NULL. */
struct fake *fake_start_with(const char *name, const char *const *arguments);

void fake_stop(struct fake *fake);

unsigned fake_port(const struct fake *fake);

/* Sends a request without a body, such as "POST", "/fake/down?ms=100", and returns its status; up to size - 1 bytes of
 * the answer's body, and a NUL, go to body (may be NULL). */
unsigned fake_ask(const struct fake *fake, const char *method, const char *target, char *body, size_t size);

/* A number of its GET /stats, such as "requests". Fails the test if there is none of that name. */
uint64_t fake_stat(const struct fake *fake, const char *name);

#endif

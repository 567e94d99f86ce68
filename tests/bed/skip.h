/* skip.h: tests that cannot run on this machine.
 *
 * A program of which any test was skipped ends with 77, which ctest counts as skipped: what was not tested has not
 * passed. The reasons are its last lines. */
#ifndef REELYARD_TESTS_BED_SKIP_H
#define REELYARD_TESTS_BED_SKIP_H

#include <stdbool.h>
#include <stddef.h>

/* Skips the test that is running. */
void skip_test(const char *reason, ...) __attribute__((format(printf, 1, 2)));

/* Ends this program as skipped. */
_Noreturn void skip_program(const char *reason, ...) __attribute__((format(printf, 1, 2)));

/* Ends this program as skipped unless the program is found along PATH; package is the Debian package that has it. */
void skip_without(const char *program, const char *package);

/* The folder along PATH that has a program. False: none has. */
bool skip_path_of(const char *program, char *folder, size_t bytes);

/* What main returns after its tests, of which so many failed. */
int skip_exit_code(int failed);

#endif

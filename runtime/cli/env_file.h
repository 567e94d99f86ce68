/* env_file.h: variables from a file, for a program that is told to read its configuration again. */
#ifndef REELYARD_RUNTIME_CLI_ENV_FILE_H
#define REELYARD_RUNTIME_CLI_ENV_FILE_H

#include "runtime/base/error.h"

/* Makes an environment of env and of the lines NAME=value of the file (path NULL: of none); a variable that env has is
 * not changed by the file. `export` may stand before a name. Blank lines and lines that begin with # are passed over;
 * quotes around a value, and a comment behind it ("NAME=value  # why"), are taken off. One piece of memory, to be
 * freed. RY_ECONFIG names the line.
 */
int ry_env_file_read(const char *path, char *const *env, char ***out, struct ry_error *err);

#endif

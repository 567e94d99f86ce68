/* shell.h: words as a POSIX shell reads them, for commands that a person is to copy. */
#ifndef REELYARD_RUNTIME_BASE_SHELL_H
#define REELYARD_RUNTIME_BASE_SHELL_H

#include "runtime/base/buf.h"

/* Appends the word as it is when a shell takes it so, else in single quotes; one with control characters or bytes that
 * are not UTF-8 as $'...', which is a line of ASCII. */
void ry_shell_word(struct ry_buf *out, struct ry_str word);

#endif

/* jsonc.h: JSON with comments and trailing commas, made into plain JSON. */
#ifndef REELYARD_RUNTIME_CONFIG_JSONC_H
#define REELYARD_RUNTIME_CONFIG_JSONC_H

#include <stddef.h>

#include "runtime/base/error.h"

/* Overwrites comments (// to the line's end, and C's) and commas that stand before a closing bracket with blanks, in
 * place: newlines stay, so every offset and line number of the text is that of the original. What is not JSON
 * otherwise is left for the JSON parser to refuse. RY_EINVAL with the line when a comment or a string does not end. */
int ry_jsonc_strip(char *text, size_t n, struct ry_error *err);

/* The line, from 1, in which the byte at `offset` of the n bytes stands. */
size_t ry_jsonc_line(const char *text, size_t n, size_t offset);

#endif

/* nearest.h: the known word that was probably meant by a mistyped one. */
#ifndef REELYARD_RUNTIME_CLI_NEAREST_H
#define REELYARD_RUNTIME_CLI_NEAREST_H

#include <stddef.h>

/* The nearest of the candidates, or NULL when none is near. */
const char *ry_nearest(const char *word, const char *const *candidates, size_t count);

#endif

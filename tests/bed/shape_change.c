/* shape_change.c: see shape_change.h. */
#include "tests/bed/shape_change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where these bytes stand. */
static uint8_t *need(const struct shape_bytes *bytes, const char *what, size_t n)
{
    uint8_t *found = memmem(bytes->p, bytes->n, what, n);
    if (!found) {
        fprintf(stderr, "the clip has no %.*s to change\n", (int)n, what);
        exit(1);
    }
    return found;
}

void shape_without_stss(struct shape_bytes *bytes)
{
    memcpy(need(bytes, "stss", 4), "free", 4);
}

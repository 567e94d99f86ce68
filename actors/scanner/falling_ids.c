/* falling_ids.c: ids of Discord from the newest to the oldest. Pure. */
#include "actors/scanner/falling_ids.h"

#include <stdlib.h>

static int by_falling_id(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

size_t falling_ids_sort(uint64_t *ids, size_t n)
{
    size_t left = 0;
    if (n > 0)
        qsort(ids, n, sizeof *ids, by_falling_id);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || ids[i] != ids[i - 1])
            ids[left++] = ids[i];
    return left;
}

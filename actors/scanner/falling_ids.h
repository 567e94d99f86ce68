/* falling_ids.h: ids of Discord from the newest to the oldest. */
#ifndef REELYARD_ACTORS_SCANNER_FALLING_IDS_H
#define REELYARD_ACTORS_SCANNER_FALLING_IDS_H

#include <stddef.h>
#include <stdint.h>

/* Sorts ids, the largest first, and removes what is there twice. ids may be NULL if n is 0. Returns how many are left.
 */
size_t falling_ids_sort(uint64_t *ids, size_t n);

#endif

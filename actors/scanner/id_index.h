/* id_index.h: where things with a given number stand: a fixed table from uint64_t to size_t, open addressing. */
#ifndef REELYARD_ACTORS_SCANNER_ID_INDEX_H
#define REELYARD_ACTORS_SCANNER_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_index {
    struct id_index_slot *slots;
    size_t mask;
};

/* Room for `max` ids. False without memory. */
bool id_index_init(struct id_index *index, size_t max);
void id_index_free(struct id_index *index);

/* If id (not 0) is there, sets *position to where it stands and returns true; otherwise notes it at *position and
 * returns false. */
bool id_index_find_or_add(struct id_index *index, uint64_t id, size_t *position);

/* Whether id (not 0) is there. */
bool id_index_has(const struct id_index *index, uint64_t id);

#endif

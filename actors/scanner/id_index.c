/* id_index.c: never more than half full, so every search ends soon. */
#include "actors/scanner/id_index.h"

#include <stdlib.h>

struct id_index_slot {
    uint64_t id; /* 0: free */
    size_t position;
};

bool id_index_init(struct id_index *index, size_t max)
{
    size_t size = 16;
    while (size < max * 2)
        size *= 2;
    index->slots = calloc(size, sizeof *index->slots);
    index->mask = size - 1;
    return index->slots != NULL;
}

void id_index_free(struct id_index *index)
{
    free(index->slots);
    index->slots = NULL;
}

static size_t slot_of(const struct id_index *index, uint64_t id)
{
    size_t i = (size_t)(id * 0x9E3779B97F4A7C15u >> 32) & index->mask;
    while (index->slots[i].id != 0 && index->slots[i].id != id)
        i = (i + 1) & index->mask;
    return i;
}

bool id_index_has(const struct id_index *index, uint64_t id)
{
    return index->slots[slot_of(index, id)].id == id;
}

bool id_index_find_or_add(struct id_index *index, uint64_t id, size_t *position)
{
    size_t i = slot_of(index, id);
    bool found = index->slots[i].id == id;
    if (found)
        *position = index->slots[i].position;
    else
        index->slots[i] = (struct id_index_slot){id, *position};
    return found;
}

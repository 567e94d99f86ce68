/* asked.c: what an instance has asked and has no answer to yet.
 *
 * Owns a table of message ids. The router passes an answer on only from who holds the question; this is the same check
 * at the other end, so that an instance is told nothing that it did not ask, whatever the router let through. */
#include "runtime/actor/state.h"

#include <stdlib.h>

#include "runtime/base/assert.h"

#define FIRST_SLOTS ((size_t)64)

static size_t slot_of(const struct ry_asked *asked, uint64_t id)
{
    return (size_t)(id * 0x9e3779b97f4a7c15u >> 32) & (asked->slots - 1);
}

/* Where the id stands, or the free slot where it would. */
static size_t find(const struct ry_asked *asked, uint64_t id)
{
    size_t at = slot_of(asked, id);
    while (asked->items[at].id != 0 && asked->items[at].id != id)
        at = (at + 1) & (asked->slots - 1);
    return at;
}

static bool grow(struct ry_asked *asked)
{
    struct ry_asked bigger = {.slots = asked->slots ? asked->slots * 2 : FIRST_SLOTS, .n = asked->n};
    bigger.items = calloc(bigger.slots, sizeof *bigger.items);
    if (bigger.items == NULL)
        return false;
    for (size_t i = 0; i < asked->slots; i++)
        if (asked->items[i].id != 0)
            bigger.items[find(&bigger, asked->items[i].id)] = asked->items[i];
    free(asked->items);
    *asked = bigger;
    return true;
}

bool ry_asked_add(struct ry_asked *asked, uint64_t id, uint16_t tag)
{
    RY_ASSERT(id != 0 && tag != RY_TAG_NONE, "id %llu, tag %u", (unsigned long long)id, tag);
    if ((asked->n + 1) * 2 > asked->slots && !grow(asked))
        return false;
    RY_ASSERT((asked->n + 1) * 2 <= asked->slots, "%zu questions in %zu slots", asked->n, asked->slots);
    asked->items[find(asked, id)].id = id;
    asked->items[find(asked, id)].tag = tag;
    asked->n++;
    return true;
}

uint16_t ry_asked_tag(const struct ry_asked *asked, uint64_t id)
{
    return id != 0 && asked->slots > 0 ? asked->items[find(asked, id)].tag : RY_TAG_NONE;
}

void ry_asked_end(struct ry_asked *asked, uint64_t id)
{
    if (ry_asked_tag(asked, id) == RY_TAG_NONE)
        return;
    RY_ASSERT(asked->n > 0);
    size_t mask = asked->slots - 1, hole = find(asked, id);
    asked->n--;
    /* Those behind move up, so that none stands where a search for it would not come. */
    for (size_t at = (hole + 1) & mask; asked->items[at].id != 0; at = (at + 1) & mask) {
        size_t home = slot_of(asked, asked->items[at].id);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        asked->items[hole] = asked->items[at];
        hole = at;
    }
    asked->items[hole].id = 0;
    asked->items[hole].tag = RY_TAG_NONE;
}

void ry_asked_free(struct ry_asked *asked)
{
    free(asked->items);
    *asked = (struct ry_asked){.items = NULL};
}

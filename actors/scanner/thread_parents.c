/* thread_parents.c: a cache of fixed size: which channel a thread belongs to, and when that expires.
 *
 * Owns one slot per hash of a thread id; a new entry replaces what is in its slot. Promises nothing about completeness:
 * what is missing is asked from Discord again, also after a crash. */
#include "actors/scanner/thread_parents.h"

#include <stdlib.h>

struct slot {
    uint64_t guild, thread; /* 0: nobody */
    uint64_t parent;
    int64_t ends_mono_ms;
};

struct thread_parents {
    int64_t ttl_ms;
    struct slot slots[THREAD_PARENTS_MAX];
};

static uint64_t number(struct ry_str id)
{
    uint64_t value = 0;
    (void)ry_str_u64(id, &value);
    return value;
}

/* The low bits of an id hardly differ (they count within a millisecond); the product's high ones do. */
static size_t place_of(uint64_t thread)
{
    return (thread * UINT64_C(0x9E3779B97F4A7C15)) >> 52;
}
_Static_assert(THREAD_PARENTS_MAX == 1 << 12, "place_of gives twelve bits");

struct thread_parents *thread_parents_new(int64_t ttl_ms)
{
    struct thread_parents *made = calloc(1, sizeof *made);
    if (made != NULL)
        made->ttl_ms = ttl_ms;
    return made;
}

void thread_parents_free(struct thread_parents **parents)
{
    free(*parents);
    *parents = NULL;
}

bool thread_parents_find(const struct thread_parents *parents, struct ry_str guild_id, struct ry_str thread_id,
                         int64_t now_mono_ms, uint64_t *parent)
{
    uint64_t thread = number(thread_id);
    const struct slot *slot = &parents->slots[place_of(thread)];
    if (thread == 0 || slot->thread != thread || slot->guild != number(guild_id) || slot->ends_mono_ms <= now_mono_ms)
        return false;
    *parent = slot->parent;
    return true;
}

void thread_parents_put(struct thread_parents *parents, struct ry_str guild_id, struct ry_str thread_id,
                        uint64_t parent, int64_t now_mono_ms)
{
    uint64_t thread = number(thread_id);
    parents->slots[place_of(thread)] = (struct slot){
        .guild = number(guild_id), .thread = thread, .parent = parent, .ends_mono_ms = now_mono_ms + parents->ttl_ms};
}

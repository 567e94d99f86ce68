/* arena.h: memory that is freed all at once, with a maximum.
 *
 * A mail's unpacked lists, a job's strings and a batch's rows live exactly as long as the thing they belong to; they
 * are bumped from an arena and released by one reset. One owner, not thread-safe. */
#ifndef REELYARD_RUNTIME_BASE_ARENA_H
#define REELYARD_RUNTIME_BASE_ARENA_H

#include "runtime/base/str.h"

struct ry_arena_block;

struct ry_arena {
    struct ry_arena_block *head;
    size_t used; /* bytes allocated from the system for this arena's blocks */
    size_t max;  /* bytes; never exceeded */
};

static inline struct ry_arena ry_arena_make(size_t max)
{
    return (struct ry_arena){.max = max};
}

/* n zeroed bytes, aligned for any type (n may be 0); NULL when the maximum or memory is exhausted. */
void *ry_arena_alloc(struct ry_arena *arena, size_t n);

/* count * size zeroed bytes, overflow checked. */
void *ry_arena_array(struct ry_arena *arena, size_t count, size_t size);

/* A copy of s in the arena with a NUL behind it; the absent string when s is absent or memory is exhausted. */
struct ry_str ry_arena_str(struct ry_arena *arena, struct ry_str s);

/* printf into the arena; the absent string when memory is exhausted. */
struct ry_str ry_arena_printf(struct ry_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Releases everything. The arena may be used again. */
void ry_arena_free(struct ry_arena *arena);

/* Releases everything but keeps one block for the next round. */
void ry_arena_reset(struct ry_arena *arena);

#define RY_ARENA_AUTO __attribute__((cleanup(ry_arena_free))) struct ry_arena

#endif

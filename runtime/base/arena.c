/* arena.c: see arena.h. Owns blocks of memory in a list, the newest first; a block is freed only with all the others.
 */
#include "runtime/base/arena.h"

#include "runtime/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES ((size_t)4096)
#define ALIGNMENT   ((size_t)16)

struct ry_arena_block {
    struct ry_arena_block *next;
    size_t size; /* usable bytes behind this header */
    size_t used;
    _Alignas(16) char bytes[];
};

static void *arena_take(struct ry_arena *arena, size_t n)
{
    if (n > arena->max || n > PTRDIFF_MAX / 2) /* the sums below cannot overflow */
        return NULL;
    n = (n + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (n == 0)
        n = ALIGNMENT;
    struct ry_arena_block *block = arena->head;
    if (block == NULL || block->size - block->used < n) {
        size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
        /* Blocks double with the arena, so that a large one is a handful of blocks. */
        if (size < arena->used && arena->used <= arena->max / 2)
            size = arena->used;
        if (arena->used > arena->max || size > arena->max - arena->used)
            size = n;
        if (arena->used > arena->max || size > arena->max - arena->used)
            return NULL;
        block = malloc(sizeof *block + size);
        if (block == NULL)
            return NULL;
        block->next = arena->head;
        block->size = size;
        block->used = 0;
        arena->head = block;
        arena->used += size;
    }
    RY_ASSERT(n <= block->size - block->used && arena->used <= arena->max, "%zu bytes, %zu of %zu", n, arena->used,
              arena->max);
    void *p = block->bytes + block->used;
    block->used += n;
    return p;
}

void *ry_arena_alloc(struct ry_arena *arena, size_t n)
{
    void *p = arena_take(arena, n);
    return p ? memset(p, 0, n) : NULL;
}

void *ry_arena_array(struct ry_arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return ry_arena_alloc(arena, total);
}

struct ry_str ry_arena_str(struct ry_arena *arena, struct ry_str s)
{
    if (s.p == NULL)
        return s;
    char *copy = arena_take(arena, s.n + 1);
    if (copy == NULL)
        return (struct ry_str){NULL, 0};
    memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return (struct ry_str){copy, s.n};
}

struct ry_str ry_arena_printf(struct ry_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : ry_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return (struct ry_str){text, text ? (size_t)length : 0};
}

void ry_arena_free(struct ry_arena *arena)
{
    while (arena->head) {
        struct ry_arena_block *next = arena->head->next;
        free(arena->head);
        arena->head = next;
    }
    arena->used = 0;
}

void ry_arena_reset(struct ry_arena *arena)
{
    struct ry_arena_block *keep = arena->head;
    if (keep == NULL || keep->size > 16 * BLOCK_BYTES) {
        ry_arena_free(arena);
        return;
    }
    arena->head = keep->next;
    ry_arena_free(arena);
    keep->next = NULL;
    keep->used = 0;
    arena->head = keep;
    arena->used = keep->size;
}

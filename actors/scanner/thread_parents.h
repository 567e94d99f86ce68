/* thread_parents.h: which channel a thread belongs to, as Discord said lately; or that an id is no thread of the guild.
 *
 * A table of fixed size in which a newcomer takes the place of who was there. One owner, one thread. */
#ifndef REELYARD_ACTORS_SCANNER_THREAD_PARENTS_H
#define REELYARD_ACTORS_SCANNER_THREAD_PARENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/str.h"

/* Threads that are known at most. */
#define THREAD_PARENTS_MAX 4096

struct thread_parents;

/* ttl_ms: lifetime of an answer in the cache; 0: nothing is cached. NULL without memory. */
struct thread_parents *thread_parents_new(int64_t ttl_ms);
/* *parents may be NULL. */
void thread_parents_free(struct thread_parents **parents);

/* Whether it is known what this id is in this guild; *parent is the channel's id, 0: it is no thread. */
bool thread_parents_find(const struct thread_parents *parents, struct ry_str guild_id, struct ry_str thread_id,
                         int64_t now_mono_ms, uint64_t *parent);

/* Keeps it. parent 0: no thread. */
void thread_parents_put(struct thread_parents *parents, struct ry_str guild_id, struct ry_str thread_id,
                        uint64_t parent, int64_t now_mono_ms);

#endif

/* relay_bed.h: nodes of this process that share a Redis and nothing else, each with a relay and actors of the test. */
#ifndef REELYARD_TESTS_BED_RELAY_BED_H
#define REELYARD_TESTS_BED_RELAY_BED_H

#include "runtime/actor/actor.h"
#include "runtime/bus/node.h"
#include "tests/bed/redis_server.h"

struct relay_bed {
    struct redis_server *redis;
    struct ry_node *nodes[4];
    struct ry_console *consoles[4]; /* of each, if it was asked for */
    size_t n;
};

struct relay_bed_option {
    enum ry_option option;
    const char *value;
};

/* Starts a node with these actors (ended by NULL) and a relay: PostgreSQL is its database by name, leases of mail last
 * a second, and its window is 4. */
void relay_bed_begin(struct relay_bed *bed, const char *name, const struct ry_actor_spec *const *specs,
                     const struct relay_bed_option *options, size_t n);
/* The start of a node of this name ("name/start") by its record in Redis, which is waited for. Static. */
const char *relay_bed_owner_of(const struct relay_bed *bed, const char *name);
/* A console on a node, opened when it is first asked for. */
struct ry_console *relay_bed_console(struct relay_bed *bed, size_t node);
/* Ends the last node, as if it was told to: what it holds is given back. */
void relay_bed_end_last(struct relay_bed *bed);
void relay_bed_end(struct relay_bed *bed);

/* ---- stub actors: what they note is under one lock, for all nodes of the process --------------------------------- */

void relay_bed_lock(void);
/* And wakes those that await a count. */
void relay_bed_unlock(void);
#define WITH_STAGE(...) \
    do { \
        relay_bed_lock(); \
        __VA_ARGS__; \
        relay_bed_unlock(); \
    } while (0)

/* Awaits that a count that is under the lock reaches n. */
void relay_bed_await_count(const unsigned *count, unsigned n, const char *what);
unsigned relay_bed_seen(const unsigned *count);

/* Handlers of an actor without a self, whose first tick comes at once; and of one that ignores ticks. */
int relay_bed_open_actor(void **self, struct ry_ctx *ctx, struct ry_error *err);
void relay_bed_close_actor(void **self);
void relay_bed_ignore_tick(void *self, struct ry_ctx *ctx, unsigned timer);

/* ---- Redis ------------------------------------------------------------------------------------------------------- */

/* Awaits that a stream has n entries. */
void relay_bed_await_length(const struct relay_bed *bed, const char *stream, int64_t n);

/* A mail of a message without blobs, as it stands in an entry; priority backfill. */
void freeze_mail(enum ry_tag tag, const void *message, uint64_t id, struct ry_buf *out);

#endif

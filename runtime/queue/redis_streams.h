/* redis_streams.h: the streams of jobs that a queue on Redis knows, in the order in which they are read.
 *
 * A stream is `jobs:guild:GUILD:TYPE`. It is hot while it may have unread entries that nobody will tell of, and cold
 * when a read has found it empty; the blocking read watches the cold ones. Plain data, no I/O; one thread. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_STREAMS_H
#define REELYARD_RUNTIME_QUEUE_REDIS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/envelope.h"

#define RY_REDIS_STREAM_PREFIX     "jobs:guild:"
#define RY_REDIS_STREAM_NAME_BYTES 200

struct ry_redis_stream {
    char name[RY_REDIS_STREAM_NAME_BYTES + 1];
    size_t name_bytes;
    struct ry_str guild; /* both in name */
    struct ry_str type;
    enum ry_priority class; /* of its type; the lowest for a type that nobody knows */
    bool hot;
    unsigned seen; /* the round of discovery that saw it last */
    /* As the last survey found it. */
    uint64_t entries;
    int64_t oldest_wall_ms; /* of its oldest unread entry; 0: none */
};

struct ry_redis_streams {
    struct ry_redis_stream **items; /* by class, guild, type */
    size_t n;
    size_t room;
    unsigned version;                        /* changes when a stream comes or goes */
    size_t hot[RY_PRIORITY_COUNT];           /* how many, by class */
    struct ry_str served[RY_PRIORITY_COUNT]; /* guild of the entry read last, in served_text */
    char served_text[RY_PRIORITY_COUNT][RY_REDIS_STREAM_NAME_BYTES];
};

/* The stream of this name, made hot if it is new. NULL: the name is not one of a stream of jobs, is longer than
 * RY_REDIS_STREAM_NAME_BYTES, or there is no memory. *made (may be NULL): whether it is new. */
struct ry_redis_stream *ry_redis_streams_add(struct ry_redis_streams *streams, struct ry_str name, bool *made);

void ry_redis_streams_remove(struct ry_redis_streams *streams, struct ry_redis_stream *stream);
/* Forgets those that this round of discovery has not seen; how many. */
size_t ry_redis_streams_remove_unseen(struct ry_redis_streams *streams, unsigned round);

void ry_redis_stream_set_hot(struct ry_redis_streams *streams, struct ry_redis_stream *stream, bool hot);
void ry_redis_streams_set_all_hot(struct ry_redis_streams *streams);
/* How many hot streams there are of priority `least` or more urgent. */
size_t ry_redis_streams_hot(const struct ry_redis_streams *streams, enum ry_priority least);

/* Remembers whose turn it was in a class. */
void ry_redis_streams_serve(struct ry_redis_streams *streams, enum ry_priority class, struct ry_str guild);

/* Up to max hot streams of priority `least` or more urgent, by class; within a class the guild behind the one served
 * last comes first. */
size_t ry_redis_streams_pick(const struct ry_redis_streams *streams, enum ry_priority least,
                             struct ry_redis_stream **picked, size_t max);

void ry_redis_streams_free(struct ry_redis_streams *streams);

#endif

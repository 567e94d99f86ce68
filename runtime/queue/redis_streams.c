/* redis_streams.c: the streams of jobs that this node knows, and whose turn it is.
 *
 * Owns the list, sorted by class, guild and type, and which of them may have entries ("hot"). Blocks on nothing. A
 * crash loses it, and the search of Redis (redis_discover.c) makes it again. */
#include "runtime/queue/redis_streams.h"

#include <stdlib.h>

#include "runtime/base/assert.h"
#include "runtime/queue/job_queue.h"

static int compare_str(struct ry_str a, struct ry_str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare(const struct ry_redis_stream *a, const struct ry_redis_stream *b)
{
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    int order = compare_str(a->guild, b->guild);
    return order != 0 ? order : compare_str(a->type, b->type);
}

/* Where a stream is, or would be. */
static size_t place_of(const struct ry_redis_streams *streams, const struct ry_redis_stream *stream)
{
    size_t low = 0;
    size_t high = streams->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(streams->items[middle], stream) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes a name apart; false if it is none of a stream of jobs. */
static bool read_name(struct ry_redis_stream *stream, struct ry_str name)
{
    static const size_t prefix = sizeof RY_REDIS_STREAM_PREFIX - 1;
    if (name.n > RY_REDIS_STREAM_NAME_BYTES || !ry_str_starts(name, RY_STR(RY_REDIS_STREAM_PREFIX)))
        return false;
    *stream = (struct ry_redis_stream){.name_bytes = name.n};
    memcpy(stream->name, name.p, name.n);
    const char *guild = stream->name + prefix;
    const char *colon = memchr(guild, ':', name.n - prefix);
    if (colon == NULL)
        return false;
    stream->guild = (struct ry_str){guild, (size_t)(colon - guild)};
    stream->type = (struct ry_str){colon + 1, name.n - prefix - stream->guild.n - 1};
    stream->class = ry_job_priority(stream->type);
    return true;
}

/* The same stream in memory of its own; its strings point into itself. */
static struct ry_redis_stream *copy_of(const struct ry_redis_stream *stream)
{
    struct ry_redis_stream *copy = malloc(sizeof *copy);
    if (copy != NULL) {
        *copy = *stream;
        copy->guild.p = copy->name + (stream->guild.p - stream->name);
        copy->type.p = copy->name + (stream->type.p - stream->name);
    }
    return copy;
}

struct ry_redis_stream *ry_redis_streams_add(struct ry_redis_streams *streams, struct ry_str name, bool *made)
{
    struct ry_redis_stream wanted;
    if (made)
        *made = false;
    if (!read_name(&wanted, name))
        return NULL;
    size_t at = place_of(streams, &wanted);
    if (at < streams->n && compare(streams->items[at], &wanted) == 0)
        return streams->items[at];
    if (streams->n == streams->room) {
        size_t room = streams->room ? streams->room * 2 : 64;
        struct ry_redis_stream **items = reallocarray(streams->items, room, sizeof *items);
        if (items == NULL)
            return NULL;
        streams->items = items;
        streams->room = room;
    }
    struct ry_redis_stream *stream = copy_of(&wanted);
    if (stream == NULL)
        return NULL;
    RY_ASSERT(streams->n < streams->room && at <= streams->n, "%zu of %zu, room for %zu", at, streams->n,
              streams->room);
    memmove(&streams->items[at + 1], &streams->items[at], (streams->n - at) * sizeof *streams->items);
    streams->items[at] = stream;
    streams->n++;
    streams->version++;
    ry_redis_stream_set_hot(streams, stream, true);
    if (made)
        *made = true;
    return stream;
}

static void remove_at(struct ry_redis_streams *streams, size_t at)
{
    RY_ASSERT(at < streams->n, "%zu of %zu", at, streams->n);
    ry_redis_stream_set_hot(streams, streams->items[at], false);
    free(streams->items[at]);
    streams->n--;
    memmove(&streams->items[at], &streams->items[at + 1], (streams->n - at) * sizeof *streams->items);
    streams->version++;
}

void ry_redis_streams_remove(struct ry_redis_streams *streams, struct ry_redis_stream *stream)
{
    size_t at = place_of(streams, stream);
    RY_ASSERT(at < streams->n && streams->items[at] == stream, "%zu of %zu", at, streams->n);
    remove_at(streams, at);
}

size_t ry_redis_streams_remove_unseen(struct ry_redis_streams *streams, unsigned round)
{
    size_t before = streams->n;
    for (size_t at = streams->n; at > 0; at--)
        if (streams->items[at - 1]->seen != round)
            remove_at(streams, at - 1);
    return before - streams->n;
}

void ry_redis_stream_set_hot(struct ry_redis_streams *streams, struct ry_redis_stream *stream, bool hot)
{
    RY_ASSERT(!stream->hot || streams->hot[stream->class] > 0, "class %d of %zu streams", (int)stream->class,
              streams->n);
    if (stream->hot && !hot)
        streams->hot[stream->class]--;
    else if (!stream->hot && hot)
        streams->hot[stream->class]++;
    stream->hot = hot;
}

void ry_redis_streams_set_all_hot(struct ry_redis_streams *streams)
{
    for (size_t i = 0; i < streams->n; i++)
        ry_redis_stream_set_hot(streams, streams->items[i], true);
}

size_t ry_redis_streams_hot(const struct ry_redis_streams *streams, enum ry_priority least)
{
    size_t hot = 0;
    for (unsigned class = 0; class <= (unsigned)least; class ++)
        hot += streams->hot[class];
    return hot;
}

void ry_redis_streams_serve(struct ry_redis_streams *streams, enum ry_priority class, struct ry_str guild)
{
    size_t n = guild.n < RY_REDIS_STREAM_NAME_BYTES ? guild.n : RY_REDIS_STREAM_NAME_BYTES;
    memcpy(streams->served_text[class], guild.p, n);
    streams->served[class] = (struct ry_str){streams->served_text[class], n};
}

/* The hot ones of [from, to), appended to picked. */
static size_t pick_range(const struct ry_redis_streams *streams, size_t from, size_t to,
                         struct ry_redis_stream **picked, size_t n, size_t max)
{
    for (size_t i = from; i < to && n < max; i++)
        if (streams->items[i]->hot)
            picked[n++] = streams->items[i];
    return n;
}

size_t ry_redis_streams_pick(const struct ry_redis_streams *streams, enum ry_priority least,
                             struct ry_redis_stream **picked, size_t max)
{
    size_t n = 0;
    size_t end = 0;
    for (unsigned class = 0; class <= (unsigned)least && n < max; class ++) {
        size_t begin = end;
        while (end < streams->n && streams->items[end]->class == (enum ry_priority) class)
            end++;
        if (streams->hot[class] == 0)
            continue;
        size_t turn = begin;
        while (streams->served[class].p && turn < end &&
               compare_str(streams->items[turn]->guild, streams->served[class]) <= 0)
            turn++;
        n = pick_range(streams, turn, end, picked, n, max);
        n = pick_range(streams, begin, turn, picked, n, max);
    }
    return n;
}

void ry_redis_streams_free(struct ry_redis_streams *streams)
{
    while (streams->n > 0)
        remove_at(streams, streams->n - 1);
    free(streams->items);
    *streams = (struct ry_redis_streams){0};
}

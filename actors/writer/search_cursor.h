/* search_cursor.h: where in an order a page ends, as a text that a client hands back. Pure; any thread. */
#ifndef REELYARD_ACTORS_WRITER_SEARCH_CURSOR_H
#define REELYARD_ACTORS_WRITER_SEARCH_CURSOR_H

#include "proto/message.h"
#include "runtime/base/arena.h"

struct search_place {
    int64_t key; /* what is sorted by: the message's time, milliseconds, bytes, or the score */
    int64_t docid;
    struct ry_str clip_id;
};

struct search_cursor {
    enum ry_gallery_sort sort;
    struct search_place place;
    int64_t anchor; /* relevance: only clips below this docid are ranked; INT64_MAX: all */
    bool whole;     /* relevance: no place yet, the beginning (or, backwards, the end) of what is ranked */
};

/* Reads a cursor of the given order; false: it is none. The clip's id points into text. */
bool search_cursor_read(struct ry_str text, enum ry_gallery_sort sort, struct search_cursor *cursor);

/* Writes it into the arena; absent: no memory. */
struct ry_str search_cursor_write(const struct search_cursor *cursor, struct ry_arena *arena);

#endif

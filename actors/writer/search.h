/* search.h: how a page of found clips, or their counts, come together, whatever the engine.
 *
 * An engine walks its index and says what it met (search_source_ops); which walks are made, and how much work they may
 * be, is decided here, so that both engines find the same. Every walk is bounded: a page whose bound is reached has
 * fewer clips than asked for and a cursor to go on from. */
#ifndef REELYARD_ACTORS_WRITER_SEARCH_H
#define REELYARD_ACTORS_WRITER_SEARCH_H

#include "actors/writer/engine.h"
#include "actors/writer/search_cursor.h"
#include "actors/writer/search_row.h"

/* Rows that a walk may look at, and clips that it may gather to sort or to count them. */
#define SEARCH_LOOK_FIRST 2000
#define SEARCH_LOOK_MAX   20000
#define SEARCH_GATHER_MAX 20000
#define SEARCH_COUNT_MAX  1000
#define SEARCH_RANKED     400 /* clips that relevance sorts at a time: the newest that match, then the next ones */

/* A question, read. */
struct search_ask {
    struct search_words words;
    struct ry_str guild_id; /* absent strings, and zeros: any */
    struct ry_str channel_id;
    struct ry_str author_id;
    struct ry_str status;
    int64_t duration_min_ms, duration_max_ms;
    int64_t bytes_min, bytes_max;
    int64_t docid_min, docid_max; /* inclusive */
    enum search_orientation orientation;
    unsigned kept;   /* 1: only kept ones, 2: only others */
    bool impossible; /* nothing can match */
};

/* The order of a walk: a docid's from an index on the source's column, or that of a number. */
enum search_source {
    SEARCH_BY_TIME, /* all clips, or those of the channel, author or guild that is asked for */
    SEARCH_BY_LENGTH,
    SEARCH_BY_SIZE,
    SEARCH_BY_WORDS, /* what the word index finds, by time */
};

struct search_walk {
    const struct search_ask *ask;
    enum search_source source;
    bool rising;
    bool bounded; /* only what lies behind `from` in the order of the walk */
    struct search_place from;
    size_t look_max;  /* rows */
    size_t found_max; /* of them, clips that match */
    bool texts;       /* the clips' search texts are wanted */
    bool facets;      /* guild, channel, author and status are wanted */
};

struct search_hit {
    struct search_place place;
    struct ry_str text;
    struct ry_str guild_id, channel_id, author_id, status;
    int64_t duration_ms, bytes;
};

struct search_found {
    struct search_hit *hits; /* room for found_max */
    size_t n;
    bool ended;               /* the walk came to its end */
    struct search_place last; /* else where it stopped */
};

/* What an engine gives. `engine` is whatever it passed to the functions below. */
struct search_source_ops {
    int (*walk)(void *engine, const struct search_walk *walk, struct ry_arena *arena, struct search_found *found,
                struct ry_error *err);
    /* Clips by id, in that order; those that are gone are left out. */
    int (*fetch)(void *engine, const struct search_hit *hits, size_t n, struct ry_arena *arena,
                 struct ry_gallery_clip *clips, size_t *count, struct ry_error *err);
    int (*indexed)(void *engine, uint64_t *permille, struct ry_error *err);
    int (*name)(void *engine, enum writer_table kind, struct ry_str guild_id, struct ry_str id, struct ry_arena *arena,
                struct ry_str *name, struct ry_error *err);
};

/* Whether a question needs none of this: the engine's own gallery statement answers it, even of an archive that is not
 * indexed. A cursor is then put into before_wall_ms and before_id of *plain. */
bool search_is_plain(const struct ry_gallery_get *get, struct ry_gallery_get *plain);
/* Cursors of a page that was answered so. */
int search_plain_cursors(const struct ry_gallery_get *get, struct ry_gallery_page *page, struct ry_arena *arena,
                         struct ry_error *err);

/* Answers; what is wrong with the question itself is in page->refused, with RY_OK. */
int search_page(const struct search_source_ops *ops, void *engine, const struct ry_gallery_get *get,
                struct ry_arena *arena, struct ry_gallery_page *page, struct ry_error *err);
int search_facets(const struct search_source_ops *ops, void *engine, const struct ry_facets_get *get,
                  struct ry_arena *arena, struct ry_facets_page *page, struct ry_error *err);

#endif

/* search_row.h: a clip as the search index has it, and how its row follows from the clip. Pure; any thread. */
#ifndef REELYARD_ACTORS_WRITER_SEARCH_ROW_H
#define REELYARD_ACTORS_WRITER_SEARCH_ROW_H

#include "actors/writer/search_words.h"
#include "runtime/base/arena.h"

enum search_orientation {
    SEARCH_ORIENTATION_UNKNOWN,
    SEARCH_LANDSCAPE,
    SEARCH_PORTRAIT,
    SEARCH_SQUARE,
};

struct search_row {
    struct ry_str clip_id;
    struct ry_str guild_id;
    struct ry_str channel_id;
    struct ry_str author_id;
    int64_t docid;
    int64_t duration_ms; /* 0: not known */
    int64_t bytes;
    int64_t orientation; /* enum search_orientation */
    struct ry_str text;  /* absent: the clip is not to be found */
};

/* Clips by time: the message's milliseconds since 1970 (0 if it is older) and the beginning of the clip's id. */
#define SEARCH_ID_BITS 21
int64_t search_docid(int64_t posted_wall_ms, struct ry_str clip_id);
static inline int64_t search_posted_wall_ms(int64_t docid)
{
    return docid >> SEARCH_ID_BITS;
}

/* Of "1920x1080". */
enum search_orientation search_orientation_of(struct ry_str resolution);
/* "landscape", "portrait" or "square"; all else is unknown. */
enum search_orientation search_orientation_named(struct ry_str name);

/* A duration in seconds as milliseconds; 0 for none, or one that is no length of a video. */
int64_t search_duration_ms(double duration_s);

/* The names by which an author is found, in one text. */
struct ry_str search_author(struct ry_str display_name, struct ry_str nickname, struct ry_str username,
                            struct ry_arena *arena);

/* The search text of the fields, in the arena; absent: no memory. */
struct ry_str search_row_text(const struct ry_str fields[SEARCH_FIELD_COUNT], struct ry_arena *arena);

#endif

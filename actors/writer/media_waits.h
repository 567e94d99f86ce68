/* media_waits.h: what both engines agree on about originals that are kept: waits, shared files, names. Pure. */
#ifndef REELYARD_ACTORS_WRITER_MEDIA_WAITS_H
#define REELYARD_ACTORS_WRITER_MEDIA_WAITS_H

#include <string.h>

#include "proto/message.h"

/* How much the clocks of a store and of a database may differ. */
#define MEDIA_CLOCKS_MS INT64_C(60000)

/* A file that is being deleted is kept again after this; and the reason that stands in the row until then. */
#define MEDIA_LEAVING_MS INT64_C(60000)
#define MEDIA_LEAVING    "an earlier copy of the same file is being deleted; it is kept again afterwards"

/* A store without room, or away, is tried again after this. */
#define MEDIA_AWAY_MS INT64_C(30000)

/* For how long it is remembered that a shared file was deleted: longer than any conversation about keeping one lasts. */
#define MEDIA_REMOVED_KEPT_MS (INT64_C(7) * 86400000)

/* Whether several clips may have the file of this path. */
static inline bool media_is_shared(struct ry_str path)
{
    return (path.n > 6 && memcmp(path.p, "media/", 6) == 0) || (path.n > 9 && memcmp(path.p, "playable/", 9) == 0);
}

/* The clip's id out of the name of its own file: what stands behind the last slash up to '_' or '.'. */
static inline struct ry_str media_clip_of(struct ry_str path)
{
    size_t begin = path.n;
    while (begin > 0 && path.p[begin - 1] != '/')
        begin--;
    size_t end = begin;
    while (end < path.n && path.p[end] != '_' && path.p[end] != '.')
        end++;
    return (struct ry_str){path.p + begin, end - begin};
}

/* Adds the clips of one keep_state; waiting: those of them that failed before. */
static inline void media_count_state(struct ry_keep_state *state, struct ry_str name, uint64_t clips, uint64_t waiting,
                                     uint64_t bytes_kept, uint64_t bytes)
{
    if (ry_str_is(name, "kept")) {
        state->kept = clips;
        state->bytes_kept = bytes_kept;
    } else if (ry_str_is(name, "wanted")) {
        state->wanted = clips;
        state->waiting = waiting;
        state->bytes_wanted = bytes;
    } else if (ry_str_is(name, "failed")) {
        state->failed = clips;
    } else if (ry_str_is(name, "gone")) {
        state->gone = clips;
    }
}

#endif

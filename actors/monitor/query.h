/* query.h: the query of a URL, parsed and checked. Pure functions.
 *
 * A page of clips is identified by where the previous one ended (a cursor), not by a number: new clips arrive at the
 * front all the time, and a cursor neither repeats nor skips clips. */
#ifndef REELYARD_ACTORS_MONITOR_QUERY_H
#define REELYARD_ACTORS_MONITOR_QUERY_H

#include "proto/message.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#define QUERY_LIMIT_DEFAULT 48
#define QUERY_LIMIT_MAX     200

/* Arguments as they came; absent strings where there were none. Borrowed. */
struct query_args {
    struct ry_str limit;
    struct ry_str before;
    struct ry_str guild;
    struct ry_str channel;
    struct ry_str status;
};

/* Checks the arguments and fills *get, whose strings borrow from them. RY_EINVAL with a sentence for the visitor. */
int query_read(const struct query_args *args, struct ry_gallery_get *get, struct ry_error *err);

/* Appends the cursor behind the page's last clip, to be passed on as it is. Rows that are damaged may have no place to
 * go on from: the cursor is then behind the last one that has, or nothing if none has. */
void query_cursor(const struct ry_gallery_page *page, struct ry_buf *out);

/* Whether path is one of a thumbnail as storage names them:
 * thumbnails/guild_{digits}/{32 hex digits}_{small|large}.webp */
bool query_is_thumbnail(struct ry_str path);

/* Whether a video's URL may be linked: http or https. */
bool query_is_web_url(struct ry_str url);

#endif

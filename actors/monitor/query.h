/* query.h: the query of a URL, parsed and checked. Pure functions.
 *
 * A page of clips is identified by where the previous one ended (a cursor), not by a number: new clips arrive at the
 * front all the time, and a cursor neither repeats nor skips clips. */
#ifndef REELYARD_ACTORS_MONITOR_QUERY_H
#define REELYARD_ACTORS_MONITOR_QUERY_H

#include "actors/monitor/links.h"
#include "proto/message.h"
#include "runtime/base/buf.h"
#include "runtime/base/error.h"

#define QUERY_LIMIT_DEFAULT    60
#define QUERY_LIMIT_MAX        200
#define QUERY_WORDS_MAX_BYTES  16384
#define QUERY_CURSOR_MAX_BYTES 200
/* Values of each kind in the lists of servers, channels and authors. */
#define QUERY_FACETS_MAX 40

/* Checks the arguments of a URL and fills *get, whose strings borrow from them. RY_EINVAL with a sentence for the
 * visitor. limit: of clips on the page; absent: QUERY_LIMIT_DEFAULT. */
int query_read(const struct links *links, struct ry_str limit, struct ry_gallery_get *get, struct ry_error *err);

/* The question how the clips that `get` asks for are spread. Strings borrow from get's. */
struct ry_facets_get query_facets(const struct ry_gallery_get *get);

/* Appends the cursor behind the page's last clip, to be passed on as it is. Rows that are damaged may have no place to
 * go on from: the cursor is then behind the last one that has, or nothing if none has. */
void query_cursor(const struct ry_gallery_page *page, struct ry_buf *out);

/* Whether path is one of a thumbnail, or of a storyboard, as storage names them (proto/store_name.h). */
bool query_is_thumbnail(struct ry_str path);
bool query_is_sheet(struct ry_str path);

/* Whether a video's URL may be linked: http or https. */
bool query_is_web_url(struct ry_str url);

#endif

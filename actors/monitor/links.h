/* links.h: the arguments of a URL of the page, kept from page to page. Pure functions.
 *
 * What narrows and orders the clips stands in the URL, so that a search can be kept, shared and gone back to. A link to
 * another page of the same search is a copy of the arguments with one of them changed. /api/clips takes the same. */
#ifndef REELYARD_ACTORS_MONITOR_LINKS_H
#define REELYARD_ACTORS_MONITOR_LINKS_H

#include "runtime/base/buf.h"

/* LINK(NAME, "name in the URL") */
#define LINKS(LINK) \
    LINK(QUERY, "q") \
    LINK(GUILD, "guild") \
    LINK(CHANNEL, "channel") \
    LINK(AUTHOR, "author") \
    LINK(STATUS, "status") \
    LINK(ORIENTATION, "orientation") \
    LINK(KEPT, "kept") \
    LINK(LONGER, "longer") \
    LINK(SHORTER, "shorter") \
    LINK(LARGER, "larger") \
    LINK(SMALLER, "smaller") \
    LINK(FROM, "from") \
    LINK(TO, "to") \
    LINK(SORT, "sort") \
    LINK(CURSOR, "cursor") \
    LINK(BACKWARDS, "backwards") \
    LINK(BEFORE, "before")

enum link_arg {
#define LINK(name, text) LINK_##name,
    LINKS(LINK)
#undef LINK
        LINK_COUNT
};

struct links {
    struct ry_str values[LINK_COUNT]; /* decoded; absent or empty: not in the URL. Borrowed */
};

/* The argument's name in a URL. */
const char *link_name(enum link_arg arg);

/* Whether it is the place in the list: which page of the clips, not which clips. */
bool link_is_place(enum link_arg arg);

/* The same arguments with one of them set; to nothing: without it. The place in the list is left out, because another
 * list begins at its start. */
struct links link_with(const struct links *links, enum link_arg arg, struct ry_str value);

/* The same list at another place: where a cursor leads, and in which direction. Absent: its start. */
struct links link_at(const struct links *links, struct ry_str cursor, bool backwards);

/* Appends path and arguments as a URL: percent-encoded, but not escaped for HTML. */
void link_add(const char *path, const struct links *links, struct ry_buf *out);

/* Appends the arguments as hidden fields of a form, HTML, without the place and those whose bit is in `except`. */
void link_hidden(const struct links *links, unsigned except, struct ry_buf *out);

/* Whether anything narrows the clips, and whether the place is not their start. */
bool link_narrows(const struct links *links);
bool link_has_place(const struct links *links);

#endif

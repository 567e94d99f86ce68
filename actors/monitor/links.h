/* links.h: the arguments of a URL of the page, kept from page to page. Pure functions.
 *
 * What narrows and orders the clips stands in the URL, so that a search can be kept, shared and gone back to. A link to
 * another page of the same search is a copy of the arguments with one of them changed. */
#ifndef REELYARD_ACTORS_MONITOR_LINKS_H
#define REELYARD_ACTORS_MONITOR_LINKS_H

#include "runtime/base/buf.h"

enum link_arg { LINK_GUILD, LINK_CHANNEL, LINK_STATUS, LINK_BEFORE, LINK_COUNT };

struct links {
    struct ry_str values[LINK_COUNT]; /* decoded; absent or empty: not in the URL. Borrowed */
};

/* The argument's name in a URL. */
const char *link_name(enum link_arg arg);

/* The same arguments with one of them set; to nothing: without it. The place in the list is left out, because another
 * list begins at its start, unless it is what is set. */
struct links link_with(const struct links *links, enum link_arg arg, struct ry_str value);

/* Appends path and arguments as a URL: percent-encoded, but not escaped for HTML. */
void link_add(const char *path, const struct links *links, struct ry_buf *out);

/* Appends the arguments as hidden fields of a form, HTML, without those whose bit is in `except`. */
void link_hidden(const struct links *links, unsigned except, struct ry_buf *out);

/* Whether anything narrows the clips. */
bool link_narrows(const struct links *links);

#endif

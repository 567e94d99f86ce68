/* gallery.h: the page of clips: a grid with filters, rendered on the server. */
#ifndef REELYARD_ACTORS_MONITOR_GALLERY_H
#define REELYARD_ACTORS_MONITOR_GALLERY_H

#include "actors/monitor/answers.h"
#include "actors/monitor/links.h"
#include "runtime/base/buf.h"

/* What an empty archive's page tells of filling it. */
struct gallery_advice {
    const char *data; /* the node's data folder, as its commands take it */
    bool servers;     /* its jobs come from a bot, and an import is not the way */
    bool private;     /* only those who may look are here: they are told where files lie */
};

/* The page of clips for the arguments of a URL. answers->gallery must have come without an error; the archive's figures
 * are shown if they came. */
void gallery_render(const struct links *links, const struct answers *answers, const struct gallery_advice *advice,
                    struct ry_buf *out);

/* Clips that have failed, for a page's menu; 0: not known. */
uint64_t gallery_failures(const struct answers *answers);

#endif

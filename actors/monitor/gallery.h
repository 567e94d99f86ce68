/* gallery.h: the web page, rendered on the server: no script, one style sheet. */
#ifndef REELYARD_ACTORS_MONITOR_GALLERY_H
#define REELYARD_ACTORS_MONITOR_GALLERY_H

#include "actors/monitor/answers.h"
#include "runtime/base/buf.h"

/* What an empty archive's page tells of filling it. */
struct gallery_advice {
    const char *data; /* the node's data folder, as its commands take it */
    bool servers;     /* its jobs come from a bot, and an import is not the way */
};

/* The page of clips that `get` asked for. answers->gallery must have come without an error; the archive's figures are
 * shown if they came. */
void gallery_render(const struct ry_gallery_get *get, const struct answers *answers,
                    const struct gallery_advice *advice, struct ry_buf *out);

/* A page with one notice. Both texts are escaped. */
void gallery_notice(const char *title, const char *text, struct ry_buf *out);

#endif

/* clip_page.h: the page of one clip: a player, the message, facts, and what can be done with it. */
#ifndef REELYARD_ACTORS_MONITOR_CLIP_PAGE_H
#define REELYARD_ACTORS_MONITOR_CLIP_PAGE_H

#include "actors/monitor/answers.h"
#include "actors/monitor/gallery.h"
#include "actors/monitor/links.h"
#include "runtime/base/buf.h"

/* The page of answers->gallery's only clip. links: the search it was found by. token: for changes. */
void clip_page_render(const struct links *links, const struct answers *answers, const struct gallery_advice *advice,
                      struct ry_str token, struct ry_buf *out);

#endif

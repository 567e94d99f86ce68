/* filters.h: what narrows the clips: the form, the lists of servers, channels and authors, and what is in force. */
#ifndef REELYARD_ACTORS_MONITOR_FILTERS_H
#define REELYARD_ACTORS_MONITOR_FILTERS_H

#include "actors/monitor/links.h"
#include "proto/message.h"

/* Appends the form and the lists, HTML. facets: NULL, or with an error: without lists and numbers. */
void filters_add(const struct links *links, const struct ry_facets_page *facets, struct ry_buf *out);

/* Appends the filters in force, each as a link that lifts it; names come from the facets or the clips found. */
void filters_add_chips(const struct links *links, const struct ry_facets_page *facets,
                       const struct ry_gallery_page *page, struct ry_buf *out);

#endif

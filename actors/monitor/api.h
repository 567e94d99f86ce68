/* api.h: the answers as JSON. */
#ifndef REELYARD_ACTORS_MONITOR_API_H
#define REELYARD_ACTORS_MONITOR_API_H

#include "actors/monitor/answers.h"
#include "runtime/base/buf.h"

/* {"node": {...}, "queue": {...}, "archive": {...}}: the messages' fields by their names in proto/messages.def; a part
 * that did not answer is {"error": "why"}. Counters by name. */
void api_status(const struct answers *answers, struct ry_buf *out);

/* {"clips": [...], "next": "cursor" or null}. A clip has gallery_clip's fields, posted_at (ISO 8601) and message_url;
 * url is null for a file of this machine. */
void api_clips(const struct ry_gallery_page *page, struct ry_buf *out);

/* {"ready": bool, "reasons": ["..."]}; returns whether it is ready. */
bool api_ready(const struct answers *answers, bool draining, struct ry_buf *out);

/* {"error": "why"} */
void api_error(const char *why, struct ry_buf *out);

#endif

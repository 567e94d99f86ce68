/* failures.h: the page of clips that failed, grouped by reason. */
#ifndef REELYARD_ACTORS_MONITOR_FAILURES_H
#define REELYARD_ACTORS_MONITOR_FAILURES_H

#include "actors/monitor/answers.h"
#include "actors/monitor/gallery.h"
#include "runtime/base/buf.h"

/* Clips of each reason on the page of all reasons, clips on it at all, and on a page of one reason. */
#define FAILURES_EACH 5
#define FAILURES_ALL  500
#define FAILURES_PAGE 200

/* The page that `get` asked for. answers->failed must have come without an error. token: for changes. */
void failures_render(const struct ry_failed_get *get, const struct answers *answers,
                     const struct gallery_advice *advice, struct ry_str token, struct ry_buf *out);

#endif

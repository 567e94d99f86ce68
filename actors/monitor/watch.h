/* watch.h: /watch/CLIP: a clip's video, wherever it lies.
 *
 * One owner, one thread. */
#ifndef REELYARD_ACTORS_MONITOR_WATCH_H
#define REELYARD_ACTORS_MONITOR_WATCH_H

#include "actors/monitor/http.h"
#include "runtime/actor/actor.h"

struct watch;

/* RY_ENOMEM, RY_ECONFIG. */
int watch_open(struct watch **watch, struct ry_ctx *ctx, struct ry_error *err);
/* The instance closes: nothing is said any more. Before the HTTP server closes; watch_close is called behind it. */
void watch_stop(struct watch *watch);
void watch_close(struct watch **watch);

/* Answers a request for a clip's video, at once or later; what the exchange's data is, is its own from then on. clip: as
 * the writer tells of it; copied. */
void watch_begin(struct watch *watch, struct http_exchange *exchange, const struct ry_gallery_clip *clip);

/* An exchange that it has is over. False: it has not. */
bool watch_ended(struct watch *watch, void *data);

/* Takes an ANSWER, or what became of a message of its. False: it is not its. */
bool watch_answer(struct watch *watch, const struct ry_mail *mail);
bool watch_lost(struct watch *watch, const struct ry_undeliverable *lost);

/* Keeps deadlines; http_run follows. */
void watch_tick(struct watch *watch);
/* When that must be done next, a monotonic time; INT64_MAX: no need. */
int64_t watch_due(const struct watch *watch);

/* The node is stopping: viewers are cut off, and their players ask again for the rest. */
void watch_drain(struct watch *watch);

#endif

/* refresher.h: has the signed URLs of claimed clips renewed that have expired, before they are tried.
 *
 * One conversation with the scanner at a time, for up to 50 clips; those that come meanwhile wait for the next. Every
 * clip that was taken comes back through on_end exactly once. */
#ifndef REELYARD_ACTORS_SCHEDULER_REFRESHER_H
#define REELYARD_ACTORS_SCHEDULER_REFRESHER_H

#include <sys/queue.h>

#include "runtime/actor/actor.h"
#include "runtime/base/arena.h"

/* A clip that waits for its fresh URL. Its strings are its own. */
struct refreshing {
    TAILQ_ENTRY(refreshing) link;
    struct ry_arena arena;
    struct ry_clip_work work;
};
TAILQ_HEAD(refreshing_list, refreshing);

/* What became of a clip. failure: why it has no fresh URL; absent: work->url is it. class: permanent when it was
 * deleted. */
typedef void refresher_on_end(void *arg, struct ry_ctx *ctx, const struct ry_clip_work *work, struct ry_str failure,
                              enum ry_failure_class class);

struct refresher {
    struct refreshing_list waiting;
    struct refreshing_list asked; /* in the order of the question */
    uint64_t asking;              /* id of the urls_refresh under way; 0: none */
    uint64_t storing;             /* id of the last urls_store */
    refresher_on_end *on_end;
    void *arg;
};

void refresher_open(struct refresher *refresher, refresher_on_end *on_end, void *arg);

/* Frees what waits; on_end is not called. */
void refresher_close(struct refresher *refresher);

/* Whether the clip's URL is signed and its time is over, or is within a minute. */
bool refresher_wants(const struct ry_clip_work *work, int64_t now_wall_ms);

/* Takes a clip (copied). RY_ENOMEM: it did not. */
int refresher_take(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_clip_work *work);

/* How many clips it has. */
size_t refresher_clip_count(const struct refresher *refresher);

/* Lists the ids of the clips that it has; ids has room for all. Returns how many; they live until the next call. */
size_t refresher_clip_ids(const struct refresher *refresher, struct ry_str *ids);

/* urls_refreshed or urls_stored; others' answers are passed over. */
void refresher_answer(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_mail *mail);

/* Whether the lost mail was the refresher's. */
bool refresher_lost(struct refresher *refresher, struct ry_ctx *ctx, const struct ry_undeliverable *lost);

#endif

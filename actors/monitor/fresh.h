/* fresh.h: fresh URLs of videos that lie at Discord, whose signed URLs end after a day.
 *
 * A clip is asked about once, however many viewers wait for it; what was learned is remembered until the URL ends, and
 * recorded in the clip's row by the writer. One owner, one thread. */
#ifndef REELYARD_ACTORS_MONITOR_FRESH_H
#define REELYARD_ACTORS_MONITOR_FRESH_H

#include <sys/queue.h>

#include "runtime/actor/actor.h"

/* A URL that ends this soon may end before a player has begun. */
#define FRESH_EARLY_MS 60000
/* Clips that are remembered; of more, the one that was learned longest ago is forgotten. */
#define FRESH_KNOWN_MAX 256
/* Clips that wait to be asked about. */
#define FRESH_WAITING_MAX 200

struct fresh_clip {
    TAILQ_ENTRY(fresh_clip) link;
    char clip_id[33];
    char channel_id[21];
    char message_id[21];
    char *url;   /* as it stands in the row */
    bool verify; /* whether the file is still there, too */
};

/* What was learned. */
struct fresh_known {
    char clip_id[33]; /* "": a free place */
    char *url;        /* NULL: there is none */
    int64_t expires_wall_ms;
    int64_t learned_mono_ms;
    bool verified;
    bool gone; /* from Discord, for good */
    char why[200];
};

/* A clip that was asked about: known->url NULL: there is no fresh URL, for the reason why. */
typedef void fresh_on_end(void *arg, const struct fresh_known *known);

struct fresh {
    struct ry_ctx *ctx;
    fresh_on_end *on_end;
    void *arg;
    struct fresh_known known[FRESH_KNOWN_MAX];
    TAILQ_HEAD(fresh_list, fresh_clip) waiting, asked;
    size_t waiting_n;
    uint64_t asking; /* id of the urls_refresh; 0: none */
    uint64_t storing;
};

void fresh_open(struct fresh *fresh, struct ry_ctx *ctx, fresh_on_end *on_end, void *arg);
void fresh_close(struct fresh *fresh);

/* Whether a clip's URL must be refreshed before a viewer is sent to it: one that Discord has signed, and that ends. */
bool fresh_is_needed(struct ry_str url, int64_t expires_wall_ms, int64_t now_wall_ms);

/* What is known of a clip and holds: a URL that does not end yet, or that it was gone ten minutes ago; with verify, only
 * what was verified within the last minute. NULL: nothing. Valid until the next call. */
const struct fresh_known *fresh_find(struct fresh *fresh, struct ry_str clip_id, bool verify);

/* Asks about a clip, unless that is under way; on_end is called once. RY_EINVAL: Discord cannot be asked about it;
 * RY_ELIMIT: too many wait; RY_ENOMEM. */
int fresh_ask(struct fresh *fresh, const struct ry_gallery_clip *clip, bool verify, struct ry_error *err);

/* Takes an ANSWER, or what became of a message. False: it is not about this. */
bool fresh_answer(struct fresh *fresh, const struct ry_mail *mail);
bool fresh_lost(struct fresh *fresh, const struct ry_undeliverable *lost);

#endif

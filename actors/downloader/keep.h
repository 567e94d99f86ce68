/* keep.h: one original on its way from media_keep into the store.
 *
 * Belongs to its world (one per downloader instance), lives from keep_begin until it ends itself, and holds the
 * media_keep that it was made from. */
#ifndef REELYARD_ACTORS_DOWNLOADER_KEEP_H
#define REELYARD_ACTORS_DOWNLOADER_KEEP_H

#include "actors/downloader/source.h"

#define KEEP_TIMER 1 /* of the instance: paused ones go on */

struct keep;

/* What the originals of one instance share. */
struct keep_world {
    struct ry_ctx *ctx;
    struct source_world *sources;
    struct keep *keeps;   /* in the works, a handful */
    int64_t fetch_ms_max; /* one range may take so long */
};

/* Takes a media_keep (keeps the mail) and begins. */
void keep_begin(struct keep_world *world, struct ry_mail *mail);

/* media_begun, media_written, media_committed, media_copied or undeliverable. False: it answers no original's question,
 * or one of the past. */
bool keeps_answer(struct keep_world *world, const struct ry_mail *mail);

/* KEEP_TIMER is due. */
void keeps_on_timer(struct keep_world *world);

/* The instance drains: all are given back but those whose file is being committed. */
void keeps_drain(struct keep_world *world);

/* Frees all without a word. */
void keeps_free(struct keep_world *world);

#endif

/* putting.h: images of clips on their way into the store, in groups. Part of storage.c.
 *
 * Mails are gathered as long as they come one close upon the other; then all in hand are put together, in a worker's
 * thread, and each is told to the writer, tried again later, or fails, alone. */
#ifndef REELYARD_ACTORS_STORAGE_PUTTING_H
#define REELYARD_ACTORS_STORAGE_PUTTING_H

#include "actors/storage/store.h"
#include "actors/storage/webp_size.h"
#include "actors/storage/workers.h"
#include "runtime/actor/actor.h"

#define PUTTING_CLIPS_MAX  64 /* mails in hand */
#define PUTTING_GROUPS_MAX 6  /* on the way at a time */

struct putting_options {
    struct workers *workers; /* borrowed */
    size_t groups;           /* on the way at a time, 1..PUTTING_GROUPS_MAX */
    size_t group_full;       /* so many clips are not kept waiting for more; 1: none is */
    struct webp_size small;  /* the boxes that images are made for */
    struct webp_size large;
    unsigned timer; /* of the actor, for this */
    /* Hears of each outcome of the store. */
    void (*on_outcome)(void *arg, struct ry_ctx *ctx, int rc, const struct ry_error *err);
    void *arg;
};

struct putting;

/* RY_ENOMEM. */
int putting_open(struct putting **putting, const struct putting_options *options, struct ry_error *err);

/* Takes a thumbnail_store or a sheet_store. */
void putting_receive(struct putting *self, struct ry_ctx *ctx, struct ry_mail *mail);

/* The timer is due. */
void putting_tick(struct putting *self, struct ry_ctx *ctx);

/* Whether a piece of work that was taken from the workers was a group of this; its clips have then come to an end. */
bool putting_done(struct putting *self, struct ry_ctx *ctx, struct work *work);

/* Puts what is in hand at once. True: nothing is on the way; what waits for a store is the router's again. */
bool putting_drain(struct putting *self, struct ry_ctx *ctx);

/* How many clips wait for the store to take them. */
size_t putting_waiting(const struct putting *self);

/* The workers must be closed. *putting may be NULL. */
void putting_close(struct putting **putting);

#endif

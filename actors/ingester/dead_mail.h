/* dead_mail.h: the router's dead letters, on their way into the queue's store.
 *
 * A mail that the queue cannot take now is kept and offered again; the router holds it until then. */
#ifndef REELYARD_ACTORS_INGESTER_DEAD_MAIL_H
#define REELYARD_ACTORS_INGESTER_DEAD_MAIL_H

#include "actors/ingester/ingester_internal.h"

/* Stores a mail_dead, or keeps the mail until the queue is well. */
void dead_mail_receive(struct ingester *self, struct ry_ctx *ctx, struct ry_mail *mail);
/* Stores those that are kept, until the queue refuses one. */
void dead_mail_retry(struct ingester *self, struct ry_ctx *ctx);

#endif

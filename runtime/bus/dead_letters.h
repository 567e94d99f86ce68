/* dead_letters.h: mails that failed for good; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_DEAD_LETTERS_H
#define REELYARD_RUNTIME_BUS_DEAD_LETTERS_H

#include "runtime/bus/router_internal.h"

/* After this, a letter that could not be stored, or that found no memory, is offered again. */
#define DEAD_RETRY_MS 1000

/* The mail, in nobody's hands now, has failed for good: only whom it concerns is told; frees it. */
void dead_letter_fail(struct ry_router *router, struct mail *mail, const char *reason);
/* The mail, in nobody's hands now, is dead: a letter to the ingester, a word to whom it concerns; frees it. */
void dead_letter_bury(struct ry_router *router, struct mail *mail, const char *reason);
/* Moves dead letters into the ingester's mailbox while it has room; the time when to look again. */
int64_t dead_letter_move(struct ry_router *router);
/* A dead letter that the ingester gave back, to be offered again after DEAD_RETRY_MS. */
void dead_letter_keep(struct ry_router *router, struct mail *mail);
/* A console has a dead letter given out again: as a new mail of the router's own. */
void dead_letter_replay(struct ry_router *router, const struct attached_instance *from,
                        const struct ry_mail_replay *message, uint64_t correlation);

#endif

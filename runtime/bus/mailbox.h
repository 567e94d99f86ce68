/* mailbox.h: the mailbox of a role; only for the files of the router. No lock: all of it belongs to the router's
 * thread.
 */
#ifndef REELYARD_RUNTIME_BUS_MAILBOX_H
#define REELYARD_RUNTIME_BUS_MAILBOX_H

#include "runtime/bus/mail.h"

#define MAILBOX_BUCKETS 256

TAILQ_HEAD(tenant_queues, tenant_queue);
struct tenant_queue {
    uint64_t tenant;
    unsigned priority;
    struct mail_list mails;
    TAILQ_ENTRY(tenant_queue) turn;
    struct tenant_queue *chain; /* in the buckets, or on the free list */
};

struct mailbox {
    size_t n;
    size_t bytes;
    size_t returned; /* of n; they may stand above the limit */
    struct tenant_queues turns[RY_PRIORITY_COUNT];
    struct mail_list by_age;
    struct tenant_queue *buckets[MAILBOX_BUCKETS];
    struct tenant_queue *free_queues;
};

void mailbox_init(struct mailbox *mailbox);
/* Frees the mails that wait in it. */
void mailbox_free(struct mailbox *mailbox, struct mail_pool *pool);
/* Puts a mail at the end of its tenant's queue, or, returned, at the front of all of its priority. RY_ENOMEM. */
int mailbox_put(struct mailbox *mailbox, struct mail *mail, bool front);
/* The mail whose turn it is, or NULL; it stays. */
struct mail *mailbox_first(const struct mailbox *mailbox);
/* Takes a mail out; if it was its tenant's turn, the turn passes on. */
void mailbox_remove(struct mailbox *mailbox, struct mail *mail);

#endif

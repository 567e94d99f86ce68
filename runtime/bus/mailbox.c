/* mailbox.c: the mailbox of a role; see mailbox.h.
 *
 * Orders by priority, and within one serves the tenants in turn: a queue exists per tenant that has mail, made when its
 * first mail comes and put back on a free list when its last one leaves, so that a mailbox costs what waits in it.
 * Nothing here knows limits, custody or instances; the router does. A crash of the node loses what waits here; leases
 * and rows bring it back. */
#include "runtime/bus/mailbox.h"

#include <stdlib.h>

#include "runtime/base/assert.h"

void mailbox_init(struct mailbox *mailbox)
{
    memset(mailbox, 0, sizeof *mailbox);
    for (size_t i = 0; i < RY_PRIORITY_COUNT; i++)
        TAILQ_INIT(&mailbox->turns[i]);
    TAILQ_INIT(&mailbox->by_age);
}

void mailbox_free(struct mailbox *mailbox, struct mail_pool *pool)
{
    struct mail *mail;
    while ((mail = TAILQ_FIRST(&mailbox->by_age)) != NULL) {
        mailbox_remove(mailbox, mail);
        mail_free(pool, mail);
    }
    while (mailbox->free_queues) {
        struct tenant_queue *next = mailbox->free_queues->chain;
        free(mailbox->free_queues);
        mailbox->free_queues = next;
    }
}

static struct tenant_queue **queue_bucket(struct mailbox *mailbox, uint64_t tenant, unsigned priority)
{
    return &mailbox->buckets[mail_hash(tenant * RY_PRIORITY_COUNT + priority) % MAILBOX_BUCKETS];
}

/* The queue of a tenant at a priority, made if there is none; NULL without memory. */
static struct tenant_queue *queue_of(struct mailbox *mailbox, uint64_t tenant, unsigned priority)
{
    struct tenant_queue **bucket = queue_bucket(mailbox, tenant, priority);
    for (struct tenant_queue *queue = *bucket; queue; queue = queue->chain)
        if (queue->tenant == tenant && queue->priority == priority)
            return queue;
    struct tenant_queue *queue = mailbox->free_queues;
    if (queue)
        mailbox->free_queues = queue->chain;
    else if ((queue = malloc(sizeof *queue)) == NULL)
        return NULL;
    *queue = (struct tenant_queue){.tenant = tenant, .priority = priority, .chain = *bucket};
    TAILQ_INIT(&queue->mails);
    *bucket = queue;
    TAILQ_INSERT_TAIL(&mailbox->turns[priority], queue, turn);
    return queue;
}

static void queue_end(struct mailbox *mailbox, struct tenant_queue *queue)
{
    struct tenant_queue **at = queue_bucket(mailbox, queue->tenant, queue->priority);
    while (*at != queue)
        at = &(*at)->chain;
    *at = queue->chain;
    TAILQ_REMOVE(&mailbox->turns[queue->priority], queue, turn);
    queue->chain = mailbox->free_queues;
    mailbox->free_queues = queue;
}

int mailbox_put(struct mailbox *mailbox, struct mail *mail, bool front)
{
    unsigned priority = mail->head.priority;
    RY_ASSERT(mail->queue == NULL && priority < RY_PRIORITY_COUNT, "priority %u", priority);
    struct tenant_queue *queue = queue_of(mailbox, mail->head.tenant, priority);
    if (queue == NULL)
        return RY_ENOMEM;
    mail->queue = queue;
    if (front) {
        TAILQ_INSERT_HEAD(&queue->mails, mail, link);
        TAILQ_REMOVE(&mailbox->turns[priority], queue, turn);
        TAILQ_INSERT_HEAD(&mailbox->turns[priority], queue, turn);
        TAILQ_INSERT_HEAD(&mailbox->by_age, mail, age);
    } else {
        TAILQ_INSERT_TAIL(&queue->mails, mail, link);
        TAILQ_INSERT_TAIL(&mailbox->by_age, mail, age);
    }
    mailbox->n++;
    mailbox->bytes += mail->cost_bytes;
    mailbox->returned += mail->returned;
    return RY_OK;
}

struct mail *mailbox_first(const struct mailbox *mailbox)
{
    for (size_t i = 0; i < RY_PRIORITY_COUNT; i++) {
        const struct tenant_queue *queue = TAILQ_FIRST(&mailbox->turns[i]);
        if (queue)
            return TAILQ_FIRST(&queue->mails);
    }
    return NULL;
}

void mailbox_remove(struct mailbox *mailbox, struct mail *mail)
{
    struct tenant_queue *queue = mail->queue;
    RY_ASSERT(queue != NULL && mailbox->bytes >= mail->cost_bytes, "%zu mails of %zu bytes", mailbox->n,
              mailbox->bytes);
    struct tenant_queues *turns = &mailbox->turns[queue->priority];
    TAILQ_REMOVE(&queue->mails, mail, link);
    TAILQ_REMOVE(&mailbox->by_age, mail, age);
    mail->queue = NULL;
    mailbox->n--;
    mailbox->bytes -= mail->cost_bytes;
    mailbox->returned -= mail->returned;
    if (TAILQ_EMPTY(&queue->mails)) {
        queue_end(mailbox, queue);
    } else if (TAILQ_FIRST(turns) == queue) {
        TAILQ_REMOVE(turns, queue, turn);
        TAILQ_INSERT_TAIL(turns, queue, turn);
    }
}

/* mailbox.c: mails, the mailbox of a role, and the index of all mails by id.
 *
 * Owns the memory of every mail in the router. A mailbox orders by priority, and within one serves the tenants in turn:
 * a queue exists per tenant that has mail, made when its first mail comes and put back on a free list when its last one
 * leaves, so that a mailbox costs what waits in it. Mails are recycled with room for a usual envelope inside, so that
 * the common mail needs no allocation.
 *
 * Nothing here knows limits, custody or instances; the router does. A crash of the node loses what waits here; leases
 * and rows bring it back. */
#include "runtime/bus/mailbox.h"

#include <stdlib.h>

#define FREE_MAILS_MAX      8192
#define INDEX_FIRST_BUCKETS ((size_t)1024)

/* ---- mails ------------------------------------------------------------------------------------------------------- */

static struct mail *mail_alloc(struct mail_pool *pool)
{
    struct mail *mail = pool->free;
    if (mail) {
        pool->free = mail->chain;
        pool->free_count--;
    } else {
        mail = malloc(sizeof *mail);
    }
    return mail;
}

struct mail *mail_new(struct mail_pool *pool, struct ry_str bytes, const struct ry_envelope *head,
                      struct ry_frame *const *frames, size_t frame_count)
{
    struct mail *mail = mail_alloc(pool);
    if (mail == NULL)
        return NULL;
    memset(mail, 0, offsetof(struct mail, inline_frames));
    mail->bytes = bytes.n <= MAIL_INLINE_BYTES ? mail->inline_bytes : malloc(bytes.n);
    mail->frames = frame_count <= MAIL_INLINE_FRAMES ? mail->inline_frames : malloc(frame_count * sizeof *mail->frames);
    if (mail->bytes == NULL || mail->frames == NULL) {
        mail_free(pool, mail);
        return NULL;
    }
    memcpy(mail->bytes, bytes.p, bytes.n);
    mail->n = bytes.n;
    mail->head = *head;
    mail->head.body.p = mail->bytes + (head->body.p - bytes.p);
    mail->cost_bytes = bytes.n;
    for (size_t i = 0; i < frame_count; i++) {
        mail->frames[i] = ry_frame_ref(frames[i]);
        mail->cost_bytes += ry_frame_size(frames[i]);
    }
    mail->frame_count = frame_count;
    return mail;
}

void mail_free(struct mail_pool *pool, struct mail *mail)
{
    for (size_t i = 0; i < mail->frame_count; i++)
        ry_frame_unref(mail->frames[i]);
    if (mail->frames != mail->inline_frames)
        free(mail->frames);
    if (mail->bytes != mail->inline_bytes)
        free(mail->bytes);
    if (pool->free_count >= FREE_MAILS_MAX) {
        free(mail);
        return;
    }
    mail->chain = pool->free;
    pool->free = mail;
    pool->free_count++;
}

void mail_pool_free(struct mail_pool *pool)
{
    while (pool->free) {
        struct mail *next = pool->free->chain;
        free(pool->free);
        pool->free = next;
    }
    pool->free_count = 0;
}

int mail_set_attempt(struct mail *mail, unsigned attempt)
{
    RY_BUF_AUTO packed = ry_buf_make(RY_ENVELOPE_MAX_BYTES + 64);
    uint16_t before = mail->head.attempt;
    mail->head.attempt = (uint16_t)(attempt > UINT16_MAX ? UINT16_MAX : attempt);
    if (ry_envelope_pack(&mail->head, &packed) != RY_OK) {
        mail->head.attempt = before;
        return RY_ENOMEM;
    }
    char *bytes = packed.n <= MAIL_INLINE_BYTES ? mail->inline_bytes : malloc(packed.n);
    if (bytes == NULL) {
        mail->head.attempt = before;
        return RY_ENOMEM;
    }
    memcpy(bytes, packed.p, packed.n);
    if (mail->bytes != mail->inline_bytes)
        free(mail->bytes);
    mail->bytes = bytes;
    mail->n = packed.n;
    /* The body is the envelope's last element. */
    mail->head.body.p = bytes + packed.n - mail->head.body.n;
    return RY_OK;
}

/* ---- index ------------------------------------------------------------------------------------------------------- */

static size_t hash_u64(uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

int mail_index_init(struct mail_index *index)
{
    *index = (struct mail_index){.mask = INDEX_FIRST_BUCKETS - 1};
    index->buckets = calloc(INDEX_FIRST_BUCKETS, sizeof *index->buckets);
    return index->buckets ? RY_OK : RY_ENOMEM;
}

void mail_index_free(struct mail_index *index)
{
    free(index->buckets);
    *index = (struct mail_index){0};
}

struct mail *mail_index_find(const struct mail_index *index, uint64_t id)
{
    struct mail *mail = index->buckets[hash_u64(id) & index->mask];
    while (mail && mail->head.id != id)
        mail = mail->chain;
    return mail;
}

/* Twice the buckets; without memory the chains just grow. */
static void mail_index_grow(struct mail_index *index)
{
    size_t size = (index->mask + 1) * 2;
    struct mail **buckets = calloc(size, sizeof *buckets);
    if (buckets == NULL)
        return;
    for (size_t i = 0; i <= index->mask; i++) {
        struct mail *mail = index->buckets[i];
        while (mail) {
            struct mail *next = mail->chain;
            struct mail **bucket = &buckets[hash_u64(mail->head.id) & (size - 1)];
            mail->chain = *bucket;
            *bucket = mail;
            mail = next;
        }
    }
    free(index->buckets);
    index->buckets = buckets;
    index->mask = size - 1;
}

void mail_index_add(struct mail_index *index, struct mail *mail)
{
    if (index->n > index->mask)
        mail_index_grow(index);
    struct mail **bucket = &index->buckets[hash_u64(mail->head.id) & index->mask];
    mail->chain = *bucket;
    *bucket = mail;
    index->n++;
}

void mail_index_remove(struct mail_index *index, struct mail *mail)
{
    struct mail **at = &index->buckets[hash_u64(mail->head.id) & index->mask];
    while (*at && *at != mail)
        at = &(*at)->chain;
    if (*at == NULL)
        return;
    *at = mail->chain;
    index->n--;
}

size_t mail_index_count(const struct mail_index *index, uint64_t correlation)
{
    size_t n = 0;
    for (size_t i = 0; i <= index->mask; i++)
        for (const struct mail *mail = index->buckets[i]; mail != NULL; mail = mail->chain)
            n += mail->head.correlation == correlation;
    return n;
}

/* ---- mailbox ----------------------------------------------------------------------------------------------------- */

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
    return &mailbox->buckets[hash_u64(tenant * RY_PRIORITY_COUNT + priority) % MAILBOX_BUCKETS];
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

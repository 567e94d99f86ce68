/* mail_index.c: all mails that wait or are held, by id; see mail_index.h. Owns the buckets, not the mails. */
#include "runtime/bus/mail_index.h"

#include <stdlib.h>

#include "runtime/base/assert.h"

#define FIRST_BUCKETS ((size_t)1024)

int mail_index_init(struct mail_index *index)
{
    *index = (struct mail_index){.mask = FIRST_BUCKETS - 1};
    index->buckets = calloc(FIRST_BUCKETS, sizeof *index->buckets);
    return index->buckets ? RY_OK : RY_ENOMEM;
}

void mail_index_free(struct mail_index *index)
{
    free(index->buckets);
    *index = (struct mail_index){0};
}

struct mail *mail_index_find(const struct mail_index *index, uint64_t id)
{
    struct mail *mail = index->buckets[mail_hash(id) & index->mask];
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
            struct mail **bucket = &buckets[mail_hash(mail->head.id) & (size - 1)];
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
    struct mail **bucket = &index->buckets[mail_hash(mail->head.id) & index->mask];
    mail->chain = *bucket;
    *bucket = mail;
    index->n++;
}

void mail_index_remove(struct mail_index *index, struct mail *mail)
{
    struct mail **at = &index->buckets[mail_hash(mail->head.id) & index->mask];
    while (*at && *at != mail)
        at = &(*at)->chain;
    RY_ASSERT(*at != NULL, "%zu mails", index->n);
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

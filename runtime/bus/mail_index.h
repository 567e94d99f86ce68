/* mail_index.h: all mails that wait or are held, by id; only for the files of the router. */
#ifndef REELYARD_RUNTIME_BUS_MAIL_INDEX_H
#define REELYARD_RUNTIME_BUS_MAIL_INDEX_H

#include "runtime/bus/mail.h"

struct mail_index {
    struct mail **buckets;
    size_t mask;
    size_t n;
};
int mail_index_init(struct mail_index *index);
void mail_index_free(struct mail_index *index);
struct mail *mail_index_find(const struct mail_index *index, uint64_t id);
void mail_index_add(struct mail_index *index, struct mail *mail);
void mail_index_remove(struct mail_index *index, struct mail *mail);
/* How many have this correlation; looks at all of them. */
size_t mail_index_count(const struct mail_index *index, uint64_t correlation);

#endif

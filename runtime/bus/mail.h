/* mail.h: mails in the router's hands; only for the files of the router. No lock: all of it belongs to the router's
 * thread. */
#ifndef REELYARD_RUNTIME_BUS_MAIL_H
#define REELYARD_RUNTIME_BUS_MAIL_H

#include <sys/queue.h>

#include "proto/codec.h"
#include "proto/envelope.h"

#define MAIL_INLINE_BYTES  384
#define MAIL_INLINE_FRAMES 2
/* Messages of limited number that may follow from one mail; a test of the declarations says that there are no more. */
#define MAIL_SAID_KINDS 2

struct tenant_queue;
struct attached_instance;

/* A mail in the router's hands: it waits in a mailbox (queue), is held by an instance (holder), or is a dead letter on
 * its way to the ingester (neither). */
#define MAIL_MAGIC 0x6d61696cu
struct mail {
    unsigned magic;          /* MAIL_MAGIC until it is freed */
    struct ry_envelope head; /* body points into bytes */
    const struct ry_descriptor *descriptor;
    enum ry_role role;
    enum ry_role from; /* the sender's role, or the router */
    unsigned attempt;  /* hand-outs so far */
    bool covered;      /* took a place that was its sender's own */
    bool returned;     /* came back from an instance; its place had been given to others */
    bool answered;     /* since it was handed out */
    struct mail_said {
        uint16_t tag; /* RY_TAG_NONE: free */
        uint16_t n;
    } said[MAIL_SAID_KINDS]; /* what its holder said of it and is counted (authority.c) */
    int64_t given_mono_ms;   /* when it was handed out last */
    char *bytes;
    size_t n;
    struct ry_frame **frames;
    size_t frame_count;
    size_t cost_bytes; /* envelope and frames */
    int64_t since_mono_ms;
    int64_t not_before_mono_ms; /* of a dead letter that the ingester could not take */

    struct tenant_queue *queue;
    struct attached_instance *holder;
    TAILQ_ENTRY(mail) link; /* in the tenant's queue, the holder's custody, or the dead letters */
    TAILQ_ENTRY(mail) age;  /* in the mailbox, oldest first */
    LIST_ENTRY(mail) deadline;
    struct mail *chain; /* in the index, or on the free list */
    struct ry_frame *inline_frames[MAIL_INLINE_FRAMES];
    char inline_bytes[MAIL_INLINE_BYTES];
};
TAILQ_HEAD(mail_list, mail);
LIST_HEAD(mail_deadlines, mail);

/* Whether it stays the router's until it is done. */
static inline bool mail_has_custody(const struct mail *mail)
{
    return mail->descriptor->kind == RY_KIND_REQUEST || mail->descriptor->kind == RY_KIND_ASK;
}

struct mail_pool {
    struct mail *free;
    size_t free_count;
};

/* A mail of these bytes (copied) and frames (a reference each); NULL without memory. */
struct mail *mail_new(struct mail_pool *pool, struct ry_str bytes, const struct ry_envelope *head,
                      struct ry_frame *const *frames, size_t frame_count);
void mail_free(struct mail_pool *pool, struct mail *mail);
void mail_pool_free(struct mail_pool *pool);
/* Writes head.attempt = attempt into the packed bytes. RY_ENOMEM. */
int mail_set_attempt(struct mail *mail, unsigned attempt);

static inline size_t mail_hash(uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

#endif

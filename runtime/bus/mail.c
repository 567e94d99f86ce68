/* mail.c: mails in the router's hands; see mail.h.
 *
 * Owns the memory of every mail in the router. Mails are recycled with room for a usual envelope inside, so that the
 * common mail needs no allocation. A crash of the node loses them; leases and rows bring them back. */
#include "runtime/bus/mail.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

#define FREE_MAILS_MAX 8192

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
    mail->magic = MAIL_MAGIC;
    mail->frame_count = 0; /* so far: mail_free drops so many */
    mail->bytes = bytes.n <= MAIL_INLINE_BYTES ? mail->inline_bytes : malloc(bytes.n);
    mail->frames = frame_count <= MAIL_INLINE_FRAMES ? mail->inline_frames : malloc(frame_count * sizeof *mail->frames);
    if (mail->bytes == NULL || mail->frames == NULL) {
        mail_free(pool, mail);
        return NULL;
    }
    memcpy(mail->bytes, bytes.p, bytes.n);
    mail->n = bytes.n;
    mail->head = *head;
    size_t body_at = (size_t)(head->body.p - bytes.p);
    RY_ASSERT(body_at <= bytes.n, "body at %zu of %zu", body_at, bytes.n);
    mail->head.body.p = mail->bytes + body_at;
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
    RY_ASSERT(mail->magic == MAIL_MAGIC && mail->holder == NULL && mail->queue == NULL, "mail %" PRIu64, mail->head.id);
    mail->magic = 0;
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

/* dead_mail.c: the router's dead letters, on their way into the queue's store.
 *
 * Owns the mails that wait for the queue, at most INGESTER_CAPACITY. Each stays in the router's custody until it is
 * stored, so a crash loses none; one that the store will never take is reported as failed, with the reason. */
#include "actors/ingester/dead_mail.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/assert.h"

static int store(struct ingester *self, struct ry_ctx *ctx, const struct ry_mail *mail, struct ry_error *err)
{
    const struct ry_mail_dead *dead = RY_BODY(mail, mail_dead);
    char id[24];
    char guild[24];
    (void)snprintf(id, sizeof id, "%" PRIu64, dead->id);
    (void)snprintf(guild, sizeof guild, "%" PRIu64, mail->envelope.tenant);
    struct ry_dead letter = {
        .kind = RY_DEAD_MAIL,
        .job_id = ry_str_of(id),
        .type = dead->message,
        .guild_id = mail->envelope.tenant != 0 ? ry_str_of(guild) : (struct ry_str){NULL, 0},
        .reason = dead->reason,
        .summary = dead->summary,
        .body = {dead->mail.p, dead->mail.n},
        .priority = (enum ry_priority)mail->envelope.priority,
        .attempts = (unsigned)dead->attempts,
        .died_wall_ms = ry_wall_ms(ry_ctx_clock(ctx)),
    };
    int rc = self->queue->ops->dead_add(self->queue, &letter, err);
    if (rc == RY_OK)
        RY_LOG(RY_ERROR, "mail_dead", "mail=%" PRIu64 " message=%.*s role=%.*s attempts=%" PRIu64 " reason=%.*s",
               dead->id, RY_STR_ARG(dead->message), RY_STR_ARG(dead->role), dead->attempts, RY_STR_ARG(dead->reason));
    else if (!queue_health_is_final(rc))
        queue_health_failed(&self->health, ctx, err);
    return rc;
}

void dead_mail_receive(struct ingester *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_error err = {0};
    int rc = self->health.resting ? RY_EBUSY : store(self, ctx, mail, &err);
    if (rc == RY_OK)
        return;
    if (queue_health_is_final(rc)) {
        ry_mail_fail(ctx, mail, false, err.text);
        return;
    }
    if (self->dead_mail_count == INGESTER_CAPACITY) {
        ry_mail_fail(ctx, mail, true, "the queue takes no dead letters now");
        return;
    }
    ry_mail_keep(ctx, mail);
    self->dead_mails[self->dead_mail_count++] = mail;
}

void dead_mail_retry(struct ingester *self, struct ry_ctx *ctx)
{
    RY_ASSERT(self->dead_mail_count <= INGESTER_CAPACITY, "kept %zu", self->dead_mail_count);
    struct ry_error err = {0};
    while (self->dead_mail_count > 0 && !self->health.resting) {
        struct ry_mail *mail = self->dead_mails[self->dead_mail_count - 1];
        int rc = store(self, ctx, mail, &err);
        if (rc == RY_OK)
            ry_mail_done(ctx, mail);
        else if (queue_health_is_final(rc))
            ry_mail_fail(ctx, mail, false, err.text);
        if (!self->health.resting)
            self->dead_mail_count--;
    }
}

/* out.c: mail of this node that other nodes are to work on.
 *
 * Each mail is kept, and so in the router's custody, until the node that took it says that it is over. Redis may lose
 * what it had taken; so what is not over after a while is looked for, and added again if it is gone. That may bring a
 * mail twice, which every actor bears. */
#include "actors/relay/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/forward.h"

#define WHOLE_BYTES ((size_t)160 << 20)
#define LOOK_MS     10000
#define LOG_MS      10000

/* The node and number of a mail's origin, as that node knows it. */
static uint64_t find_origin(const struct relay *self, const struct ry_envelope *envelope, struct ry_str *home)
{
    const struct relay_entry *entry = relay_entry_of(self, envelope->correlation);
    *home = ry_str_of(entry != NULL ? entry->home : self->owner);
    return entry != NULL ? entry->origin : envelope->correlation;
}

static int add(struct relay *self, const struct ry_mail *mail, enum ry_role role, char *id, struct ry_error *err)
{
    RY_BUF_AUTO whole = ry_buf_make(WHOLE_BYTES);
    int rc = ry_mail_whole(mail, &whole);
    if (rc != RY_OK)
        return ry_fail(err, (enum ry_err)rc, "it is too large to be sent to another node");
    char stream[RY_MAIL_STREAM_BYTES];
    char their_id[24];
    char their_origin[24];
    struct ry_str home;
    uint64_t origin = find_origin(self, &mail->envelope, &home);
    relay_role_stream(role, stream);
    (void)snprintf(their_id, sizeof their_id, "%" PRIu64, mail->envelope.id);
    (void)snprintf(their_origin, sizeof their_origin, "%" PRIu64, origin);
    const struct ry_mail_field fields[] = {{RY_STR("from"), ry_str_of(self->owner)},
                                           {RY_STR("id"), ry_str_of(their_id)},
                                           {RY_STR("home"), home},
                                           {RY_STR("origin"), ry_str_of(their_origin)},
                                           {RY_STR("mail"), ry_buf_str(&whole)}};
    return ry_mail_stream_add(self->mail, stream, fields, sizeof fields / sizeof *fields, 0, id, err);
}

static void forget(struct relay *self, struct relay_sent *sent)
{
    HASH_DELETE(hh, self->sent, sent);
    free(sent);
}

/* Adds a mail to its stream. What Redis will never take fails. */
static void offer(struct relay *self, struct relay_sent *sent)
{
    struct ry_error why = {0};
    sent->since_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    sent->entry[0] = '\0';
    int rc = add(self, sent->mail, sent->role, sent->entry, &why);
    if (rc == RY_OK) {
        ry_count(self->ctx, RY_COUNTER_relay_sent, 1);
    } else if (rc == RY_ELIMIT) {
        ry_mail_fail(self->ctx, sent->mail, false, why.text);
        forget(self, sent);
    } else {
        unsigned held_back = 0;
        if (ry_log_allowed(&self->log, 1, LOG_MS, &held_back))
            RY_LOG(RY_WARNING, "mail_not_sent", "reason=%s held_back=%u", why.text, held_back);
    }
}

void relay_send(struct relay *self, struct ry_mail *mail)
{
    enum ry_role role = ry_descriptor_role(mail->descriptor);
    if (mail->descriptor->kind == RY_KIND_EVENT) {
        (void)add(self, mail, role, NULL, NULL); /* a hint */
        return;
    }
    struct relay_sent *sent = calloc(1, sizeof *sent);
    if (sent == NULL) {
        ry_mail_fail(self->ctx, mail, true, "the relay is out of memory");
        return;
    }
    sent->id = mail->envelope.id;
    sent->mail = mail;
    sent->role = role;
    ry_mail_keep(self->ctx, mail);
    HASH_ADD(hh, self->sent, id, sizeof sent->id, sent);
    offer(self, sent);
}

void relay_on_settled(struct relay *self, uint64_t id, struct ry_str failure)
{
    struct relay_sent *sent = NULL;
    HASH_FIND(hh, self->sent, &id, sizeof id, sent);
    if (sent == NULL)
        return; /* two nodes worked on it, and the other one was quicker */
    if (failure.p == NULL) {
        ry_mail_done(self->ctx, sent->mail);
    } else {
        char reason[400];
        (void)snprintf(reason, sizeof reason, "%.*s", RY_STR_ARG(failure));
        ry_mail_fail(self->ctx, sent->mail, false, reason);
    }
    forget(self, sent);
}

void relay_audit(struct relay *self)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    struct relay_sent *sent = NULL;
    struct relay_sent *next = NULL;
    HASH_ITER(hh, self->sent, sent, next)
    {
        char stream[RY_MAIL_STREAM_BYTES];
        bool has = false;
        if (sent->entry[0] != '\0') {
            if (now_mono_ms - sent->since_mono_ms < LOOK_MS)
                continue;
            relay_role_stream(sent->role, stream);
            if (ry_mail_stream_has(self->mail, stream, sent->entry, &has, NULL) != RY_OK)
                return;
            sent->since_mono_ms = now_mono_ms;
            if (has)
                continue;
            /* Its end may have been said just now. */
            uint64_t id = sent->id;
            relay_hear(self);
            HASH_FIND(hh, self->sent, &id, sizeof id, sent);
            if (sent == NULL)
                return;
            RY_LOG(RY_WARNING, "mail_lost_by_redis", "role=%s entry=%s", ry_role_name(sent->role), sent->entry);
        }
        offer(self, sent);
        return; /* the table may have changed: the next look goes on */
    }
}

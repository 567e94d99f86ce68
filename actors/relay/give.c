/* give.c: mail of this node that other nodes are to work on.
 *
 * Each mail is kept, and so in the router's custody, until the node that took it says that it is over. Redis may lose
 * what it had taken; so what is not over after a lease is looked for, and added again if it is gone. That may bring a
 * mail twice, which every actor bears.
 *
 * A node that has read an entry asks whether it may work on it. The mail is given to one start of a node, and to
 * another one only when that one has given it up or is gone; so an entry that somebody has kept or copied, and adds
 * again, is worked on by nobody. */
#include "actors/relay/give.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/relay/local_fields.h"
#include "actors/relay/peer_msg.h"
#include "actors/relay/peers.h"
#include "runtime/actor/forward.h"
#include "runtime/base/assert.h"
#include "runtime/base/utf8.h"

#define WHOLE_BYTES ((size_t)160 << 20)
#define LOG_MS      10000
/* EVENTs that wait for a node that takes them: no more, and no longer. */
#define HINTS_MAX 64
#define HINT_MS   60000

/* The node and number of a mail's origin, as that node knows it. */
static void find_origin(const struct relay *self, const struct ry_envelope *envelope, struct ry_str *home,
                        uint64_t *origin)
{
    const struct relay_entry *entry = relay_entry_of(self, envelope->correlation);
    *home = ry_str_of(entry != NULL ? entry->home : self->owner);
    *origin = entry != NULL ? entry->origin : envelope->correlation;
}

static int add(struct relay *self, const struct ry_mail *mail, char *id, struct ry_error *err)
{
    RY_BUF_AUTO whole = ry_buf_make(WHOLE_BYTES);
    int rc = relay_whole(mail, &whole);
    if (rc != RY_OK)
        return ry_fail(err, (enum ry_err)rc, "it is too large to be sent to another node");
    char stream[RY_MAIL_STREAM_BYTES];
    char their_id[24];
    char their_origin[24];
    struct ry_str home;
    uint64_t origin = 0;
    relay_role_stream(ry_descriptor_role(mail->descriptor), ry_priority_is_urgent(mail->envelope.priority), stream);
    find_origin(self, &mail->envelope, &home, &origin);
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
    RY_ASSERT(sent->mail != NULL || self->hints > 0, "%zu hints", self->hints);
    self->hints -= sent->mail == NULL;
    free(sent);
}

void relay_sent_free(struct relay *self)
{
    struct relay_sent *sent = NULL;
    struct relay_sent *next = NULL;
    HASH_ITER(hh, self->sent, sent, next)
    forget(self, sent);
}

/* Adds a mail to its stream. What Redis will never take fails. False: Redis does not take it now. */
static bool offer(struct relay *self, struct relay_sent *sent)
{
    struct ry_error why = {0};
    RY_ASSERT(sent->mail != NULL, "a hint is added once");
    sent->since_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    sent->entry[0] = '\0';
    sent->missing = false;
    int rc = add(self, sent->mail, sent->entry, &why);
    if (rc == RY_OK) {
        ry_count(self->ctx, RY_COUNTER_relay_sent, 1);
    } else if (rc == RY_ELIMIT) {
        ry_mail_fail(self->ctx, sent->mail, false, why.text);
        forget(self, sent);
    } else {
        unsigned suppressed = 0;
        if (ry_log_allowed(&self->log, 1, LOG_MS, &suppressed))
            RY_LOG(RY_WARNING, "mail_not_sent", "reason=%s held_back=%u", why.text, suppressed);
        return false;
    }
    return true;
}

/* A message that no other node may be asked: this node needs the role itself. */
static void stay(struct relay *self, struct ry_mail *mail)
{
    char why[200];
    (void)snprintf(why, sizeof why, "%s never leaves its node, and this one has no %s", mail->descriptor->record.name,
                   ry_role_name(ry_descriptor_role(mail->descriptor)));
    if (mail->descriptor->kind != RY_KIND_EVENT)
        ry_mail_fail(self->ctx, mail, false, why);
}

/* A hint is added once, and kept until a node has asked for it, or for a moment. */
static void send_hint(struct relay *self, struct relay_sent *sent, const struct ry_mail *mail)
{
    sent->since_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    if (self->hints == HINTS_MAX || add(self, mail, sent->entry, NULL) != RY_OK) {
        free(sent);
        return;
    }
    RY_ASSERT(sent->mail == NULL && self->hints < HINTS_MAX, "%zu hints", self->hints);
    self->hints++;
    HASH_ADD(hh, self->sent, id, sizeof sent->id, sent);
}

void relay_send(struct relay *self, struct ry_mail *mail)
{
    if (!mail->descriptor->may->crosses) {
        stay(self, mail);
        return;
    }
    bool hint = mail->descriptor->kind == RY_KIND_EVENT;
    struct relay_sent *sent = calloc(1, sizeof *sent);
    if (sent == NULL && hint)
        return;
    if (sent == NULL) {
        ry_mail_fail(self->ctx, mail, true, "the relay is out of memory");
        return;
    }
    sent->id = mail->envelope.id;
    sent->role = ry_descriptor_role(mail->descriptor);
    sent->urgent = ry_priority_is_urgent(mail->envelope.priority);
    if (hint) {
        send_hint(self, sent, mail);
        return;
    }
    sent->mail = mail;
    ry_mail_keep(self->ctx, mail);
    HASH_ADD(hh, self->sent, id, sizeof sent->id, sent);
    (void)offer(self, sent);
}

/* ---- what other nodes say ---------------------------------------------------------------------------------------- */

static struct relay_sent *sent_of(const struct relay *self, uint64_t id)
{
    struct relay_sent *sent = NULL;
    HASH_FIND(hh, self->sent, &id, sizeof id, sent);
    return sent;
}

void relay_on_claim(struct relay *self, struct ry_str from, uint64_t id, uint64_t ask)
{
    struct relay_sent *sent = sent_of(self, id);
    if (sent == NULL) {
        relay_say_claimed(self, from, ask, RELAY_VOID);
        return;
    }
    bool free_to_take =
        sent->holder[0] == '\0' || ry_str_is(from, sent->holder) || !relay_is_alive(self, ry_str_of(sent->holder));
    relay_say_claimed(self, from, ask, free_to_take ? RELAY_GRANTED : RELAY_BUSY);
    if (!free_to_take)
        return;
    (void)snprintf(sent->holder, sizeof sent->holder, "%.*s", RY_STR_ARG(from));
    if (sent->mail == NULL)
        forget(self, sent);
}

/* The mail, if it is this node that has it. */
static struct relay_sent *held_by(const struct relay *self, struct ry_str from, uint64_t id)
{
    struct relay_sent *sent = sent_of(self, id);
    return sent != NULL && ry_str_is(from, sent->holder) ? sent : NULL;
}

void relay_on_given_up(struct relay *self, struct ry_str from, uint64_t id)
{
    struct relay_sent *sent = held_by(self, from, id);
    if (sent != NULL)
        sent->holder[0] = '\0';
}

void relay_on_settled(struct relay *self, struct ry_str from, uint64_t id, struct ry_str failure)
{
    struct relay_sent *sent = held_by(self, from, id);
    if (sent == NULL)
        return; /* two nodes worked on it, and the other one has it now, or was quicker */
    RY_ASSERT(sent->mail != NULL, "a hint is forgotten when it is given away");
    if (failure.p == NULL) {
        ry_mail_done(self->ctx, sent->mail);
    } else {
        char reason[400];
        (void)ry_utf8_print(reason, sizeof reason, "%.*s", RY_STR_ARG(failure));
        ry_mail_fail(self->ctx, sent->mail, false, reason);
    }
    forget(self, sent);
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------ */

/* A mail whose deadline has passed before anybody read it goes back to the router, which tells whom it concerns. One
 * that is worked on may come to its end. True: it is forgotten. */
static bool withdraw_late(struct relay *self, struct relay_sent *sent)
{
    RY_ASSERT(sent->mail != NULL, "a hint has no deadline");
    int64_t deadline_wall_ms = sent->mail->envelope.deadline_wall_ms;
    bool withdrawn = sent->entry[0] == '\0';
    char stream[RY_MAIL_STREAM_BYTES];
    if (deadline_wall_ms == 0 || deadline_wall_ms > ry_wall_ms(ry_ctx_clock(self->ctx)))
        return false;
    relay_role_stream(sent->role, sent->urgent, stream);
    if (!withdrawn && ry_mail_stream_withdraw(self->mail, stream, sent->entry, &withdrawn, NULL) != RY_OK)
        return false;
    if (withdrawn) {
        ry_mail_fail(self->ctx, sent->mail, true, "its deadline passed before another node took it");
        forget(self, sent);
    }
    return withdrawn;
}

/* A hint that nobody has asked for is of no use any more. True: it is forgotten, or still waits. */
static bool forget_hint(struct relay *self, struct relay_sent *sent)
{
    if (ry_mono_ms(ry_ctx_clock(self->ctx)) - sent->since_mono_ms > HINT_MS)
        forget(self, sent);
    return true;
}

/* Whether a mail is due to be looked for, and gone. */
static bool is_missing(struct relay *self, struct relay_sent *sent)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    int64_t look_ms = ry_config_int(ry_ctx_config(self->ctx), RY_OPT_mail_lease_seconds) * 1000;
    char stream[RY_MAIL_STREAM_BYTES];
    bool has = true;
    if (sent->entry[0] == '\0' || now_mono_ms - sent->since_mono_ms < look_ms)
        return false;
    relay_role_stream(sent->role, sent->urgent, stream);
    if (ry_mail_stream_has(self->mail, stream, sent->entry, &has, NULL) == RY_OK)
        sent->since_mono_ms = now_mono_ms;
    return !has;
}

bool relay_look_for_missing(struct relay *self)
{
    struct relay_sent *sent = NULL;
    struct relay_sent *next = NULL;
    bool missing = false;
    HASH_ITER(hh, self->sent, sent, next)
    {
        if (sent->mail == NULL ? forget_hint(self, sent) : withdraw_late(self, sent))
            continue;
        sent->missing = is_missing(self, sent);
        missing = missing || sent->missing;
    }
    return missing;
}

void relay_offer_again(struct relay *self)
{
    struct relay_sent *sent = NULL;
    struct relay_sent *next = NULL;
    HASH_ITER(hh, self->sent, sent, next)
    {
        if (sent->mail == NULL)
            continue; /* a hint is added once */
        if (sent->missing)
            RY_LOG(RY_WARNING, "mail_lost_by_redis", "role=%s entry=%s", ry_role_name(sent->role), sent->entry);
        if ((sent->missing || sent->entry[0] == '\0') && !offer(self, sent))
            return; /* Redis is away */
    }
}

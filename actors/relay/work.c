/* work.c: mail of other nodes that is worked on here.
 *
 * What its sender has granted is said to the router under an id of ours. Its sender is told of its end, and the entry
 * is ended, only when the mail is done and so is all that followed from it, wherever that was worked on.
 *
 * Mail whose origin is this very node comes home: what follows from it is in the custody of the same router as the
 * origin, so it is over when it is done.
 *
 * An ANSWER for the mail itself goes to its sender; one for its origin, to the origin's node. Both have the same number
 * here; which is meant tells the declaration of the message, by the role that it is for. */
#include "actors/relay/work.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/relay/local_fields.h"
#include "actors/relay/peer_msg.h"
#include "proto/crossing.h"
#include "runtime/actor/forward.h"
#include "runtime/base/assert.h"

#define WHOLE_BYTES ((size_t)160 << 20)

/* The entry is over: its sender is told, and there is room for another. */
static void finish(struct relay *self, struct relay_entry *entry)
{
    RY_ASSERT(relay_entry_of(self, entry->id) == entry, "entry %s", entry->entry);
    self->freed |= RY_ROLE_BIT(entry->role);
    relay_say_settled(self, entry->from, entry->their_id, (struct ry_str){0});
    relay_say_entry_end(self, entry);
    ry_count(self->ctx, RY_COUNTER_relay_done, 1);
    HASH_DELETE(hh, self->entries, entry);
    relay_entry_free(self, entry);
}

/* ---- what its sender says ---------------------------------------------------------------------------------------- */

/* Why a mail that this node was given cannot be worked on; NULL: it can, and *descriptor tells what it is. */
static const char *find_fault(const struct relay *self, const struct relay_entry *entry,
                              const struct ry_descriptor **descriptor, struct ry_error *err)
{
    struct ry_str whole = {entry->whole, entry->whole_bytes};
    struct ry_envelope envelope;
    if (entry->deliveries > (uint64_t)ry_config_int(ry_ctx_config(self->ctx), RY_OPT_mail_attempts_max))
        return "every node that worked on it ended or lost its connection";
    if (ry_whole_read(whole, &envelope, descriptor, err) != RY_OK)
        return err->text;
    if ((*descriptor)->kind == RY_KIND_ANSWER || ry_descriptor_role(*descriptor) != entry->role)
        return "it is not a mail for this role";
    return ry_crossing_fault(whole, *descriptor);
}

/* The mail is dead at its sender, who has given it to this node; and the entry is over. */
static void reject(struct relay *self, struct relay_entry *entry, const char *reason)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(entry->role, entry->urgent, stream);
    relay_refuse(self, RY_COUNTER_relay_unfit, stream, ry_str_of(entry->entry), reason);
    relay_say_settled(self, entry->from, entry->their_id, ry_str_of(reason));
    relay_say_entry_end(self, entry);
    relay_entry_free(self, entry);
}

/* Says the mail to the router. False: it is malformed. */
static bool say(struct relay *self, struct relay_entry *entry, struct ry_error *err)
{
    entry->id = ry_forward(self->ctx, (struct ry_str){entry->whole, entry->whole_bytes},
                           entry->native ? entry->origin : 0, err);
    return entry->id != 0;
}

static void begin(struct relay *self, struct relay_entry *entry)
{
    const struct ry_descriptor *descriptor = NULL;
    struct ry_error err = {0};
    const char *fault = find_fault(self, entry, &descriptor, &err);
    if (fault == NULL && !say(self, entry, &err))
        fault = err.text;
    if (fault != NULL) {
        reject(self, entry, fault);
        return;
    }
    RY_ASSERT(entry->id != 0 && relay_entry_of(self, entry->id) == NULL, "id %llu", (unsigned long long)entry->id);
    entry->tag = (uint16_t)descriptor->tag;
    if (descriptor->kind == RY_KIND_EVENT) {
        relay_say_entry_end(self, entry);
        relay_entry_free(self, entry);
        return;
    }
    HASH_ADD(hh, self->entries, id, sizeof entry->id, entry);
}

void relay_on_claimed(struct relay *self, struct ry_str from, uint64_t ask, struct ry_str verdict)
{
    struct relay_entry *entry = NULL;
    char stream[RY_MAIL_STREAM_BYTES];
    HASH_FIND(hh, self->asked, &ask, sizeof ask, entry);
    if (entry == NULL || !ry_str_is(from, entry->from))
        return; /* asked twice, answered twice */
    HASH_DELETE(hh, self->asked, entry);
    if (ry_str_is(verdict, RELAY_GRANTED)) {
        begin(self, entry);
        return;
    }
    self->freed |= RY_ROLE_BIT(entry->role);
    relay_role_stream(entry->role, entry->urgent, stream);
    relay_refuse(self, RY_COUNTER_relay_replayed, stream, ry_str_of(entry->entry),
                 ry_str_is(verdict, RELAY_BUSY) ? "its sender has given the mail to another node"
                                                : "its sender has no such mail any more");
    if (!ry_str_is(verdict, RELAY_BUSY)) /* else it is left to be claimed: its node may be cut off */
        relay_say_entry_end(self, entry);
    relay_entry_free(self, entry);
}

/* ---- what comes of it -------------------------------------------------------------------------------------------- */

void relay_answer(struct relay *self, struct ry_mail *mail)
{
    const struct relay_entry *entry = relay_entry_of(self, mail->envelope.correlation);
    if (entry == NULL)
        return;
    RY_BUF_AUTO whole = ry_buf_make(WHOLE_BYTES);
    if (relay_whole(mail, &whole) != RY_OK) {
        RY_LOG(RY_ERROR, "answer_lost", "message=%s reason=%s", mail->descriptor->record.name, "out of memory");
        return;
    }
    const struct ry_descriptor *asked = ry_descriptor(entry->tag);
    RY_ASSERT(asked != NULL, "tag %u", entry->tag);
    bool to_sender = entry->native || (asked->kind == RY_KIND_ASK && (asked->senders & mail->descriptor->receivers));
    relay_say_answer(self, to_sender ? entry->from : entry->home, to_sender ? entry->their_id : entry->origin,
                     ry_buf_str(&whole));
}

void relay_say_again(struct relay *self)
{
    struct relay_entry *entry = NULL;
    struct relay_entry *next = NULL;
    struct relay_entry *refused = NULL; /* apart, for their ids change */
    HASH_ITER(hh, self->entries, entry, next)
    {
        if (!entry->refused)
            continue;
        HASH_DELETE(hh, self->entries, entry);
        HASH_ADD(hh, refused, id, sizeof entry->id, entry);
    }
    HASH_ITER(hh, refused, entry, next)
    {
        struct ry_error why = {0};
        HASH_DELETE(hh, refused, entry);
        entry->refused = false;
        if (!say(self, entry, &why))
            RY_LOG(RY_ERROR, "mail_lost", "reason=%s", why.text);
        HASH_ADD(hh, self->entries, id, sizeof entry->id, entry);
    }
}

/* Of the mail itself that the router had no room for: it is said again later. Of what else will not be worked on: whom
 * it concerns is told, wherever he is. */
void relay_on_undeliverable(struct relay *self, const struct ry_undeliverable *lost)
{
    struct relay_entry *entry = relay_entry_of(self, lost->id);
    if (entry != NULL && lost->cause == RY_UNDELIVERABLE_FULL) {
        entry->refused = true;
        return;
    }
    if (entry != NULL) {
        bool ask = ry_descriptor(entry->tag)->kind == RY_KIND_ASK;
        if (ask || !entry->native)
            relay_say_undeliverable(self, ask ? entry->from : entry->home, ask ? entry->their_id : entry->origin, lost);
        if (lost->cause == RY_UNDELIVERABLE_FULL || lost->cause == RY_UNDELIVERABLE_REFUSED)
            finish(self, entry); /* it was never in custody, so no end of it will be told */
        return;
    }
    entry = relay_entry_of(self, lost->origin);
    if (entry != NULL)
        relay_say_undeliverable(self, entry->home, entry->origin, lost);
}

void relay_on_mail_settled(struct relay *self, const struct ry_mail_settled *settled)
{
    struct relay_entry *entry = relay_entry_of(self, settled->id);
    if (entry == NULL)
        entry = relay_entry_of(self, settled->origin);
    if (entry != NULL && (entry->native ? entry->id == settled->id : settled->left == 0))
        finish(self, entry);
}

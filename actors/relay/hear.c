/* hear.c: what other nodes say to this one about a mail: it is checked here, and handed to whom it concerns.
 *
 * A message is heard once: it bears the fleet's seal for the stream of this very start, and its number is above all
 * that its node has said before. Any other is refused and counted. It is deleted as it is read, so a crash loses it;
 * the node that said it asks again (take.c), or looks for its mail (give.c). */
#include "actors/relay/hear.h"

#include <stdio.h>

#include "actors/relay/give.h"
#include "actors/relay/peer_msg.h"
#include "actors/relay/peers.h"
#include "actors/relay/work.h"
#include "proto/crossing.h"
#include "runtime/actor/forward.h"

#define HEAR_MAX     64
#define HEARINGS_MAX 64

static uint64_t number(const struct ry_mail_entry *entry, const char *name)
{
    uint64_t value = 0;
    (void)ry_str_u64(ry_mail_entry_get(entry, name), &value);
    return value;
}

/* Passes on what became of a mail of an instance here; the router finds whom it concerns. */
static void pass_undeliverable(struct relay *self, const struct ry_mail_entry *entry, uint64_t id)
{
    struct ry_undeliverable lost = {.id = id,
                                    .origin = id,
                                    .tag = number(entry, "tag"),
                                    .cause = number(entry, "cause"),
                                    .class = number(entry, "class"),
                                    .reason = ry_mail_entry_get(entry, "reason")};
    if (ry_check(RY_TAG_undeliverable, &lost, NULL) == RY_OK)
        RY_TELL(self->ctx, undeliverable, &lost, &(struct ry_send){.correlation = id, .priority = RY_PRIORITY_CONTROL});
}

/* Whether a message is one of the fleet, for this node, and new. */
static bool is_new_peer_msg(struct relay *self, const struct ry_mail_entry *entry, struct ry_str from)
{
    uint64_t msg = number(entry, "number");
    if (!entry->accepted) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), ry_seal_text(entry->seal));
        return false;
    }
    struct relay_peer *peer = relay_peer_found(self, from);
    if (peer == NULL) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), "its node is not known");
        return false;
    }
    if (msg <= peer->last_peer_msg) {
        relay_refuse(self, RY_COUNTER_relay_replayed, entry->stream, ry_str_of(entry->id),
                     "it, or a later message of its node, was heard before");
        return false;
    }
    peer->last_peer_msg = msg;
    return true;
}

static void pass_answer(struct relay *self, uint64_t id, struct ry_str whole)
{
    struct ry_error why = {0};
    struct ry_envelope envelope;
    const struct ry_descriptor *descriptor = NULL;
    const char *fault = NULL;
    if (ry_whole_read(whole, &envelope, &descriptor, &why) != RY_OK)
        fault = why.text;
    else if (descriptor->kind != RY_KIND_ANSWER)
        fault = "it is not an answer";
    else
        fault = ry_crossing_fault(whole, descriptor);
    if (fault == NULL && ry_forward(self->ctx, whole, id, &why) == 0)
        fault = why.text;
    if (fault != NULL)
        relay_refuse(self, RY_COUNTER_relay_unfit, "answer of another node", (struct ry_str){0}, fault);
}

static void on_peer_msg(void *arg, const struct ry_mail_entry *entry)
{
    struct relay *self = arg;
    self->heard++;
    struct ry_str kind = ry_mail_entry_get(entry, "kind");
    struct ry_str from = ry_mail_entry_get(entry, "from");
    uint64_t id = number(entry, "id");
    if (!is_new_peer_msg(self, entry, from) || id == 0)
        return;
    if (ry_str_is(kind, "claim"))
        relay_on_claim(self, from, id, number(entry, "ask"));
    else if (ry_str_is(kind, "claimed"))
        relay_on_claimed(self, from, id, ry_mail_entry_get(entry, "verdict"));
    else if (ry_str_is(kind, "given_up"))
        relay_on_given_up(self, from, id);
    else if (ry_str_is(kind, "settled"))
        relay_on_settled(self, from, id, ry_mail_entry_get(entry, "failure"));
    else if (ry_str_is(kind, "undeliverable"))
        pass_undeliverable(self, entry, id);
    else if (ry_str_is(kind, "answer")) /* any other is of a later version */
        pass_answer(self, id, ry_mail_entry_get(entry, "mail"));
}

void relay_hear(struct relay *self)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_node_stream(self->owner, stream);
    for (unsigned round = 0; round < HEARINGS_MAX; round++) {
        self->heard = 0;
        if (ry_mail_stream_take(self->mail, stream, HEAR_MAX, on_peer_msg, self, NULL) != RY_OK ||
            self->heard < HEAR_MAX)
            return;
    }
    relay_look_soon(self); /* somebody says more than is heard at a time */
}

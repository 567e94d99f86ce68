/* in.c: mail of other nodes that is worked on here.
 *
 * An entry is read when the instances of its role have room, and said to the router under an id of ours. Its lease is
 * renewed until nothing of it is left here: the mail is done, and so is all that followed from it, wherever that was
 * worked on. Only then is its sender told, and the entry ended. So when this node dies, another one does it all again.
 *
 * Mail whose origin is this very node comes home: what follows from it is in the custody of the same router as the
 * origin, so it is over when it is done.
 *
 * An ANSWER for the mail itself goes to its sender; one for its origin, to the origin's node. Both have the same number
 * here; which is meant tells the declaration of the message, by the role that it is for. */
#include "actors/relay/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/forward.h"

#define CLAIM_MAX   16
#define WHOLE_BYTES ((size_t)160 << 20)
#define RENEW_MAX   256

struct relay_entry *relay_entry_of(const struct relay *self, uint64_t id)
{
    struct relay_entry *entry = NULL;
    HASH_FIND(hh, self->entries, &id, sizeof id, entry);
    return entry;
}

static void entry_free(struct relay *self, struct relay_entry *entry)
{
    HASH_DELETE(hh, self->entries, entry);
    self->working[entry->role]--;
    free(entry->whole);
    free(entry);
}

static void say_end(struct relay *self, const struct relay_entry *entry)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(entry->role, entry->urgent, stream);
    relay_say_end(self, stream, entry->entry);
}

/* The entry is over: its sender is told, and there is room for another. */
static void finish(struct relay *self, struct relay_entry *entry)
{
    self->freed |= RY_ROLE_BIT(entry->role);
    relay_say_settled(self, entry->from, entry->their_id, (struct ry_str){0});
    say_end(self, entry);
    ry_count(self->ctx, RY_COUNTER_relay_done, 1);
    entry_free(self, entry);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool is_owner_alive(const struct relay *self, struct ry_str owner)
{
    if (!self->nodes_known || ry_str_is(owner, self->owner))
        return true;
    for (size_t i = 0; i < self->owner_count; i++)
        if (ry_str_is(owner, self->owners[i]))
            return true;
    return false;
}

/* Says the mail to the router. False: it is malformed. */
static bool say(struct relay *self, struct relay_entry *entry, struct ry_str whole, struct ry_error *err)
{
    entry->id = ry_forward(self->ctx, whole, entry->native ? entry->origin : 0, err);
    return entry->id != 0;
}

static void take_text(char *to, size_t size, struct ry_str from)
{
    (void)snprintf(to, size, "%.*s", RY_STR_ARG(from));
}

/* An entry that nobody here can read is ended, or it would come again and again; its sender's mail is dead. */
static void refuse(struct relay *self, enum ry_role role, const struct ry_mail_entry *entry, const char *reason)
{
    char from[RELAY_OWNER_BYTES];
    uint64_t id = 0;
    take_text(from, sizeof from, ry_mail_entry_get(entry, "from"));
    RY_LOG(RY_WARNING, "mail_refused", "role=%s entry=%s from=%s reason=%s", ry_role_name(role), entry->id, from,
           reason);
    if (from[0] != '\0' && ry_str_u64(ry_mail_entry_get(entry, "id"), &id) && id != 0)
        relay_say_settled(self, from, id, ry_str_of(reason));
    relay_say_end(self, entry->stream, entry->id);
}

/* Which of its role's streams an entry stands in. */
static bool is_urgent(const struct ry_mail_entry *entry)
{
    return strcmp(strrchr(entry->stream, ':'), ":urgent") == 0;
}

struct reader {
    struct relay *self;
    enum ry_role role;
};

/* The mail, if its role and kind are what the stream is for and its sender may say such a thing at all. */
static bool is_for(const struct ry_descriptor *descriptor, enum ry_role role)
{
    return descriptor->kind != RY_KIND_ANSWER && ry_descriptor_role(descriptor) == role;
}

static struct relay_entry *entry_new(const struct reader *reader, const struct ry_mail_entry *entry, uint16_t tag)
{
    struct relay *self = reader->self;
    struct relay_entry *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->role = reader->role;
    made->urgent = is_urgent(entry);
    made->tag = tag;
    (void)snprintf(made->entry, sizeof made->entry, "%s", entry->id);
    take_text(made->from, sizeof made->from, ry_mail_entry_get(entry, "from"));
    take_text(made->home, sizeof made->home, ry_mail_entry_get(entry, "home"));
    (void)ry_str_u64(ry_mail_entry_get(entry, "id"), &made->their_id);
    (void)ry_str_u64(ry_mail_entry_get(entry, "origin"), &made->origin);
    made->native = strcmp(made->home, self->owner) == 0;
    return made;
}

/* Whether this very mail is worked on here: its sender has added it again, because Redis had lost it or the answer to
 * the first time. The entry of before is ended, and the new one stands for the work. */
static bool is_worked_on(const struct reader *reader, const struct ry_mail_entry *entry)
{
    struct relay *self = reader->self;
    struct ry_str from = ry_mail_entry_get(entry, "from");
    uint64_t their_id = 0;
    (void)ry_str_u64(ry_mail_entry_get(entry, "id"), &their_id);
    for (struct relay_entry *other = self->entries; other != NULL; other = other->hh.next) {
        if (other->their_id != their_id || !ry_str_is(from, other->from) || other->role != reader->role)
            continue;
        if (strcmp(other->entry, entry->id) != 0) {
            say_end(self, other);
            other->urgent = is_urgent(entry);
            (void)snprintf(other->entry, sizeof other->entry, "%s", entry->id);
        }
        return true;
    }
    return false;
}

static void on_entry(void *arg, const struct ry_mail_entry *entry)
{
    const struct reader *reader = arg;
    struct relay *self = reader->self;
    struct ry_str whole = ry_mail_entry_get(entry, "mail");
    struct ry_envelope envelope;
    const struct ry_descriptor *descriptor = NULL;
    struct ry_error why = {0};
    if (!is_owner_alive(self, ry_mail_entry_get(entry, "from"))) {
        RY_LOG(RY_INFO, "mail_of_gone_node", "role=%s entry=%s", ry_role_name(reader->role), entry->id);
        relay_say_end(self, entry->stream, entry->id); /* its custody went with the node */
        return;
    }
    if (ry_whole_read(whole, &envelope, &descriptor, &why) != RY_OK || !is_for(descriptor, reader->role)) {
        refuse(self, reader->role, entry, why.code != RY_OK ? why.text : "it is no mail for this role");
        return;
    }
    if (entry->deliveries > (uint64_t)ry_config_int(ry_ctx_config(self->ctx), RY_OPT_mail_attempts_max)) {
        refuse(self, reader->role, entry, "every node that worked on it ended or lost its connection");
        return;
    }
    if (is_worked_on(reader, entry))
        return;
    struct relay_entry *made = entry_new(reader, entry, envelope.tag);
    if (made == NULL)
        return; /* claimed again when its lease has ended */
    if (made->their_id == 0 || made->from[0] == '\0' || !say(self, made, whole, &why)) {
        refuse(self, reader->role, entry, "its fields are incomplete");
        free(made);
        return;
    }
    if (descriptor->kind == RY_KIND_EVENT) {
        relay_say_end(self, entry->stream, entry->id);
        free(made);
        return;
    }
    /* Kept until the router has taken it, which it says by nothing: until its end, then. */
    made->whole = malloc(whole.n);
    made->whole_bytes = made->whole != NULL ? whole.n : 0;
    if (made->whole != NULL)
        memcpy(made->whole, whole.p, whole.n);
    HASH_ADD(hh, self->entries, id, sizeof made->id, made);
    self->working[reader->role]++;
}

/* How many more mails the instances here can hold. */
static size_t room_of(const struct relay *self, enum ry_role role)
{
    return self->capacity[role] > self->working[role] ? self->capacity[role] - self->working[role] : 0;
}

void relay_read(struct relay *self, uint32_t roles)
{
    for (roles &= self->here; roles != 0 && !ry_ctx_draining(self->ctx); roles &= roles - 1) {
        char urgent[RY_MAIL_STREAM_BYTES];
        char rest[RY_MAIL_STREAM_BYTES];
        const char *const streams[] = {urgent, rest};
        struct reader reader = {self, (enum ry_role)__builtin_ctz(roles)};
        size_t room = room_of(self, reader.role);
        if (room == 0)
            continue;
        relay_role_stream(reader.role, true, urgent);
        relay_role_stream(reader.role, false, rest);
        int rc = ry_mail_stream_read(self->mail, streams, 2, room, on_entry, &reader, NULL);
        if (rc != RY_OK && rc != RY_EIO) /* a key that is no stream is no reason to leave the others unread */
            return;
    }
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void renew_stream(struct relay *self, enum ry_role role, bool urgent, const char *stream)
{
    char ids[RENEW_MAX][RY_MAIL_ENTRY_BYTES];
    size_t n = 0;
    for (struct relay_entry *entry = self->entries; entry != NULL; entry = entry->hh.next) {
        if (entry->role != role || entry->urgent != urgent)
            continue;
        (void)snprintf(ids[n++], sizeof ids[0], "%s", entry->entry);
        if (n == RENEW_MAX) {
            (void)ry_mail_stream_renew(self->mail, stream, (const char(*)[RY_MAIL_ENTRY_BYTES])ids, n, NULL);
            n = 0;
        }
    }
    (void)ry_mail_stream_renew(self->mail, stream, (const char(*)[RY_MAIL_ENTRY_BYTES])ids, n, NULL);
}

/* Renews what is worked on of one stream, and takes over what nobody has renewed. */
static void tend(struct relay *self, enum ry_role role, bool urgent)
{
    int64_t lease_ms = ry_config_int(ry_ctx_config(self->ctx), RY_OPT_mail_lease_seconds) * 1000;
    struct reader reader = {self, role};
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(role, urgent, stream);
    renew_stream(self, role, urgent, stream);
    size_t room = room_of(self, role);
    if (room > 0 && !ry_ctx_draining(self->ctx))
        (void)ry_mail_stream_claim(self->mail, stream, lease_ms, room < CLAIM_MAX ? room : CLAIM_MAX, on_entry, &reader,
                                   NULL);
}

void relay_renew(struct relay *self)
{
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        if (!(self->here & RY_ROLE_BIT(role)))
            continue;
        tend(self, (enum ry_role)role, true);
        tend(self, (enum ry_role)role, false);
    }
}

void relay_release(struct relay *self)
{
    for (struct relay_entry *entry = self->entries; entry != NULL; entry = entry->hh.next) {
        char stream[RY_MAIL_STREAM_BYTES];
        relay_role_stream(entry->role, entry->urgent, stream);
        (void)ry_mail_stream_release(self->mail, stream, entry->entry, NULL);
    }
}

/* ---- what comes of it -------------------------------------------------------------------------------------------- */

void relay_answer(struct relay *self, struct ry_mail *mail)
{
    const struct relay_entry *entry = relay_entry_of(self, mail->envelope.correlation);
    if (entry == NULL)
        return;
    RY_BUF_AUTO whole = ry_buf_make(WHOLE_BYTES);
    if (ry_mail_whole(mail, &whole) != RY_OK) {
        RY_LOG(RY_ERROR, "answer_lost", "message=%s reason=%s", mail->descriptor->record.name, "out of memory");
        return;
    }
    const struct ry_descriptor *asked = ry_descriptor(entry->tag);
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
        if (!say(self, entry, (struct ry_str){entry->whole, entry->whole_bytes}, &why))
            RY_LOG(RY_ERROR, "mail_lost", "reason=%s", why.text);
        HASH_ADD(hh, self->entries, id, sizeof entry->id, entry);
    }
}

/* Of the mail itself that the router had no room for: it is said again later. Of what else will not be worked on: whom
 * it concerns is told, wherever he is. */
void relay_on_undeliverable(struct relay *self, const struct ry_undeliverable *lost)
{
    struct relay_entry *entry = relay_entry_of(self, lost->id);
    if (entry != NULL && lost->cause == RY_UNDELIVERABLE_FULL && entry->whole != NULL) {
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

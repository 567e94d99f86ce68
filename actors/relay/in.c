/* in.c: mail of other nodes that is worked on here.
 *
 * An entry is read when the instances of its role have room. It must bear the seal of the fleet's key for its stream,
 * and its sender must be alive and say that this node may work on it: a mail is in somebody's custody, and only who has
 * it can give it away. Then it is said to the router under an id of ours. Its lease is
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

#include "actors/relay/peer_msg.h"
#include "proto/crossing.h"
#include "runtime/actor/forward.h"

#define CLAIM_MAX   16
#define WHOLE_BYTES ((size_t)160 << 20)
#define RENEW_MAX   256
#define READS_MAX   256 /* of a role at a time */
#define MSGS_MAX    256 /* ends of refused entries that are not said yet */
#define GONE_LOG_MS 1000

struct relay_entry *relay_entry_of(const struct relay *self, uint64_t id)
{
    struct relay_entry *entry = NULL;
    HASH_FIND(hh, self->entries, &id, sizeof id, entry);
    return entry;
}

static void entry_free(struct relay *self, struct relay_entry *entry)
{
    self->working[entry->role]--;
    free(entry->whole);
    free(entry);
}

void relay_entries_free(struct relay *self)
{
    struct relay_entry *entry = NULL;
    struct relay_entry *next = NULL;
    HASH_ITER(hh, self->entries, entry, next)
    {
        HASH_DELETE(hh, self->entries, entry);
        entry_free(self, entry);
    }
    HASH_ITER(hh, self->asked, entry, next)
    {
        HASH_DELETE(hh, self->asked, entry);
        entry_free(self, entry);
    }
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
    HASH_DELETE(hh, self->entries, entry);
    entry_free(self, entry);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void take_text(char *to, size_t size, struct ry_str from)
{
    (void)snprintf(to, size, "%.*s", RY_STR_ARG(from));
}

/* Which of its role's streams an entry stands in. */
static bool is_urgent(const struct ry_mail_entry *entry)
{
    return strcmp(strrchr(entry->stream, ':'), ":urgent") == 0;
}

struct reader {
    struct relay *self;
    enum ry_role role;
    size_t seen; /* entries of the last read */
};

/* An entry with its mail; NULL: no memory, or its fields are incomplete (*why). */
static struct relay_entry *entry_new(const struct reader *reader, const struct ry_mail_entry *entry, const char **why)
{
    struct relay *self = reader->self;
    struct ry_str whole = ry_mail_entry_get(entry, "mail");
    struct ry_str home = ry_mail_entry_get(entry, "home");
    struct relay_entry *made = calloc(1, sizeof *made);
    if (made == NULL || (made->whole = malloc(whole.n + 1)) == NULL) {
        free(made);
        return NULL; /* claimed again when its lease has ended */
    }
    made->role = reader->role;
    made->urgent = is_urgent(entry);
    made->deliveries = entry->deliveries;
    (void)snprintf(made->entry, sizeof made->entry, "%s", entry->id);
    take_text(made->from, sizeof made->from, ry_mail_entry_get(entry, "from"));
    take_text(made->home, sizeof made->home, home);
    bool numbers = ry_str_u64(ry_mail_entry_get(entry, "id"), &made->their_id) &&
                   ry_str_u64(ry_mail_entry_get(entry, "origin"), &made->origin);
    made->native = strcmp(made->home, self->owner) == 0;
    made->whole_bytes = whole.n;
    memcpy(made->whole, whole.p != NULL ? whole.p : "", whole.n);
    if (whole.p == NULL || !numbers || made->their_id == 0 || home.n == 0 || home.n >= RELAY_OWNER_BYTES) {
        *why = "its fields are incomplete";
        free(made->whole);
        free(made);
        return NULL;
    }
    return made;
}

static struct relay_entry *find_same(struct relay_entry *entries, const struct reader *reader, struct ry_str from,
                                     uint64_t their_id)
{
    for (struct relay_entry *other = entries; other != NULL; other = other->hh.next)
        if (other->their_id == their_id && ry_str_is(from, other->from) && other->role == reader->role)
            return other;
    return NULL;
}

/* Whether this very mail is here already: its sender has added it again, because Redis had lost it or the answer to the
 * first time. The entry of before is ended, and the new one stands for the work. */
static bool is_here(const struct reader *reader, const struct ry_mail_entry *entry)
{
    struct relay *self = reader->self;
    struct ry_str from = ry_mail_entry_get(entry, "from");
    uint64_t their_id = 0;
    (void)ry_str_u64(ry_mail_entry_get(entry, "id"), &their_id);
    struct relay_entry *other = find_same(self->entries, reader, from, their_id);
    if (other == NULL)
        other = find_same(self->asked, reader, from, their_id);
    if (other != NULL && strcmp(other->entry, entry->id) != 0) {
        say_end(self, other);
        other->urgent = is_urgent(entry);
        (void)snprintf(other->entry, sizeof other->entry, "%s", entry->id);
    }
    return other != NULL;
}

static void ask_for(struct relay *self, struct relay_entry *entry)
{
    entry->id = ++self->last_ask;
    HASH_ADD(hh, self->asked, id, sizeof entry->id, entry);
    relay_say_claim(self, entry->from, entry->their_id, entry->id);
}

static void on_entry(void *arg, const struct ry_mail_entry *entry)
{
    struct reader *reader = arg;
    struct relay *self = reader->self;
    struct ry_str from = ry_mail_entry_get(entry, "from");
    const char *why = NULL;
    unsigned held_back = 0;
    reader->seen++;
    if (!entry->accepted) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), ry_seal_text(entry->seal));
        relay_say_end(self, entry->stream, entry->id);
        return;
    }
    (void)relay_peer_found(self, from);
    if (!relay_is_alive(self, from)) {
        if (ry_log_allowed(&self->gone_log, 1, GONE_LOG_MS, &held_back))
            RY_LOG(RY_INFO, "mail_of_gone_node", "role=%s entry=%s held_back=%u", ry_role_name(reader->role), entry->id,
                   held_back);
        relay_say_end(self, entry->stream, entry->id); /* its custody went with the node */
        return;
    }
    if (is_here(reader, entry))
        return;
    struct relay_entry *made = entry_new(reader, entry, &why);
    if (made != NULL) {
        self->working[reader->role]++;
        ask_for(self, made);
    } else if (why != NULL) {
        relay_refuse(self, RY_COUNTER_relay_unfit, entry->stream, ry_str_of(entry->id), why);
        relay_say_end(self, entry->stream, entry->id);
    }
}

/* ---- the sender's word ------------------------------------------------------------------------------------------- */

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
        return "it is no mail for this role";
    return ry_crossing_fault(whole, *descriptor);
}

/* The mail is dead at its sender, who has given it to this node; and the entry is over. */
static void reject(struct relay *self, struct relay_entry *entry, const char *reason)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(entry->role, entry->urgent, stream);
    relay_refuse(self, RY_COUNTER_relay_unfit, stream, ry_str_of(entry->entry), reason);
    relay_say_settled(self, entry->from, entry->their_id, ry_str_of(reason));
    say_end(self, entry);
    entry_free(self, entry);
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
    entry->tag = (uint16_t)descriptor->tag;
    if (descriptor->kind == RY_KIND_EVENT) {
        say_end(self, entry);
        entry_free(self, entry);
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
        say_end(self, entry);
    entry_free(self, entry);
}

/* ---- reading: how much ------------------------------------------------------------------------------------------- */

/* How many more mails the instances here can hold. */
static size_t room_of(const struct relay *self, enum ry_role role)
{
    return self->capacity[role] > self->working[role] ? self->capacity[role] - self->working[role] : 0;
}

/* Reads one role's streams as long as there is room and entries come. What is refused takes no room, so that somebody
 * who fills a stream holds up what stands behind for no longer than reading takes. */
static int read_role(struct relay *self, enum ry_role role)
{
    char urgent[RY_MAIL_STREAM_BYTES];
    char rest[RY_MAIL_STREAM_BYTES];
    const char *const streams[] = {urgent, rest};
    struct reader reader = {.self = self, .role = role};
    relay_role_stream(role, true, urgent);
    relay_role_stream(role, false, rest);
    int rc = RY_OK;
    for (unsigned round = 0; rc == RY_OK && round < READS_MAX; round++) {
        size_t room = room_of(self, role);
        reader.seen = 0;
        if (room > 0)
            rc = ry_mail_stream_read(self->mail, streams, 2, room, on_entry, &reader, NULL);
        if (room == 0 || reader.seen < room)
            return rc;
        if (self->peer_msg_count > MSGS_MAX)
            relay_flush(self);
    }
    if (rc == RY_OK)
        relay_look_soon(self);
    return rc;
}

void relay_read(struct relay *self, uint32_t roles)
{
    for (roles &= self->here; roles != 0 && !ry_ctx_draining(self->ctx); roles &= roles - 1) {
        int rc = read_role(self, (enum ry_role)__builtin_ctz(roles));
        if (rc != RY_OK && rc != RY_EIO && rc != RY_EBUSY) /* a key that is no stream leaves the others to be read */
            return;
    }
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void renew_stream(struct relay *self, enum ry_role role, bool urgent, const char *stream)
{
    char ids[RENEW_MAX][RY_MAIL_ENTRY_BYTES];
    struct relay_entry *const both[] = {self->entries, self->asked};
    size_t n = 0;
    for (size_t i = 0; i < 2; i++)
        for (const struct relay_entry *entry = both[i]; entry != NULL; entry = entry->hh.next) {
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
    struct reader reader = {.self = self, .role = role};
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(role, urgent, stream);
    renew_stream(self, role, urgent, stream);
    size_t room = room_of(self, role);
    if (room > 0 && !ry_ctx_draining(self->ctx))
        (void)ry_mail_stream_claim(self->mail, stream, lease_ms, room < CLAIM_MAX ? room : CLAIM_MAX, on_entry, &reader,
                                   NULL);
}

/* Asks again for what was not answered: words get lost. A sender that is gone answers no more. */
static void ask_again(struct relay *self)
{
    struct relay_entry *entry = NULL;
    struct relay_entry *next = NULL;
    HASH_ITER(hh, self->asked, entry, next)
    {
        if (relay_is_alive(self, ry_str_of(entry->from))) {
            relay_say_claim(self, entry->from, entry->their_id, entry->id);
            continue;
        }
        HASH_DELETE(hh, self->asked, entry);
        say_end(self, entry);
        entry_free(self, entry);
    }
}

void relay_renew(struct relay *self)
{
    ask_again(self);
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        if (!(self->here & RY_ROLE_BIT(role)))
            continue;
        tend(self, (enum ry_role)role, true);
        tend(self, (enum ry_role)role, false);
    }
}

static void release(struct relay *self, const struct relay_entry *entry)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(entry->role, entry->urgent, stream);
    (void)ry_mail_stream_release(self->mail, stream, entry->entry, NULL);
}

void relay_release(struct relay *self)
{
    /* First their senders know, so that they give them to the next one that asks. */
    for (const struct relay_entry *entry = self->entries; entry != NULL; entry = entry->hh.next)
        relay_say_given_up(self, entry->from, entry->their_id);
    relay_flush(self);
    for (const struct relay_entry *entry = self->entries; entry != NULL; entry = entry->hh.next)
        release(self, entry);
    for (const struct relay_entry *entry = self->asked; entry != NULL; entry = entry->hh.next)
        release(self, entry);
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

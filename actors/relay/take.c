/* take.c: entries of other nodes: read, asked for, renewed, given back.
 *
 * An entry is read when the instances of its role have room. It must bear the seal of the fleet's key for its stream,
 * and its sender must be alive and say that this node may work on it: a mail is in somebody's custody, and only who has
 * it can give it away. What it then says is work.c's. The lease of an entry is renewed until nothing of it is left
 * here, so when this node dies, another one claims it and does it all again. */
#include "actors/relay/take.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/relay/peer_msg.h"
#include "actors/relay/peers.h"
#include "runtime/base/assert.h"

#define CLAIM_MAX   16
#define RENEW_MAX   256
#define READS_MAX   256 /* of a role at a time */
#define MSGS_MAX    256 /* ends of refused entries that are not said yet */
#define GONE_LOG_MS 1000

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void take_text(char *to, size_t size, struct ry_str from)
{
    (void)snprintf(to, size, "%.*s", RY_STR_ARG(from));
}

/* Which of its role's streams an entry stands in. */
static bool is_urgent(const struct ry_mail_entry *entry)
{
    RY_ASSERT(strchr(entry->stream, ':') != NULL, "stream %s", entry->stream);
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
        relay_say_entry_end(self, other);
        other->urgent = is_urgent(entry);
        (void)snprintf(other->entry, sizeof other->entry, "%s", entry->id);
    }
    return other != NULL;
}

static void ask_for(struct relay *self, struct relay_entry *entry)
{
    RY_ASSERT(entry->id == 0 && entry->their_id != 0, "asked %llu", (unsigned long long)entry->id);
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
    unsigned suppressed = 0;
    RY_ASSERT(reader->role > RY_ROLE_NONE && reader->role < RY_ROLE_COUNT, "role %d", (int)reader->role);
    reader->seen++;
    if (!entry->accepted) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), ry_seal_text(entry->seal));
        relay_say_end(self, entry->stream, entry->id);
        return;
    }
    (void)relay_peer_found(self, from);
    if (!relay_is_alive(self, from)) {
        if (ry_log_allowed(&self->gone_log, 1, GONE_LOG_MS, &suppressed))
            RY_LOG(RY_INFO, "mail_of_gone_node", "role=%s entry=%s held_back=%u", ry_role_name(reader->role), entry->id,
                   suppressed);
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
    RY_ASSERT(self->here & RY_ROLE_BIT(role), "role %d has no instance here", (int)role);
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

/* Asks again for what was not answered: messages get lost. A sender that is gone answers no more. */
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
        relay_say_entry_end(self, entry);
        relay_entry_free(self, entry);
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

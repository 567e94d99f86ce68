/* state.c: what the files of the relay share: names of streams, what this node offers, what was refused, and the
 * entries of other nodes in hand.
 *
 * Owns the memory of the entries. Calls no other file of the relay. A crash loses what is here: every mail is with its
 * sender, who gives it to the next node that asks. */
#include "actors/relay/state.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

#define REFUSALS_LOGGED 3 /* within LOG_MS */
#define LOG_MS          60000

struct relay *relay_of(void *me)
{
    struct relay *self = me;
    RY_ASSERT(self->magic == RELAY_MAGIC, "magic %x", self->magic);
    return self;
}

void relay_role_stream(enum ry_role role, bool urgent, char name[RY_MAIL_STREAM_BYTES])
{
    (void)snprintf(name, RY_MAIL_STREAM_BYTES, "reelyard:mail:%s%s", ry_role_name(role), urgent ? ":urgent" : "");
}

void relay_node_stream(const char *owner, char name[RY_MAIL_STREAM_BYTES])
{
    int n = snprintf(name, RY_MAIL_STREAM_BYTES, "reelyard:mail:node:%s", owner);
    RY_ASSERT(n > 0 && n < RY_MAIL_STREAM_BYTES, "owner of %d bytes", n);
}

bool relay_takes(const struct relay *self)
{
    const struct ry_fleet *fleet = ry_mail_stream_fleet(self->mail);
    return fleet->n > 0 || fleet->open;
}

uint32_t relay_offered(const struct relay *self)
{
    uint32_t roles = self->here & RELAYED;
    return self->has_postgres ? roles : roles & ~RY_ROLE_BIT(RY_ROLE_WRITER);
}

void relay_look_soon(struct relay *self)
{
    ry_timer(self->ctx, RELAY_TIMER_LOOK, 0);
}

void relay_make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            *text = '?';
}

void relay_refuse(struct relay *self, enum ry_counter counter, const char *place, struct ry_str entry, const char *why)
{
    unsigned suppressed = 0;
    ry_count(self->ctx, counter, 1);
    self->refused_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    (void)snprintf(self->refused, sizeof self->refused, "%s %.*s: %s", place, RY_STR_ARG(entry), why);
    relay_make_printable(self->refused);
    if (ry_log_allowed(&self->refusals_log, REFUSALS_LOGGED, LOG_MS, &suppressed))
        RY_LOG(RY_WARNING, "relay_refused", "what=%s held_back=%u", self->refused, suppressed);
}

/* ---- entries in hand --------------------------------------------------------------------------------------------- */

struct relay_entry *relay_entry_of(const struct relay *self, uint64_t id)
{
    struct relay_entry *entry = NULL;
    HASH_FIND(hh, self->entries, &id, sizeof id, entry);
    return entry;
}

void relay_entry_free(struct relay *self, struct relay_entry *entry)
{
    RY_ASSERT(self->working[entry->role] > 0, "role %s", ry_role_name(entry->role));
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
        relay_entry_free(self, entry);
    }
    HASH_ITER(hh, self->asked, entry, next)
    {
        HASH_DELETE(hh, self->asked, entry);
        relay_entry_free(self, entry);
    }
}

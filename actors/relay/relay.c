/* relay.c: carries mail between the routers of several nodes, through Redis.
 *
 * Owns      the mail of this node that another one works on (out.c), the mail of others that is worked on here (in.c),
 *           and what nodes say to each other about both (words.c).
 * Accepts   mail of any role that this node has no instance of, or no room for, from the router; mail_settled,
 *           undeliverable and node_state from the router; entries and words from Redis (mail_stream.h).
 * Sends     relay_reach and node_get to the router; under its own ids, what instances of other nodes sent.
 * Promises  a mail stays in its own router's custody until the node that took it says that it is over, and that node
 *           says so only when nothing of it is left there. When a node dies or loses Redis, its entries are claimed by
 *           another after their lease; when Redis loses an entry, it is added again.
 *
 * Which roles have instances here the router says twice a second; which others have, every node says of itself every
 * two seconds. A node whose word is older than that by far is gone, and what it had sent is of no use any more.
 *
 * Only encoders and writers are shared: their mail goes to other nodes also when this one has the role but no room. An
 * SQLite database is not reached from elsewhere, so its writer, and no other, works for its node. */
#include "actors/relay/relay.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/json/json.h"

enum timer { TIMER_LOOK };

#define LOOK_MS      500
#define NEWS_MS      2000
#define NEWS_LASTS_S 10
#define AUDIT_MS     1000
#define OWNERS_MAX   4096
#define WAITING_MAX  1000 /* words: beyond that no more is taken in */

/* Roles that a node needs not have, for others have them. */
#define RELAYED \
    (RY_ROLE_BIT(RY_ROLE_INGESTER) | RY_ROLE_BIT(RY_ROLE_SCANNER) | RY_ROLE_BIT(RY_ROLE_WRITER) | \
     RY_ROLE_BIT(RY_ROLE_DOWNLOADER) | RY_ROLE_BIT(RY_ROLE_ENCODER) | RY_ROLE_BIT(RY_ROLE_STORAGE) | \
     RY_ROLE_BIT(RY_ROLE_SCHEDULER))
#define SHARED (RY_ROLE_BIT(RY_ROLE_ENCODER) | RY_ROLE_BIT(RY_ROLE_WRITER))

void relay_role_stream(enum ry_role role, bool urgent, char name[RY_MAIL_STREAM_BYTES])
{
    (void)snprintf(name, RY_MAIL_STREAM_BYTES, "reelyard:mail:%s%s", ry_role_name(role), urgent ? ":urgent" : "");
}

void relay_node_stream(const char *owner, char name[RY_MAIL_STREAM_BYTES])
{
    (void)snprintf(name, RY_MAIL_STREAM_BYTES, "reelyard:mail:node:%s", owner);
}

/* Roles of this node that others may have mail for. */
static uint32_t offered(const struct relay *self)
{
    uint32_t roles = self->here & RELAYED;
    return self->has_postgres ? roles : roles & ~RY_ROLE_BIT(RY_ROLE_WRITER);
}

/* ---- who is there ------------------------------------------------------------------------------------------------ */

static void on_node(void *arg, struct ry_str name, struct ry_str text)
{
    struct relay *self = arg;
    (void)name;
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *news = NULL;
    int64_t bits = 0;
    if (ry_json_parse_object(text, &doc, &news, NULL) != RY_OK || !ry_json_i64(ry_json_get(news, "role_bits"), &bits))
        return;
    struct ry_str owner = ry_json_str(ry_json_get(news, "owner"));
    if (owner.p == NULL || ry_str_is(owner, self->owner))
        return;
    self->reach |= (uint32_t)bits & RELAYED;
    if (self->owner_count < self->owner_room)
        (void)snprintf(self->owners[self->owner_count++], RELAY_OWNER_BYTES, "%.*s", RY_STR_ARG(owner));
}

static void tell_router(struct relay *self)
{
    bool own_database = !self->has_postgres && (self->present & RY_ROLE_BIT(RY_ROLE_WRITER));
    uint32_t reach = own_database ? self->reach & ~RY_ROLE_BIT(RY_ROLE_WRITER) : self->reach;
    const struct ry_relay_reach message = {.roles = reach,
                                           .shared = reach & SHARED,
                                           .window =
                                               (uint64_t)ry_config_int(ry_ctx_config(self->ctx), RY_OPT_relay_window)};
    RY_TELL(self->ctx, relay_reach, &message, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

static int announce(struct relay *self, struct ry_error *err)
{
    char text[2048];
    char roles[400] = "";
    char instances[400] = "";
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (self->here & RELAYED & RY_ROLE_BIT(role)) {
            size_t at = strlen(roles), too = strlen(instances);
            const char *name = ry_role_name((enum ry_role)role);
            (void)snprintf(roles + at, sizeof roles - at, "%s\"%s\"", at ? ", " : "", name);
            (void)snprintf(instances + too, sizeof instances - too, "%s\"%s\": %zu", too ? ", " : "", name,
                           self->instances[role]);
        }
    size_t capacity = 0;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        capacity += offered(self) & RY_ROLE_BIT(role) ? self->capacity[role] : 0;
    (void)snprintf(text, sizeof text,
                   "{\"owner\": \"%s\", \"roles\": [%s], \"instances\": {%s}, \"role_bits\": %" PRIu32
                   ", \"capacity\": %zu, \"taken\": %u, \"given\": %u, \"wall_ms\": %" PRId64 "}",
                   self->owner, roles, instances, offered(self), capacity, HASH_COUNT(self->entries),
                   HASH_COUNT(self->sent), ry_wall_ms(ry_ctx_clock(self->ctx)));
    return ry_mail_stream_announce(self->mail, self->node, ry_str_of(text), NEWS_LASTS_S, err);
}

static void exchange_news(struct relay *self)
{
    if (announce(self, NULL) != RY_OK)
        return;
    self->reach = 0;
    self->owner_count = 0;
    self->nodes_known = ry_mail_stream_nodes(self->mail, on_node, self, NULL) == RY_OK;
    tell_router(self);
}

static void on_node_state(struct relay *self, const struct ry_node_state *state)
{
    self->here = 0;
    memset(self->capacity, 0, sizeof self->capacity);
    memset(self->instances, 0, sizeof self->instances);
    for (size_t i = 0; i < state->instances.n; i++)
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
            if (ry_str_is(state->instances.items[i].role, ry_role_name((enum ry_role)role))) {
                self->here |= RY_ROLE_BIT(role);
                self->instances[role]++;
                self->capacity[role] += (size_t)state->instances.items[i].capacity;
            }
    self->present = self->here;
    self->here = offered(self);
    const char *names[2 * RY_ROLE_COUNT + 1];
    char streams[2 * RY_ROLE_COUNT + 1][RY_MAIL_STREAM_BYTES];
    size_t n = 0;
    relay_node_stream(self->owner, streams[n]);
    n++;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        for (int urgent = 0; urgent < 2 && (self->here & RY_ROLE_BIT(role)); urgent++)
            relay_role_stream((enum ry_role)role, urgent, streams[n++]);
    for (size_t i = 0; i < n; i++)
        names[i] = streams[i];
    ry_mail_stream_listen(self->mail, names, n);
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

static int relay_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct relay *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    *out = self;
    STAILQ_INIT(&self->words);
    const struct ry_config *config = ry_ctx_config(ctx);
    if (ry_config_str(config, RY_OPT_redis_url)[0] == '\0')
        return RY_OK; /* alone */
    (void)snprintf(self->owner, sizeof self->owner, "%s", ry_ctx_owner(ctx));
    (void)snprintf(self->node, sizeof self->node, "%.*s", (int)strcspn(self->owner, "/"), self->owner);
    self->has_postgres = ry_config_has_postgres(config);
    self->owner_room = OWNERS_MAX;
    self->owners = calloc(self->owner_room, sizeof *self->owners);
    if (self->owners == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    int rc = ry_mail_stream_new(&self->mail, config, self->owner, ry_ctx_clock(ctx), err);
    if (rc == RY_OK)
        ry_timer(ctx, TIMER_LOOK, 0);
    return rc;
}

/* What waits goes out; of these roles, what has come goes in. */
static void relay_work(struct relay *self, uint32_t roles)
{
    relay_flush(self);
    if (self->word_count < WAITING_MAX)
        relay_read(self, roles);
    self->freed = 0;
    relay_flush(self);
}

static void relay_tick(void *me, struct ry_ctx *ctx, unsigned timer)
{
    struct relay *self = me;
    (void)timer;
    self->ctx = ctx;
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    ry_timer(ctx, TIMER_LOOK, LOOK_MS);
    if (self->state_asked == 0)
        self->state_asked =
            RY_TELL(ctx, node_get, &(struct ry_node_get){0}, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    relay_hear(self);
    relay_say_again(self);
    relay_work(self, UINT32_MAX);
    if (now_mono_ms >= self->next_news_mono_ms) {
        self->next_news_mono_ms = now_mono_ms + NEWS_MS;
        exchange_news(self);
    }
    if (now_mono_ms >= self->next_renew_mono_ms) {
        int64_t lease_ms = ry_config_int(ry_ctx_config(ctx), RY_OPT_mail_lease_seconds) * 1000;
        self->next_renew_mono_ms = now_mono_ms + lease_ms / 3;
        relay_renew(self);
    }
    if (now_mono_ms >= self->next_audit_mono_ms) {
        self->next_audit_mono_ms = now_mono_ms + AUDIT_MS;
        relay_audit(self);
    }
    relay_flush(self);
}

static void relay_receive(void *me, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct relay *self = me;
    self->ctx = ctx;
    if (self->mail == NULL)
        return;
    switch (mail->descriptor->kind) {
    case RY_KIND_ANSWER: relay_answer(self, mail); break;
    case RY_KIND_REQUEST:
    case RY_KIND_ASK:
    case RY_KIND_EVENT: relay_send(self, mail); break;
    case RY_KIND_CONTROL:
        if (mail->envelope.tag == RY_TAG_node_state) {
            self->state_asked = 0;
            on_node_state(self, RY_BODY(mail, node_state));
        } else if (mail->envelope.tag == RY_TAG_mail_settled) {
            relay_on_mail_settled(self, RY_BODY(mail, mail_settled));
        } else if (mail->envelope.tag == RY_TAG_undeliverable) {
            relay_on_undeliverable(self, RY_BODY(mail, undeliverable));
        }
        break;
    }
    if (self->freed != 0 || self->word_count > 0)
        relay_work(self, self->freed);
}

static int relay_engine_fd(void *me)
{
    const struct relay *self = me;
    return self->mail != NULL ? ry_mail_stream_fd(self->mail) : -1;
}

static void relay_ready(void *me, struct ry_ctx *ctx)
{
    struct relay *self = me;
    self->ctx = ctx;
    ry_mail_stream_heard(self->mail);
    relay_hear(self);
    relay_work(self, UINT32_MAX);
}

static bool relay_drain(void *me, struct ry_ctx *ctx)
{
    struct relay *self = me;
    self->ctx = ctx;
    return self->mail == NULL || (ry_mail_kept(ctx) == 0 && self->entries == NULL && self->word_count == 0);
}

static void relay_close(void **me)
{
    struct relay *self = *me;
    if (self == NULL)
        return;
    if (self->mail != NULL) {
        relay_flush(self);
        relay_release(self);
        (void)ry_mail_stream_announce(self->mail, self->node, (struct ry_str){0}, 0, NULL);
    }
    relay_words_free(self);
    struct relay_sent *sent = NULL;
    struct relay_sent *next_sent = NULL;
    HASH_ITER(hh, self->sent, sent, next_sent)
    {
        HASH_DELETE(hh, self->sent, sent);
        free(sent);
    }
    struct relay_entry *entry = NULL;
    struct relay_entry *next_entry = NULL;
    HASH_ITER(hh, self->entries, entry, next_entry)
    {
        HASH_DELETE(hh, self->entries, entry);
        free(entry->whole);
        free(entry);
    }
    ry_mail_stream_free(&self->mail);
    free(self->owners);
    free(self);
    *me = NULL;
}

const struct ry_actor_spec ry_relay_spec = {
    .role = RY_ROLE_RELAY,
    .capacity = 1,
    .threads = 1,
    .open = relay_open,
    .receive = relay_receive,
    .tick = relay_tick,
    .ready = relay_ready,
    .engine_fd = relay_engine_fd,
    .drain = relay_drain,
    .close = relay_close,
};

/* relay.c: carries mail between the routers of several nodes, through Redis.
 *
 * Owns      the mail of this node that another one works on (give.c), the entries of others (take.c) and their mail
 *           that is worked on here (work.c), what nodes say to each other about both (peer_msg.c, hear.c), and what is
 *           known of the others (peers.c).
 * Accepts   mail of any role that this node has no instance of, or no room for, from the router; mail_settled,
 *           undeliverable and node_state from the router; entries and messages of nodes from Redis (mail_stream.h).
 * Sends     relay_reach and node_get to the router; under its own ids, what instances of other nodes sent.
 * Promises  a mail stays in its own router's custody until the node that took it says that it is over, and that node
 *           says so only when nothing of it is left there. When a node dies or loses Redis, its entries are claimed by
 *           another after their lease; when Redis loses an entry, it is added again.
 *
 * Who can write to Redis is not trusted: what comes from there bears the seal of the fleet's key, stands where it was
 * sealed for, is not older than what came before it, and its sender stands by it now. Without a key nothing is taken
 * (unless REELYARD_FLEET_OPEN says otherwise), and a node that sees another one says so.
 *
 * Which roles have instances here the router says twice a second; which others have is in the record that every node
 * writes every two seconds. A node whose record is older than that by far is gone, and what it had sent is of no use.
 *
 * Only encoders and writers are shared: their mail goes to other nodes also when this one has the role but no room. An
 * SQLite database is not reached from elsewhere, so its writer, and no other, works for its node. */
#include "actors/relay/relay.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/relay/give.h"
#include "actors/relay/hear.h"
#include "actors/relay/peer_msg.h"
#include "actors/relay/peers.h"
#include "actors/relay/state.h"
#include "actors/relay/take.h"
#include "actors/relay/work.h"
#include "runtime/base/assert.h"

#define LOOK_MS     500
#define NEWS_MS     2000
#define AUDIT_MS    1000
#define WAITING_MAX 1000   /* messages to others: beyond that no more is taken in */
#define REFUSED_MS  600000 /* how long the last refusal is told */
#define LOG_MS      60000

/* Messages that a relay sends in a millisecond, at most, as a power of two. */
#define NUMBERS_A_MS_BITS 20

#define SHARED (RY_ROLE_BIT(RY_ROLE_ENCODER) | RY_ROLE_BIT(RY_ROLE_WRITER))

/* ---- what the router is told ------------------------------------------------------------------------------------- */

/* Why nothing goes to other nodes, though there are some. False: nothing keeps it. */
static bool lacks_key(struct relay *self, char why[RELAY_REFUSED_BYTES])
{
    unsigned suppressed = 0;
    if (self->strangers == 0 || relay_takes(self))
        return false;
    relay_make_printable(self->stranger);
    (void)snprintf(
        why, RELAY_REFUSED_BYTES,
        "another node (%s) shares this Redis, and this one has no fleet key, so they exchange no mail: make a "
        "key (reelyard keys fleet FILE) and set REELYARD_FLEET_KEY_FILE on all nodes",
        self->stranger);
    if (ry_log_allowed(&self->log, 1, LOG_MS, &suppressed))
        RY_LOG(RY_WARNING, "relay_has_no_key", "reason=%s", why);
    return true;
}

static void tell_router(struct relay *self)
{
    char why[RELAY_REFUSED_BYTES];
    bool own_database = !self->has_postgres && (self->present & RY_ROLE_BIT(RY_ROLE_WRITER));
    uint32_t reach = own_database ? self->reach & ~RY_ROLE_BIT(RY_ROLE_WRITER) : self->reach;
    struct ry_relay_reach message = {
        .roles = reach,
        .shared = reach & SHARED,
        .window = (uint64_t)ry_config_int(ry_ctx_config(self->ctx), RY_OPT_relay_window),
    };
    bool closed = lacks_key(self, why);
    if (closed)
        message.notice = ry_str_of(why);
    else if (self->refused[0] != '\0' && ry_mono_ms(ry_ctx_clock(self->ctx)) - self->refused_mono_ms < REFUSED_MS)
        message.notice = ry_str_of(self->refused);
    /* A node that has all roles is none the worse. */
    ry_ctx_trouble(self->ctx, closed && (RELAYED & ~self->present) != 0 ? why : NULL);
    RY_TELL(self->ctx, relay_reach, &message, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

static bool exchange_news(struct relay *self)
{
    uint64_t aside = ry_mail_stream_aside(self->mail);
    bool exchanged = relay_exchange_news(self);
    tell_router(self);
    ry_count(self->ctx, RY_COUNTER_relay_aside, aside - self->aside);
    self->aside = aside;
    return exchanged;
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
    self->here = relay_offered(self);
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
    self->magic = RELAY_MAGIC;
    *out = self;
    STAILQ_INIT(&self->peer_msgs);
    const struct ry_config *config = ry_ctx_config(ctx);
    if (ry_config_str(config, RY_OPT_redis_url)[0] == '\0')
        return RY_OK; /* alone */
    (void)snprintf(self->owner, sizeof self->owner, "%s", ry_ctx_owner(ctx));
    (void)snprintf(self->node, sizeof self->node, "%.*s", (int)strcspn(self->owner, "/"), self->owner);
    self->has_postgres = ry_config_has_postgres(config);
    /* Above all numbers of this relay's former starts, for to other nodes it is the same as long as the router is; and
     * no answer to a former start is taken for one to this one. */
    self->last_peer_msg = self->last_ask = (uint64_t)ry_wall_ms(ry_ctx_clock(ctx)) << NUMBERS_A_MS_BITS;
    int rc = ry_mail_stream_new(&self->mail, config, self->owner, ry_ctx_clock(ctx), err);
    if (rc == RY_OK)
        ry_timer(ctx, RELAY_TIMER_LOOK, 0);
    return rc;
}

/* What waits goes out; of these roles, what has come goes in. */
static void relay_work(struct relay *self, uint32_t roles)
{
    relay_flush(self);
    if (self->peer_msg_count < WAITING_MAX && relay_takes(self))
        relay_read(self, roles);
    self->freed = 0;
    relay_flush(self);
}

static void relay_tick(void *me, struct ry_ctx *ctx, unsigned timer)
{
    struct relay *self = relay_of(me);
    RY_ASSERT(timer == RELAY_TIMER_LOOK, "timer %u", timer);
    self->ctx = ctx;
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    ry_timer(ctx, RELAY_TIMER_LOOK, LOOK_MS);
    if (self->state_asked == 0)
        self->state_asked =
            RY_TELL(ctx, node_get, &(struct ry_node_get){0}, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    if (relay_takes(self))
        relay_hear(self);
    relay_say_again(self);
    relay_work(self, UINT32_MAX);
    if (now_mono_ms >= self->next_news_mono_ms) {
        /* What failed is tried at each look: after an outage the others wait for a sign of life. */
        self->next_news_mono_ms = exchange_news(self) ? now_mono_ms + NEWS_MS : now_mono_ms;
    }
    if (now_mono_ms >= self->next_renew_mono_ms) {
        int64_t lease_ms = ry_config_int(ry_ctx_config(ctx), RY_OPT_mail_lease_seconds) * 1000;
        self->next_renew_mono_ms = now_mono_ms + lease_ms / 3;
        if (relay_takes(self))
            relay_renew(self);
    }
    if (now_mono_ms >= self->next_audit_mono_ms) {
        self->next_audit_mono_ms = now_mono_ms + AUDIT_MS;
        if (relay_look_for_missing(self))
            relay_hear(self); /* the end of some may have been said just now */
        relay_offer_again(self);
    }
    relay_flush(self);
}

static void relay_receive(void *me, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct relay *self = relay_of(me);
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
    if (self->freed != 0 || self->peer_msg_count > 0)
        relay_work(self, self->freed);
}

static int relay_engine_fd(void *me)
{
    const struct relay *self = relay_of(me);
    return self->mail != NULL ? ry_mail_stream_fd(self->mail) : -1;
}

static void relay_ready(void *me, struct ry_ctx *ctx)
{
    struct relay *self = relay_of(me);
    self->ctx = ctx;
    ry_mail_stream_heard(self->mail);
    if (relay_takes(self))
        relay_hear(self);
    relay_work(self, UINT32_MAX);
}

static bool relay_drain(void *me, struct ry_ctx *ctx)
{
    struct relay *self = relay_of(me);
    self->ctx = ctx;
    return self->mail == NULL ||
           (ry_mail_kept(ctx) == 0 && self->entries == NULL && self->asked == NULL && self->peer_msg_count == 0);
}

static void relay_close(void **me)
{
    if (*me == NULL)
        return;
    struct relay *self = relay_of(*me);
    if (self->mail != NULL) {
        ry_mail_stream_try_now(self->mail); /* the last time to say what waits */
        relay_flush(self);
        relay_release(self);
        (void)ry_mail_stream_renounce(self->mail, self->node, NULL);
    }
    relay_peer_msgs_free(self);
    relay_sent_free(self);
    relay_entries_free(self);
    relay_peers_free(self);
    ry_mail_stream_free(&self->mail);
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        RY_ASSERT(self->working[role] == 0, "%zu entries of role %u are not freed", self->working[role], role);
    RY_ASSERT(self->peer_msg_count == 0 && self->hints == 0, "%zu messages, %zu hints", self->peer_msg_count,
              self->hints);
    self->magic = 0;
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

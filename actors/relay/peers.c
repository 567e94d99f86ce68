/* peers.c: the other nodes: what each says of itself, which of it is believed, and who is alive.
 *
 * News bear the fleet's seal and the time when they were said. Only news that are newer than the last ones of the same
 * start of a node are a sign of life, and only if their time is near to this node's: so news that somebody has kept, or
 * has taken from elsewhere, make nobody seem alive for longer than CLOCKS_MS. A start of a node is remembered
 * for as long as messages of it may still lie in a stream, with the number of its last one (peer_msg.c). */
#include "actors/relay/peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

#define NEWS_TTL_MS (RY_MAIL_NODE_TTL_S * 1000)
#define PEERS_MAX   4096
#define CLOCKS_MS   60000
/* Messages to a node last an hour (peer_msg.c); behind that, one of this peer cannot be an honest one. */
#define PEER_LASTS_MS 7200000

struct relay_peer *relay_peer_of(const struct relay *self, struct ry_str owner)
{
    struct relay_peer *peer = NULL;
    if (owner.n > 0 && owner.n < RELAY_OWNER_BYTES)
        HASH_FIND(hh, self->peers, owner.p, owner.n, peer);
    return peer;
}

bool relay_is_alive(const struct relay *self, struct ry_str owner)
{
    if (!self->nodes_known || ry_str_is(owner, self->owner))
        return true;
    /* After an outage this node may be back before the others: they get the time to say that they are there. */
    if (ry_mail_stream_was_away(self->mail, NEWS_TTL_MS))
        return true;
    const struct relay_peer *peer = relay_peer_of(self, owner);
    return peer != NULL && ry_mono_ms(ry_ctx_clock(self->ctx)) - peer->seen_mono_ms < NEWS_TTL_MS;
}

static void peer_free(struct relay *self, struct relay_peer *peer)
{
    HASH_DELETE(hh, self->peers, peer);
    free(peer);
}

void relay_peers_free(struct relay *self)
{
    struct relay_peer *peer = NULL;
    struct relay_peer *next = NULL;
    HASH_ITER(hh, self->peers, peer, next)
    peer_free(self, peer);
}

/* Forgets those that are long gone; and, when there are too many, the one that was unheard of for longest. */
static void forget_old(struct relay *self)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    struct relay_peer *peer = NULL;
    struct relay_peer *next = NULL;
    struct relay_peer *oldest = NULL;
    HASH_ITER(hh, self->peers, peer, next)
    {
        if (now_mono_ms - peer->seen_mono_ms > PEER_LASTS_MS)
            peer_free(self, peer);
        else if (oldest == NULL || peer->seen_mono_ms < oldest->seen_mono_ms)
            oldest = peer;
    }
    if (HASH_COUNT(self->peers) >= PEERS_MAX)
        peer_free(self, oldest);
}

static struct relay_peer *peer_new(struct relay *self, struct ry_str owner)
{
    RY_ASSERT(owner.n > 0 && owner.n < RELAY_OWNER_BYTES, "owner of %zu bytes", owner.n);
    forget_old(self);
    RY_ASSERT(HASH_COUNT(self->peers) < PEERS_MAX, "%u peers", HASH_COUNT(self->peers));
    struct relay_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    (void)snprintf(peer->owner, sizeof peer->owner, "%.*s", RY_STR_ARG(owner));
    HASH_ADD(hh, self->peers, owner, owner.n, peer);
    return peer;
}

/* ---- what others say --------------------------------------------------------------------------------------------- */

/* "NAME/START", and no more: so news cannot stand under the name of another node. */
static bool is_owner_of(struct ry_str owner, struct ry_str name)
{
    return owner.n > name.n + 1 && owner.n < RELAY_OWNER_BYTES && ry_str_starts(owner, name) && owner.p[name.n] == '/';
}

/* Whether sealed news are of now; *wall_ms: when they were said. */
static bool is_of_now(struct relay *self, const struct ry_mail_node *node, int64_t *wall_ms,
                      char why[RELAY_REFUSED_BYTES])
{
    int64_t now_wall_ms = ry_wall_ms(ry_ctx_clock(self->ctx));
    if (node->seal != RY_SEAL_GOOD)
        *wall_ms = now_wall_ms; /* an open fleet believes what stands there now */
    int64_t off_ms = 0;
    if (__builtin_sub_overflow(*wall_ms, now_wall_ms, &off_ms))
        off_ms = INT64_MAX;
    if (off_ms < -INT64_MAX)
        off_ms = -INT64_MAX; /* its sign is changed below */
    if (off_ms < -CLOCKS_MS || off_ms > CLOCKS_MS) {
        (void)snprintf(why, RELAY_REFUSED_BYTES, "it was said %" PRId64 " s %s by this node's clock",
                       (off_ms < 0 ? -off_ms : off_ms) / 1000, off_ms < 0 ? "ago" : "ahead");
        return false;
    }
    return true;
}

/* Believes news: their node is alive if they are newer than its last ones. */
static void take_news(struct relay *self, struct ry_str owner, int64_t wall_ms, uint32_t roles)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
    struct relay_peer *peer = relay_peer_of(self, owner);
    if (peer == NULL)
        peer = peer_new(self, owner);
    if (peer == NULL)
        return;
    if (wall_ms > peer->said_wall_ms) {
        peer->said_wall_ms = wall_ms;
        peer->seen_mono_ms = now_mono_ms;
    }
    if (now_mono_ms - peer->seen_mono_ms < NEWS_TTL_MS)
        self->reach |= roles;
}

/* The roles of a record, as bits; what later versions call a role is none. */
static uint32_t roles_of(const struct ry_node_record *record)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < record->roles.n; i++)
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
            if (ry_str_is(record->roles.items[i].role, ry_role_name((enum ry_role)role)))
                bits |= RY_ROLE_BIT(role);
    return bits & RELAYED;
}

static void on_node(void *arg, const struct ry_mail_node *node)
{
    struct relay *self = arg;
    char why[RELAY_REFUSED_BYTES] = "";
    if (ry_str_is(node->name, self->node))
        return;
    if (!node->accepted) {
        self->strangers++;
        (void)snprintf(self->stranger, sizeof self->stranger, "%.*s", RY_STR_ARG(node->name));
        if (relay_takes(self))
            relay_refuse(self, RY_COUNTER_relay_refused, "reelyard:node", node->name, node->fault);
        return;
    }
    if (node->record == NULL) {
        relay_refuse(self, RY_COUNTER_relay_refused, "reelyard:node", node->name, node->fault);
        return;
    }
    int64_t wall_ms = node->record->said_wall_ms;
    if (!is_owner_of(node->record->owner, node->name))
        relay_refuse(self, RY_COUNTER_relay_refused, "reelyard:node", node->name, "it is of another node");
    else if (!is_of_now(self, node, &wall_ms, why))
        relay_refuse(self, RY_COUNTER_relay_replayed, "reelyard:node", node->name, why);
    else
        take_news(self, node->record->owner, wall_ms, roles_of(node->record));
}

static void read_news(struct relay *self)
{
    self->reach = 0;
    self->strangers = 0;
    self->nodes_known = ry_mail_stream_nodes(self->mail, on_node, self, NULL) == RY_OK;
}

struct relay_peer *relay_peer_found(struct relay *self, struct ry_str owner)
{
    struct relay_peer *peer = relay_peer_of(self, owner);
    if (ry_str_is(owner, self->owner)) {
        /* A node that shares a role reads its own mail back when it has room again, and asks itself for it. */
        peer = peer != NULL ? peer : peer_new(self, owner);
        if (peer != NULL)
            peer->seen_mono_ms = ry_mono_ms(ry_ctx_clock(self->ctx));
        return peer;
    }
    if (peer != NULL)
        return peer;
    /* It may have begun since the news were read: it says who it is before it sends anything. */
    read_news(self);
    return relay_peer_of(self, owner);
}

/* ---- what this node says ----------------------------------------------------------------------------------------- */

static int announce(struct relay *self, struct ry_error *err)
{
    struct ry_role_offer roles[RY_ROLE_COUNT];
    struct ry_node_record record = {.owner = ry_str_of(self->owner),
                                    .roles.items = roles,
                                    .taken = HASH_COUNT(self->entries),
                                    .given = HASH_COUNT(self->sent)};
    uint32_t offered = relay_offered(self);
    int64_t now_wall_ms = ry_wall_ms(ry_ctx_clock(self->ctx));
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (offered & RY_ROLE_BIT(role))
            roles[record.roles.n++] = (struct ry_role_offer){.role = ry_str_of(ry_role_name((enum ry_role)role)),
                                                             .instances = self->instances[role],
                                                             .capacity = self->capacity[role]};
    /* Each is newer than the last, even if the clock was set back. */
    self->said_wall_ms = now_wall_ms > self->said_wall_ms ? now_wall_ms : self->said_wall_ms + 1;
    RY_ASSERT(record.roles.n < RY_ROLE_COUNT, "%zu roles", record.roles.n);
    record.said_wall_ms = self->said_wall_ms;
    return ry_mail_stream_announce(self->mail, self->node, &record, RY_MAIL_NODE_TTL_S, err);
}

bool relay_exchange_news(struct relay *self)
{
    if (announce(self, NULL) != RY_OK)
        return false;
    read_news(self);
    return self->nodes_known;
}

/* state.h: the state of a relay, and the small verbs that its files share (state.c). One thread. */
#ifndef REELYARD_ACTORS_RELAY_STATE_H
#define REELYARD_ACTORS_RELAY_STATE_H

#include <sys/queue.h>
#include <uthash.h>

#include "runtime/actor/actor.h"
#include "runtime/base/log.h"
#include "runtime/queue/mail_stream.h"
#include "runtime/base/assert.h"
#include "runtime/stats/stats.h"

#define RELAY_OWNER_BYTES   208
#define RELAY_REFUSED_BYTES 400

/* Roles that a node needs not have, for others have them. */
#define RELAYED \
    (RY_ROLE_BIT(RY_ROLE_INGESTER) | RY_ROLE_BIT(RY_ROLE_SCANNER) | RY_ROLE_BIT(RY_ROLE_WRITER) | \
     RY_ROLE_BIT(RY_ROLE_DOWNLOADER) | RY_ROLE_BIT(RY_ROLE_ENCODER) | RY_ROLE_BIT(RY_ROLE_STORAGE) | \
     RY_ROLE_BIT(RY_ROLE_SCHEDULER))

enum relay_timer { RELAY_TIMER_LOOK };

/* A start of another node. */
struct relay_peer {
    char owner[RELAY_OWNER_BYTES]; /* the key */
    int64_t said_wall_ms;          /* of its newest news, by its clock */
    int64_t seen_mono_ms;          /* when they came */
    uint64_t last_peer_msg;        /* number of its last message that was heard */
    UT_hash_handle hh;
};

/* A mail of this node that another one is to work on. */
struct relay_sent {
    uint64_t id;          /* the mail's, the key */
    struct ry_mail *mail; /* kept; NULL: a hint (EVENT), gone with the first node that asks for it */
    enum ry_role role;
    bool urgent;
    char entry[RY_MAIL_ENTRY_BYTES]; /* "": Redis has not taken it yet */
    int64_t since_mono_ms;           /* when it was added, or last looked for */
    char holder[RELAY_OWNER_BYTES];  /* the start of a node that it was given to; "": none yet */
    bool missing;                    /* Redis had it no more at the last look */
    UT_hash_handle hh;
};

/* A mail of another node that is worked on here, or that its sender has been asked for. */
struct relay_entry {
    uint64_t id; /* it has here, the key; and, but for mail whose origin is here, the origin of what follows. While its
                    sender is asked: the number of the question */
    enum ry_role role;
    bool urgent; /* it came past the rest */
    char entry[RY_MAIL_ENTRY_BYTES];
    char from[RELAY_OWNER_BYTES]; /* the node that sent it */
    uint64_t their_id;
    char home[RELAY_OWNER_BYTES]; /* the node of its origin */
    uint64_t origin;              /* there */
    bool native;                  /* that is here */
    bool refused;                 /* the router had no room for it: it is to be said again */
    uint16_t tag;
    uint64_t deliveries;
    char *whole; /* the mail, to say it, and to say it again */
    size_t whole_bytes;
    UT_hash_handle hh;
};

/* A message to another node that Redis has not taken yet; they go in order. */
struct peer_msg {
    STAILQ_ENTRY(peer_msg) link;
    char stream[RY_MAIL_STREAM_BYTES];
    struct ry_buf fields;                /* pairs: length, bytes; see peer_msg.c */
    char end_entry[RY_MAIL_ENTRY_BYTES]; /* "": none; else this entry of `stream` is over */
};
STAILQ_HEAD(peer_msgs, peer_msg);

#define RELAY_MAGIC 0x72656c61u

struct relay {
    unsigned magic;              /* RELAY_MAGIC */
    struct ry_mail_stream *mail; /* NULL: no Redis, nothing is relayed */
    struct ry_ctx *ctx;          /* of the handler that runs now */
    char owner[RELAY_OWNER_BYTES];
    char node[RELAY_OWNER_BYTES]; /* the owner's name without its start */
    bool has_postgres;

    struct relay_sent *sent;
    size_t hints; /* of them, EVENTs */
    struct relay_entry *entries;
    struct relay_entry *asked; /* not worked on yet */
    uint64_t last_ask;
    struct peer_msgs peer_msgs;
    size_t peer_msg_count;
    uint64_t last_peer_msg; /* number of the last message of this node */
    size_t heard;           /* messages of others in this round */

    /* Of this node, as the router says. */
    uint32_t present; /* roles */
    uint32_t here;    /* of these, the ones that work for other nodes too */
    size_t instances[RY_ROLE_COUNT];
    size_t capacity[RY_ROLE_COUNT]; /* mails that the instances of a role hold at a time */
    size_t working[RY_ROLE_COUNT];  /* entries, by role */
    uint32_t freed;                 /* roles whose instances have room again */
    uint64_t state_asked;

    /* Of the other nodes, as they say. */
    uint32_t reach;
    struct relay_peer *peers; /* starts of nodes of the fleet, by owner; those that are gone too, for a while */
    bool nodes_known;
    int64_t said_wall_ms;             /* of this node's last news */
    size_t strangers;                 /* nodes that are none of the fleet */
    char stranger[RELAY_OWNER_BYTES]; /* one of them */

    char refused[RELAY_REFUSED_BYTES]; /* the last thing that was; and when */
    int64_t refused_mono_ms;
    uint64_t aside; /* keys put aside that were counted */

    int64_t next_news_mono_ms; /* when to announce, and to ask who is there */
    int64_t next_renew_mono_ms;
    int64_t next_audit_mono_ms;
    struct ry_log_limit log;
    struct ry_log_limit refusals_log;
    struct ry_log_limit gone_log;
};

/* reelyard:mail:ROLE or reelyard:mail:ROLE:urgent, reelyard:mail:node:OWNER */
void relay_role_stream(enum ry_role role, bool urgent, char name[RY_MAIL_STREAM_BYTES]);
void relay_node_stream(const char *owner, char name[RY_MAIL_STREAM_BYTES]);

/* The relay behind an actor's self. */
struct relay *relay_of(void *me);

/* Whether this node takes anything of others: it has the fleet's key, or the fleet is open. */
bool relay_takes(const struct relay *self);
/* Roles of this node that others may have mail for. */
uint32_t relay_offered(const struct relay *self);
/* There is more to be read: looks again at once, after what else waits. */
void relay_look_soon(struct relay *self);
/* Replaces what is not printable ASCII: what stands in Redis may be any bytes. */
void relay_make_printable(char *text);
/* Counts something of Redis that is not gone by, and says so in the log (seldom) and to the router. */
void relay_refuse(struct relay *self, enum ry_counter counter, const char *place, struct ry_str entry, const char *why);

/* The entry in work that has this id here; NULL: none. */
struct relay_entry *relay_entry_of(const struct relay *self, uint64_t id);
/* Frees an entry that is in no table any more. */
void relay_entry_free(struct relay *self, struct relay_entry *entry);
void relay_entries_free(struct relay *self);

#endif

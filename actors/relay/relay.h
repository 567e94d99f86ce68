/* relay.h: the relay's spec, and what its files share; what it does stands at the top of relay.c. */
#ifndef REELYARD_ACTORS_RELAY_RELAY_H
#define REELYARD_ACTORS_RELAY_RELAY_H

#include <sys/queue.h>
#include <uthash.h>

#include "runtime/actor/actor.h"
#include "runtime/base/log.h"
#include "runtime/stream/mail_stream.h"

extern const struct ry_actor_spec ry_relay_spec;

#define RELAY_OWNER_BYTES 208

/* A mail of this node that another one is to work on. */
struct relay_sent {
    uint64_t id;          /* the mail's, the key */
    struct ry_mail *mail; /* kept */
    enum ry_role role;
    bool urgent;
    char entry[RY_MAIL_ENTRY_BYTES]; /* "": Redis has not taken it yet */
    int64_t since_mono_ms;           /* when it was added, or last looked for */
    bool missing;                    /* Redis had it no more at the last look */
    UT_hash_handle hh;
};

/* A mail of another node that is worked on here. */
struct relay_entry {
    uint64_t id; /* it has here, the key; and, but for mail whose origin is here, the origin of what follows */
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
    char *whole; /* to say it again then; NULL without memory */
    size_t whole_bytes;
    UT_hash_handle hh;
};

/* Words to other nodes that Redis has not taken yet, in order. */
struct relay_word {
    STAILQ_ENTRY(relay_word) link;
    char stream[RY_MAIL_STREAM_BYTES];
    struct ry_buf fields;                /* pairs: length, bytes; see words.c */
    char end_entry[RY_MAIL_ENTRY_BYTES]; /* "": none; else this entry of `stream` is over */
};
STAILQ_HEAD(relay_words, relay_word);

struct relay {
    struct ry_mail_stream *mail; /* NULL: no Redis, nothing is relayed */
    struct ry_ctx *ctx;          /* of the handler that runs now */
    char owner[RELAY_OWNER_BYTES];
    char node[RELAY_OWNER_BYTES]; /* the owner's name without its start */
    bool has_postgres;

    struct relay_sent *sent;
    struct relay_entry *entries;
    struct relay_words words;
    size_t word_count;
    size_t heard; /* words of others in this round */

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
    char (*owners)[RELAY_OWNER_BYTES];
    size_t owner_count;
    size_t owner_room;
    bool nodes_known;

    int64_t next_news_mono_ms; /* when to announce, and to ask who is there */
    int64_t next_renew_mono_ms;
    int64_t next_audit_mono_ms;
    struct ry_log_limit log;
};

/* reelyard:mail:ROLE or reelyard:mail:ROLE:urgent, reelyard:mail:node:OWNER */
void relay_role_stream(enum ry_role role, bool urgent, char name[RY_MAIL_STREAM_BYTES]);
void relay_node_stream(const char *owner, char name[RY_MAIL_STREAM_BYTES]);

/* ---- out.c: mail of this node ------------------------------------------------------------------------------------ */

/* The router gave a mail (kept until its end is known), or an event (said once). */
void relay_send(struct relay *self, struct ry_mail *mail);
/* A word of another node about a mail of ours: its end. */
void relay_on_settled(struct relay *self, uint64_t id, struct ry_str failure);
/* Offers again what Redis did not take, and looks for what should be there. */
void relay_audit(struct relay *self);

/* ---- in.c: mail of other nodes ----------------------------------------------------------------------------------- */

/* Reads as much of these roles (bits) as the instances here have room for. */
void relay_read(struct relay *self, uint32_t roles);
/* An ANSWER to, or in the course of, another node's mail. */
void relay_answer(struct relay *self, struct ry_mail *mail);
void relay_on_undeliverable(struct relay *self, const struct ry_undeliverable *lost);
void relay_on_mail_settled(struct relay *self, const struct ry_mail_settled *settled);
void relay_renew(struct relay *self);
/* Says to the router again what it had no room for. */
void relay_say_again(struct relay *self);
/* Gives back what is not finished, for other nodes to take at once. */
void relay_release(struct relay *self);
struct relay_entry *relay_entry_of(const struct relay *self, uint64_t id);

/* ---- words.c: what nodes say to each other ----------------------------------------------------------------------- */

/* To the sender of an entry, or the node of its origin. failure: absent, or why the mail is dead. */
void relay_say_settled(struct relay *self, const char *to, uint64_t id, struct ry_str failure);
void relay_say_answer(struct relay *self, const char *to, uint64_t correlation, struct ry_str whole);
void relay_say_undeliverable(struct relay *self, const char *to, uint64_t concerned,
                             const struct ry_undeliverable *lost);
/* Behind all that was said about it: the entry is over. */
void relay_say_end(struct relay *self, const char *stream, const char *entry);
/* Says what waits. */
void relay_flush(struct relay *self);
/* Takes what other nodes said to this one. */
void relay_hear(struct relay *self);
void relay_words_free(struct relay *self);

#endif

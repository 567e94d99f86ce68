/* mail_stream.h: how nodes send each other mail through Redis.
 *
 *   reelyard:mail:ROLE          a stream of mails for a role, shared by the nodes that have it (consumer group "relay",
 *                               a consumer for each start of a node): read, renew, end; what a node that vanished had
 *                               read is claimed by another. reelyard:mail:ROLE:urgent: the same, read first.
 *   reelyard:mail:node:OWNER    a stream of messages to one start of a node ("name/incarnation"): answers, ends
 *   reelyard:node:NAME          the record of a node (node_record.h), for a few seconds; reelyard:nodes: the names
 *   reelyard:bell:STREAM        a channel on which a stream's readers hear that something has come
 *
 * Entries and records of nodes bear a seal of the fleet's key (fleet.h) over all their fields and the place
 * where they stand. It tells that a node of the fleet has made them for this place, not that they are new: that, the
 * relay finds out.
 *
 * Streams are not trimmed: what is in them is bounded by what the nodes have under way. A key of another type than ours
 * is renamed to reelyard:malformed:KEY.
 *
 * A call waits for Redis for REDIS_CONNECT_TIMEOUT_SECONDS at most, and never longer than RY_MAIL_TIMEOUT_MAX_MS
 * without a byte. It fails at once while Redis is away. Tries to connect follow REDIS_CONNECT_BACKOFF_*, but are never
 * further apart than RY_MAIL_BACKOFF_MAX_MS (and a fifth): every node is back before the others take it for gone. One
 * thread. */
#ifndef REELYARD_RUNTIME_QUEUE_MAIL_STREAM_H
#define REELYARD_RUNTIME_QUEUE_MAIL_STREAM_H

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/config/config.h"
#include "runtime/queue/node_record.h"

#define RY_MAIL_ENTRY_BYTES  48 /* an entry's id in its stream */
#define RY_MAIL_STREAM_BYTES 256
#define RY_MAIL_FIELDS_MAX   16
#define RY_MAIL_READ_MAX     4

#define RY_MAIL_NODE_TTL_S     10 /* how long the record of a node stands; one that writes none for so long is gone */
#define RY_MAIL_BACKOFF_MAX_MS (RY_MAIL_NODE_TTL_S * 1000 / 2)
#define RY_MAIL_TIMEOUT_MAX_MS 2000

struct ry_mail_stream;

/* A field of an entry; both texts are bytes. */
struct ry_mail_field {
    struct ry_str name;
    struct ry_str value;
};

/* An entry as a reader sees it; valid for the call. */
struct ry_mail_entry {
    const char *stream;
    char id[RY_MAIL_ENTRY_BYTES];
    const struct ry_mail_field *fields;
    size_t n;
    uint64_t deliveries; /* of an entry that was claimed: how often it was read; else 1 */
    enum ry_seal_state seal;
    bool accepted; /* by its seal */
};

/* A field's value; absent: it has none of this name. */
struct ry_str ry_mail_entry_get(const struct ry_mail_entry *entry, const char *name);

typedef void ry_mail_on_entry(void *arg, const struct ry_mail_entry *entry);

/* owner: this start of the node, the reader's name. Connects when it is first used. RY_ECONFIG: REDIS_URL or the
 * fleet's key is no good. */
int ry_mail_stream_new(struct ry_mail_stream **mail, const struct ry_config *config, const char *owner,
                       const struct ry_clock *clock, struct ry_error *err);
void ry_mail_stream_free(struct ry_mail_stream **mail);
const struct ry_fleet *ry_mail_stream_fleet(const struct ry_mail_stream *mail);
/* Whether other nodes may be there though none of their news came for ttl_ms: Redis is away, or was so less than ttl_ms
 * ago. False before the first connection is lost. */
bool ry_mail_stream_was_away(const struct ry_mail_stream *mail, int64_t ttl_ms);
/* Lets the next call try to connect, whatever the backoff says. */
void ry_mail_stream_try_now(struct ry_mail_stream *mail);
/* How many keys of another type have been put aside. */
uint64_t ry_mail_stream_aside(const struct ry_mail_stream *mail);

/* A descriptor that becomes readable when a bell may have rung on one of these streams (at most 16); -1: there is none
 * now. ry_mail_stream_heard takes what rang. */
void ry_mail_stream_listen(struct ry_mail_stream *mail, const char *const *streams, size_t n);
int ry_mail_stream_fd(const struct ry_mail_stream *mail);
void ry_mail_stream_heard(struct ry_mail_stream *mail);

/* Adds an entry and rings. id (may be NULL): RY_MAIL_ENTRY_BYTES. ttl_s: the stream goes so long after its last entry
 * (0: never). RY_EAWAY, RY_EFULL. */
int ry_mail_stream_add(struct ry_mail_stream *mail, const char *stream, const struct ry_mail_field *fields, size_t n,
                       int64_t ttl_s, char *id, struct ry_error *err);

/* One of several things to be done at once: an entry to be added, or one to be ended. */
struct ry_mail_step {
    const char *stream;
    const struct ry_mail_field *fields; /* to be added */
    size_t n;
    int64_t ttl_s;
    const char *end; /* not NULL: this entry is acknowledged and deleted */
};

/* Does them in order, in one round trip. results: one code a step, as ry_mail_stream_add and _end would return it.
 * Returns how many have one: fewer than n when the connection broke, and the others are then not known to be done. */
size_t ry_mail_stream_do(struct ry_mail_stream *mail, const struct ry_mail_step *steps, size_t n, int *results,
                         struct ry_error *err);

/* Reads up to `count` entries that nobody has read, of the first stream as long as that has any, then of the next (n at
 * most RY_MAIL_READ_MAX); they are this reader's then. */
int ry_mail_stream_read(struct ry_mail_stream *mail, const char *const *streams, size_t n, size_t count,
                        ry_mail_on_entry *on_entry, void *arg, struct ry_error *err);

/* Takes over up to `count` entries that their reader has not renewed for idle_ms. */
int ry_mail_stream_claim(struct ry_mail_stream *mail, const char *stream, int64_t idle_ms, size_t count,
                         ry_mail_on_entry *on_entry, void *arg, struct ry_error *err);

/* A sign of life for entries that this reader works on. */
int ry_mail_stream_renew(struct ry_mail_stream *mail, const char *stream, const char (*ids)[RY_MAIL_ENTRY_BYTES],
                         size_t n, struct ry_error *err);

/* Gives an entry up: another reader may claim it at once. */
int ry_mail_stream_release(struct ry_mail_stream *mail, const char *stream, const char *id, struct ry_error *err);

/* Whether an entry is in its stream, read or not. */
int ry_mail_stream_has(struct ry_mail_stream *mail, const char *stream, const char *id, bool *has,
                       struct ry_error *err);

/* Deletes an entry unless a reader has it; *withdrawn: nobody had, and nobody will. */
int ry_mail_stream_withdraw(struct ry_mail_stream *mail, const char *stream, const char *id, bool *withdrawn,
                            struct ry_error *err);

/* How many entries a stream has, read or not. */
int ry_mail_stream_length(struct ry_mail_stream *mail, const char *stream, uint64_t *length, struct ry_error *err);

/* Takes the entries of a stream that is this reader's alone, oldest first, and deletes them. */
int ry_mail_stream_take(struct ry_mail_stream *mail, const char *stream, size_t count, ry_mail_on_entry *on_entry,
                        void *arg, struct ry_error *err);

/* Writes the record of a node, which is there for ttl_s seconds; and takes it back. */
int ry_mail_stream_announce(struct ry_mail_stream *mail, const char *name, const struct ry_node_record *record,
                            int64_t ttl_s, struct ry_error *err);
int ry_mail_stream_renounce(struct ry_mail_stream *mail, const char *name, struct ry_error *err);

/* Reads the records of all nodes; what on_node gets is valid for the call. */
typedef void ry_mail_on_node(void *arg, const struct ry_mail_node *node);
int ry_mail_stream_nodes(struct ry_mail_stream *mail, ry_mail_on_node *on_node, void *arg, struct ry_error *err);

#endif

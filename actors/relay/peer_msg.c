/* peer_msg.c: what nodes say to each other about a mail: that one wants to work on it, its answers, its end.
 *
 * Each message is numbered by the start of a node that sends it, and sealed for the one that it is sent to, whose
 * stream is its alone. One whose number is not above the last one of the same start has been heard before, or was held
 * back by somebody: it is passed over.
 *
 * Messages wait here in order while Redis is away, and an entry is ended only behind those about it; so what is lost
 * with this process is an entry that another node takes, never an answer of one that is over. */
#include "actors/relay/peer_msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/assert.h"

#define MSG_TTL_S   3600                /* a node that does not listen for so long has forgotten what it asked */
#define MSG_BYTES   ((size_t)161 << 20) /* more than any mail has */
#define FIELDS_MAX  10
#define FLUSH_MAX   64
#define FLUSH_BYTES ((size_t)1 << 20)

/* A message that cannot be said must not be lost: with this process goes what it holds of others, and they ask again.
 */
static void give_up(struct relay *self)
{
    const struct ry_error why = {.code = RY_ENOMEM, .text = "out of memory for a message to another node"};
    ry_ctx_exit(self->ctx, &why);
}

static struct peer_msg *peer_msg_new(struct relay *self, const char *stream)
{
    struct peer_msg *msg = calloc(1, sizeof *msg);
    if (msg == NULL) {
        give_up(self);
        return NULL;
    }
    (void)snprintf(msg->stream, sizeof msg->stream, "%s", stream);
    msg->fields = ry_buf_make(MSG_BYTES);
    STAILQ_INSERT_TAIL(&self->peer_msgs, msg, link);
    self->peer_msg_count++;
    return msg;
}

static void put(struct peer_msg *msg, struct ry_str text)
{
    (void)ry_buf_add(&msg->fields, &text.n, sizeof text.n);
    (void)ry_buf_add(&msg->fields, text.p ? text.p : "", text.n);
}

static void put_field(struct peer_msg *msg, const char *name, struct ry_str value)
{
    put(msg, ry_str_of(name));
    put(msg, value);
}

static void put_number(struct peer_msg *msg, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_field(msg, name, ry_str_of(text));
}

static struct peer_msg *peer_msg_to(struct relay *self, const char *owner, const char *kind)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_node_stream(owner, stream);
    struct peer_msg *msg = peer_msg_new(self, stream);
    if (msg == NULL)
        return NULL;
    put_field(msg, "kind", ry_str_of(kind));
    put_field(msg, "from", ry_str_of(self->owner));
    put_number(msg, "number", ++self->last_peer_msg);
    RY_ASSERT(self->last_peer_msg > 0, "numbers of messages do not come round");
    return msg;
}

void relay_say_claim(struct relay *self, const char *to, uint64_t id, uint64_t ask)
{
    struct peer_msg *msg = peer_msg_to(self, to, "claim");
    if (msg == NULL)
        return;
    put_number(msg, "id", id);
    put_number(msg, "ask", ask);
}

void relay_say_claimed(struct relay *self, struct ry_str to, uint64_t ask, const char *verdict)
{
    char owner[RELAY_OWNER_BYTES];
    (void)snprintf(owner, sizeof owner, "%.*s", RY_STR_ARG(to));
    struct peer_msg *msg = peer_msg_to(self, owner, "claimed");
    if (msg == NULL)
        return;
    put_number(msg, "id", ask);
    put_field(msg, "verdict", ry_str_of(verdict));
}

void relay_say_given_up(struct relay *self, const char *to, uint64_t id)
{
    struct peer_msg *msg = peer_msg_to(self, to, "given_up");
    if (msg != NULL)
        put_number(msg, "id", id);
}

void relay_say_settled(struct relay *self, const char *to, uint64_t id, struct ry_str failure)
{
    struct peer_msg *msg = peer_msg_to(self, to, "settled");
    if (msg == NULL)
        return;
    put_number(msg, "id", id);
    if (failure.p != NULL)
        put_field(msg, "failure", failure);
}

void relay_say_answer(struct relay *self, const char *to, uint64_t correlation, struct ry_str whole)
{
    struct peer_msg *msg = peer_msg_to(self, to, "answer");
    if (msg == NULL)
        return;
    put_number(msg, "id", correlation);
    put_field(msg, "mail", whole);
}

void relay_say_undeliverable(struct relay *self, const char *to, uint64_t concerned,
                             const struct ry_undeliverable *lost)
{
    struct peer_msg *msg = peer_msg_to(self, to, "undeliverable");
    if (msg == NULL)
        return;
    put_number(msg, "id", concerned);
    put_number(msg, "tag", lost->tag);
    put_number(msg, "cause", lost->cause);
    put_number(msg, "class", lost->class);
    put_field(msg, "reason", lost->reason);
}

void relay_say_end(struct relay *self, const char *stream, const char *entry)
{
    struct peer_msg *msg = peer_msg_new(self, stream);
    if (msg != NULL)
        (void)snprintf(msg->end_entry, sizeof msg->end_entry, "%s", entry);
}

void relay_say_entry_end(struct relay *self, const struct relay_entry *entry)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_role_stream(entry->role, entry->urgent, stream);
    relay_say_end(self, stream, entry->entry);
}

/* ---- to Redis ---------------------------------------------------------------------------------------------------- */

static size_t read_fields(const struct peer_msg *msg, struct ry_mail_field fields[FIELDS_MAX])
{
    struct ry_str texts[2 * FIELDS_MAX];
    size_t n = 0;
    size_t at = 0;
    while (n < 2 * FIELDS_MAX && at + sizeof texts[n].n <= msg->fields.n) {
        memcpy(&texts[n].n, msg->fields.p + at, sizeof texts[n].n);
        at += sizeof texts[n].n;
        texts[n].p = msg->fields.p + at;
        at += texts[n].n;
        n++;
    }
    RY_ASSERT(n % 2 == 0 && at == msg->fields.n, "%zu texts, %zu of %zu bytes", n, at, msg->fields.n);
    for (size_t i = 0; i < n / 2; i++)
        fields[i] = (struct ry_mail_field){texts[2 * i], texts[2 * i + 1]};
    return n / 2;
}

/* Frees the first of the messages. */
static void peer_msg_free(struct relay *self, struct peer_msg *msg)
{
    RY_ASSERT(self->peer_msg_count > 0 && msg == STAILQ_FIRST(&self->peer_msgs), "%zu messages wait",
              self->peer_msg_count);
    STAILQ_REMOVE_HEAD(&self->peer_msgs, link);
    self->peer_msg_count--;
    ry_buf_free(&msg->fields);
    free(msg);
}

/* The first messages that wait, as far as they are not too much for one round trip; how many. */
static size_t gather(const struct relay *self, struct ry_mail_step steps[FLUSH_MAX],
                     struct ry_mail_field fields[FLUSH_MAX][FIELDS_MAX])
{
    size_t n = 0;
    size_t bytes = 0;
    const struct peer_msg *msg = NULL;
    STAILQ_FOREACH(msg, &self->peer_msgs, link)
    {
        bytes += msg->fields.n;
        if (n == FLUSH_MAX || msg->fields.failed || (n > 0 && bytes > FLUSH_BYTES))
            break;
        steps[n] = (struct ry_mail_step){.stream = msg->stream, .ttl_s = MSG_TTL_S, .fields = fields[n]};
        if (msg->end_entry[0] != '\0')
            steps[n].end = msg->end_entry;
        else
            steps[n].n = read_fields(msg, fields[n]);
        n++;
    }
    return n;
}

void relay_flush(struct relay *self)
{
    struct ry_mail_step steps[FLUSH_MAX];
    struct ry_mail_field fields[FLUSH_MAX][FIELDS_MAX];
    int results[FLUSH_MAX];
    size_t n = 0;
    RY_ASSERT((self->peer_msg_count == 0) == STAILQ_EMPTY(&self->peer_msgs), "%zu messages wait", self->peer_msg_count);
    while ((n = gather(self, steps, fields)) > 0) {
        struct ry_error why = {0};
        size_t done = ry_mail_stream_do(self->mail, steps, n, results, &why);
        RY_ASSERT(done <= n, "%zu of %zu steps", done, n);
        for (size_t i = 0; i < done; i++) {
            if (results[i] == RY_ELIMIT || results[i] == RY_EIO) /* Redis will never take it */
                RY_LOG(RY_ERROR, "word_lost", "stream=%s reason=%s", steps[i].stream, why.text);
            else if (results[i] != RY_OK)
                return; /* said again, and all behind it */
            peer_msg_free(self, STAILQ_FIRST(&self->peer_msgs));
        }
        if (done == 0)
            return;
    }
    if (self->peer_msg_count > 0)
        give_up(self); /* the first that waits is not whole */
}

void relay_peer_msgs_free(struct relay *self)
{
    struct peer_msg *msg = NULL;
    while ((msg = STAILQ_FIRST(&self->peer_msgs)) != NULL)
        peer_msg_free(self, msg);
}

/* words.c: what nodes say to each other about a mail: that one wants to work on it, its answers, its end.
 *
 * Each word is numbered by the start of a node that says it, and sealed for the one that it is said to, whose stream is
 * its alone. A word whose number is not above the last one of the same start has been heard before, or was held back by
 * somebody: it is passed over.
 *
 * Words wait here in order while Redis is away, and an entry is ended only behind the words about it; so what is lost
 * with this process is an entry that another node takes, never an answer of one that is over. */
#include "actors/relay/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/crossing.h"
#include "runtime/actor/forward.h"

#define WORD_LASTS_S 3600 /* a node that does not listen for so long has forgotten what it asked */
#define WORD_BYTES   ((size_t)160 << 20)
#define HEAR_MAX     64
#define HEARINGS_MAX 64
#define FIELDS_MAX   10
#define FLUSH_MAX    64
#define FLUSH_BYTES  ((size_t)1 << 20)

static struct relay_word *word_new(struct relay *self, const char *stream)
{
    struct relay_word *word = calloc(1, sizeof *word);
    if (word == NULL) {
        const struct ry_error why = {.code = RY_ENOMEM, .text = "out of memory for a word to another node"};
        ry_ctx_exit(self->ctx, &why);
        return NULL;
    }
    (void)snprintf(word->stream, sizeof word->stream, "%s", stream);
    word->fields = ry_buf_make(WORD_BYTES);
    STAILQ_INSERT_TAIL(&self->words, word, link);
    self->word_count++;
    return word;
}

static void put(struct relay_word *word, struct ry_str text)
{
    (void)ry_buf_add(&word->fields, &text.n, sizeof text.n);
    (void)ry_buf_add(&word->fields, text.p ? text.p : "", text.n);
}

static void put_field(struct relay_word *word, const char *name, struct ry_str value)
{
    put(word, ry_str_of(name));
    put(word, value);
}

static void put_number(struct relay_word *word, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_field(word, name, ry_str_of(text));
}

static struct relay_word *word_to(struct relay *self, const char *owner, const char *kind)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_node_stream(owner, stream);
    struct relay_word *word = word_new(self, stream);
    if (word == NULL)
        return NULL;
    put_field(word, "kind", ry_str_of(kind));
    put_field(word, "from", ry_str_of(self->owner));
    put_number(word, "number", ++self->last_word);
    return word;
}

void relay_say_claim(struct relay *self, const char *to, uint64_t id, uint64_t ask)
{
    struct relay_word *word = word_to(self, to, "claim");
    if (word == NULL)
        return;
    put_number(word, "id", id);
    put_number(word, "ask", ask);
}

void relay_say_claimed(struct relay *self, struct ry_str to, uint64_t ask, const char *verdict)
{
    char owner[RELAY_OWNER_BYTES];
    (void)snprintf(owner, sizeof owner, "%.*s", RY_STR_ARG(to));
    struct relay_word *word = word_to(self, owner, "claimed");
    if (word == NULL)
        return;
    put_number(word, "id", ask);
    put_field(word, "verdict", ry_str_of(verdict));
}

void relay_say_given_up(struct relay *self, const char *to, uint64_t id)
{
    struct relay_word *word = word_to(self, to, "given_up");
    if (word != NULL)
        put_number(word, "id", id);
}

void relay_say_settled(struct relay *self, const char *to, uint64_t id, struct ry_str failure)
{
    struct relay_word *word = word_to(self, to, "settled");
    if (word == NULL)
        return;
    put_number(word, "id", id);
    if (failure.p != NULL)
        put_field(word, "failure", failure);
}

void relay_say_answer(struct relay *self, const char *to, uint64_t correlation, struct ry_str whole)
{
    struct relay_word *word = word_to(self, to, "answer");
    if (word == NULL)
        return;
    put_number(word, "id", correlation);
    put_field(word, "mail", whole);
}

void relay_say_undeliverable(struct relay *self, const char *to, uint64_t concerned,
                             const struct ry_undeliverable *lost)
{
    struct relay_word *word = word_to(self, to, "undeliverable");
    if (word == NULL)
        return;
    put_number(word, "id", concerned);
    put_number(word, "tag", lost->tag);
    put_number(word, "cause", lost->cause);
    put_number(word, "class", lost->class);
    put_field(word, "reason", lost->reason);
}

void relay_say_end(struct relay *self, const char *stream, const char *entry)
{
    struct relay_word *word = word_new(self, stream);
    if (word != NULL)
        (void)snprintf(word->end_entry, sizeof word->end_entry, "%s", entry);
}

/* ---- to Redis ---------------------------------------------------------------------------------------------------- */

static size_t read_fields(const struct relay_word *word, struct ry_mail_field fields[FIELDS_MAX])
{
    struct ry_str texts[2 * FIELDS_MAX];
    size_t n = 0;
    size_t at = 0;
    while (n < 2 * FIELDS_MAX && at + sizeof texts[n].n <= word->fields.n) {
        memcpy(&texts[n].n, word->fields.p + at, sizeof texts[n].n);
        at += sizeof texts[n].n;
        texts[n].p = word->fields.p + at;
        at += texts[n].n;
        n++;
    }
    for (size_t i = 0; i < n / 2; i++)
        fields[i] = (struct ry_mail_field){texts[2 * i], texts[2 * i + 1]};
    return n / 2;
}

/* Frees the first of the words. */
static void word_free(struct relay *self, struct relay_word *word)
{
    STAILQ_REMOVE_HEAD(&self->words, link);
    self->word_count--;
    ry_buf_free(&word->fields);
    free(word);
}

/* The first words that wait, as far as they are not too much for one round trip; how many. */
static size_t gather(const struct relay *self, struct ry_mail_step steps[FLUSH_MAX],
                     struct ry_mail_field fields[FLUSH_MAX][FIELDS_MAX])
{
    size_t n = 0;
    size_t bytes = 0;
    const struct relay_word *word = NULL;
    STAILQ_FOREACH(word, &self->words, link)
    {
        bytes += word->fields.n;
        if (n == FLUSH_MAX || (n > 0 && bytes > FLUSH_BYTES))
            break;
        steps[n] = (struct ry_mail_step){.stream = word->stream, .lasts_s = WORD_LASTS_S, .fields = fields[n]};
        if (word->end_entry[0] != '\0')
            steps[n].end = word->end_entry;
        else
            steps[n].n = read_fields(word, fields[n]);
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
    while ((n = gather(self, steps, fields)) > 0) {
        struct ry_error why = {0};
        size_t done = ry_mail_stream_do(self->mail, steps, n, results, &why);
        for (size_t i = 0; i < done; i++) {
            if (results[i] == RY_ELIMIT || results[i] == RY_EIO) /* Redis will never take it */
                RY_LOG(RY_ERROR, "word_lost", "stream=%s reason=%s", steps[i].stream, why.text);
            else if (results[i] != RY_OK)
                return; /* said again, and all behind it */
            word_free(self, STAILQ_FIRST(&self->words));
        }
        if (done == 0)
            return;
    }
}

void relay_words_free(struct relay *self)
{
    struct relay_word *word = NULL;
    while ((word = STAILQ_FIRST(&self->words)) != NULL)
        word_free(self, word);
}

/* ---- from Redis -------------------------------------------------------------------------------------------------- */

static uint64_t number(const struct ry_mail_entry *entry, const char *name)
{
    uint64_t value = 0;
    (void)ry_str_u64(ry_mail_entry_get(entry, name), &value);
    return value;
}

/* Passes on what became of a mail of an instance here; the router finds whom it concerns. */
static void pass_undeliverable(struct relay *self, const struct ry_mail_entry *entry, uint64_t id)
{
    struct ry_undeliverable lost = {.id = id,
                                    .origin = id,
                                    .tag = number(entry, "tag"),
                                    .cause = number(entry, "cause"),
                                    .class = number(entry, "class"),
                                    .reason = ry_mail_entry_get(entry, "reason")};
    if (ry_check(RY_TAG_undeliverable, &lost, NULL) == RY_OK)
        RY_TELL(self->ctx, undeliverable, &lost, &(struct ry_send){.correlation = id, .priority = RY_PRIORITY_CONTROL});
}

/* Whether a word is one of the fleet, for this node, and new. */
static bool is_new_word(struct relay *self, const struct ry_mail_entry *entry, struct ry_str from)
{
    uint64_t word = number(entry, "number");
    if (!entry->accepted) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), ry_seal_text(entry->seal));
        return false;
    }
    struct relay_peer *peer = relay_peer_found(self, from);
    if (peer == NULL) {
        relay_refuse(self, RY_COUNTER_relay_refused, entry->stream, ry_str_of(entry->id), "its node is not known");
        return false;
    }
    if (word <= peer->last_word) {
        relay_refuse(self, RY_COUNTER_relay_replayed, entry->stream, ry_str_of(entry->id),
                     "it, or a later word of its node, was heard before");
        return false;
    }
    peer->last_word = word;
    return true;
}

static void pass_answer(struct relay *self, uint64_t id, struct ry_str whole)
{
    struct ry_error why = {0};
    struct ry_envelope envelope;
    const struct ry_descriptor *descriptor = NULL;
    const char *fault = NULL;
    if (ry_whole_read(whole, &envelope, &descriptor, &why) != RY_OK)
        fault = why.text;
    else if (descriptor->kind != RY_KIND_ANSWER)
        fault = "it is no answer";
    else
        fault = ry_crossing_fault(whole, descriptor);
    if (fault == NULL && ry_forward(self->ctx, whole, id, &why) == 0)
        fault = why.text;
    if (fault != NULL)
        relay_refuse(self, RY_COUNTER_relay_unfit, "answer of another node", (struct ry_str){0}, fault);
}

static void on_word(void *arg, const struct ry_mail_entry *entry)
{
    struct relay *self = arg;
    self->heard++;
    struct ry_str kind = ry_mail_entry_get(entry, "kind");
    struct ry_str from = ry_mail_entry_get(entry, "from");
    uint64_t id = number(entry, "id");
    if (!is_new_word(self, entry, from) || id == 0)
        return;
    if (ry_str_is(kind, "claim"))
        relay_on_claim(self, from, id, number(entry, "ask"));
    else if (ry_str_is(kind, "claimed"))
        relay_on_claimed(self, from, id, ry_mail_entry_get(entry, "verdict"));
    else if (ry_str_is(kind, "given_up"))
        relay_on_given_up(self, from, id);
    else if (ry_str_is(kind, "settled"))
        relay_on_settled(self, from, id, ry_mail_entry_get(entry, "failure"));
    else if (ry_str_is(kind, "undeliverable"))
        pass_undeliverable(self, entry, id);
    else if (ry_str_is(kind, "answer")) /* any other is of a later version */
        pass_answer(self, id, ry_mail_entry_get(entry, "mail"));
}

void relay_hear(struct relay *self)
{
    char stream[RY_MAIL_STREAM_BYTES];
    relay_node_stream(self->owner, stream);
    for (unsigned round = 0; round < HEARINGS_MAX; round++) {
        self->heard = 0;
        if (ry_mail_stream_take(self->mail, stream, HEAR_MAX, on_word, self, NULL) != RY_OK || self->heard < HEAR_MAX)
            return;
    }
    relay_look_soon(self); /* somebody says more than is heard at a time */
}

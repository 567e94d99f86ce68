/* redis_mail.c: mail between nodes, on Redis Streams.
 *
 * Two connections: one for commands, one that listens to bells. What several commands must do together is a small
 * script, sent whole (EVAL), because it is rarely run and then nothing has to be loaded. A connection that broke is
 * made again by the next call, not more often than the backoff allows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/base/rng.h"
#include "runtime/stream/mail_stream.h"
#include "runtime/stream/redis_link.h"

#define GROUP           "relay"
#define TIMEOUT_MS      2000
#define BACKOFF_BASE_MS 200
#define BACKOFF_MAX_MS  5000
#define JITTER_PERCENT  20
#define BELLS_MAX       16

static const char add_script[] = "local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))"
                                 " if ARGV[1] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[1]) end"
                                 " redis.call('PUBLISH', 'reelyard:bell:' .. KEYS[1], '') return id";
static const char end_script[] = "redis.call('XACK', KEYS[1], '" GROUP "', ARGV[1]) return redis.call('XDEL', KEYS[1], "
                                 "ARGV[1])";
static const char read_script[] =
    "local all = {} local left = tonumber(ARGV[2]) for i, key in ipairs(KEYS) do all[i] = {} if left > 0 then"
    " local got = redis.call('XREADGROUP', 'GROUP', '" GROUP "', ARGV[1], 'COUNT', left, 'STREAMS', key, '>')"
    " if got then all[i] = got[1][2] left = left - #all[i] end end end return all";
static const char withdraw_script[] =
    "local last = redis.pcall('XPENDING', KEYS[1], '" GROUP "', ARGV[1], ARGV[1], 1)"
    " if last.err == nil and #last > 0 then return 0 end redis.call('XDEL', KEYS[1], ARGV[1]) return 1";
static const char has_script[] = "return #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])";
static const char nodes_script[] =
    "local all = {} for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do"
    " local text = redis.call('GET', 'reelyard:node:' .. name)"
    " if text then all[#all + 1] = name all[#all + 1] = text else redis.call('SREM', KEYS[1], name) end end return all";

struct ry_mail_stream {
    char owner[208];
    const struct ry_clock *clock;
    struct ry_rng rng;
    struct ry_redis_url url;
    struct ry_redis_link link; /* commands */
    struct ry_redis_link bells;
    char listened[BELLS_MAX][RY_MAIL_STREAM_BYTES];
    size_t listened_n;
    unsigned tries; /* failed in a row */
    int64_t next_mono_ms;
    struct ry_error away;
    struct ry_buf command;
};

int ry_mail_stream_new(struct ry_mail_stream **mail, const struct ry_config *config, const char *owner,
                       const struct ry_clock *clock, struct ry_error *err)
{
    *mail = NULL;
    struct ry_mail_stream *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the mail of other nodes");
    int rc = ry_redis_url_parse(&made->url, ry_config_str(config, RY_OPT_redis_url), err);
    if (rc != RY_OK) {
        free(made);
        return rc;
    }
    (void)snprintf(made->owner, sizeof made->owner, "%s", owner);
    made->clock = clock;
    made->rng.state = (uint64_t)ry_mono_ms(clock) ^ (uintptr_t)made;
    made->command = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    ry_redis_link_init(&made->link, &made->url, TIMEOUT_MS);
    ry_redis_link_init(&made->bells, &made->url, TIMEOUT_MS);
    *mail = made;
    return RY_OK;
}

void ry_mail_stream_free(struct ry_mail_stream **mail)
{
    struct ry_mail_stream *old = *mail;
    *mail = NULL;
    if (old == NULL)
        return;
    ry_redis_link_close(&old->link);
    ry_redis_link_close(&old->bells);
    ry_buf_free(&old->command);
    free(old);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static int connect_link(struct ry_mail_stream *mail, struct ry_error *err)
{
    if (mail->link.fd >= 0)
        return RY_OK;
    if (mail->tries > 0 && ry_mono_ms(mail->clock) < mail->next_mono_ms)
        return ry_fail(err, mail->away.code, "%s", mail->away.text);
    if (ry_redis_link_open(&mail->link, &mail->away) == RY_OK) {
        if (mail->tries > 0)
            RY_LOG(RY_INFO, "mail_connected", "tries=%u", mail->tries);
        mail->tries = 0;
        ry_redis_link_close(&mail->bells); /* what broke one may have made the other deaf without a word */
        return RY_OK;
    }
    if (mail->tries == 0)
        RY_LOG(RY_WARNING, "mail_away", "reason=%s", mail->away.text);
    mail->next_mono_ms = ry_mono_ms(mail->clock) + ry_backoff_doubling_ms(&mail->rng, BACKOFF_BASE_MS, BACKOFF_MAX_MS,
                                                                          mail->tries, JITTER_PERCENT);
    mail->tries++;
    return ry_fail(err, mail->away.code, "%s", mail->away.text);
}

/* Begins the command. */
static struct ry_buf *words(struct ry_mail_stream *mail, size_t n)
{
    ry_buf_reset(&mail->command);
    ry_redis_words(&mail->command, n);
    return &mail->command;
}

/* Begins one more command behind those that are written. */
static void eval_more(struct ry_mail_stream *mail, const char *script, const char *key, size_t args)
{
    struct ry_buf *command = &mail->command;
    ry_redis_words(command, 4 + args);
    ry_redis_word_text(command, "EVAL");
    ry_redis_word_text(command, script);
    ry_redis_word_int(command, 1);
    ry_redis_word_text(command, key);
}

static void eval(struct ry_mail_stream *mail, const char *script, const char *key, size_t args)
{
    ry_buf_reset(&mail->command);
    eval_more(mail, script, key, args);
}

/* Runs the command that was written. *reply (may be NULL) is the caller's to free. */
static int call(struct ry_mail_stream *mail, redisReply **reply, struct ry_error *err)
{
    redisReply *got = NULL;
    if (mail->command.failed)
        return ry_fail(err, RY_ELIMIT, "a mail to another node is too large, or there is no memory for it");
    int rc = connect_link(mail, err);
    if (rc == RY_OK)
        rc = ry_redis_link_call(&mail->link, ry_buf_str(&mail->command), &got, err);
    if (reply != NULL)
        *reply = got;
    else if (got != NULL)
        freeReplyObject(got);
    return rc;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

struct ry_str ry_mail_entry_get(const struct ry_mail_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->n; i++)
        if (ry_str_is(entry->fields[i].name, name))
            return entry->fields[i].value;
    return (struct ry_str){0};
}

/* {id, {name, value, ..}}; false for one that was deleted. */
static bool read_entry(const redisReply *item, const char *stream, struct ry_mail_field *fields,
                       struct ry_mail_entry *entry)
{
    struct ry_str id = ry_redis_text(ry_redis_at(item, 0));
    const redisReply *pairs = ry_redis_at(item, 1);
    *entry = (struct ry_mail_entry){.stream = stream, .fields = fields, .deliveries = 1};
    if (id.p == NULL || id.n >= sizeof entry->id || pairs == NULL)
        return false;
    memcpy(entry->id, id.p, id.n);
    for (size_t i = 0; entry->n < RY_MAIL_FIELDS_MAX && ry_redis_at(pairs, i + 1) != NULL; i += 2)
        fields[entry->n++] =
            (struct ry_mail_field){ry_redis_text(ry_redis_at(pairs, i)), ry_redis_text(ry_redis_at(pairs, i + 1))};
    return true;
}

static void give_entries(const redisReply *entries, const char *stream, ry_mail_on_entry *on_entry, void *arg)
{
    struct ry_mail_field fields[RY_MAIL_FIELDS_MAX];
    struct ry_mail_entry entry;
    for (size_t i = 0; ry_redis_at(entries, i) != NULL; i++)
        if (read_entry(ry_redis_at(entries, i), stream, fields, &entry))
            on_entry(arg, &entry);
}

static void write_step(struct ry_mail_stream *mail, const struct ry_mail_step *step)
{
    if (step->end != NULL) {
        eval_more(mail, end_script, step->stream, 1);
        ry_redis_word_text(&mail->command, step->end);
        return;
    }
    eval_more(mail, add_script, step->stream, 1 + 2 * step->n);
    ry_redis_word_int(&mail->command, step->lasts_s);
    for (size_t i = 0; i < step->n; i++) {
        ry_redis_word(&mail->command, step->fields[i].name);
        ry_redis_word(&mail->command, step->fields[i].value);
    }
}

size_t ry_mail_stream_do(struct ry_mail_stream *mail, const struct ry_mail_step *steps, size_t n, int *results,
                         struct ry_error *err)
{
    size_t done = 0;
    ry_buf_reset(&mail->command);
    for (size_t i = 0; i < n; i++)
        write_step(mail, &steps[i]);
    if (mail->command.failed && n == 1) {
        results[0] = ry_fail(err, RY_ELIMIT, "a mail to another node is too large, or there is no memory for it");
        return 1;
    }
    if (mail->command.failed)
        return ry_mail_stream_do(mail, steps, 1, results, err);
    if (connect_link(mail, err) != RY_OK || ry_redis_link_send(&mail->link, ry_buf_str(&mail->command), err) != RY_OK)
        return 0;
    for (; done < n; done++) {
        redisReply *reply = NULL;
        results[done] = ry_redis_link_next(&mail->link, &reply, err);
        if (reply != NULL)
            freeReplyObject(reply);
        if (mail->link.fd < 0)
            break;
    }
    return done;
}

int ry_mail_stream_add(struct ry_mail_stream *mail, const char *stream, const struct ry_mail_field *fields, size_t n,
                       int64_t lasts_s, char *id, struct ry_error *err)
{
    ry_buf_reset(&mail->command);
    write_step(mail, &(struct ry_mail_step){.stream = stream, .fields = fields, .n = n, .lasts_s = lasts_s});
    redisReply *reply = NULL;
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str made = ry_redis_text(reply);
    if (id != NULL)
        (void)snprintf(id, RY_MAIL_ENTRY_BYTES, "%.*s", RY_STR_ARG(made));
    freeReplyObject(reply);
    return RY_OK;
}

static int make_group(struct ry_mail_stream *mail, const char *stream, struct ry_error *err)
{
    struct ry_buf *command = words(mail, 6);
    ry_redis_word_text(command, "XGROUP");
    ry_redis_word_text(command, "CREATE");
    ry_redis_word_text(command, stream);
    ry_redis_word_text(command, GROUP);
    ry_redis_word_text(command, "0");
    ry_redis_word_text(command, "MKSTREAM");
    struct ry_error why = {0};
    int rc = call(mail, NULL, &why);
    if (rc == RY_OK || strstr(why.text, "BUSYGROUP") != NULL)
        return RY_OK;
    return ry_fail(err, why.code, "%s", why.text);
}

struct reading {
    const char *const *streams;
    size_t n;
    size_t count;
    int64_t idle_ms;
};

/* Runs a command on the streams' groups, which it makes if there are none yet. write: writes the command. */
static int call_group(struct ry_mail_stream *mail, struct reading *reading,
                      void (*write)(struct ry_mail_stream *, void *), redisReply **reply, struct ry_error *err)
{
    struct ry_error why = {0};
    write(mail, reading);
    int rc = call(mail, reply, &why);
    if (rc != RY_OK && strstr(why.text, "NOGROUP") != NULL) {
        rc = RY_OK;
        for (size_t i = 0; rc == RY_OK && i < reading->n; i++)
            rc = make_group(mail, reading->streams[i], &why);
        write(mail, reading);
        if (rc == RY_OK)
            rc = call(mail, reply, &why);
    }
    return rc == RY_OK ? RY_OK : ry_fail(err, why.code, "%s", why.text);
}

static void write_read(struct ry_mail_stream *mail, void *arg)
{
    const struct reading *reading = arg;
    struct ry_buf *command = words(mail, 5 + reading->n);
    ry_redis_word_text(command, "EVAL");
    ry_redis_word_text(command, read_script);
    ry_redis_word_int(command, (int64_t)reading->n);
    for (size_t i = 0; i < reading->n; i++)
        ry_redis_word_text(command, reading->streams[i]);
    ry_redis_word_text(command, mail->owner);
    ry_redis_word_int(command, (int64_t)reading->count);
}

int ry_mail_stream_read(struct ry_mail_stream *mail, const char *const *streams, size_t n, size_t count,
                        ry_mail_on_entry *on_entry, void *arg, struct ry_error *err)
{
    struct reading reading = {.streams = streams, .n = n, .count = count};
    redisReply *reply = NULL;
    int rc = call_group(mail, &reading, write_read, &reply, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; i < n; i++)
        give_entries(ry_redis_at(reply, i), streams[i], on_entry, arg);
    freeReplyObject(reply);
    return RY_OK;
}

static void write_claim(struct ry_mail_stream *mail, void *arg)
{
    const struct reading *reading = arg;
    struct ry_buf *command = words(mail, 8);
    ry_redis_word_text(command, "XAUTOCLAIM");
    ry_redis_word_text(command, reading->streams[0]);
    ry_redis_word_text(command, GROUP);
    ry_redis_word_text(command, mail->owner);
    ry_redis_word_int(command, reading->idle_ms);
    ry_redis_word_text(command, "0");
    ry_redis_word_text(command, "COUNT");
    ry_redis_word_int(command, (int64_t)reading->count);
}

static uint64_t deliveries_of(struct ry_mail_stream *mail, const char *stream, const char *id)
{
    struct ry_buf *command = words(mail, 6);
    ry_redis_word_text(command, "XPENDING");
    ry_redis_word_text(command, stream);
    ry_redis_word_text(command, GROUP);
    ry_redis_word_text(command, id);
    ry_redis_word_text(command, id);
    ry_redis_word_int(command, 1);
    redisReply *reply = NULL;
    if (call(mail, &reply, NULL) != RY_OK)
        return 1;
    int64_t deliveries = ry_redis_int(ry_redis_at(ry_redis_at(reply, 0), 3));
    freeReplyObject(reply);
    return deliveries > 0 ? (uint64_t)deliveries : 1;
}

int ry_mail_stream_claim(struct ry_mail_stream *mail, const char *stream, int64_t idle_ms, size_t count,
                         ry_mail_on_entry *on_entry, void *arg, struct ry_error *err)
{
    struct reading reading = {.streams = &stream, .n = 1, .count = count, .idle_ms = idle_ms};
    redisReply *reply = NULL;
    int rc = call_group(mail, &reading, write_claim, &reply, err);
    if (rc != RY_OK)
        return rc;
    const redisReply *entries = ry_redis_at(reply, 1);
    struct ry_mail_field fields[RY_MAIL_FIELDS_MAX];
    struct ry_mail_entry entry;
    for (size_t i = 0; ry_redis_at(entries, i) != NULL; i++)
        if (read_entry(ry_redis_at(entries, i), stream, fields, &entry)) {
            entry.deliveries = deliveries_of(mail, stream, entry.id);
            on_entry(arg, &entry);
        }
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_renew(struct ry_mail_stream *mail, const char *stream, const char (*ids)[RY_MAIL_ENTRY_BYTES],
                         size_t n, struct ry_error *err)
{
    if (n == 0)
        return RY_OK;
    struct ry_buf *command = words(mail, 6 + n);
    ry_redis_word_text(command, "XCLAIM");
    ry_redis_word_text(command, stream);
    ry_redis_word_text(command, GROUP);
    ry_redis_word_text(command, mail->owner);
    ry_redis_word_int(command, 0);
    for (size_t i = 0; i < n; i++)
        ry_redis_word_text(command, ids[i]);
    ry_redis_word_text(command, "JUSTID");
    return call(mail, NULL, err);
}

int ry_mail_stream_release(struct ry_mail_stream *mail, const char *stream, const char *id, struct ry_error *err)
{
    struct ry_buf *command = words(mail, 9);
    ry_redis_word_text(command, "XCLAIM");
    ry_redis_word_text(command, stream);
    ry_redis_word_text(command, GROUP);
    ry_redis_word_text(command, mail->owner);
    ry_redis_word_int(command, 0);
    ry_redis_word_text(command, id);
    ry_redis_word_text(command, "IDLE");
    ry_redis_word_int(command, 86400000);
    ry_redis_word_text(command, "JUSTID");
    return call(mail, NULL, err);
}

int ry_mail_stream_has(struct ry_mail_stream *mail, const char *stream, const char *id, bool *has, struct ry_error *err)
{
    redisReply *reply = NULL;
    eval(mail, has_script, stream, 1);
    ry_redis_word_text(&mail->command, id);
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    *has = ry_redis_int(reply) > 0;
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_withdraw(struct ry_mail_stream *mail, const char *stream, const char *id, bool *withdrawn,
                            struct ry_error *err)
{
    redisReply *reply = NULL;
    eval(mail, withdraw_script, stream, 1);
    ry_redis_word_text(&mail->command, id);
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    *withdrawn = ry_redis_int(reply) > 0;
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_length(struct ry_mail_stream *mail, const char *stream, uint64_t *length, struct ry_error *err)
{
    struct ry_buf *command = words(mail, 2);
    redisReply *reply = NULL;
    ry_redis_word_text(command, "XLEN");
    ry_redis_word_text(command, stream);
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    *length = (uint64_t)ry_redis_int(reply);
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_take(struct ry_mail_stream *mail, const char *stream, size_t count, ry_mail_on_entry *on_entry,
                        void *arg, struct ry_error *err)
{
    struct ry_buf *command = words(mail, 6);
    ry_redis_word_text(command, "XRANGE");
    ry_redis_word_text(command, stream);
    ry_redis_word_text(command, "-");
    ry_redis_word_text(command, "+");
    ry_redis_word_text(command, "COUNT");
    ry_redis_word_int(command, (int64_t)count);
    redisReply *reply = NULL;
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    size_t n = 0;
    while (ry_redis_at(reply, n) != NULL)
        n++;
    give_entries(reply, stream, on_entry, arg);
    if (n > 0) {
        command = words(mail, 2 + n);
        ry_redis_word_text(command, "XDEL");
        ry_redis_word_text(command, stream);
        for (size_t i = 0; i < n; i++)
            ry_redis_word(command, ry_redis_text(ry_redis_at(ry_redis_at(reply, i), 0)));
        rc = call(mail, NULL, err); /* what is not deleted is read again, which it bears */
    }
    freeReplyObject(reply);
    return rc;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

int ry_mail_stream_announce(struct ry_mail_stream *mail, const char *name, struct ry_str text, int64_t lasts_s,
                            struct ry_error *err)
{
    char key[RY_MAIL_STREAM_BYTES];
    (void)snprintf(key, sizeof key, "reelyard:node:%s", name);
    struct ry_buf *command = words(mail, lasts_s > 0 ? 5 : 2);
    ry_redis_word_text(command, lasts_s > 0 ? "SET" : "DEL");
    ry_redis_word_text(command, key);
    if (lasts_s > 0) {
        ry_redis_word(command, text);
        ry_redis_word_text(command, "EX");
        ry_redis_word_int(command, lasts_s);
    }
    int rc = call(mail, NULL, err);
    if (rc != RY_OK)
        return rc;
    command = words(mail, 3);
    ry_redis_word_text(command, lasts_s > 0 ? "SADD" : "SREM");
    ry_redis_word_text(command, "reelyard:nodes");
    ry_redis_word_text(command, name);
    return call(mail, NULL, err);
}

int ry_mail_stream_nodes(struct ry_mail_stream *mail, ry_mail_on_node *on_node, void *arg, struct ry_error *err)
{
    redisReply *reply = NULL;
    eval(mail, nodes_script, "reelyard:nodes", 0);
    int rc = call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; ry_redis_at(reply, i + 1) != NULL; i += 2)
        on_node(arg, ry_redis_text(ry_redis_at(reply, i)), ry_redis_text(ry_redis_at(reply, i + 1)));
    freeReplyObject(reply);
    return RY_OK;
}

/* ---- bells ------------------------------------------------------------------------------------------------------- */

static bool same_bells(const struct ry_mail_stream *mail, const char *const *streams, size_t n)
{
    bool same = mail->listened_n == n;
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(mail->listened[i], streams[i]) == 0;
    return same;
}

void ry_mail_stream_listen(struct ry_mail_stream *mail, const char *const *streams, size_t n)
{
    n = n < BELLS_MAX ? n : BELLS_MAX;
    if (mail->bells.fd >= 0 && same_bells(mail, streams, n))
        return;
    ry_redis_link_close(&mail->bells);
    mail->listened_n = n;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(mail->listened[i], sizeof mail->listened[i], "%s", streams[i]);
    if (n == 0 || mail->link.fd < 0 || ry_redis_link_open(&mail->bells, NULL) != RY_OK)
        return;
    struct ry_buf *command = words(mail, 1 + n);
    ry_redis_word_text(command, "SUBSCRIBE");
    for (size_t i = 0; i < n; i++) {
        char bell[RY_MAIL_STREAM_BYTES + 16];
        (void)snprintf(bell, sizeof bell, "reelyard:bell:%s", mail->listened[i]);
        ry_redis_word_text(command, bell);
    }
    redisReply *reply = NULL;
    if (ry_redis_link_call(&mail->bells, ry_buf_str(command), &reply, NULL) != RY_OK)
        ry_redis_link_close(&mail->bells);
    if (reply != NULL)
        freeReplyObject(reply);
}

int ry_mail_stream_fd(const struct ry_mail_stream *mail)
{
    return mail->bells.fd;
}

void ry_mail_stream_heard(struct ry_mail_stream *mail)
{
    redisReply *reply = NULL;
    while (mail->bells.fd >= 0) {
        if (ry_redis_link_take(&mail->bells, &reply, NULL) != RY_OK || reply == NULL)
            return;
        freeReplyObject(reply);
        reply = NULL;
    }
}

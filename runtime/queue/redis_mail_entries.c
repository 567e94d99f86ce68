/* redis_mail_entries.c: the entries of mail streams: added, read, claimed, renewed, ended; see mail_stream.h.
 *
 * An entry bears the seal of the fleet's key over its stream and all its fields. What is read is checked, and given to
 * the reader with what its seal says; nothing is dropped here. A stream or a group that is missing is made. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/queue/redis_mail.h"

#include "runtime/base/assert.h"

#define GROUP      "relay"
#define SEAL_FIELD "seal"

/* ---- entries ----------------------------------------------------------------------------------------------------- */

struct ry_str ry_mail_entry_get(const struct ry_mail_entry *entry, const char *name)
{
    for (size_t i = 0; i < entry->n; i++)
        if (ry_str_is(entry->fields[i].name, name))
            return entry->fields[i].value;
    return (struct ry_str){0};
}

/* The seal of an entry: over the stream, and the names and values of its fields in their order. */
static void field_parts(const struct ry_mail_field *fields, size_t n, struct ry_str parts[2 * RY_MAIL_FIELDS_MAX])
{
    for (size_t i = 0; i < n; i++) {
        parts[2 * i] = fields[i].name;
        parts[2 * i + 1] = fields[i].value;
    }
}

static struct ry_sealed sealed_entry(const char *stream, const struct ry_str *parts, size_t fields)
{
    return (struct ry_sealed){.purpose = "entry", .place = ry_str_of(stream), .parts = parts, .n = 2 * fields};
}

/* Takes the seal, which is the last field, off the entry. */
static void check_entry(const struct ry_mail_stream *mail, struct ry_mail_entry *entry)
{
    struct ry_str parts[2 * RY_MAIL_FIELDS_MAX];
    struct ry_str seal = {0};
    if (entry->n > 0 && ry_str_is(entry->fields[entry->n - 1].name, SEAL_FIELD))
        seal = entry->fields[--entry->n].value;
    field_parts(entry->fields, entry->n, parts);
    const struct ry_sealed sealed = sealed_entry(entry->stream, parts, entry->n);
    entry->seal = ry_fleet_check(&mail->fleet, &sealed, seal);
    entry->accepted = ry_fleet_accepts(&mail->fleet, entry->seal);
}

/* {id, {name, value, ..}}; false for one that was deleted. */
static bool read_entry(const struct ry_mail_stream *mail, const redisReply *item, const char *stream,
                       struct ry_mail_field *fields, struct ry_mail_entry *entry)
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
    check_entry(mail, entry);
    return true;
}

static void give_entries(const struct ry_mail_stream *mail, const redisReply *entries, const char *stream,
                         ry_mail_on_entry *on_entry, void *arg)
{
    struct ry_mail_field fields[RY_MAIL_FIELDS_MAX];
    struct ry_mail_entry entry;
    for (size_t i = 0; ry_redis_at(entries, i) != NULL; i++)
        if (read_entry(mail, ry_redis_at(entries, i), stream, fields, &entry))
            on_entry(arg, &entry);
}

static void write_step(struct ry_mail_stream *mail, const struct ry_mail_step *step)
{
    if (step->end != NULL) {
        ry_mail_eval_more(mail, RY_MAIL_end, step->stream, 1);
        ry_redis_arg_text(&mail->command, step->end);
        return;
    }
    struct ry_str parts[2 * RY_MAIL_FIELDS_MAX];
    char seal[RY_SEAL_CHARS + 1];
    bool sealing = mail->fleet.n > 0;
    RY_ASSERT(step->n < RY_MAIL_FIELDS_MAX, "%zu fields for %s", step->n, step->stream);
    ry_mail_eval_more(mail, RY_MAIL_add, step->stream, 1 + 2 * (step->n + sealing));
    ry_redis_arg_int(&mail->command, step->ttl_s);
    field_parts(step->fields, step->n, parts);
    for (size_t i = 0; i < 2 * step->n; i++)
        ry_redis_arg(&mail->command, parts[i]);
    if (sealing) {
        const struct ry_sealed sealed = sealed_entry(step->stream, parts, step->n);
        ry_fleet_seal(&mail->fleet, &sealed, seal);
        ry_redis_arg_text(&mail->command, SEAL_FIELD);
        ry_redis_arg_text(&mail->command, seal);
    }
}

static int send_steps(struct ry_mail_stream *mail, struct ry_error *err)
{
    struct ry_error why = {0};
    if (ry_redis_link_send(&mail->connection.link, ry_buf_str(&mail->command), &why) == RY_OK)
        return RY_OK;
    ry_redis_connection_lost(&mail->connection, &why);
    ry_mail_report_away(mail);
    return ry_fail(err, why.code, "%s", why.text);
}

size_t ry_mail_stream_do(struct ry_mail_stream *mail, const struct ry_mail_step *steps, size_t n, int *results,
                         struct ry_error *err)
{
    size_t done = 0;
    struct ry_error why = {0};
    ry_buf_reset(&mail->command);
    for (size_t i = 0; i < n; i++)
        write_step(mail, &steps[i]);
    if (mail->command.failed && n == 1) {
        results[0] = ry_fail(err, RY_ELIMIT, "a mail to another node is too large, or there is no memory for it");
        return 1;
    }
    if (mail->command.failed)
        return ry_mail_stream_do(mail, steps, 1, results, err);
    if (ry_mail_connect(mail, err) != RY_OK || send_steps(mail, err) != RY_OK)
        return 0;
    for (; done < n; done++) {
        redisReply *reply = NULL;
        results[done] = ry_redis_link_next(&mail->connection.link, &reply, &why);
        if (reply != NULL)
            freeReplyObject(reply);
        if (results[done] != RY_OK)
            (void)ry_fail(err, why.code, "%s", why.text);
        if (mail->connection.link.fd < 0) {
            ry_redis_connection_lost(&mail->connection, &why);
            ry_mail_report_away(mail);
            break;
        }
    }
    return done;
}

int ry_mail_stream_add(struct ry_mail_stream *mail, const char *stream, const struct ry_mail_field *fields, size_t n,
                       int64_t ttl_s, char *id, struct ry_error *err)
{
    ry_buf_reset(&mail->command);
    write_step(mail, &(struct ry_mail_step){.stream = stream, .fields = fields, .n = n, .ttl_s = ttl_s});
    redisReply *reply = NULL;
    struct ry_error why = {0};
    int rc = ry_mail_call(mail, &reply, &why);
    if (rc != RY_OK) {
        (void)ry_mail_put_aside(mail, stream, "stream", &why); /* its caller adds again what was not taken */
        return ry_fail(err, why.code, "%s", why.text);
    }
    struct ry_str made = ry_redis_text(reply);
    bool whole = made.n > 0 && made.n < RY_MAIL_ENTRY_BYTES;
    if (whole && id != NULL)
        (void)snprintf(id, RY_MAIL_ENTRY_BYTES, "%.*s", RY_STR_ARG(made));
    freeReplyObject(reply);
    return whole ? RY_OK : ry_fail(err, RY_EIO, "Redis gave an entry of %s no id", stream);
}

static int make_group(struct ry_mail_stream *mail, const char *stream, struct ry_error *err)
{
    struct ry_buf *command = ry_mail_command(mail, 6);
    ry_redis_arg_text(command, "XGROUP");
    ry_redis_arg_text(command, "CREATE");
    ry_redis_arg_text(command, stream);
    ry_redis_arg_text(command, GROUP);
    ry_redis_arg_text(command, "0");
    ry_redis_arg_text(command, "MKSTREAM");
    struct ry_error why = {0};
    int rc = ry_mail_call(mail, NULL, &why);
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
    int rc = ry_mail_call(mail, reply, &why);
    if (rc != RY_OK && strstr(why.text, "NOGROUP") != NULL) {
        rc = RY_OK;
        for (size_t i = 0; rc == RY_OK && i < reading->n; i++)
            rc = make_group(mail, reading->streams[i], &why);
        write(mail, reading);
        if (rc == RY_OK)
            rc = ry_mail_call(mail, reply, &why);
    }
    for (size_t i = 0; rc != RY_OK && i < reading->n; i++)
        if (ry_mail_put_aside(mail, reading->streams[i], "stream", &why))
            return ry_fail(err, RY_EBUSY, "%s", why.text); /* read again in the next round */
    return rc == RY_OK ? RY_OK : ry_fail(err, why.code, "%s", why.text);
}

static void write_read(struct ry_mail_stream *mail, void *arg)
{
    const struct reading *reading = arg;
    struct ry_buf *command = ry_mail_command(mail, 5 + reading->n);
    ry_redis_arg_text(command, "EVAL");
    ry_redis_arg_text(command, ry_mail_scripts[RY_MAIL_read]);
    ry_redis_arg_int(command, (int64_t)reading->n);
    for (size_t i = 0; i < reading->n; i++)
        ry_redis_arg_text(command, reading->streams[i]);
    ry_redis_arg_text(command, mail->owner);
    ry_redis_arg_int(command, (int64_t)reading->count);
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
        give_entries(mail, ry_redis_at(reply, i), streams[i], on_entry, arg);
    freeReplyObject(reply);
    return RY_OK;
}

static void write_claim(struct ry_mail_stream *mail, void *arg)
{
    const struct reading *reading = arg;
    struct ry_buf *command = ry_mail_command(mail, 8);
    ry_redis_arg_text(command, "XAUTOCLAIM");
    ry_redis_arg_text(command, reading->streams[0]);
    ry_redis_arg_text(command, GROUP);
    ry_redis_arg_text(command, mail->owner);
    ry_redis_arg_int(command, reading->idle_ms);
    ry_redis_arg_text(command, "0");
    ry_redis_arg_text(command, "COUNT");
    ry_redis_arg_int(command, (int64_t)reading->count);
}

static uint64_t deliveries_of(struct ry_mail_stream *mail, const char *stream, const char *id)
{
    struct ry_buf *command = ry_mail_command(mail, 6);
    ry_redis_arg_text(command, "XPENDING");
    ry_redis_arg_text(command, stream);
    ry_redis_arg_text(command, GROUP);
    ry_redis_arg_text(command, id);
    ry_redis_arg_text(command, id);
    ry_redis_arg_int(command, 1);
    redisReply *reply = NULL;
    if (ry_mail_call(mail, &reply, NULL) != RY_OK)
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
        if (read_entry(mail, ry_redis_at(entries, i), stream, fields, &entry)) {
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
    struct ry_buf *command = ry_mail_command(mail, 6 + n);
    ry_redis_arg_text(command, "XCLAIM");
    ry_redis_arg_text(command, stream);
    ry_redis_arg_text(command, GROUP);
    ry_redis_arg_text(command, mail->owner);
    ry_redis_arg_int(command, 0);
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_text(command, ids[i]);
    ry_redis_arg_text(command, "JUSTID");
    return ry_mail_call(mail, NULL, err);
}

int ry_mail_stream_release(struct ry_mail_stream *mail, const char *stream, const char *id, struct ry_error *err)
{
    struct ry_buf *command = ry_mail_command(mail, 9);
    ry_redis_arg_text(command, "XCLAIM");
    ry_redis_arg_text(command, stream);
    ry_redis_arg_text(command, GROUP);
    ry_redis_arg_text(command, mail->owner);
    ry_redis_arg_int(command, 0);
    ry_redis_arg_text(command, id);
    ry_redis_arg_text(command, "IDLE");
    ry_redis_arg_int(command, 86400000);
    ry_redis_arg_text(command, "JUSTID");
    return ry_mail_call(mail, NULL, err);
}

int ry_mail_stream_has(struct ry_mail_stream *mail, const char *stream, const char *id, bool *has, struct ry_error *err)
{
    redisReply *reply = NULL;
    ry_mail_eval(mail, RY_MAIL_has, stream, 1);
    ry_redis_arg_text(&mail->command, id);
    int rc = ry_mail_call(mail, &reply, err);
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
    ry_mail_eval(mail, RY_MAIL_withdraw, stream, 1);
    ry_redis_arg_text(&mail->command, id);
    int rc = ry_mail_call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    *withdrawn = ry_redis_int(reply) > 0;
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_length(struct ry_mail_stream *mail, const char *stream, uint64_t *length, struct ry_error *err)
{
    struct ry_buf *command = ry_mail_command(mail, 2);
    redisReply *reply = NULL;
    ry_redis_arg_text(command, "XLEN");
    ry_redis_arg_text(command, stream);
    int rc = ry_mail_call(mail, &reply, err);
    if (rc != RY_OK)
        return rc;
    *length = (uint64_t)ry_redis_int(reply);
    freeReplyObject(reply);
    return RY_OK;
}

int ry_mail_stream_take(struct ry_mail_stream *mail, const char *stream, size_t count, ry_mail_on_entry *on_entry,
                        void *arg, struct ry_error *err)
{
    struct ry_buf *command = ry_mail_command(mail, 6);
    ry_redis_arg_text(command, "XRANGE");
    ry_redis_arg_text(command, stream);
    ry_redis_arg_text(command, "-");
    ry_redis_arg_text(command, "+");
    ry_redis_arg_text(command, "COUNT");
    ry_redis_arg_int(command, (int64_t)count);
    redisReply *reply = NULL;
    struct ry_error why = {0};
    int rc = ry_mail_call(mail, &reply, &why);
    if (rc != RY_OK) {
        (void)ry_mail_put_aside(mail, stream, "stream", &why);
        return ry_fail(err, why.code, "%s", why.text);
    }
    size_t n = 0;
    while (ry_redis_at(reply, n) != NULL)
        n++;
    give_entries(mail, reply, stream, on_entry, arg);
    if (n > 0) {
        command = ry_mail_command(mail, 2 + n);
        ry_redis_arg_text(command, "XDEL");
        ry_redis_arg_text(command, stream);
        for (size_t i = 0; i < n; i++)
            ry_redis_arg(command, ry_redis_text(ry_redis_at(ry_redis_at(reply, i), 0)));
        rc = ry_mail_call(mail, NULL, err); /* what is not deleted is read again, which it bears */
    }
    freeReplyObject(reply);
    return rc;
}

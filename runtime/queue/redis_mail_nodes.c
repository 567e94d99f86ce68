/* redis_mail_nodes.c: what nodes say of themselves, and the bells that wake readers; see mail_stream.h. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/queue/redis_mail.h"

static const char nodes_script[] = "local all = {} for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do"
                                   " local text = redis.pcall('GET', 'reelyard:node:' .. name)"
                                   " if type(text) == 'string' then all[#all + 1] = name all[#all + 1] = text"
                                   " else redis.call('SREM', KEYS[1], name) end end return all";

#define NAMES "reelyard:nodes"
/* Behind what a node says of itself, in its last member. */
#define SEAL_BEGINS ", \"seal\": \""
#define SEAL_ENDS   "\"}"
#define SEALED_ENDS (sizeof SEAL_BEGINS - 1 + RY_SEAL_CHARS + sizeof SEAL_ENDS - 1)

/* ---- what nodes say of themselves -------------------------------------------------------------------------------- */

/* The seal is over the name and the object without its closing bracket. */
static struct ry_sealed sealed_news(struct ry_str name, const struct ry_str *open_object)
{
    return (struct ry_sealed){.purpose = "node", .place = name, .parts = open_object, .n = 1};
}

/* The text with its seal, or (without a key) as it is. */
static void write_news(struct ry_mail_stream *mail, const char *name, struct ry_str text)
{
    char sealed_end[SEALED_ENDS + 1];
    char seal[RY_SEAL_CHARS + 1];
    struct ry_buf *command = &mail->command;
    if (mail->fleet.n == 0) {
        ry_redis_arg(command, text);
        return;
    }
    if (text.n < 2 || text.p[text.n - 1] != '}')
        abort();
    const struct ry_str open_object = {text.p, text.n - 1};
    const struct ry_sealed sealed = sealed_news(ry_str_of(name), &open_object);
    ry_fleet_seal(&mail->fleet, &sealed, seal);
    (void)snprintf(sealed_end, sizeof sealed_end, SEAL_BEGINS "%s" SEAL_ENDS, seal);
    RY_BUF_AUTO whole = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    (void)ry_buf_add_str(&whole, open_object);
    (void)ry_buf_add_str(&whole, ry_str_of(sealed_end));
    ry_redis_arg(command, ry_buf_str(&whole));
}

static enum ry_seal_state check_news(const struct ry_mail_stream *mail, struct ry_str name, struct ry_str text)
{
    if (text.n < SEALED_ENDS)
        return RY_SEAL_NONE;
    const struct ry_str open_object = {text.p, text.n - SEALED_ENDS};
    const struct ry_str end = {text.p + open_object.n, SEALED_ENDS};
    if (!ry_str_starts(end, RY_STR(SEAL_BEGINS)) || !ry_str_ends(end, RY_STR(SEAL_ENDS), false))
        return RY_SEAL_NONE;
    const struct ry_sealed sealed = sealed_news(name, &open_object);
    return ry_fleet_check(&mail->fleet, &sealed, (struct ry_str){end.p + sizeof SEAL_BEGINS - 1, RY_SEAL_CHARS});
}

/* Runs the command that was written; a key that is none of ours is put aside, for the next time. */
static int call_on(struct ry_mail_stream *mail, const char *key, const char *type, redisReply **reply,
                   struct ry_error *err)
{
    struct ry_error why = {0};
    int rc = ry_mail_call(mail, reply, &why);
    if (rc == RY_OK)
        return RY_OK;
    (void)ry_mail_put_aside(mail, key, type, &why);
    return ry_fail(err, why.code, "%s", why.text);
}

int ry_mail_stream_announce(struct ry_mail_stream *mail, const char *name, struct ry_str text, int64_t lasts_s,
                            struct ry_error *err)
{
    char key[RY_MAIL_STREAM_BYTES];
    (void)snprintf(key, sizeof key, "reelyard:node:%s", name);
    struct ry_buf *command = ry_mail_command(mail, lasts_s > 0 ? 5 : 2);
    ry_redis_arg_text(command, lasts_s > 0 ? "SET" : "DEL");
    ry_redis_arg_text(command, key);
    if (lasts_s > 0) {
        write_news(mail, name, text);
        ry_redis_arg_text(command, "EX");
        ry_redis_arg_int(command, lasts_s);
    }
    int rc = ry_mail_call(mail, NULL, err);
    if (rc != RY_OK)
        return rc;
    command = ry_mail_command(mail, 3);
    ry_redis_arg_text(command, lasts_s > 0 ? "SADD" : "SREM");
    ry_redis_arg_text(command, NAMES);
    ry_redis_arg_text(command, name);
    return call_on(mail, NAMES, "set", NULL, err);
}

int ry_mail_stream_nodes(struct ry_mail_stream *mail, ry_mail_on_node *on_node, void *arg, struct ry_error *err)
{
    redisReply *reply = NULL;
    ry_mail_eval(mail, nodes_script, NAMES, 0);
    int rc = call_on(mail, NAMES, "set", &reply, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; ry_redis_at(reply, i + 1) != NULL; i += 2) {
        struct ry_mail_node node = {.name = ry_redis_text(ry_redis_at(reply, i)),
                                    .text = ry_redis_text(ry_redis_at(reply, i + 1))};
        node.seal = check_news(mail, node.name, node.text);
        node.accepted = ry_fleet_accepts(&mail->fleet, node.seal);
        on_node(arg, &node);
    }
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
    n = n < RY_MAIL_BELLS_MAX ? n : RY_MAIL_BELLS_MAX;
    if (mail->bells.fd >= 0 && same_bells(mail, streams, n))
        return;
    ry_redis_link_close(&mail->bells);
    mail->listened_n = n;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(mail->listened[i], sizeof mail->listened[i], "%s", streams[i]);
    if (n == 0 || mail->link.fd < 0 || ry_redis_link_open(&mail->bells, NULL) != RY_OK)
        return;
    struct ry_buf *command = ry_mail_command(mail, 1 + n);
    ry_redis_arg_text(command, "SUBSCRIBE");
    for (size_t i = 0; i < n; i++) {
        char bell[RY_MAIL_STREAM_BYTES + 16];
        (void)snprintf(bell, sizeof bell, "reelyard:bell:%s", mail->listened[i]);
        ry_redis_arg_text(command, bell);
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

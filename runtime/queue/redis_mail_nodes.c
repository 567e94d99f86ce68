/* redis_mail_nodes.c: the records of nodes, and the bells that wake readers; see mail_stream.h.
 *
 * A record goes by itself when its node stops writing it; the list of names keeps nobody alive. Bells only wake: what
 * rings while nobody listens is found by the next look. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/queue/redis_mail.h"

#define NAMES        "reelyard:nodes"
#define NODE         "reelyard:node:"
#define RECORD_BYTES ((size_t)1 << 20) /* of one node, packed or read */

/* ---- records of nodes -------------------------------------------------------------------------------------------- */

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

/* Sets or deletes the key of a node (the command was written), and adds its name to, or takes it off, the list. */
static int change_node(struct ry_mail_stream *mail, const char *verb, const char *name, struct ry_error *err)
{
    int rc = ry_mail_call(mail, NULL, err);
    if (rc != RY_OK)
        return rc;
    struct ry_buf *command = ry_mail_command(mail, 3);
    ry_redis_arg_text(command, verb);
    ry_redis_arg_text(command, NAMES);
    ry_redis_arg_text(command, name);
    return call_on(mail, NAMES, "set", NULL, err);
}

int ry_mail_stream_announce(struct ry_mail_stream *mail, const char *name, const struct ry_node_record *record,
                            int64_t ttl_s, struct ry_error *err)
{
    char key[RY_MAIL_STREAM_BYTES];
    RY_BUF_AUTO value = ry_buf_make(RECORD_BYTES);
    (void)snprintf(key, sizeof key, NODE "%s", name);
    int rc = ry_node_record_write(&mail->fleet, ry_str_of(name), record, &value, err);
    if (rc != RY_OK)
        return rc;
    struct ry_buf *command = ry_mail_command(mail, 5);
    ry_redis_arg_text(command, "SET");
    ry_redis_arg_text(command, key);
    ry_redis_arg(command, ry_buf_str(&value));
    ry_redis_arg_text(command, "EX");
    ry_redis_arg_int(command, ttl_s);
    return change_node(mail, "SADD", name, err);
}

int ry_mail_stream_renounce(struct ry_mail_stream *mail, const char *name, struct ry_error *err)
{
    char key[RY_MAIL_STREAM_BYTES];
    (void)snprintf(key, sizeof key, NODE "%s", name);
    struct ry_buf *command = ry_mail_command(mail, 2);
    ry_redis_arg_text(command, "DEL");
    ry_redis_arg_text(command, key);
    return change_node(mail, "SREM", name, err);
}

int ry_mail_stream_nodes(struct ry_mail_stream *mail, ry_mail_on_node *on_node, void *arg, struct ry_error *err)
{
    redisReply *reply = NULL;
    RY_ARENA_AUTO arena = ry_arena_make(RECORD_BYTES);
    ry_mail_eval(mail, RY_MAIL_nodes, NAMES, 0);
    int rc = call_on(mail, NAMES, "set", &reply, err);
    if (rc != RY_OK)
        return rc;
    for (size_t i = 0; ry_redis_at(reply, i + 1) != NULL; i += 2) {
        struct ry_mail_node node;
        ry_arena_reset(&arena);
        ry_node_record_read(&mail->fleet, ry_redis_text(ry_redis_at(reply, i)),
                            ry_redis_text(ry_redis_at(reply, i + 1)), &arena, &node);
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
    if (mail->bells.link.fd >= 0 && same_bells(mail, streams, n))
        return;
    ry_redis_connection_close(&mail->bells);
    mail->listened_n = n;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(mail->listened[i], sizeof mail->listened[i], "%s", streams[i]);
    if (n == 0 || mail->connection.link.fd < 0 || ry_redis_connection_open(&mail->bells, NULL) != RY_OK)
        return;
    struct ry_buf *command = ry_mail_command(mail, 1 + n);
    ry_redis_arg_text(command, "SUBSCRIBE");
    for (size_t i = 0; i < n; i++) {
        char bell[RY_MAIL_STREAM_BYTES + 16];
        (void)snprintf(bell, sizeof bell, "reelyard:bell:%s", mail->listened[i]);
        ry_redis_arg_text(command, bell);
    }
    redisReply *reply = NULL;
    struct ry_error why = {0};
    if (ry_redis_connection_call(&mail->bells, command, &reply, &why) == RY_OK)
        ry_redis_connection_works(&mail->bells);
    else if (mail->bells.link.fd >= 0)
        ry_redis_connection_lost(&mail->bells, &why);
    if (reply != NULL)
        freeReplyObject(reply);
}

int ry_mail_stream_fd(const struct ry_mail_stream *mail)
{
    return mail->bells.link.fd;
}

void ry_mail_stream_heard(struct ry_mail_stream *mail)
{
    redisReply *reply = NULL;
    while (mail->bells.link.fd >= 0) {
        struct ry_error why = {0};
        if (ry_redis_link_take(&mail->bells.link, &reply, &why) != RY_OK)
            ry_redis_connection_lost(&mail->bells, &why);
        if (reply == NULL)
            return;
        freeReplyObject(reply);
        reply = NULL;
    }
}

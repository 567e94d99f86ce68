/* redis_mail.c: mail between nodes, on Redis Streams: connections and calls; entries are in redis_mail_entries.c, the
 * records of nodes and the bells in redis_mail_nodes.c.
 *
 * Owns two connections (redis_connection.c): one for commands, one that listens to bells. What several commands must do
 * together is a small script (lua/mail_*.lua), sent whole (EVAL), so that nothing has to be loaded first. A crash
 * leaves in Redis what was sent; who may take it over, and when, is in mail_stream.h. */
#include "runtime/queue/redis_mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"

#define ASIDE_LOG_MS 60000

int ry_mail_stream_new(struct ry_mail_stream **mail, const struct ry_config *config, const char *owner,
                       const struct ry_clock *clock, struct ry_error *err)
{
    *mail = NULL;
    struct ry_mail_stream *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the mail of other nodes");
    int rc = ry_redis_url_parse(&made->url, ry_config_str(config, RY_OPT_redis_url), err);
    if (rc == RY_OK)
        rc = ry_fleet_load(&made->fleet, config, err);
    if (rc != RY_OK) {
        free(made);
        return rc;
    }
    (void)snprintf(made->owner, sizeof made->owner, "%s", owner);
    made->clock = clock;
    made->command = ry_buf_make(RY_REDIS_COMMAND_MAX_BYTES);
    ry_redis_connection_init(&made->connection, &made->url, config, clock);
    ry_redis_connection_init(&made->bells, &made->url, config, clock);
    ry_redis_connection_limit(&made->connection, RY_MAIL_BACKOFF_MAX_MS, RY_MAIL_TIMEOUT_MAX_MS);
    ry_redis_connection_limit(&made->bells, RY_MAIL_BACKOFF_MAX_MS, RY_MAIL_TIMEOUT_MAX_MS);
    *mail = made;
    return RY_OK;
}

void ry_mail_stream_free(struct ry_mail_stream **mail)
{
    struct ry_mail_stream *old = *mail;
    *mail = NULL;
    if (old == NULL)
        return;
    ry_redis_connection_close(&old->connection);
    ry_redis_connection_close(&old->bells);
    ry_buf_free(&old->command);
    ry_fleet_forget(&old->fleet);
    free(old);
}

const struct ry_fleet *ry_mail_stream_fleet(const struct ry_mail_stream *mail)
{
    return &mail->fleet;
}

bool ry_mail_stream_was_away(const struct ry_mail_stream *mail, int64_t ttl_ms)
{
    if (!mail->was_connected)
        return false;
    return mail->connection.link.fd < 0 ||
           (mail->was_away && ry_mono_ms(mail->clock) - mail->reconnected_mono_ms < ttl_ms);
}

void ry_mail_stream_try_now(struct ry_mail_stream *mail)
{
    ry_redis_connection_try_now(&mail->connection);
}

uint64_t ry_mail_stream_aside(const struct ry_mail_stream *mail)
{
    return mail->aside;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

void ry_mail_report_away(struct ry_mail_stream *mail)
{
    const struct ry_error *why = ry_redis_connection_report(&mail->connection);
    if (why != NULL)
        RY_LOG(RY_WARNING, "mail_away", "reason=%s", why->text);
}

int ry_mail_connect(struct ry_mail_stream *mail, struct ry_error *err)
{
    struct ry_redis_connection *connection = &mail->connection;
    if (connection->link.fd >= 0)
        return RY_OK;
    int rc = ry_redis_connection_open(connection, err);
    if (rc != RY_OK) {
        ry_mail_report_away(mail);
        return rc;
    }
    if (connection->tries > 0)
        RY_LOG(RY_INFO, "mail_connected", "tries=%u", connection->tries);
    ry_redis_connection_works(connection);
    mail->was_away = mail->was_connected;
    mail->was_connected = true;
    mail->reconnected_mono_ms = ry_mono_ms(mail->clock);
    ry_redis_connection_close(&mail->bells); /* what broke one may have made the other deaf without a word */
    mail->bells.tries = 0;
    return RY_OK;
}

/* Begins the command. */
struct ry_buf *ry_mail_command(struct ry_mail_stream *mail, size_t n)
{
    ry_buf_reset(&mail->command);
    ry_redis_argc(&mail->command, n);
    return &mail->command;
}

/* Begins one more command behind those that are written. */
void ry_mail_eval_more(struct ry_mail_stream *mail, enum ry_mail_script script, const char *key, size_t args)
{
    struct ry_buf *command = &mail->command;
    ry_redis_argc(command, 4 + args);
    ry_redis_arg_text(command, "EVAL");
    ry_redis_arg_text(command, ry_mail_scripts[script]);
    ry_redis_arg_int(command, 1);
    ry_redis_arg_text(command, key);
}

void ry_mail_eval(struct ry_mail_stream *mail, enum ry_mail_script script, const char *key, size_t args)
{
    ry_buf_reset(&mail->command);
    ry_mail_eval_more(mail, script, key, args);
}

/* Runs the command that was written. *reply (may be NULL) is the caller's to free. */
int ry_mail_call(struct ry_mail_stream *mail, redisReply **reply, struct ry_error *err)
{
    redisReply *got = NULL;
    if (mail->command.failed)
        return ry_fail(err, RY_ELIMIT, "a mail to another node is too large, or there is no memory for it");
    int rc = ry_mail_connect(mail, err);
    if (rc == RY_OK)
        rc = ry_redis_connection_call(&mail->connection, &mail->command, &got, err);
    if (rc != RY_OK)
        ry_mail_report_away(mail);
    if (reply != NULL)
        *reply = got;
    else if (got != NULL)
        freeReplyObject(got);
    return rc;
}

bool ry_mail_put_aside(struct ry_mail_stream *mail, const char *key, const char *type, const struct ry_error *why)
{
    redisReply *reply = NULL;
    unsigned suppressed = 0;
    if (why->code != RY_EIO || strstr(why->text, "WRONGTYPE") == NULL)
        return false;
    ry_mail_eval(mail, RY_MAIL_put_aside, key, 1);
    ry_redis_arg_text(&mail->command, type);
    bool renamed = ry_mail_call(mail, &reply, NULL) == RY_OK && ry_redis_int(reply) == 1;
    if (reply != NULL)
        freeReplyObject(reply);
    if (renamed)
        mail->aside++;
    if (renamed && ry_log_allowed(&mail->log, 1, ASIDE_LOG_MS, &suppressed))
        RY_LOG(RY_ERROR, "redis_key_put_aside", "key=%s reason=%s held_back=%u", key,
               "it is of another type than reelyard's; it is kept as reelyard:malformed:KEY", suppressed);
    return renamed;
}

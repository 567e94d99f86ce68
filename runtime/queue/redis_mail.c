/* redis_mail.c: mail between nodes, on Redis Streams: the connections; entries are in redis_mail_entries.c, what nodes
 * say of themselves and bells in redis_mail_nodes.c.
 *
 * Two connections: one for commands, one that listens to bells. What several commands must do together is a small
 * script, sent whole (EVAL), because it is rarely run and then nothing has to be loaded. A connection that broke is
 * made again by the next call, not more often than the backoff allows. */
#include "runtime/queue/redis_mail.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define TIMEOUT_MS      2000
#define BACKOFF_BASE_MS 200
#define BACKOFF_MAX_MS  5000
#define JITTER_PERCENT  20
#define ASIDE_LOG_MS    60000

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
    ry_fleet_forget(&old->fleet);
    free(old);
}

const struct ry_fleet *ry_mail_stream_fleet(const struct ry_mail_stream *mail)
{
    return &mail->fleet;
}

uint64_t ry_mail_stream_aside(const struct ry_mail_stream *mail)
{
    return mail->aside;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

int ry_mail_connect(struct ry_mail_stream *mail, struct ry_error *err)
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
struct ry_buf *ry_mail_command(struct ry_mail_stream *mail, size_t n)
{
    ry_buf_reset(&mail->command);
    ry_redis_argc(&mail->command, n);
    return &mail->command;
}

/* Begins one more command behind those that are written. */
void ry_mail_eval_more(struct ry_mail_stream *mail, const char *script, const char *key, size_t args)
{
    struct ry_buf *command = &mail->command;
    ry_redis_argc(command, 4 + args);
    ry_redis_arg_text(command, "EVAL");
    ry_redis_arg_text(command, script);
    ry_redis_arg_int(command, 1);
    ry_redis_arg_text(command, key);
}

void ry_mail_eval(struct ry_mail_stream *mail, const char *script, const char *key, size_t args)
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
        rc = ry_redis_link_call(&mail->link, ry_buf_str(&mail->command), &got, err);
    if (reply != NULL)
        *reply = got;
    else if (got != NULL)
        freeReplyObject(got);
    return rc;
}

bool ry_mail_put_aside(struct ry_mail_stream *mail, const char *key, const char *type, const struct ry_error *why)
{
    static const char script[] =
        "local type = redis.call('TYPE', KEYS[1]).ok if type == 'none' or type == ARGV[1] then return 0 end"
        " redis.call('RENAME', KEYS[1], 'reelyard:malformed:' .. KEYS[1]) return 1";
    redisReply *reply = NULL;
    unsigned held_back = 0;
    if (why->code != RY_EIO || strstr(why->text, "WRONGTYPE") == NULL)
        return false;
    ry_mail_eval(mail, script, key, 1);
    ry_redis_arg_text(&mail->command, type);
    bool renamed = ry_mail_call(mail, &reply, NULL) == RY_OK && ry_redis_int(reply) == 1;
    if (reply != NULL)
        freeReplyObject(reply);
    if (renamed)
        mail->aside++;
    if (renamed && ry_log_allowed(&mail->log, 1, ASIDE_LOG_MS, &held_back))
        RY_LOG(RY_ERROR, "redis_key_put_aside", "key=%s reason=%s held_back=%u", key,
               "it is of another type than reelyard's; it is kept as reelyard:malformed:KEY", held_back);
    return renamed;
}

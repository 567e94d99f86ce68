/* redis_resp.c: what goes over a link: commands as lists of arguments, replies as values.
 * The protocol: https://redis.io/docs/reference/protocol-spec.
 *
 * Owns nothing. A reply of another type than is expected is absent text, 0 or NULL, never a fault of this program. */
#include "runtime/queue/redis_link.h"

#include <inttypes.h>
#include <stdio.h>

void ry_redis_argc(struct ry_buf *command, size_t argc)
{
    (void)ry_buf_addf(command, "*%zu\r\n", argc);
}

void ry_redis_arg(struct ry_buf *command, struct ry_str arg)
{
    (void)ry_buf_addf(command, "$%zu\r\n", arg.n);
    (void)ry_buf_add(command, arg.p ? arg.p : "", arg.n);
    (void)ry_buf_add(command, "\r\n", 2);
}

void ry_redis_arg_text(struct ry_buf *command, const char *arg)
{
    ry_redis_arg(command, ry_str_of(arg));
}

void ry_redis_arg_int(struct ry_buf *command, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    ry_redis_arg_text(command, text);
}

struct ry_str ry_redis_text(const redisReply *reply)
{
    if (reply == NULL || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS))
        return (struct ry_str){NULL, 0};
    return (struct ry_str){reply->str, reply->len};
}

int64_t ry_redis_int(const redisReply *reply)
{
    uint64_t value = 0;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return ry_str_u64(ry_redis_text(reply), &value) && value <= INT64_MAX ? (int64_t)value : 0;
}

const redisReply *ry_redis_at(const redisReply *reply, size_t i)
{
    return reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements ? reply->element[i] : NULL;
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

int ry_redis_reply_fail(const struct ry_redis_link *link, const redisReply *reply, struct ry_error *err)
{
    static const struct {
        const char *word;
        enum ry_err code;
        const char *advice;
    } known[] = {
        {"LOADING", RY_EAWAY, "it is loading its data; wait"},
        {"BUSY ", RY_EAWAY, "a script holds it up; wait, or see who runs it"},
        {"MASTERDOWN", RY_EAWAY, "its master is away; wait for the failover"},
        {"READONLY", RY_EAWAY, "it is a replica; let REDIS_URL name the master"},
        {"TRYAGAIN", RY_EAWAY, "wait"},
        {"OOM", RY_EFULL, "give it more memory (maxmemory), or let its queue shrink"},
        {"MISCONF", RY_EFULL, "it cannot save its data; see its log and its disk"},
        {"NOREPLICAS", RY_EAWAY, "too few replicas are connected; wait"},
        {"NOAUTH", RY_EACCES, "put user and password into REDIS_URL"},
        {"WRONGPASS", RY_EACCES, "see user and password in REDIS_URL"},
        {"NOPERM", RY_EACCES, "let this user run the commands of docs/REDIS.md on the keys jobs:* and reelyard:*"},
        {"MOVED", RY_EUNSUPPORTED, "Redis Cluster is not supported; use a single Redis or Sentinel's master"},
        {"CROSSSLOT", RY_EUNSUPPORTED, "Redis Cluster is not supported; use a single Redis or Sentinel's master"},
    };
    struct ry_str text = {reply->str, reply->len};
    enum ry_err code = RY_EIO;
    const char *advice = "see the log of Redis";
    /* An error inside a script comes with the script's name before it or without. */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (memmem(text.p, text.n < 120 ? text.n : 120, known[i].word, strlen(known[i].word)) != NULL) {
            code = known[i].code;
            advice = known[i].advice;
            break;
        }
    return ry_fail(err, code, "Redis at %s:%u says \"%.*s\"; %s", link->url->host, link->url->port,
                   text.n < 160 ? (int)text.n : 160, text.p ? text.p : "", advice);
}

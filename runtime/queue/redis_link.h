/* redis_link.h: one connection to Redis: bytes out, replies in.
 *
 * Of hiredis only the parser of replies is used; the socket is ours, always non-blocking, written with MSG_NOSIGNAL (a
 * plain write would raise SIGPIPE), and every wait has a limit. A reply larger than RY_REDIS_REPLY_MAX_BYTES or an
 * array of more than RY_REDIS_ELEMENTS_MAX elements is refused, because hiredis 0.14 checks neither. Any failure but an
 * error reply closes the link: what was under way is then not known to have happened. One thread. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_LINK_H
#define REELYARD_RUNTIME_QUEUE_REDIS_LINK_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/queue/redis_url.h"

#define RY_REDIS_REPLY_MAX_BYTES   ((size_t)320 << 20)
#define RY_REDIS_COMMAND_MAX_BYTES ((size_t)320 << 20)
#define RY_REDIS_ELEMENTS_MAX      ((size_t)1 << 20)

/* How hiredis counts the elements of an array. */
#if HIREDIS_MAJOR >= 1
typedef size_t ry_redis_count;
#else
typedef int ry_redis_count;
#endif

struct ry_redis_link {
    int fd; /* -1: closed */
    redisReader *reader;
    redisReplyObjectFunctions functions;                                       /* hiredis' own, but for arrays */
    void *(*create_array)(const redisReadTask *task, ry_redis_count elements); /* hiredis' own */
    struct ry_str unsent;           /* borrowed from the command that is being sent */
    size_t unread_bytes;            /* received since the last whole reply */
    const struct ry_redis_url *url; /* borrowed */
    int timeout_ms;                 /* of each wait */
};

/* A link that holds nothing. */
void ry_redis_link_init(struct ry_redis_link *link, const struct ry_redis_url *url, int timeout_ms);

/* Connects, logs in, chooses the database. RY_EAWAY, RY_ETIMEOUT, RY_EACCES (user or password refused). */
int ry_redis_link_open(struct ry_redis_link *link, struct ry_error *err);
void ry_redis_link_close(struct ry_redis_link *link);

/* Sends a command and waits for its reply; free it by freeReplyObject. An error reply is an error: *reply is NULL. */
int ry_redis_link_call(struct ry_redis_link *link, struct ry_str command, redisReply **reply, struct ry_error *err);
/* Waits for the reply to the next of several commands that ry_redis_link_send was given as one. */
int ry_redis_link_next(struct ry_redis_link *link, redisReply **reply, struct ry_error *err);

/* The same in halves that do not wait: begins to send (the command must stay until the reply has come), and takes what
 * has arrived: *reply is NULL while it is not whole. An error reply is given as a reply. */
int ry_redis_link_send(struct ry_redis_link *link, struct ry_str command, struct ry_error *err);
int ry_redis_link_take(struct ry_redis_link *link, redisReply **reply, struct ry_error *err);

/* Whether bytes of the command are left to send: watch for writing too. */
bool ry_redis_link_sending(const struct ry_redis_link *link);

/* What an error reply means: RY_EAWAY for a server that is loading, failing over or read-only, RY_EFULL for one out of
 * memory, RY_EACCES where it refuses user or command, else RY_EIO. */
int ry_redis_reply_fail(const struct ry_redis_link *link, const redisReply *reply, struct ry_error *err);

/* ---- commands: *argc, then that many arguments ------------------------------------------------------------------- */

void ry_redis_argc(struct ry_buf *command, size_t argc);
void ry_redis_arg(struct ry_buf *command, struct ry_str arg);
void ry_redis_arg_text(struct ry_buf *command, const char *arg);
void ry_redis_arg_int(struct ry_buf *command, int64_t number);

/* ---- replies ----------------------------------------------------------------------------------------------------- */

/* A string or status as text, absent for anything else. */
struct ry_str ry_redis_text(const redisReply *reply);
/* An integer, or a string of digits; 0 for anything else. */
int64_t ry_redis_int(const redisReply *reply);
/* An array's element; NULL when there is no such one. */
const redisReply *ry_redis_at(const redisReply *reply, size_t i);

#endif

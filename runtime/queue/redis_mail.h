/* redis_mail.h: the connections of mail between nodes, shared by the files that implement mail_stream.h. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_MAIL_H
#define REELYARD_RUNTIME_QUEUE_REDIS_MAIL_H

#include "runtime/base/log.h"
#include "runtime/queue/mail_stream.h"
#include "runtime/queue/redis_connection.h"
#include "runtime/queue/redis_script.h"

#define RY_MAIL_BELLS_MAX 16

struct ry_mail_stream {
    char owner[208];
    const struct ry_clock *clock;
    struct ry_redis_url url;
    struct ry_fleet fleet;
    struct ry_redis_connection connection; /* commands */
    struct ry_redis_connection bells;
    bool was_connected;
    bool was_away;               /* after that */
    int64_t reconnected_mono_ms; /* where was_away: the last time */
    char listened[RY_MAIL_BELLS_MAX][RY_MAIL_STREAM_BYTES];
    size_t listened_n;
    uint64_t aside; /* keys that were put aside */
    struct ry_log_limit log;
    struct ry_buf command;
};

/* Connects if the link does not stand and the backoff allows it. */
int ry_mail_connect(struct ry_mail_stream *mail, struct ry_error *err);
/* Logs why the link does not stand, once. */
void ry_mail_report_away(struct ry_mail_stream *mail);

/* Begins a command of n arguments, its name included. */
struct ry_buf *ry_mail_command(struct ry_mail_stream *mail, size_t n);
/* Begins a script with one key; `more`: one more command behind those that are written. */
void ry_mail_eval(struct ry_mail_stream *mail, enum ry_mail_script script, const char *key, size_t args);
void ry_mail_eval_more(struct ry_mail_stream *mail, enum ry_mail_script script, const char *key, size_t args);

/* Runs the command that was written. *reply (may be NULL) is the caller's to free. */
int ry_mail_call(struct ry_mail_stream *mail, redisReply **reply, struct ry_error *err);

/* If a call failed (why) because a key is of another type than it should be, and it is this one: renames it to
 * reelyard:malformed:KEY and returns true; the call may be made again. */
bool ry_mail_put_aside(struct ry_mail_stream *mail, const char *key, const char *type, const struct ry_error *why);

#endif

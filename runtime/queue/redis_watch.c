/* redis_watch.c: the blocking read, which tells of new entries in streams that were empty.
 *
 * XREADGROUP BLOCK over all cold streams, on a connection of its own, sent and taken without waiting: the descriptor of
 * the stream is readable when it has been answered. While it blocks, Redis answers with the first entry that comes. If
 * several streams had entries when it was sent (no read was outstanding for a while), it brings one of each. What it
 * brings is not leased by us: it is put to the entries that are ready, for anyone, and the next read takes what it has
 * room for in the order of urgency. So there is no surplus that waits under a lease.
 *
 * When the streams change, or less urgent ones are wanted too, the read is ended by CLIENT UNBLOCK. A failure costs
 * nothing but time: polls find what has come. */
#include "runtime/queue/redis_queue.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define COMMAND_MAX_BYTES ((size_t)64 << 20)
/* How much longer than its time limit a blocking read may take. */
#define OVERDUE_MS        10000
#define SURPLUS_MAX_BYTES ((size_t)64 << 20)

int ry_redis_watch_init(struct ry_redis *redis, struct ry_error *err)
{
    struct ry_redis_watch *watch = &redis->watch;
    watch->command = ry_buf_make(COMMAND_MAX_BYTES);
    redis->surplus = ry_buf_make(SURPLUS_MAX_BYTES);
    watch->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return watch->epoll_fd >= 0 ? RY_OK : ry_fail(err, RY_EIO, "cannot watch Redis: %m");
}

int ry_redis_fd(struct ry_job_queue *queue)
{
    return ry_redis_of(queue)->watch.epoll_fd;
}

/* Says what the connection waits for; made: it is new. */
static void watch_socket(struct ry_redis_watch *watch, bool made)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (ry_redis_link_sending(&watch->connection.link))
        event.events |= EPOLLOUT;
    (void)epoll_ctl(watch->epoll_fd, made ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, watch->connection.link.fd, &event);
}

/* The connection is gone. What came meanwhile is found by looking. */
static void on_lost(struct ry_redis *redis, const struct ry_error *why)
{
    struct ry_redis_watch *watch = &redis->watch;
    ry_redis_connection_lost(&watch->connection, why); /* closed, it is out of epoll too */
    watch->outstanding = false;
    ry_redis_streams_set_all_hot(&redis->streams);
}

static bool connect_watch(struct ry_redis *redis)
{
    struct ry_redis_watch *watch = &redis->watch;
    if (watch->connection.link.fd >= 0)
        return true;
    RY_BUF_AUTO command = ry_buf_make(128);
    redisReply *reply = NULL;
    ry_redis_argc(&command, 2);
    ry_redis_arg_text(&command, "CLIENT");
    ry_redis_arg_text(&command, "ID");
    if (ry_redis_connection_open(&watch->connection, NULL) != RY_OK)
        return false;
    /* A user that may not ask for the id cannot end the read early, and waits for its end. */
    (void)ry_redis_connection_call(&watch->connection, &command, &reply, NULL);
    watch->client_id = ry_redis_int(reply);
    if (reply)
        freeReplyObject(reply);
    if (watch->connection.link.fd < 0)
        return false;
    watch_socket(watch, true);
    return true;
}

static size_t watched(const struct ry_redis_streams *streams, enum ry_priority least)
{
    size_t n = 0;
    while (n < streams->n && streams->items[n]->class <= least)
        n++;
    return n;
}

static void write_command(struct ry_redis *redis, enum ry_priority least, size_t n)
{
    struct ry_redis_watch *watch = &redis->watch;
    ry_buf_reset(&watch->command);
    ry_redis_argc(&watch->command, 9 + 2 * n);
    ry_redis_arg_text(&watch->command, "XREADGROUP");
    ry_redis_arg_text(&watch->command, "GROUP");
    ry_redis_arg_text(&watch->command, RY_REDIS_GROUP);
    ry_redis_arg_text(&watch->command, redis->node);
    ry_redis_arg_text(&watch->command, "COUNT");
    ry_redis_arg_int(&watch->command, 1);
    ry_redis_arg_text(&watch->command, "BLOCK");
    ry_redis_arg_int(&watch->command, redis->block_ms);
    ry_redis_arg_text(&watch->command, "STREAMS");
    for (size_t i = 0; i < n; i++)
        ry_redis_arg(&watch->command,
                     (struct ry_str){redis->streams.items[i]->name, redis->streams.items[i]->name_bytes});
    for (size_t i = 0; i < n; i++)
        ry_redis_arg_text(&watch->command, ">");
    watch->version = redis->streams.version;
    watch->least = least;
}

static void unblock(struct ry_redis *redis)
{
    struct ry_redis_watch *watch = &redis->watch;
    if (watch->unblocked || watch->client_id == 0)
        return;
    RY_BUF_AUTO command = ry_buf_make(128);
    redisReply *reply = NULL;
    ry_redis_argc(&command, 3);
    ry_redis_arg_text(&command, "CLIENT");
    ry_redis_arg_text(&command, "UNBLOCK");
    ry_redis_arg_int(&command, watch->client_id);
    (void)ry_redis_call(redis, &command, &reply, NULL);
    if (reply)
        freeReplyObject(reply);
    watch->unblocked = true;
}

void ry_redis_watch(struct ry_redis *redis, enum ry_priority least)
{
    struct ry_redis_watch *watch = &redis->watch;
    int64_t now_mono_ms = ry_mono_ms(redis->clock);
    struct ry_error why = {.code = RY_ETIMEOUT, .text = "Redis does not end a blocking read in time"};
    if (watch->outstanding && now_mono_ms >= watch->due_mono_ms)
        on_lost(redis, &why);
    if (watch->outstanding) {
        if (watch->version != redis->streams.version || watch->least < least)
            unblock(redis);
        return;
    }
    size_t n = watched(&redis->streams, least);
    if (n == 0 || !ry_redis_connection_may_try(&watch->connection) || !connect_watch(redis))
        return;
    if (watch->command.n == 0 || watch->version != redis->streams.version || watch->least != least)
        write_command(redis, least, n);
    if (watch->command.failed) {
        watch->command.n = 0;
        return;
    }
    if (ry_redis_link_send(&watch->connection.link, ry_buf_str(&watch->command), &why) != RY_OK) {
        on_lost(redis, &why);
        return;
    }
    watch->outstanding = true;
    watch->unblocked = false;
    watch->due_mono_ms = now_mono_ms + redis->block_ms + OVERDUE_MS;
    watch_socket(watch, false);
}

/* ---- what it brings ---------------------------------------------------------------------------------------------- */

/* {{stream, {{id, fields}..}}..}: the members, as arguments of the command to come. */
static void keep_entries(struct ry_redis *redis, const redisReply *reply)
{
    for (size_t i = 0; ry_redis_at(reply, i); i++) {
        struct ry_str name = ry_redis_text(ry_redis_at(ry_redis_at(reply, i), 0));
        const redisReply *entries = ry_redis_at(ry_redis_at(reply, i), 1);
        struct ry_redis_stream *stream = name.p ? ry_redis_streams_add(&redis->streams, name, NULL) : NULL;
        for (size_t j = 0; stream && ry_redis_at(entries, j); j++) {
            char member[RY_REDIS_STREAM_NAME_BYTES + 64];
            struct ry_str id = ry_redis_text(ry_redis_at(ry_redis_at(entries, j), 0));
            int n = snprintf(member, sizeof member, "%u %.*s %.*s", (unsigned)stream->class, RY_STR_ARG(name),
                             RY_STR_ARG(id));
            if (n < 0 || (size_t)n >= sizeof member)
                continue; /* an id that is none */
            ry_redis_arg(&redis->surplus, (struct ry_str){member, (size_t)n});
            redis->surplus_count++;
        }
        /* More may have come behind the first. */
        if (stream)
            ry_redis_stream_set_hot(&redis->streams, stream, true);
    }
}

int ry_redis_give_surplus(struct ry_redis *redis, struct ry_error *err)
{
    if (redis->surplus_count == 0)
        return RY_OK;
    int rc = ry_redis_connect(redis, err);
    if (rc != RY_OK)
        return rc;
    RY_BUF_AUTO command = ry_buf_make(SURPLUS_MAX_BYTES + 4096);
    redisReply *reply = NULL;
    ry_redis_script(redis, &command, RY_REDIS_give, 0, 1 + redis->surplus_count);
    ry_redis_arg_int(&command, ry_wall_ms(redis->clock));
    (void)ry_buf_add_str(&command, ry_buf_str(&redis->surplus));
    rc = ry_redis_call(redis, &command, &reply, err);
    if (reply)
        freeReplyObject(reply);
    if (rc == RY_OK) {
        ry_buf_reset(&redis->surplus);
        redis->surplus_count = 0;
    }
    return rc;
}

/* An error: a stream or its group is gone (NOGROUP, UNBLOCKED), or the server cannot. Reads make groups again, and
 * forget streams; the watch rests meanwhile, so that nothing turns in a circle. */
static void on_refused(struct ry_redis *redis, const redisReply *reply)
{
    struct ry_error why = {0};
    (void)ry_redis_reply_fail(&redis->watch.connection.link, reply, &why);
    RY_LOG(RY_DEBUG, "watch_refused", "reason=%s", why.text);
    ry_redis_streams_set_all_hot(&redis->streams);
    ry_redis_connection_back_off(&redis->watch.connection);
}

/* Takes what the blocking read has been answered; true: it was. */
static bool take_answer(struct ry_redis *redis)
{
    struct ry_redis_watch *watch = &redis->watch;
    redisReply *reply = NULL;
    struct ry_error why = {0};
    if (ry_redis_link_take(&watch->connection.link, &reply, &why) != RY_OK) {
        on_lost(redis, &why);
        return true;
    }
    if (reply == NULL) {
        watch_socket(watch, false);
        return false;
    }
    watch->outstanding = false;
    if (reply->type == REDIS_REPLY_ERROR) {
        on_refused(redis, reply);
    } else {
        ry_redis_connection_works(&watch->connection);
        keep_entries(redis, reply);
    }
    freeReplyObject(reply);
    return true;
}

bool ry_redis_ready(struct ry_job_queue *queue)
{
    struct ry_redis *redis = ry_redis_of(queue);
    if (redis->watch.connection.link.fd < 0)
        return false;
    if (!take_answer(redis))
        return false;
    /* At once, so that others may take what this node has no room for. */
    (void)ry_redis_give_surplus(redis, NULL);
    return true;
}

void ry_redis_watch_end(struct ry_redis *redis)
{
    struct ry_redis_watch *watch = &redis->watch;
    if (watch->outstanding && redis->connection.link.fd >= 0 && watch->client_id != 0) {
        struct epoll_event event;
        unblock(redis);
        while (watch->outstanding && epoll_wait(watch->epoll_fd, &event, 1, watch->connection.link.timeout_ms) > 0)
            (void)take_answer(redis);
    }
    (void)ry_redis_give_surplus(redis, NULL);
}

void ry_redis_watch_close(struct ry_redis *redis)
{
    ry_redis_connection_close(&redis->watch.connection);
    ry_buf_free(&redis->watch.command);
    ry_buf_free(&redis->surplus);
    if (redis->watch.epoll_fd >= 0)
        (void)close(redis->watch.epoll_fd);
}

/* redis_link.c: the socket of a connection to Redis: connecting, logging in, sending, taking. See redis_link.h.
 *
 * Owns the socket and the parser. Any failure but an error reply closes the link, and whoever uses it decides when it
 * is made again (redis_connection.c). A crash leaves nothing: what was sent may have been done. */
#include "runtime/queue/redis_link.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/wait.h"

#define READ_BYTES 65536

void ry_redis_link_init(struct ry_redis_link *link, const struct ry_redis_url *url, int timeout_ms)
{
    *link = (struct ry_redis_link){.fd = -1, .url = url, .timeout_ms = timeout_ms};
}

void ry_redis_link_close(struct ry_redis_link *link)
{
    if (link->fd >= 0)
        (void)close(link->fd);
    if (link->reader)
        redisReaderFree(link->reader);
    link->fd = -1;
    link->reader = NULL;
    link->unsent = (struct ry_str){NULL, 0};
    link->unread_bytes = 0;
}

/* Closes the link and says why. */
static int broken(struct ry_redis_link *link, enum ry_err code, const char *why, struct ry_error *err)
{
    int rc = ry_fail(err, code, "Redis at %s:%u %s; see whether it runs and REDIS_URL is right", link->url->host,
                     link->url->port, why);
    ry_redis_link_close(link);
    return rc;
}

static int broken_errno(struct ry_redis_link *link, int system_errno, struct ry_error *err)
{
    char why[128];
    (void)snprintf(why, sizeof why, "cannot be reached: %s", strerrordesc_np(system_errno));
    return broken(link, system_errno == ETIMEDOUT ? RY_ETIMEOUT : RY_EAWAY, why, err);
}

/* Waits until the socket is ready; RY_ETIMEOUT closes the link, as an answer that comes late would answer the next
 * question. */
static int wait_for(struct ry_redis_link *link, short events, int64_t until_mono_ms, struct ry_error *err)
{
    int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
    struct pollfd item = {.fd = link->fd, .events = events};
    int n = ry_wait(&item, 1, left_ms > 0 ? left_ms : 0);
    if (n > 0)
        return RY_OK;
    return n == 0 ? broken(link, RY_ETIMEOUT, "does not answer in time", err) : broken_errno(link, errno, err);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static int connect_address(struct ry_redis_link *link, const struct addrinfo *address, struct ry_error *err)
{
    link->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (link->fd < 0)
        return broken_errno(link, errno, err);
    int on = 1;
    (void)setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(link->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (connect(link->fd, address->ai_addr, address->ai_addrlen) == 0)
        return RY_OK;
    if (errno != EINPROGRESS)
        return broken_errno(link, errno, err);
    int rc = wait_for(link, POLLOUT, ry_mono_ms(ry_clock_system()) + link->timeout_ms, err);
    if (rc != RY_OK)
        return rc;
    int failure = 0;
    socklen_t n = sizeof failure;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failure, &n) != 0 || failure != 0)
        return broken_errno(link, failure ? failure : errno, err);
    return RY_OK;
}

static int connect_host(struct ry_redis_link *link, struct ry_error *err)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%u", link->url->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(link->url->host, port, &hints, &found);
    if (code != 0) {
        char why[128];
        (void)snprintf(why, sizeof why, "has a name that is not known: %s", gai_strerror(code));
        return broken(link, RY_EAWAY, why, err);
    }
    int rc = RY_EAWAY;
    for (const struct addrinfo *address = found; address && rc != RY_OK; address = address->ai_next)
        rc = connect_address(link, address, err);
    freeaddrinfo(found);
    return rc;
}

/* hiredis allocates what an array claims to have, so the claim is checked first. NULL makes it give up with an error.
 */
static void *create_array(const redisReadTask *task, ry_redis_count elements)
{
    const struct ry_redis_link *link = task->privdata;
    return (size_t)elements > RY_REDIS_ELEMENTS_MAX ? NULL : link->create_array(task, elements);
}

static int make_reader(struct ry_redis_link *link, struct ry_error *err)
{
    link->reader = redisReaderCreate();
    if (link->reader == NULL)
        return broken(link, RY_ENOMEM, "cannot be read: no memory", err);
    link->functions = *link->reader->fn;
    link->create_array = link->functions.createArray;
    link->functions.createArray = create_array;
    link->reader->fn = &link->functions;
    link->reader->privdata = link;
    return RY_OK;
}

static int say_ok(struct ry_redis_link *link, struct ry_buf *command, struct ry_error *err)
{
    redisReply *reply = NULL;
    int rc = command->failed ? ry_fail(err, RY_ENOMEM, "no memory for a command to Redis")
                             : ry_redis_link_call(link, ry_buf_str(command), &reply, err);
    if (reply)
        freeReplyObject(reply);
    if (rc != RY_OK)
        ry_redis_link_close(link);
    explicit_bzero(command->p, command->n);
    return rc;
}

static int log_in(struct ry_redis_link *link, struct ry_error *err)
{
    RY_BUF_AUTO command = ry_buf_make(4096);
    int rc = RY_OK;
    if (link->url->password[0] != '\0') {
        bool user = link->url->user[0] != '\0';
        ry_redis_argc(&command, user ? 3 : 2);
        ry_redis_arg_text(&command, "AUTH");
        if (user)
            ry_redis_arg_text(&command, link->url->user);
        ry_redis_arg_text(&command, link->url->password);
        rc = say_ok(link, &command, err);
    }
    if (rc == RY_OK && link->url->database != 0) {
        ry_buf_reset(&command);
        ry_redis_argc(&command, 2);
        ry_redis_arg_text(&command, "SELECT");
        ry_redis_arg_int(&command, link->url->database);
        rc = say_ok(link, &command, err);
    }
    return rc;
}

int ry_redis_link_open(struct ry_redis_link *link, struct ry_error *err)
{
    ry_redis_link_close(link);
    int rc = connect_host(link, err);
    if (rc == RY_OK)
        rc = make_reader(link, err);
    return rc == RY_OK ? log_in(link, err) : rc;
}

/* ---- sending and taking ------------------------------------------------------------------------------------------ */

bool ry_redis_link_sending(const struct ry_redis_link *link)
{
    return link->unsent.n > 0;
}

static int flush(struct ry_redis_link *link, struct ry_error *err)
{
    while (link->unsent.n > 0) {
        ssize_t n = send(link->fd, link->unsent.p, link->unsent.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? RY_OK : broken_errno(link, errno, err);
        RY_ASSERT((size_t)n <= link->unsent.n, "%zd of %zu bytes", n, link->unsent.n);
        link->unsent.p += n;
        link->unsent.n -= (size_t)n;
    }
    return RY_OK;
}

int ry_redis_link_send(struct ry_redis_link *link, struct ry_str command, struct ry_error *err)
{
    if (link->fd < 0)
        return broken(link, RY_EAWAY, "is not connected", err);
    link->unsent = command;
    return flush(link, err);
}

static int parse(struct ry_redis_link *link, redisReply **reply, struct ry_error *err)
{
    void *whole = NULL;
    if (redisReaderGetReply(link->reader, &whole) != REDIS_OK) {
        char why[192];
        (void)snprintf(why, sizeof why, "sent what cannot be read: %s", link->reader->errstr);
        return broken(link, RY_EAWAY, why, err);
    }
    *reply = whole;
    if (whole)
        link->unread_bytes = 0;
    return RY_OK;
}

int ry_redis_link_take(struct ry_redis_link *link, redisReply **reply, struct ry_error *err)
{
    static const char hung_up[] = "has closed the connection";
    char bytes[READ_BYTES];
    *reply = NULL;
    if (link->fd < 0)
        return broken(link, RY_EAWAY, "is not connected", err);
    int rc = flush(link, err);
    if (rc == RY_OK)
        rc = parse(link, reply, err);
    while (rc == RY_OK && *reply == NULL) {
        ssize_t n = recv(link->fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? RY_OK : broken_errno(link, errno, err);
        if (n == 0)
            return broken(link, RY_EAWAY, hung_up, err);
        link->unread_bytes += (size_t)n;
        if (link->unread_bytes > RY_REDIS_REPLY_MAX_BYTES)
            return broken(link, RY_ELIMIT, "sent a larger answer than is read", err);
        if (redisReaderFeed(link->reader, bytes, (size_t)n) != REDIS_OK)
            return broken(link, RY_ENOMEM, "cannot be read: no memory", err);
        rc = parse(link, reply, err);
    }
    return rc;
}

int ry_redis_link_call(struct ry_redis_link *link, struct ry_str command, redisReply **reply, struct ry_error *err)
{
    *reply = NULL;
    int rc = ry_redis_link_send(link, command, err);
    return rc == RY_OK ? ry_redis_link_next(link, reply, err) : rc;
}

int ry_redis_link_next(struct ry_redis_link *link, redisReply **reply, struct ry_error *err)
{
    *reply = NULL;
    int rc = RY_OK;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + link->timeout_ms;
    size_t seen_bytes = 0;
    while (rc == RY_OK) {
        size_t unsent = link->unsent.n;
        rc = ry_redis_link_take(link, reply, err);
        if (rc != RY_OK || *reply != NULL)
            break;
        /* The limit is for silence: a large job may take longer. */
        if (link->unread_bytes != seen_bytes || link->unsent.n != unsent)
            until_mono_ms = ry_mono_ms(ry_clock_system()) + link->timeout_ms;
        seen_bytes = link->unread_bytes;
        rc = wait_for(link, link->unsent.n > 0 ? POLLIN | POLLOUT : POLLIN, until_mono_ms, err);
    }
    if (rc == RY_OK && (*reply)->type == REDIS_REPLY_ERROR) {
        rc = ry_redis_reply_fail(link, *reply, err);
        freeReplyObject(*reply);
        *reply = NULL;
    }
    return rc;
}

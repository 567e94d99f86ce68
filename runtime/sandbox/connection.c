/* connection.c: the inner process's connection to its node, by way of the outer process.
 *
 * The outer process connects, so its credentials are what the node sees. For the inner one it listens at a name of the
 * abstract namespace that the kernel chooses: no file, so the root inside can be empty, and reached from behind every
 * other namespace. One connection is taken, from the inner process alone. What it sends is counted, message by message
 * (message_meter.h), unless it is encrypted from end to end: then the node has other means. What the node sends is
 * passed on as it is. If this process dies, both connections end with it. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"

/* A node that takes no connection for so long is as good as none. */
#define CALL_MAX_S 10
/* How long the node may take for what was sent before the end. */
#define FINISH_MS 1000

static bool inspect(void *arg, const char *bytes, size_t n)
{
    struct connection *connection = arg;
    return ry_message_meter_read(&connection->meter, bytes, n);
}

int connection_call(struct connection *connection, const struct ry_sandbox_options *options, struct ry_error *err)
{
    connection->node_fd = connection->listen_fd = connection->inner_fd = -1;
    connection->over = false;
    if (options->socket == NULL)
        return RY_OK;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = CALL_MAX_S};
    if (strlen(options->socket) >= sizeof address.sun_path)
        return ry_fail(err, RY_ECONFIG, "the socket path %s is too long", options->socket);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", options->socket);
    connection->node_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->node_fd < 0)
        return ry_fail(err, RY_EIO, "cannot make a socket: %s", strerror(errno));
    (void)setsockopt(connection->node_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(connection->node_fd, (const struct sockaddr *)&address, sizeof address) != 0)
        return ry_fail(err, RY_ENOENT, "no node listens at %s: %s", options->socket, strerror(errno));
    connection->counted = options->message_max_bytes > 0;
    ry_message_meter_begin(&connection->meter, options->message_max_bytes, options->message_max_parts);
    return RY_OK;
}

int connection_offer(struct connection *connection, char name[RY_SANDBOX_SOCKET_BYTES], struct ry_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t n = sizeof address;
    name[0] = '\0';
    if (connection->node_fd < 0)
        return RY_OK;
    connection->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* An address of no more than its family asks the kernel for a name. */
    if (connection->listen_fd < 0 ||
        bind(connection->listen_fd, (const struct sockaddr *)&address, sizeof address.sun_family) != 0 ||
        listen(connection->listen_fd, 4) != 0 ||
        getsockname(connection->listen_fd, (struct sockaddr *)&address, &n) != 0)
        return ry_fail(err, RY_EIO, "cannot listen for the process inside the sandbox: %s", strerror(errno));
    (void)snprintf(name, RY_SANDBOX_SOCKET_BYTES, "@%.*s",
                   (int)((size_t)n - offsetof(struct sockaddr_un, sun_path) - 1), address.sun_path + 1);
    return RY_OK;
}

static void let_go(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void connection_close(struct connection *connection)
{
    let_go(&connection->node_fd);
    let_go(&connection->listen_fd);
    let_go(&connection->inner_fd);
}

/* Takes the connection of the inner process, and no other. */
static void take(struct connection *connection, pid_t inner)
{
    int fd = accept4(connection->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || peer.pid != inner) {
        (void)close(fd);
        return;
    }
    connection->inner_fd = fd;
    let_go(&connection->listen_fd);
    ry_proxy_begin(&connection->proxy, fd, connection->node_fd);
    if (connection->counted) {
        connection->proxy.inspect = inspect;
        connection->proxy.arg = connection;
    }
}

void connection_polls(const struct connection *connection, struct pollfd polls[CONNECTION_POLLS])
{
    polls[0] = (struct pollfd){.fd = connection->listen_fd, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = -1};
    if (connection->inner_fd >= 0)
        ry_proxy_polls(&connection->proxy, polls);
    else if (connection->listen_fd >= 0)
        polls[1] = (struct pollfd){.fd = connection->node_fd, .events = POLLRDHUP};
}

void connection_work(struct connection *connection, const struct pollfd polls[CONNECTION_POLLS], pid_t inner)
{
    bool going = true;
    if (connection->inner_fd >= 0) {
        going = ry_proxy_work(&connection->proxy, polls);
    } else if (connection->listen_fd >= 0) {
        if (polls[0].revents)
            take(connection, inner);
        going = connection->inner_fd >= 0 || !polls[1].revents;
    }
    if (going)
        return;
    connection->over = true;
    connection_close(connection);
}

void connection_finish(struct connection *connection, pid_t inner)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + FINISH_MS;
    int64_t left_ms = FINISH_MS;
    struct pollfd polls[CONNECTION_POLLS];
    while (connection->node_fd >= 0 && left_ms > 0) {
        connection_polls(connection, polls);
        /* One that has not connected before it ended does not any more. */
        if (poll(polls, CONNECTION_POLLS, connection->inner_fd >= 0 ? (int)left_ms : 0) <= 0)
            break;
        connection_work(connection, polls, inner);
        left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
    }
}

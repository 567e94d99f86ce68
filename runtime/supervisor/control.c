/* control.c: the socket on which `reelyard scale` asks, and how it asks.
 *
 * One packet asks, one answers: "ok" or "no", a blank and a sentence. Only the node's own user is heard, and nobody can
 * make the supervisor wait. */
#include "runtime/supervisor/supervisor_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define REQUEST_BYTES  1024
#define CLIENT_MS      5000
#define ANSWER_MS      10000
#define CLIENT_BACKLOG 8

static int make_socket(const char *path, struct sockaddr_un *address, struct ry_error *err)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return ry_fail(err, RY_ECONFIG, "the socket path %s is too long: name a shorter folder with --run-dir", path);
    memcpy(address->sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : ry_fail(err, RY_EIO, "cannot make a socket: %m");
}

int control_open(struct up *up, struct ry_error *err)
{
    struct sockaddr_un address;
    int fd = make_socket(up->options->control, &address, err);
    if (fd < 0)
        return fd;
    up->control_fd = fd;
    /* The data folder is ours alone (its lock), so whatever is there is of a dead one. */
    (void)unlink(up->options->control);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, CLIENT_BACKLOG) != 0)
        return ry_fail(err, RY_EIO, "cannot listen on %s: %m", up->options->control);
    return RY_OK;
}

static void client_close(struct client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    client->fd = -1;
}

void control_close(struct up *up)
{
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        client_close(&up->clients[i]);
    if (up->control_fd >= 0) {
        (void)close(up->control_fd);
        (void)unlink(up->options->control);
    }
    up->control_fd = -1;
}

void control_accept(struct up *up)
{
    int fd = accept4(up->control_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || peer.uid != geteuid()) {
        (void)close(fd);
        return;
    }
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++) {
        struct client *client = &up->clients[i];
        if (client->fd >= 0 && up->now_mono_ms >= client->until_mono_ms)
            client_close(client);
        if (client->fd < 0) {
            *client = (struct client){.fd = fd, .until_mono_ms = up->now_mono_ms + CLIENT_MS};
            return;
        }
    }
    (void)close(fd);
}

void control_take(struct up *up, struct client *client)
{
    char request[REQUEST_BYTES];
    char answer[sizeof((struct ry_error *)0)->text + 8];
    struct ry_error said = {0};
    ssize_t n = recv(client->fd, request, sizeof request - 1, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        request[n] = '\0';
        int rc = strncmp(request, "scale ", 6) == 0 ? change_scale(up, request + 6, &said)
                                                    : ry_fail(&said, RY_EINVAL, "this is not a request");
        (void)snprintf(answer, sizeof answer, "%s %s", rc == RY_OK ? "ok" : "no", said.text);
        (void)send(client->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    client_close(client);
}

int ry_up_ask(const char *control, const char *request, struct ry_error *answer)
{
    struct sockaddr_un address;
    char text[sizeof answer->text + 8];
    int fd = make_socket(control, &address, answer);
    if (fd < 0)
        return fd;
    int rc = RY_OK;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        rc = ry_fail(answer, RY_EAWAY, "no supervisor listens on %s (%m); is the node one of `reelyard up`?", control);
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    ssize_t n = 0;
    if (rc == RY_OK && (poll(&readable, 1, ANSWER_MS) != 1 || (n = recv(fd, text, sizeof text - 1, 0)) < 3))
        rc = ry_fail(answer, RY_EAWAY, "the supervisor does not answer");
    (void)close(fd);
    if (rc != RY_OK)
        return rc;
    text[n] = '\0';
    rc = ry_fail(answer, RY_EINVAL, "%s", text + 3);
    return strncmp(text, "ok ", 3) == 0 ? RY_OK : rc;
}

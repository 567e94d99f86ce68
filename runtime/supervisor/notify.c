/* notify.c: a datagram or two for systemd; see notify.h. */
#include "runtime/supervisor/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *variable(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || n >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, n);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void ry_notify_open(struct ry_notify *notify, char *const *env)
{
    const char *path = variable(env, "NOTIFY_SOCKET");
    const char *usec = variable(env, "WATCHDOG_USEC");
    const char *pid = variable(env, "WATCHDOG_PID");
    *notify = (struct ry_notify){.fd = path ? connect_to(path) : -1};
    if (notify->fd >= 0 && usec && (pid == NULL || strtoll(pid, NULL, 10) == getpid()))
        notify->watchdog_ms = strtoll(usec, NULL, 10) / 1000;
}

void ry_notify_close(struct ry_notify *notify)
{
    if (notify->fd >= 0)
        (void)close(notify->fd);
    notify->fd = -1;
}

void ry_notify_say(const struct ry_notify *notify, const char *lines)
{
    if (notify->fd >= 0)
        (void)send(notify->fd, lines, strlen(lines), MSG_NOSIGNAL);
}

void ry_notify_feed(struct ry_notify *notify, int64_t now_mono_ms)
{
    if (notify->watchdog_ms <= 0 || now_mono_ms < notify->next_feed_mono_ms)
        return;
    notify->next_feed_mono_ms = now_mono_ms + notify->watchdog_ms / 2;
    ry_notify_say(notify, "WATCHDOG=1");
}

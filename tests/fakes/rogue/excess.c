/* excess.c: exhausts what an encoder may use: an endless message, or endless CPU time. Owns nothing; ends when it is
 * killed. */
#include "tests/fakes/rogue/excess.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What it sends if nobody stops it, and a part of it. */
#define ALL_BYTES  ((uint64_t)4 << 30)
#define PART_BYTES ((uint64_t)64 << 10)

static bool node_is(const struct ry_attachment *attachment, const char *name)
{
    return strcmp(ry_config_str(attachment->config, RY_OPT_node), name) == 0;
}

bool excess_is_for(const struct ry_attachment *attachment)
{
    return attachment->spec->role == RY_ROLE_ENCODER &&
           (node_is(attachment, "endless") || node_is(attachment, "spinning"));
}

static void give_up(const char *what)
{
    perror(what);
    _exit(1);
}

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, n);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'))) != 0)
        give_up("rogue: connect");
    return fd;
}

static bool put(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

static void send_without_end(int fd)
{
    static const uint8_t greeting[64] = {0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 0, 'N', 'U', 'L', 'L'};
    static const char ready[] = "\4\x1C\5READY\13Socket-Type\0\0\0\6DEALER";
    static uint8_t part[9 + PART_BYTES] = {3, 0, 0, 0, 0, 0, PART_BYTES >> 16, PART_BYTES >> 8 & 0xFF};
    uint8_t theirs[sizeof greeting + 255];
    /* The node takes nothing but a greeting and READY before it has sent its own. */
    if (!put(fd, greeting, sizeof greeting) || !put(fd, ready, sizeof ready - 1) ||
        recv(fd, theirs, sizeof greeting + 2, MSG_WAITALL) != sizeof greeting + 2 ||
        recv(fd, theirs, theirs[sizeof greeting + 1], MSG_WAITALL) <= 0)
        give_up("rogue: greeting");
    for (uint64_t sent = 0; sent < ALL_BYTES; sent += PART_BYTES)
        if (!put(fd, part, sizeof part))
            break;
}

void excess_commit(const struct ry_attachment *attachment)
{
    struct ry_error err = {0};
    bool endless = node_is(attachment, "endless");
    int fd = dial(attachment->ipc_path);
    if (attachment->seal && attachment->seal->shut(attachment->seal->arg, &err) != RY_OK) {
        (void)fprintf(stderr, "rogue: %s\n", err.text);
        _exit(1);
    }
    (void)fprintf(stderr, "rogue: %s\n", endless ? "sends" : "spins");
    if (endless)
        send_without_end(fd);
    for (volatile unsigned turns = 0;; turns++)
        continue;
}

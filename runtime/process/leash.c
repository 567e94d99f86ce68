/* leash.c: messages between a process and those that it has started; see leash.h.
 *
 * Plain read and write, which the shortest list of system calls has. A parent that stands still must not make its
 * children stand still: what does not fit into the socket's buffer is not sent. */
#include "runtime/process/leash.h"

#include "runtime/base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static bool put(int fd, const void *packet, size_t n)
{
    ssize_t written;
    do
        written = write(fd, packet, n);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)n;
}

bool ry_leash_say(int fd, const struct ry_leash_msg *msg)
{
    return put(fd, msg, sizeof *msg);
}

bool ry_leash_say_children(int fd, const struct ry_children_report *report)
{
    return put(fd, report,
               offsetof(struct ry_children_report, children) + report->child_count * sizeof report->children[0]);
}

/* Whether a packet of n bytes is as long as its kind says. */
static bool whole(const void *packet, size_t n)
{
    const struct ry_children_report *report = packet;
    if (n < sizeof(uint32_t) * 2)
        return false;
    if (report->kind != RY_LEASH_MSG_CHILDREN)
        return n == sizeof(struct ry_leash_msg);
    return report->child_count <= RY_CHILDREN_MAX &&
           n == offsetof(struct ry_children_report, children) + report->child_count * sizeof report->children[0];
}

enum ry_leash_got ry_leash_hear(int fd, void *packet, size_t size)
{
    for (;;) {
        ssize_t n = read(fd, packet, size);
        if (n == 0)
            return RY_LEASH_ENDED;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? RY_LEASH_NOTHING : RY_LEASH_ENDED;
        if (whole(packet, (size_t)n))
            return RY_LEASH_MSG;
    }
}

int ry_leash_await_ticket(int fd, char token[RY_TICKET_BYTES], struct ry_error *err)
{
    struct ry_leash_msg msg;
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, -1) < 0 && errno != EINTR)
            return ry_fail(err, RY_EIO, "cannot wait for the keeper: %m");
        enum ry_leash_got got = ry_leash_hear(fd, &msg, sizeof msg);
        if (got == RY_LEASH_ENDED)
            return ry_fail(err, RY_EAWAY, "its keeper ended");
        if (got == RY_LEASH_MSG && msg.kind == RY_LEASH_MSG_TICKET) {
            (void)snprintf(token, RY_TICKET_BYTES, "%.*s", RY_TICKET_BYTES - 1, msg.token);
            return RY_OK;
        }
    }
}

int ry_ticket_make(char token[RY_TICKET_BYTES], struct ry_error *err)
{
    uint8_t bytes[(RY_TICKET_BYTES - 1) / 2];
    if (getentropy(bytes, sizeof bytes) != 0)
        return ry_fail(err, RY_EIO, "the system has no random bytes: %m");
    ry_hex_print(bytes, sizeof bytes, token);
    return RY_OK;
}

/* leash.c: words between a supervisor and its children; see leash.h.
 *
 * Plain read and write, which the narrowest list of system calls has. A supervisor that stands still must not make its
 * children stand still: what does not fit into the socket's buffer is not said. */
#include "runtime/supervisor/leash.h"

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

bool ry_leash_say(int fd, const struct ry_word *word)
{
    return put(fd, word, sizeof *word);
}

bool ry_leash_say_troupe(int fd, const struct ry_troupe *troupe)
{
    return put(fd, troupe, offsetof(struct ry_troupe, children) + troupe->child_count * sizeof troupe->children[0]);
}

/* Whether a packet of n bytes is as long as its kind says. */
static bool whole(const void *packet, size_t n)
{
    const struct ry_troupe *troupe = packet;
    if (n < sizeof(uint32_t) * 2)
        return false;
    if (troupe->kind != RY_WORD_TROUPE)
        return n == sizeof(struct ry_word);
    return troupe->child_count <= RY_CHILDREN_MAX &&
           n == offsetof(struct ry_troupe, children) + troupe->child_count * sizeof troupe->children[0];
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
            return RY_LEASH_WORD;
    }
}

int ry_leash_await_ticket(int fd, char token[RY_TICKET_BYTES], struct ry_error *err)
{
    struct ry_word word;
    for (;;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, -1) < 0 && errno != EINTR)
            return ry_fail(err, RY_EIO, "cannot wait for the supervisor: %m");
        enum ry_leash_got got = ry_leash_hear(fd, &word, sizeof word);
        if (got == RY_LEASH_ENDED)
            return ry_fail(err, RY_EAWAY, "the supervisor ended");
        if (got == RY_LEASH_WORD && word.kind == RY_WORD_TICKET) {
            (void)snprintf(token, RY_TICKET_BYTES, "%.*s", RY_TICKET_BYTES - 1, word.token);
            return RY_OK;
        }
    }
}

int ry_ticket_make(char token[RY_TICKET_BYTES], struct ry_error *err)
{
    unsigned char bytes[(RY_TICKET_BYTES - 1) / 2];
    if (getentropy(bytes, sizeof bytes) != 0)
        return ry_fail(err, RY_EIO, "the system has no random bytes: %m");
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(token + 2 * i, 3, "%02x", bytes[i]);
    return RY_OK;
}

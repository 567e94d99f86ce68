/* ferry.c: bytes across; see ferry.h.
 *
 * A lane is read when it is empty and written when it is not, so that the slower side slows the faster one down and no
 * more than a lane's bytes wait here. A side that has ended its sending ends the connection once its last bytes are
 * through: who speaks ZMTP never closes one direction alone. */
#include "runtime/cli/ferry.h"

#include <errno.h>
#include <sys/socket.h>

void ry_ferry_begin(struct ry_ferry *ferry, int a, int b)
{
    ferry->fds[0] = a;
    ferry->fds[1] = b;
    ferry->broken = false;
    for (int i = 0; i < 2; i++) {
        ferry->lanes[i].from = ferry->lanes[i].to = 0;
        ferry->lanes[i].ended = ferry->lanes[i].heard = false;
    }
}

static bool holds(const struct ry_ferry_lane *lane)
{
    return lane->from < lane->to;
}

void ry_ferry_polls(const struct ry_ferry *ferry, struct pollfd polls[2])
{
    for (int i = 0; i < 2; i++) {
        short events = 0;
        if (!holds(&ferry->lanes[i]) && !ferry->lanes[i].ended)
            events |= POLLIN;
        if (holds(&ferry->lanes[1 - i]))
            events |= POLLOUT;
        /* One that is waited for by nobody would wake us for ever once it has hung up. */
        polls[i] = (struct pollfd){.fd = events ? ferry->fds[i] : -1, .events = events};
    }
}

static bool passing(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void load(struct ry_ferry *ferry, int i)
{
    struct ry_ferry_lane *lane = &ferry->lanes[i];
    ssize_t n = recv(ferry->fds[i], lane->bytes, sizeof lane->bytes, MSG_DONTWAIT);
    if (passing(n))
        return;
    lane->from = 0;
    lane->to = n > 0 ? (size_t)n : 0;
    lane->ended = n <= 0;
    lane->heard = lane->heard || n > 0;
}

static void unload(struct ry_ferry *ferry, int i)
{
    struct ry_ferry_lane *lane = &ferry->lanes[i];
    ssize_t n = send(ferry->fds[1 - i], lane->bytes + lane->from, lane->to - lane->from, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        lane->from += (size_t)n;
    else if (!passing(n))
        ferry->broken = true;
}

bool ry_ferry_work(struct ry_ferry *ferry, const struct pollfd polls[2])
{
    for (int i = 0; i < 2; i++) {
        struct ry_ferry_lane *lane = &ferry->lanes[i];
        if (polls[i].revents && !holds(lane) && !lane->ended)
            load(ferry, i);
        if (holds(lane))
            unload(ferry, i);
        /* The other side is gone and this lane's bytes have nowhere to go. */
        if (holds(lane) && polls[1 - i].revents & (POLLERR | POLLHUP))
            ferry->broken = true;
    }
    for (int i = 0; i < 2; i++)
        if (ferry->lanes[i].ended && !holds(&ferry->lanes[i]))
            return false;
    return !ferry->broken;
}

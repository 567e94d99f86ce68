/* proxy.c: bytes between two sockets; see proxy.h.
 *
 * A lane is read when it is empty and written when it is not, so that the slower side slows the faster one down and no
 * more than a lane's bytes wait here. A side that has ended its sending ends the connection once its last bytes are
 * through: a peer that speaks ZMTP never closes one direction alone. What was under way to that side is dropped, and
 * does not end the lane that carries those last bytes. */
#include "runtime/process/proxy.h"

#include <errno.h>
#include <sys/socket.h>

#include "runtime/base/assert.h"

void ry_proxy_begin(struct ry_proxy *proxy, int a, int b)
{
    proxy->fds[0] = a;
    proxy->fds[1] = b;
    proxy->broken = false;
    proxy->inspect = NULL;
    proxy->arg = NULL;
    for (int i = 0; i < 2; i++) {
        proxy->lanes[i].from = proxy->lanes[i].to = 0;
        proxy->lanes[i].ended = proxy->lanes[i].lost = proxy->lanes[i].heard = proxy->hung[i] = false;
    }
}

static bool holds(const struct ry_proxy_lane *lane)
{
    return lane->from < lane->to;
}

void ry_proxy_polls(const struct ry_proxy *proxy, struct pollfd polls[2])
{
    for (int i = 0; i < 2; i++) {
        short events = 0;
        if (!holds(&proxy->lanes[i]) && !proxy->lanes[i].ended)
            events |= POLLIN;
        if (holds(&proxy->lanes[1 - i]))
            events |= POLLOUT;
        /* A hang-up is noticed although the other side reads nothing; once it is, it must not wake us for ever. */
        if (!proxy->hung[i])
            events |= POLLRDHUP;
        polls[i] = (struct pollfd){.fd = events ? proxy->fds[i] : -1, .events = events};
    }
}

static bool passing(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void load(struct ry_proxy *proxy, int i)
{
    struct ry_proxy_lane *lane = &proxy->lanes[i];
    ssize_t n = recv(proxy->fds[i], lane->bytes, sizeof lane->bytes, MSG_DONTWAIT);
    if (passing(n))
        return;
    lane->from = 0;
    lane->to = n > 0 ? (size_t)n : 0;
    lane->ended = n <= 0;
    lane->heard = lane->heard || n > 0;
    if (i == 0 && n > 0 && proxy->inspect && !proxy->inspect(proxy->arg, lane->bytes, (size_t)n)) {
        lane->to = 0;
        proxy->broken = true;
    }
}

static void lose(struct ry_proxy_lane *lane)
{
    lane->from = lane->to = 0;
    lane->ended = lane->lost = true;
}

static void unload(struct ry_proxy *proxy, int i)
{
    struct ry_proxy_lane *lane = &proxy->lanes[i];
    RY_ASSERT(holds(lane) && lane->to <= sizeof lane->bytes && !lane->lost, "%zu to %zu", lane->from, lane->to);
    ssize_t n = send(proxy->fds[1 - i], lane->bytes + lane->from, lane->to - lane->from, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0)
        lane->from += (size_t)n;
    else if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        lose(lane);
    else if (!passing(n))
        proxy->broken = true;
}

bool ry_proxy_work(struct ry_proxy *proxy, const struct pollfd polls[2])
{
    for (int i = 0; i < 2; i++) {
        struct ry_proxy_lane *lane = &proxy->lanes[i];
        proxy->hung[i] = proxy->hung[i] || polls[i].revents & (POLLRDHUP | POLLHUP | POLLERR);
        if (polls[i].revents && !holds(lane) && !lane->ended)
            load(proxy, i);
        if (holds(lane))
            unload(proxy, i);
        /* The other side is gone and this lane's bytes have nowhere to go. */
        if (holds(lane) && polls[1 - i].revents & (POLLERR | POLLHUP))
            lose(lane);
    }
    const struct ry_proxy_lane *lanes = proxy->lanes;
    for (int i = 0; i < 2; i++)
        if (lanes[i].ended && !lanes[i].lost && !holds(&lanes[i]))
            return false;
    return !proxy->broken && !(lanes[0].lost && lanes[1].lost);
}

/* proxy.h: carries bytes between two connected sockets, both ways. It does not change them; what goes from a to b may
 * be inspected on its way. Blocks nowhere: the caller polls. One thread. */
#ifndef REELYARD_RUNTIME_PROCESS_PROXY_H
#define REELYARD_RUNTIME_PROCESS_PROXY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define RY_PROXY_BYTES ((size_t)128 << 10)

/* One direction. */
struct ry_proxy_lane {
    char bytes[RY_PROXY_BYTES];
    size_t from; /* what waits is bytes[from .. to) */
    size_t to;
    bool ended; /* nothing more comes in */
    bool lost;  /* the side that it leads to is gone: its bytes were dropped, and no more are read; ended too */
    bool heard; /* something came in; the caller resets it */
};

struct ry_proxy {
    int fds[2];                    /* the caller's; may be blocking: MSG_DONTWAIT is used */
    struct ry_proxy_lane lanes[2]; /* lanes[i] leads from fds[i] to the other */
    bool hung[2];                  /* that side has closed, though not all that it sent may have been carried yet */
    bool broken;
    /* Called with bytes from fds[0] before any of them is passed on. False: none is, and the connection is over. NULL:
     * bytes are not inspected. Set after ry_proxy_begin. */
    bool (*inspect)(void *arg, const char *bytes, size_t n);
    void *arg;
};

void ry_proxy_begin(struct ry_proxy *proxy, int a, int b);
/* What the two descriptors are to be polled for. */
void ry_proxy_polls(const struct ry_proxy *proxy, struct pollfd polls[2]);
/* Carries what can be carried now. False: the connection is over, because one side has hung up and the other has taken
 * all that it sent, because both are gone, or because the inspection refused. */
bool ry_proxy_work(struct ry_proxy *proxy, const struct pollfd polls[2]);

#endif

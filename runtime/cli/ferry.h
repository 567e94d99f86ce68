/* ferry.h: carries bytes between two connected sockets, both ways, without looking at them. Blocks nowhere: the caller
 * polls. One thread. */
#ifndef REELYARD_RUNTIME_CLI_FERRY_H
#define REELYARD_RUNTIME_CLI_FERRY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define RY_FERRY_BYTES ((size_t)128 << 10)

/* One direction. */
struct ry_ferry_lane {
    char bytes[RY_FERRY_BYTES];
    size_t from; /* what waits is bytes[from .. to) */
    size_t to;
    bool ended; /* nothing more comes in */
    bool heard; /* something came in; for the caller to take back */
};

struct ry_ferry {
    int fds[2];                    /* non-blocking; the caller's */
    struct ry_ferry_lane lanes[2]; /* lanes[i] leads from fds[i] to the other */
    bool broken;
};

void ry_ferry_begin(struct ry_ferry *ferry, int a, int b);
/* What the two descriptors are to be polled for. */
void ry_ferry_polls(const struct ry_ferry *ferry, struct pollfd polls[2]);
/* Carries what can be carried now. False: one side has hung up, and what it said last has been passed on if the other
 * took it; the connection is over. */
bool ry_ferry_work(struct ry_ferry *ferry, const struct pollfd polls[2]);

#endif

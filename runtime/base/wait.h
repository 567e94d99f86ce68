/* wait.h: waiting that an interruption neither ends nor prolongs. */
#ifndef REELYARD_RUNTIME_BASE_WAIT_H
#define REELYARD_RUNTIME_BASE_WAIT_H

#include <poll.h>
#include <stdint.h>

/* As poll(2), but goes on after a signal for what is left of the time. timeout_ms < 0: for ever. Any thread. */
int ry_wait(struct pollfd *fds, nfds_t n, int64_t timeout_ms);

#endif

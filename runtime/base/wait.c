/* wait.c: see wait.h. Keeps no state; a signal does not shorten the wait. */
#include "runtime/base/wait.h"

#include <errno.h>
#include <limits.h>

#include "runtime/base/clock.h"

int ry_wait(struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
    const struct ry_clock *clock = ry_clock_system();
    int64_t begin_mono_ms = timeout_ms > 0 ? ry_mono_ms(clock) : 0;
    int64_t left_ms = timeout_ms;
    for (;;) {
        int ready = poll(fds, n, left_ms < 0 ? -1 : left_ms < INT_MAX ? (int)left_ms : INT_MAX);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return ready;
        if (timeout_ms >= 0)
            left_ms = timeout_ms > 0 ? timeout_ms - (ry_mono_ms(clock) - begin_mono_ms) : 0;
        if (timeout_ms >= 0 && left_ms <= 0)
            return 0;
    }
}

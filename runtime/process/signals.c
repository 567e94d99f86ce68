/* signals.c: signals as data; see signals.h. What has come and was not yet taken dies with the process. */
#include "runtime/process/signals.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t set_of(const int *signals)
{
    sigset_t set;
    (void)sigemptyset(&set);
    for (; *signals; signals++)
        (void)sigaddset(&set, *signals);
    return set;
}

int ry_signals_open(int *fd, const int *signals, sigset_t *before, struct ry_error *err)
{
    const sigset_t set = set_of(signals);
    (void)pthread_sigmask(SIG_BLOCK, &set, before);
    *fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd >= 0 ? RY_OK : ry_fail(err, RY_EIO, "cannot watch signals: %s", strerror(errno));
}

int ry_signals_take(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

void ry_signals_hold_stop(void)
{
    const sigset_t set = set_of(RY_STOP_SIGNALS);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void ry_signals_let_stop(void)
{
    const sigset_t set = set_of(RY_STOP_SIGNALS);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

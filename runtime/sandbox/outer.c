/* outer.c: the process that stays outside.
 *
 * Does nothing but pass on: signals inwards, the log outwards, the exit status to whoever started it. It looks at no
 * byte of a video. The log is what a process that may have been taken over says, so it is passed on line by line, with
 * nothing in it that would steer a terminal, and no faster than a person's disk can bear.
 *
 * If it dies, the inner process is killed with it (PR_SET_PDEATHSIG). If the inner process was killed by a signal, it
 * ends by the same, so that whoever waits for it learns the truth. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/* The logger's longest line. */
#define LINE_BYTES 4096
/* What passes in a period; the rest is dropped. */
#define LOG_PERIOD_MS    1000
#define LOG_PERIOD_BYTES ((size_t)256 << 10)

struct outer {
    const char *name;
    pid_t inner;
    int log_fd;
    int signal_fd;
    char line[LINE_BYTES];
    size_t n;
    int64_t period_start_mono_ms;
    size_t passed_bytes;
    uint64_t dropped_bytes;
};

/* ---- the log ----------------------------------------------------------------------------------------------------- */

/* A colour, "\033[...m", at the beginning of the text: its length, else 0. */
static size_t colour(const char *text, size_t n)
{
    size_t i = 2;
    if (n < 3 || text[0] != '\033' || text[1] != '[')
        return 0;
    while (i < n && ((text[i] >= '0' && text[i] <= '9') || text[i] == ';'))
        i++;
    return i < n && text[i] == 'm' ? i + 1 : 0;
}

static void defuse(char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t skip = colour(text + i, n - i);
        unsigned char c = (unsigned char)text[i];
        if (skip == 0 && (c < 0x20 || c == 0x7F) && c != '\n' && c != '\t')
            text[i] = '?';
        i += skip ? skip : 1;
    }
}

static void pass_on(struct outer *outer, size_t n)
{
    int64_t now_mono_ms = ry_mono_ms(ry_clock_system());
    if (now_mono_ms - outer->period_start_mono_ms >= LOG_PERIOD_MS) {
        outer->period_start_mono_ms = now_mono_ms;
        outer->passed_bytes = 0;
        if (outer->dropped_bytes)
            RY_LOG(RY_WARNING, "sandbox_log_dropped", "bytes=%llu", (unsigned long long)outer->dropped_bytes);
        outer->dropped_bytes = 0;
    }
    if (outer->passed_bytes + n > LOG_PERIOD_BYTES) {
        outer->dropped_bytes += n;
    } else {
        outer->passed_bytes += n;
        defuse(outer->line, n);
        ry_log_pass(outer->line, n);
    }
    memmove(outer->line, outer->line + n, outer->n - n);
    outer->n -= n;
}

/* Passes on what has come. False at the end. */
static bool take_log(struct outer *outer)
{
    ssize_t got = read(outer->log_fd, outer->line + outer->n, sizeof outer->line - outer->n);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    outer->n += (size_t)got;
    const char *end;
    while ((end = memchr(outer->line, '\n', outer->n)) != NULL)
        pass_on(outer, (size_t)(end - outer->line) + 1);
    if (outer->n == sizeof outer->line || (got == 0 && outer->n > 0))
        pass_on(outer, outer->n);
    return got > 0;
}

/* What the inner process said before it ended. The pipe may be held open by nobody else. */
static void take_last_words(struct outer *outer)
{
    struct pollfd log = {.fd = outer->log_fd, .events = POLLIN};
    while (poll(&log, 1, 0) == 1 && take_log(outer))
        continue;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static _Noreturn void end_like(const struct outer *outer, int status)
{
    if (WIFEXITED(status)) {
        if (WEXITSTATUS(status) == RY_SANDBOX_EXIT_CPU)
            RY_LOG(RY_ERROR, "sandbox_killed", "name=%s reason=%s", outer->name, "one mail took too much CPU time");
        ry_log_drain(RY_LOG_LAST_WORDS_MS);
        _exit(WEXITSTATUS(status));
    }
    int signal_number = WTERMSIG(status);
    RY_LOG(RY_ERROR, "sandbox_killed", "name=%s signal=%s reason=%s", outer->name, strsignal(signal_number),
           signal_number == SIGSYS ? "it made a system call that its sandbox forbids" : "it crashed or was killed");
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    sigset_t all;
    (void)sigfillset(&all);
    (void)signal(signal_number, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &all, NULL);
    (void)raise(signal_number);
    _exit(128 + signal_number);
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static int watch_signals(void)
{
    sigset_t watched;
    (void)sigemptyset(&watched);
    const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaddset(&watched, signals[i]);
    (void)sigprocmask(SIG_BLOCK, &watched, NULL);
    return signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ends if the inner process has. */
static void reap(struct outer *outer)
{
    int status = 0;
    if (waitpid(outer->inner, &status, WNOHANG) != outer->inner)
        return;
    take_last_words(outer);
    end_like(outer, status);
}

static void take_signal(struct outer *outer)
{
    struct signalfd_siginfo info;
    if (read(outer->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    if (info.ssi_signo == SIGCHLD)
        reap(outer);
    else
        (void)kill(outer->inner, (int)info.ssi_signo);
}

_Noreturn void outer_run(const char *name, pid_t inner, int log_fd)
{
    struct outer outer = {.name = name, .inner = inner, .log_fd = log_fd};
    (void)prctl(PR_SET_NAME, "sandbox-outside", 0L, 0L, 0L);
    (void)setrlimit(RLIMIT_CORE, &(const struct rlimit){0, 0});
    (void)fcntl(log_fd, F_SETFL, O_NONBLOCK);
    /* Whoever started it keeps no end of a pipe open by it. */
    privileges_close_range(STDERR_FILENO + 1, (unsigned)log_fd - 1);
    privileges_close_range((unsigned)log_fd + 1, ~0u);
    outer.signal_fd = watch_signals();
    if (outer.signal_fd < 0) {
        (void)kill(inner, SIGKILL);
        _exit(1);
    }
    /* It may have ended before its end was watched for. */
    reap(&outer);
    struct pollfd fds[] = {{.fd = outer.signal_fd, .events = POLLIN}, {.fd = log_fd, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, (int)ry_log_tend(-1)) < 0 && errno != EINTR)
            _exit(1);
        if (fds[1].revents && !take_log(&outer))
            fds[1].fd = -1;
        if (fds[0].revents)
            take_signal(&outer);
    }
}

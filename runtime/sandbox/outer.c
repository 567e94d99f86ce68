/* outer.c: the process that stays outside.
 *
 * Passes on: signals inwards, the log outwards (outer_log.c), the bytes of the connection to the node both ways
 * (connection.c), the exit status to whoever started it. It looks at no byte of a video; of what the inner process
 * sends it reads the heads of frames.
 *
 * The inner process may have been taken over, so its end is not left to it: it is killed when it sends a message that
 * is too large, and when it is still there some time after its node, or its connection, was gone. If this process dies,
 * the kernel kills the inner one (PR_SET_PDEATHSIG). If the inner process was killed by a signal, this one ends by the
 * same, so that whoever waits for it learns the truth. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/process/signals.h"

/* How long the inner process may take to end by itself once its connection is gone. */
#define LEAVE_MS 5000

struct outer {
    const char *name;
    pid_t inner;
    int signal_fd;
    struct sandbox_log log;
    struct connection *connection;
    int64_t leave_by_mono_ms; /* INT64_MAX: it need not leave */
    int exit_code;            /* of this process, which killed the inner one; 0: it did not */
};

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static _Noreturn void exit_with(int code)
{
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    _exit(code);
}

static _Noreturn void end_like(const struct outer *outer, int status)
{
    if (outer->exit_code)
        exit_with(outer->exit_code);
    if (WIFEXITED(status)) {
        if (WEXITSTATUS(status) == RY_EXIT_CPU)
            RY_LOG(RY_ERROR, "sandbox_killed", "name=%s reason=%s", outer->name, "one mail took too much CPU time");
        exit_with(WEXITSTATUS(status));
    }
    int signal_number = WTERMSIG(status);
    RY_LOG(RY_ERROR, "sandbox_killed", "name=%s signal=%s reason=%s", outer->name, strsignal(signal_number),
           signal_number == SIGSYS ? "it made a system call that its sandbox denies" : "it crashed or was killed");
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
    sigset_t all;
    (void)sigfillset(&all);
    (void)signal(signal_number, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &all, NULL);
    (void)raise(signal_number);
    _exit(128 + signal_number);
}

/* Ends if the inner process has. What it said last is passed on before, so that whoever learns of the end has it. */
static void reap(struct outer *outer)
{
    int status = 0;
    if (waitpid(outer->inner, &status, WNOHANG) != outer->inner)
        return;
    connection_finish(outer->connection, outer->inner);
    connection_close(outer->connection);
    sandbox_log_finish(&outer->log);
    end_like(outer, status);
}

static void kill_inner(struct outer *outer, int exit_code, const char *reason)
{
    if (outer->exit_code)
        return;
    outer->exit_code = exit_code;
    RY_LOG(RY_ERROR, "sandbox_killed", "name=%s reason=%s", outer->name, reason);
    (void)kill(outer->inner, SIGKILL); /* SIGCHLD follows */
}

/* ---- the connection ---------------------------------------------------------------------------------------------- */

static bool node_has_hung_up(const struct connection *connection)
{
    return connection->over || (connection->inner_fd >= 0 && connection->proxy.hung[1]);
}

/* What follows from the state of the connection. */
static void judge(struct outer *outer)
{
    const struct connection *connection = outer->connection;
    int64_t now_mono_ms = ry_mono_ms(ry_clock_system());
    if (connection->meter.refused)
        kill_inner(outer, RY_EXIT_MESSAGE, connection->meter.refused);
    if (node_has_hung_up(connection) && outer->leave_by_mono_ms == INT64_MAX)
        outer->leave_by_mono_ms = now_mono_ms + LEAVE_MS;
    if (now_mono_ms >= outer->leave_by_mono_ms)
        kill_inner(outer, RY_EXIT_ORPHAN, "its connection to the node was gone, and it went on");
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static void take_signal(struct outer *outer)
{
    int number = ry_signals_take(outer->signal_fd);
    if (number == SIGCHLD)
        reap(outer);
    else if (number)
        (void)kill(outer->inner, number);
}

/* Whoever started this process keeps no end of a pipe open by it. */
static void close_others(int log_fd, const struct connection *connection)
{
    unsigned from = STDERR_FILENO + 1;
    for (;;) {
        const int kept[] = {log_fd, connection->node_fd, connection->listen_fd};
        unsigned next = ~0u;
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
                next = (unsigned)kept[i];
        privileges_close_range(from, next == ~0u ? next : next - 1);
        if (next == ~0u)
            return;
        from = next + 1;
    }
}

static int wait_ms(const struct outer *outer)
{
    if (outer->leave_by_mono_ms == INT64_MAX || outer->exit_code)
        return -1;
    int64_t left_ms = outer->leave_by_mono_ms - ry_mono_ms(ry_clock_system());
    return left_ms > 0 ? (int)left_ms : 0;
}

_Noreturn void outer_run(const char *name, struct connection *connection, pid_t inner, int log_fd)
{
    static const int passed_on[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0};
    struct ry_error err;
    struct outer outer = {
        .name = name, .inner = inner, .log.fd = log_fd, .connection = connection, .leave_by_mono_ms = INT64_MAX};
    (void)prctl(PR_SET_NAME, "sandbox-outside", 0L, 0L, 0L);
    (void)setrlimit(RLIMIT_CORE, &(const struct rlimit){0, 0});
    (void)fcntl(log_fd, F_SETFL, O_NONBLOCK);
    close_others(log_fd, connection);
    if (ry_signals_open(&outer.signal_fd, passed_on, NULL, &err) != RY_OK) {
        (void)kill(inner, SIGKILL);
        _exit(1);
    }
    /* It may have ended before its end was watched for. */
    reap(&outer);
    struct pollfd fds[2 + CONNECTION_POLLS];
    for (;;) {
        fds[0] = (struct pollfd){.fd = outer.signal_fd, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = outer.log.fd, .events = POLLIN};
        connection_polls(connection, fds + 2);
        int ready = poll(fds, 2 + CONNECTION_POLLS, (int)ry_log_tend(wait_ms(&outer)));
        if (ready < 0 && errno != EINTR)
            _exit(1);
        if (ready > 0) {
            connection_work(connection, fds + 2, inner);
            if (fds[1].revents)
                sandbox_log_take(&outer.log);
            if (fds[0].revents)
                take_signal(&outer);
        }
        judge(&outer);
    }
}

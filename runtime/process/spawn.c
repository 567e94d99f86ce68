/* spawn.c: fork and exec; see spawn.h.
 *
 * Between the two only what may follow a fork: system calls. So it does not matter what other threads of the caller
 * were in the middle of. */
#include "runtime/process/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/process/leash.h"

/* Room for a report of all children. */
#define LEASH_BUFFER_BYTES (512 << 10)

#define EXIT_NOT_STARTED 127

static void limit(const struct ry_spawn *spawn)
{
    const struct rlimit none = {0, 0};
    const struct rlimit memory = {spawn->memory_max_bytes, spawn->memory_max_bytes};
    if (!spawn->core_dumps)
        (void)setrlimit(RLIMIT_CORE, &none);
    if (spawn->memory_max_bytes > 0)
        (void)setrlimit(RLIMIT_AS, &memory);
}

/* A signal that is ignored stays so over exec. */
static void heed_signals(void)
{
    static const int usual[] = {SIGINT, SIGTERM, SIGPIPE, SIGHUP};
    sigset_t none;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        (void)signal(usual[i], SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void go_silent(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        _exit(EXIT_NOT_STARTED);
}

static _Noreturn void become(const struct ry_spawn *spawn, int leash_fd, pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
    if (getppid() != parent) /* it died before it was watched */
        _exit(EXIT_NOT_STARTED);
    (void)setpgid(0, 0);
    if (leash_fd == RY_LEASH_FD ? fcntl(leash_fd, F_SETFD, 0) != 0 : dup2(leash_fd, RY_LEASH_FD) != RY_LEASH_FD)
        _exit(EXIT_NOT_STARTED);
    (void)syscall(SYS_close_range, (unsigned)RY_LEASH_FD + 1, ~0u, 0u);
    limit(spawn);
    if (spawn->silent)
        go_silent();
    heed_signals();
    (void)execve("/proc/self/exe", spawn->argv, spawn->env);
    _exit(EXIT_NOT_STARTED);
}

int ry_spawn(const struct ry_spawn *spawn, pid_t *pid, int *leash_fd, struct ry_error *err)
{
    int pair[2];
    const int room = LEASH_BUFFER_BYTES;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return ry_fail(err, RY_EIO, "cannot make a socket pair: %m");
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    pid_t parent = getpid();
    *pid = fork();
    if (*pid < 0) {
        (void)ry_fail(err, RY_EIO, "cannot start a process: %m");
        (void)close(pair[0]);
        (void)close(pair[1]);
        return RY_EIO;
    }
    if (*pid == 0)
        become(spawn, pair[1], parent);
    (void)close(pair[1]);
    *leash_fd = pair[0];
    return RY_OK;
}

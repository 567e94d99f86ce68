/* probe.c: see probe.h. Attempts call the kernel directly, so that no library has an opinion of its own, and return 0
 * (it worked) or errno. They run in a child, whose exit status is that number. */
#include "runtime/sandbox/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/sandbox/sandbox_internal.h"

/* Exit status of a child that came into no sandbox; errno ends below. */
#define EXIT_NO_SANDBOX 250
#define PAGE_BYTES      4096

/* What the attempt of this (child) process is made against. */
static struct ry_probe_targets target;

static int outcome(long result)
{
    return result < 0 ? errno : 0;
}

/* ---- attempts ---------------------------------------------------------------------------------------------------- */

static int try_read(void)
{
    return outcome(syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY, 0));
}

static int try_read_self(void)
{
    return outcome(syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY, 0));
}

static int try_create(void)
{
    return outcome(syscall(SYS_openat, AT_FDCWD, "/tmp/reelyard-probe", O_WRONLY | O_CREAT | O_TMPFILE, 0600)) &&
                   outcome(syscall(SYS_openat, AT_FDCWD, "/", O_WRONLY | O_TMPFILE, 0600))
               ? errno
               : 0;
}

static int try_connect(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(target.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : outcome(syscall(SYS_connect, fd, &address, sizeof address));
}

static int try_unix_socket(void)
{
    return outcome(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
}

static int try_fork(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int try_exec(void)
{
    char program[] = "/bin/true";
    char *argv[] = {program, NULL};
    char *env[] = {NULL};
    /* Where it works, true's exit status is the attempt's: 0. */
    return outcome(syscall(SYS_execve, program, argv, env));
}

static int try_ptrace(void)
{
    return outcome(syscall(SYS_ptrace, PTRACE_SEIZE, target.victim, 0, 0));
}

static int try_kill(void)
{
    return outcome(syscall(SYS_kill, target.victim, 0));
}

static int try_tgkill(void)
{
    return outcome(syscall(SYS_tgkill, target.victim, target.victim, 0));
}

static int try_mount(void)
{
    return outcome(syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL));
}

static int try_unshare(void)
{
    return outcome(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
}

static int try_setuid(void)
{
    return outcome(syscall(SYS_setresuid, 0, 0, 0));
}

static int try_write_code(void)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : outcome(syscall(SYS_mprotect, page, PAGE_BYTES, PROT_READ | PROT_EXEC));
}

static int try_map_code(void)
{
    return outcome(syscall(SYS_mmap, NULL, PAGE_BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int try_type_into_terminal(void)
{
    char letter = 'x';
    return outcome(syscall(SYS_ioctl, STDERR_FILENO, 0x5412 /* TIOCSTI */, &letter));
}

static int try_read_memory(void)
{
    return outcome(syscall(SYS_process_vm_readv, target.victim, NULL, 0, NULL, 0, 0));
}

static int try_prctl(void)
{
    return outcome(syscall(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static int try_memfd(void)
{
    return outcome(syscall(SYS_memfd_create, "probe", 0));
}

static int try_io_uring(void)
{
    char parameters[256] = {0};
    return outcome(syscall(SYS_io_uring_setup, 1, parameters));
}

static int try_bpf(void)
{
    char attributes[128] = {0};
    return outcome(syscall(SYS_bpf, 0, attributes, sizeof attributes));
}

static int try_keys(void)
{
    return outcome(syscall(SYS_keyctl, 0, -4, 0, 0, 0));
}

static int try_more_memory(void)
{
    struct rlimit more = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    return outcome(syscall(SYS_prlimit64, 0, RLIMIT_AS, &more, NULL));
}

static int try_datagram(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    return outcome(syscall(SYS_sendto, STDERR_FILENO, "x", 1, 0, &address, sizeof address));
}

#ifdef __x86_64__
/* getpid by the calling convention of 32 bits. */
static int try_other_convention(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory");
    return result < 0 ? (int)-result : 0;
}

/* getpid by that of x32. */
static int try_x32(void)
{
    return outcome(syscall(0x40000000 + SYS_getpid));
}
#endif

static const struct ry_probe probes[] = {
    {.name = "read a file of the host", .attempt = try_read},
    {.name = "create a file", .attempt = try_create},
    {.name = "connect to a port of the host", .attempt = try_connect},
    {.name = "signal another process", .attempt = try_kill},
    {.name = "trace another process", .attempt = try_ptrace},
    {.name = "mount a file system", .attempt = try_mount},
    {.name = "become root", .attempt = try_setuid},
    {.name = "run a program", .attempt = try_exec},
    {.name = "have more memory", .attempt = try_more_memory},
    {.name = "read a file of the host", .sealed = true, .attempt = try_read},
    {.name = "read about itself in /proc", .sealed = true, .attempt = try_read_self},
    {.name = "create a file", .sealed = true, .attempt = try_create},
    {.name = "make a network socket", .sealed = true, .attempt = try_connect},
    {.name = "make a unix socket", .sealed = true, .attempt = try_unix_socket},
    {.name = "send to an address", .sealed = true, .attempt = try_datagram},
    {.name = "fork", .sealed = true, .attempt = try_fork},
    {.name = "run a program", .sealed = true, .attempt = try_exec},
    {.name = "trace another process", .sealed = true, .attempt = try_ptrace},
    {.name = "signal another process", .sealed = true, .attempt = try_kill},
    {.name = "signal a thread of another process", .sealed = true, .attempt = try_tgkill},
    {.name = "read another process's memory", .sealed = true, .attempt = try_read_memory},
    {.name = "mount a file system", .sealed = true, .attempt = try_mount},
    {.name = "make a namespace", .sealed = true, .attempt = try_unshare},
    {.name = "become root", .sealed = true, .attempt = try_setuid},
    {.name = "make written memory executable", .sealed = true, .attempt = try_write_code},
    {.name = "map executable memory", .sealed = true, .attempt = try_map_code},
    {.name = "type into the terminal", .sealed = true, .attempt = try_type_into_terminal},
    {.name = "change itself by prctl", .sealed = true, .attempt = try_prctl},
    {.name = "make a file in memory", .sealed = true, .attempt = try_memfd},
    {.name = "use io_uring", .sealed = true, .attempt = try_io_uring},
    {.name = "use bpf", .sealed = true, .attempt = try_bpf},
    {.name = "use the kernel's keys", .sealed = true, .attempt = try_keys},
    {.name = "have more memory", .sealed = true, .attempt = try_more_memory},
#ifdef __x86_64__
    {.name = "call as a 32-bit program", .sealed = true, .attempt = try_other_convention},
    {.name = "call as an x32 program", .sealed = true, .attempt = try_x32},
#endif
};

const struct ry_probe *ry_probes(size_t *count)
{
    *count = sizeof probes / sizeof *probes;
    return probes;
}

/* ---- what they are made against ---------------------------------------------------------------------------------- */

static int listen_somewhere(struct ry_probe_targets *targets)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    targets->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (targets->listener < 0 || bind(targets->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(targets->listener, 8) != 0 || getsockname(targets->listener, (struct sockaddr *)&address, &n) != 0)
        return -1;
    targets->port = ntohs(address.sin_port);
    return 0;
}

int ry_probe_targets_open(struct ry_probe_targets *targets, struct ry_error *err)
{
    *targets = (struct ry_probe_targets){.listener = -1};
    if (listen_somewhere(targets) != 0)
        return ry_fail(err, RY_EIO, "cannot listen on a port: %s", strerror(errno));
    (void)fflush(NULL);
    pid_t self = getpid();
    targets->victim = fork();
    if (targets->victim == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
        while (getppid() == self)
            (void)pause();
        _exit(0);
    }
    return targets->victim > 0 ? RY_OK : ry_fail(err, RY_EIO, "cannot start a process: %s", strerror(errno));
}

void ry_probe_targets_close(struct ry_probe_targets *targets)
{
    if (targets->listener >= 0)
        (void)close(targets->listener);
    if (targets->victim > 0) {
        (void)kill(targets->victim, SIGKILL);
        (void)waitpid(targets->victim, NULL, 0);
    }
    *targets = (struct ry_probe_targets){.listener = -1};
}

/* ---- trying ------------------------------------------------------------------------------------------------------ */

/* Goes into a sandbox. The outer process says that the inner one was killed, which is no news here. */
static bool go_inside(bool sealed)
{
    const struct ry_sandbox_options options = {
        .mode = RY_SANDBOX_AUTO, .name = "probe", .memory_max_bytes = (size_t)1 << 30};
    static struct ry_sandbox sandbox;
    struct ry_error err;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDERR_FILENO);
    return ry_sandbox_enter(&sandbox, &options, &err) == RY_OK && (!sealed || ry_sandbox_seal(&sandbox, &err) == RY_OK);
}

static int status_of(pid_t child)
{
    int status = 0;
    pid_t ended;
    do
        ended = waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == child ? status : EXIT_NO_SANDBOX << 8;
}

struct ry_probe_result ry_probe_try(const struct ry_probe *probe, const struct ry_probe_targets *targets)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        return (struct ry_probe_result){.verdict = RY_PROBE_UNKNOWN};
    if (child == 0) {
        target = *targets;
        _exit(go_inside(probe->sealed) ? probe->attempt() : EXIT_NO_SANDBOX);
    }
    int status = status_of(child);
    if (WIFSIGNALED(status))
        return (struct ry_probe_result){.verdict = RY_PROBE_KILLED, .number = WTERMSIG(status)};
    int code = WEXITSTATUS(status);
    if (code == EXIT_NO_SANDBOX)
        return (struct ry_probe_result){.verdict = RY_PROBE_UNKNOWN};
    return (struct ry_probe_result){.verdict = code ? RY_PROBE_REFUSED : RY_PROBE_ALLOWED, .number = code};
}

static int work(void)
{
    struct timespec now;
    size_t bytes = (size_t)8 << 20;
    unsigned char *block = malloc(bytes);
    if (block == NULL || clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return 1;
    memset(block, 7, bytes);
    int wrong = block[bytes - 1] != 7;
    free(block);
    RY_LOG(RY_ERROR, "probe", "text=%s", "still here");
    return wrong;
}

bool ry_probe_works(void)
{
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(go_inside(true) ? work() : EXIT_NO_SANDBOX);
    return child > 0 && status_of(child) == 0;
}

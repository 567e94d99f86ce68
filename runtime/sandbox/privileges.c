/* privileges.c: what a process has of its own, given up: capabilities, descriptors, and the right to use much.
 *
 * Limits are for the inner process alone, so that the outer one can still write the log to a file. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/log.h"

/* Descriptors: three, the connection and ZeroMQ's own, signals, an epoll or two, and room for as many more. */
#define DESCRIPTORS_MAX 64

static bool null_device(int fd, int flags)
{
    int null = open("/dev/null", flags | O_CLOEXEC);
    if (null < 0)
        return false;
    bool placed = dup2(null, fd) == fd;
    if (null != fd)
        (void)close(null);
    return placed;
}

void privileges_close_range(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0u) == 0)
        return;
    long most = sysconf(_SC_OPEN_MAX);
    for (unsigned fd = first; fd <= last && fd < (most > 0 && most < 65536 ? (unsigned)most : 65536u); fd++)
        (void)close((int)fd);
}

int privileges_close_descriptors(int log_fd, int kept_fd, struct ry_error *err)
{
    if (!null_device(STDIN_FILENO, O_RDONLY) || !null_device(STDOUT_FILENO, O_WRONLY))
        return ry_fail(err, RY_EIO, "cannot open /dev/null: %s", strerror(errno));
    if (dup2(log_fd, STDERR_FILENO) < 0)
        return ry_fail(err, RY_EIO, "cannot redirect the log: %s", strerror(errno));
    ry_log_descriptor(STDERR_FILENO);
    unsigned kept = kept_fd > STDERR_FILENO ? (unsigned)kept_fd : STDERR_FILENO;
    privileges_close_range(STDERR_FILENO + 1, kept - 1);
    privileges_close_range(kept + 1, ~0u);
    return RY_OK;
}

/* No capability is left in any set, and none comes back. */
static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    /* Without CAP_SETPCAP the bounding set stays, which matters to execve alone, and no_new_privs covers that. */
    for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L);
    return syscall(SYS_capset, &head, none) == 0;
}

void privileges_drop(struct ry_sandbox *sandbox)
{
    if (!drop_capabilities())
        sandbox_miss(sandbox, RY_SANDBOX_PRIVILEGES, "capset");
}

static bool limit(__rlimit_resource_t resource, rlim_t most)
{
    const struct rlimit both = {.rlim_cur = most, .rlim_max = most};
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
        return setrlimit(resource, &(const struct rlimit){now.rlim_max, now.rlim_max}) == 0;
    return setrlimit(resource, &both) == 0;
}

/* Of the signal's handler: who is told; -1: nobody. */
static volatile sig_atomic_t alarm_fd = -1;

int ry_sandbox_alarm(void)
{
    if (alarm_fd < 0)
        alarm_fd = eventfd(0, EFD_CLOEXEC);
    return alarm_fd;
}

/* A process that is the first of its pid namespace ignores what has no handler. */
static void on_cpu_time(int signal)
{
    (void)signal;
    const uint64_t one = 1;
    if (alarm_fd >= 0 && write(alarm_fd, &one, sizeof one) == (ssize_t)sizeof one)
        (void)poll(NULL, 0, RY_SANDBOX_LAST_WORDS_MS);
    _exit(RY_EXIT_CPU);
}

void privileges_limit(struct ry_sandbox *sandbox)
{
    const struct ry_sandbox_options *options = &sandbox->options;
    bool good = limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) &&
                limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0) &&
                (options->memory_max_bytes == 0 || limit(RLIMIT_AS, options->memory_max_bytes));
    const struct sigaction action = {.sa_handler = on_cpu_time};
    (void)sigaction(SIGXCPU, &action, NULL);
    if (!good)
        sandbox_miss(sandbox, RY_SANDBOX_LIMITS, "setrlimit");
}

void privileges_forbid_children(struct ry_sandbox *sandbox)
{
    if (!limit(RLIMIT_NPROC, 0))
        sandbox_miss(sandbox, RY_SANDBOX_LIMITS, "setrlimit(RLIMIT_NPROC)");
}

void ry_sandbox_turn(const struct ry_sandbox *sandbox)
{
    struct timespec used;
    struct rlimit cpu;
    if (sandbox->options.turn_cpu_max_s == 0 || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
        return;
    if (getrlimit(RLIMIT_CPU, &cpu) != 0)
        return;
    cpu.rlim_cur = (rlim_t)used.tv_sec + 1 + sandbox->options.turn_cpu_max_s;
    if (cpu.rlim_cur > cpu.rlim_max)
        cpu.rlim_cur = cpu.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &cpu);
}

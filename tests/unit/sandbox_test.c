/* The sandbox from the outside: each test puts a child process into one and looks at what became of it. The tests run
 * as root and as anybody else; where the system allows no namespaces, those about them are skipped and say why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/sandbox/probe.h"
#include "runtime/sandbox/sandbox.h"
#include "tests/bed/skip.h"

/* Exit status of a child for which the sandbox returned an error. */
#define EXIT_REFUSED 99

/* ---- children ---------------------------------------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int said; /* what it wrote to standard error */
};

/* What happens inside, after the seal; returns the exit status. */
typedef int (*inside)(struct ry_sandbox *sandbox);

static bool seals = true;
static void (*before)(void);

static _Noreturn void live(const struct ry_sandbox_options *options, inside act)
{
    static struct ry_sandbox sandbox;
    struct ry_error err = {.code = RY_OK};
    if (before)
        before();
    int rc = ry_sandbox_enter(&sandbox, options, &err);
    if (rc == RY_OK && seals)
        rc = ry_sandbox_seal(&sandbox, &err);
    if (rc != RY_OK)
        (void)dprintf(STDERR_FILENO, "%s\n", err.text);
    _exit(rc == RY_OK ? act(&sandbox) : EXIT_REFUSED);
}

static struct child start(const struct ry_sandbox_options *options, inside act)
{
    int said[2];
    assert_int_equal(pipe2(said, O_CLOEXEC), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L);
        /* cmocka's handlers would make something else of a crash. */
        for (int number = 1; number < NSIG; number++)
            (void)signal(number, SIG_DFL);
        (void)dup2(said[1], STDERR_FILENO);
        ry_log_setup(RY_DEBUG, RY_LOG_JSON, STDERR_FILENO);
        live(options, act);
    }
    (void)close(said[1]);
    return (struct child){.pid = pid, .said = said[0]};
}

/* The status of the ended child, and what it said. */
static int end(struct child *child, char *text, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n < size - 1 && (got = read(child->said, text + n, size - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    (void)close(child->said);
    int status = 0;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return status;
}

static int run(const struct ry_sandbox_options *options, inside act, char *text, size_t size)
{
    struct child child = start(options, act);
    return end(&child, text, size);
}

static const struct ry_sandbox_options automatic = {.mode = RY_SANDBOX_AUTO, .name = "test"};

static int set_up(void **state)
{
    (void)state;
    seals = true;
    before = NULL;
    return 0;
}

static void need_sandbox(void)
{
    if (*ry_sandbox_unavailable())
        skip_test("%s", ry_sandbox_unavailable());
}

static void need_namespaces(void)
{
    struct ry_error err;
    need_sandbox();
    if (ry_sandbox_check(&err) != RY_OK)
        skip_test("%s", err.text);
}

/* ---- what is denied ---------------------------------------------------------------------------------------------- */

static void try_all(bool sealed)
{
    struct ry_probe_targets targets;
    struct ry_error err;
    size_t count = 0;
    unsigned tried = 0;
    const struct ry_probe *probes = ry_probes(&count);
    assert_int_equal(ry_probe_targets_open(&targets, &err), RY_OK);
    for (size_t i = 0; i < count; i++) {
        if (probes[i].sealed != sealed)
            continue;
        struct ry_probe_result result = ry_probe_try(&probes[i], &targets);
        if (result.verdict != RY_PROBE_KILLED && result.verdict != RY_PROBE_REFUSED)
            fail_msg("%s: verdict %d", probes[i].name, (int)result.verdict);
        tried++;
    }
    ry_probe_targets_close(&targets);
    assert_true(tried > 5);
}

static void behind_namespaces_alone_nothing_of_the_host_can_be_reached(void **state)
{
    (void)state;
    need_namespaces();
    try_all(false);
}

static void behind_the_filter_every_attempt_is_killed_or_refused(void **state)
{
    (void)state;
    need_sandbox();
    try_all(true);
}

/* A filter of the test's own, as a container has one: no namespaces, no mounts. */
static void forbid_namespaces(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 0) != 0 ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mount), 0) != 0 || seccomp_load(filter) != 0)
        _exit(77);
    seccomp_release(filter);
}

static int has_read_a_file(struct ry_sandbox *sandbox)
{
    unsigned expected = 1u << RY_SANDBOX_USER | 1u << RY_SANDBOX_ROOT | 1u << RY_SANDBOX_NETWORK |
                        1u << RY_SANDBOX_PID | 1u << RY_SANDBOX_IPC | 1u << RY_SANDBOX_UTS;
    return sandbox->missing != expected ? 1 : open("/etc/passwd", O_RDONLY) >= 0 ? 2 : 0;
}

static void without_namespaces_auto_goes_on_behind_the_filter_and_says_so(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    before = forbid_namespaces;
    int status = run(&automatic, has_read_a_file, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_non_null(strstr(text, "sandbox_incomplete"));
    assert_non_null(strstr(text, "user,root,network,pid,ipc,uts"));
}

static void without_namespaces_strict_refuses(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    before = forbid_namespaces;
    const struct ry_sandbox_options strict = {.mode = RY_SANDBOX_STRICT, .name = "encoder-9"};
    int status = run(&strict, has_read_a_file, text, sizeof text);
    assert_int_equal(WEXITSTATUS(status), EXIT_REFUSED);
    assert_non_null(strstr(text, "encoder-9: the sandbox lacks user,root,network,pid,ipc,uts"));
    assert_non_null(strstr(text, "Operation not permitted"));
}

static int count_descriptors(struct ry_sandbox *sandbox)
{
    int open_ones = 0;
    for (int fd = 0; fd < 200; fd++)
        open_ones += fcntl(fd, F_GETFD) >= 0;
    bool kept = fcntl(sandbox->options.kept_fd, F_GETFD) >= 0;
    return kept ? open_ones : 100;
}

static void inside_no_descriptor_is_open_but_three_and_the_kept_one(void **state)
{
    (void)state;
    char text[4096];
    int pair[2];
    need_sandbox();
    seals = false;
    assert_int_equal(pipe(pair), 0);
    int extra = open("/etc/passwd", O_RDONLY);
    const struct ry_sandbox_options options = {.mode = RY_SANDBOX_AUTO, .name = "test", .kept_fd = pair[1]};
    int status = run(&options, count_descriptors, text, sizeof text);
    assert_int_equal(WEXITSTATUS(status), 4);
    (void)close(pair[0]);
    (void)close(pair[1]);
    (void)close(extra);
}

static atomic_bool sealed;

/* What ZeroMQ has a thread do first. */
static void *first_steps(void *arg)
{
    int policy = 0;
    struct sched_param priority;
    sigset_t all;
    (void)arg;
    while (!atomic_load(&sealed))
        continue;
    (void)sigfillset(&all);
    bool good = pthread_sigmask(SIG_BLOCK, &all, NULL) == 0 &&
                pthread_getschedparam(pthread_self(), &policy, &priority) == 0 &&
                pthread_setschedparam(pthread_self(), policy, &priority) == 0 &&
                pthread_setname_np(pthread_self(), "slow") == 0;
    return good ? NULL : &sealed;
}

static int seal_before_a_thread_has_begun(struct ry_sandbox *sandbox)
{
    pthread_t thread;
    struct ry_error err;
    void *wrong = NULL;
    if (pthread_create(&thread, NULL, first_steps, NULL) != 0 || ry_sandbox_seal(sandbox, &err) != RY_OK)
        return 1;
    atomic_store(&sealed, true);
    return pthread_join(thread, &wrong) == 0 && wrong == NULL ? 0 : 2;
}

static void a_thread_may_take_its_first_steps_after_the_seal(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    seals = false;
    assert_int_equal(run(&automatic, seal_before_a_thread_has_begun, text, sizeof text), 0);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static int take_two_gibibytes(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    void *volatile block = malloc((size_t)2 << 30);
    return block == NULL ? 0 : 1;
}

static void memory_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    const struct ry_sandbox_options options = {
        .mode = RY_SANDBOX_AUTO, .name = "test", .memory_max_bytes = (size_t)1 << 30};
    int status = run(&options, take_two_gibibytes, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int work_for_ever(struct ry_sandbox *sandbox)
{
    ry_sandbox_turn(sandbox);
    volatile bool on = true;
    while (on)
        continue;
    return 0;
}

static void work_that_never_ends_is_ended(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    const struct ry_sandbox_options options = {.mode = RY_SANDBOX_AUTO, .name = "test", .turn_cpu_max_s = 1};
    int status = run(&options, work_for_ever, text, sizeof text);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), RY_EXIT_CPU);
    assert_non_null(strstr(text, "took too much CPU time"));
}

/* ---- the process that stays outside ------------------------------------------------------------------------------ */

static int leave_with_42(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    return 42;
}

static int crash(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    volatile int *nowhere = NULL;
    *nowhere = 1;
    return 0;
}

static int give_up(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    abort();
}

static int signal_somebody(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    return kill(1, SIGUSR1);
}

static void the_end_inside_is_the_end_outside(void **state)
{
    static const struct {
        inside act;
        int exit_status; /* -1: ended by the signal */
        int signal;
        const char *said;
    } cases[] = {{leave_with_42, 42, 0, "sandbox"},
                 {crash, -1, SIGSEGV, "it crashed or was killed"},
                 {give_up, -1, SIGSEGV, "it crashed or was killed"},
                 {signal_somebody, -1, SIGSYS, "a system call that its sandbox denies"}};
    (void)state;
    need_sandbox();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[4096];
        int status = run(&automatic, cases[i].act, text, sizeof text);
        if (cases[i].exit_status >= 0) {
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), cases[i].exit_status);
        } else {
            assert_true(WIFSIGNALED(status));
            /* Without a pid namespace of its own, an abort is an abort. */
            if (cases[i].act != give_up || WTERMSIG(status) != SIGABRT)
                assert_int_equal(WTERMSIG(status), cases[i].signal);
        }
        assert_non_null(strstr(text, cases[i].said));
    }
}

static int await_signal(struct ry_sandbox *sandbox)
{
    struct signalfd_siginfo info;
    (void)dprintf(STDERR_FILENO, "ready\n");
    if (read(sandbox->options.kept_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 1;
    return info.ssi_signo == SIGTERM ? 15 : 2;
}

static int signals_as_data(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, 0);
}

static void read_until(int fd, const char *wanted)
{
    char text[4096];
    size_t n = 0;
    text[0] = '\0';
    while (strstr(text, wanted) == NULL) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
    }
}

static void a_signal_to_the_process_outside_reaches_the_one_inside(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    int fd = signals_as_data();
    const struct ry_sandbox_options options = {.mode = RY_SANDBOX_AUTO, .name = "test", .kept_fd = fd};
    struct child child = start(&options, await_signal);
    read_until(child.said, "ready");
    assert_int_equal(kill(child.pid, SIGTERM), 0);
    int status = end(&child, text, sizeof text);
    (void)close(fd);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 15);
}

static int wait_for_nothing(struct ry_sandbox *sandbox)
{
    (void)sandbox;
    (void)dprintf(STDERR_FILENO, "ready\n");
    return poll(NULL, 0, -1);
}

static void the_process_inside_dies_with_the_one_outside(void **state)
{
    (void)state;
    char text[4096];
    int alive[2];
    need_sandbox();
    assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
    const struct ry_sandbox_options options = {.mode = RY_SANDBOX_AUTO, .name = "test", .kept_fd = alive[1]};
    struct child child = start(&options, wait_for_nothing);
    (void)close(alive[1]);
    read_until(child.said, "ready");
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    /* Only the process inside holds the other end. */
    assert_int_equal(read(alive[0], text, sizeof text), 0);
    (void)end(&child, text, sizeof text);
    (void)close(alive[0]);
}

static int say_something_wild(struct ry_sandbox *sandbox)
{
    static const char wild[] = "\033[31mred\033[0m \033]0;title\007 \033[2J\n";
    (void)sandbox;
    return write(STDERR_FILENO, wild, sizeof wild - 1) == (ssize_t)sizeof wild - 1 ? 0 : 1;
}

static void what_is_said_inside_steers_no_terminal(void **state)
{
    (void)state;
    char text[4096];
    need_sandbox();
    assert_int_equal(run(&automatic, say_something_wild, text, sizeof text), 0);
    assert_non_null(strstr(text, "\033[31mred\033[0m ?]0;title? ?[2J\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(behind_namespaces_alone_nothing_of_the_host_can_be_reached, set_up),
        cmocka_unit_test_setup(behind_the_filter_every_attempt_is_killed_or_refused, set_up),
        cmocka_unit_test_setup(without_namespaces_auto_goes_on_behind_the_filter_and_says_so, set_up),
        cmocka_unit_test_setup(without_namespaces_strict_refuses, set_up),
        cmocka_unit_test_setup(inside_no_descriptor_is_open_but_three_and_the_kept_one, set_up),
        cmocka_unit_test_setup(a_thread_may_take_its_first_steps_after_the_seal, set_up),
        cmocka_unit_test_setup(memory_beyond_the_limit_is_refused, set_up),
        cmocka_unit_test_setup(work_that_never_ends_is_ended, set_up),
        cmocka_unit_test_setup(the_end_inside_is_the_end_outside, set_up),
        cmocka_unit_test_setup(a_signal_to_the_process_outside_reaches_the_one_inside, set_up),
        cmocka_unit_test_setup(the_process_inside_dies_with_the_one_outside, set_up),
        cmocka_unit_test_setup(what_is_said_inside_steers_no_terminal, set_up),
    };
    return skip_exit_code(cmocka_run_group_tests(tests, NULL, NULL));
}

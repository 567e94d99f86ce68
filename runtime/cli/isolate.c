/* isolate.c: the keeper of a node's sandboxed processes.
 *
 * Owns the processes and one thread that waits for their ends. The first start follows at once, the next ones after a
 * wait that doubles while they die young, so that a machine on which they cannot live is not kept busy with trying.
 *
 * If this process dies, they notice by their connection and end. They are in a process group of their own, so that a
 * Ctrl-C reaches only the node, which then lets them finish. */
#include "runtime/cli/isolate.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define RESTART_FIRST_MS 200
#define RESTART_MAX_MS   30000
/* A life of this length ends the doubling. */
#define CALM_MS 30000
/* How often a process without a pidfd is looked at. */
#define LOOK_MS      200
#define CHILDREN_MAX ((size_t)256)

struct child {
    const struct ry_actor_spec *spec;
    char name[64];
    pid_t pid; /* 0: none now */
    int pidfd; /* -1: none */
    int64_t started_mono_ms;
    int64_t next_start_mono_ms; /* when pid is 0 */
    unsigned young_deaths;      /* in a row */
};

struct ry_isolated {
    char **env;
    char join[160];
    char level[16];
    char format[16];
    char drain_s[24];
    char sandbox[16];
    struct child *children;
    size_t count;
    struct ry_rng rng;
    int wake_fd;
    atomic_bool quiet;
    atomic_bool kill;
    pthread_t thread;
};

unsigned ry_isolate_take(struct ry_node_role *roles, struct ry_node_role *away, size_t count)
{
    unsigned taken = 0;
    for (size_t i = 0; i < count; i++) {
        away[i] = (struct ry_node_role){.spec = roles[i].spec};
        if (!roles[i].spec->confinement.needed)
            continue;
        away[i].instances = roles[i].instances;
        taken += roles[i].instances;
        roles[i].instances = 0;
    }
    return taken;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static int spawn(pid_t *pid, char **argv, char **env)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    (void)sigemptyset(&none);
    (void)sigemptyset(&usual);
    (void)sigaddset(&usual, SIGINT);
    (void)sigaddset(&usual, SIGTERM);
    (void)sigaddset(&usual, SIGPIPE);
    int failed = posix_spawn_file_actions_init(&files);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed) {
        (void)posix_spawn_file_actions_destroy(&files);
        return failed;
    }
    failed = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &usual);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    if (!failed)
        failed = posix_spawn(pid, "/proc/self/exe", &files, &attributes, argv, env);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return failed;
}

static void wait_before_start(struct ry_isolated *isolated, struct child *child)
{
    int64_t wait_ms = ry_backoff_doubling_ms(&isolated->rng, RESTART_FIRST_MS, RESTART_MAX_MS, child->young_deaths, 25);
    child->next_start_mono_ms = ry_mono_ms(ry_clock_system()) + wait_ms;
    child->young_deaths++;
}

static int child_start(struct ry_isolated *isolated, struct child *child)
{
    char program[] = "reelyard", actor[] = "actor", join[] = "--join", name[] = "--name", level[] = "--log-level",
         format[] = "--log-format", drain[] = "--drain-seconds", sandbox[] = "--sandbox";
    char role[32];
    (void)snprintf(role, sizeof role, "%s", ry_role_name(child->spec->role));
    char *argv[] = {program,
                    actor,
                    role,
                    join,
                    isolated->join,
                    name,
                    child->name,
                    level,
                    isolated->level,
                    format,
                    isolated->format,
                    drain,
                    isolated->drain_s,
                    sandbox,
                    isolated->sandbox,
                    NULL};
    int failed = spawn(&child->pid, argv, isolated->env);
    child->started_mono_ms = ry_mono_ms(ry_clock_system());
    if (failed) {
        child->pid = 0;
        return failed;
    }
    child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    RY_LOG(RY_DEBUG, "process_started", "name=%s pid=%d", child->name, (int)child->pid);
    return 0;
}

static void child_start_again(struct ry_isolated *isolated, struct child *child)
{
    int failed = child_start(isolated, child);
    if (failed) {
        RY_LOG(RY_ERROR, "process_not_started", "name=%s reason=%s", child->name, strerror(failed));
        wait_before_start(isolated, child);
    }
}

/* ---- watching ---------------------------------------------------------------------------------------------------- */

static void child_ended(struct ry_isolated *isolated, struct child *child, int status)
{
    int64_t lived_ms = ry_mono_ms(ry_clock_system()) - child->started_mono_ms;
    if (child->pidfd >= 0)
        (void)close(child->pidfd);
    child->pid = 0;
    child->pidfd = -1;
    if (atomic_load(&isolated->quiet))
        return;
    if (lived_ms >= CALM_MS)
        child->young_deaths = 0;
    wait_before_start(isolated, child);
    int64_t wait_ms = child->next_start_mono_ms - ry_mono_ms(ry_clock_system());
    if (WIFSIGNALED(status))
        RY_LOG(RY_WARNING, "process_died", "name=%s signal=%s again_in_ms=%" PRId64, child->name,
               strsignal(WTERMSIG(status)), wait_ms);
    else
        RY_LOG(RY_WARNING, "process_died", "name=%s exit_code=%d again_in_ms=%" PRId64, child->name,
               WEXITSTATUS(status), wait_ms);
}

/* Looks at every child once; how many there are, and the longest wait until the next look. */
static size_t look(struct ry_isolated *isolated, int *wait_ms)
{
    size_t alive = 0;
    *wait_ms = -1;
    for (size_t i = 0; i < isolated->count; i++) {
        struct child *child = &isolated->children[i];
        int status = 0;
        if (child->pid && atomic_load(&isolated->kill))
            (void)kill(child->pid, SIGKILL);
        if (child->pid && waitpid(child->pid, &status, WNOHANG) == child->pid)
            child_ended(isolated, child, status);
        int64_t left_ms = child->next_start_mono_ms - ry_mono_ms(ry_clock_system());
        if (child->pid == 0 && !atomic_load(&isolated->quiet) && left_ms <= 0)
            child_start_again(isolated, child);
        else if (child->pid == 0 && !atomic_load(&isolated->quiet) && (*wait_ms < 0 || left_ms < *wait_ms))
            *wait_ms = (int)left_ms;
        if (child->pid && child->pidfd < 0 && (*wait_ms < 0 || *wait_ms > LOOK_MS))
            *wait_ms = LOOK_MS;
        alive += child->pid != 0;
    }
    return alive;
}

static void *keeper(void *arg)
{
    struct ry_isolated *isolated = arg;
    struct pollfd fds[CHILDREN_MAX + 1];
    int wait_ms = -1;
    ry_log_thread("keeper");
    while (look(isolated, &wait_ms) > 0 || !atomic_load(&isolated->quiet)) {
        fds[0] = (struct pollfd){.fd = isolated->wake_fd, .events = POLLIN};
        for (size_t i = 0; i < isolated->count; i++)
            fds[i + 1] = (struct pollfd){.fd = isolated->children[i].pidfd, .events = POLLIN};
        uint64_t woken;
        if (poll(fds, (nfds_t)isolated->count + 1, (int)ry_log_tend(wait_ms)) > 0 && fds[0].revents)
            (void)!read(isolated->wake_fd, &woken, sizeof woken);
    }
    return NULL;
}

static void wake(struct ry_isolated *isolated)
{
    const uint64_t one = 1;
    (void)!write(isolated->wake_fd, &one, sizeof one);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void isolated_free(struct ry_isolated *isolated)
{
    if (isolated->wake_fd >= 0)
        (void)close(isolated->wake_fd);
    free(isolated->children);
    free(isolated->env);
    free(isolated);
}

/* What the processes are told of this one's configuration. */
static int describe(struct ry_isolated *isolated, const struct ry_cli *cli, const char *socket, struct ry_error *err)
{
    const struct ry_config *config = cli->config;
    bool quiet = !cli->command->logs && ry_config_source(config, RY_OPT_log_level) == RY_SOURCE_DEFAULT;
    (void)snprintf(isolated->join, sizeof isolated->join, "ipc://%s", socket);
    (void)snprintf(isolated->level, sizeof isolated->level, "%s",
                   quiet ? "WARNING" : ry_config_str(config, RY_OPT_log_level));
    (void)snprintf(isolated->format, sizeof isolated->format, "%s", ry_config_str(config, RY_OPT_log_format));
    (void)snprintf(isolated->drain_s, sizeof isolated->drain_s, "%" PRId64,
                   ry_config_int(config, RY_OPT_drain_seconds));
    (void)snprintf(isolated->sandbox, sizeof isolated->sandbox, "%s", ry_config_str(config, RY_OPT_sandbox));
    isolated->env = ry_config_environment(config, "encoder", cli->env, NULL);
    isolated->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (isolated->env == NULL || isolated->wake_fd < 0)
        return ry_fail(err, RY_ENOMEM, "no memory for the processes of a sandbox");
    return RY_OK;
}

static int start_all(struct ry_isolated *isolated, const struct ry_node_role *away, size_t count, struct ry_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += away[i].instances;
    if (total > CHILDREN_MAX)
        return ry_fail(err, RY_ELIMIT, "%zu processes are more than the %zu that one node keeps", total, CHILDREN_MAX);
    isolated->children = calloc(total ? total : 1, sizeof *isolated->children);
    if (isolated->children == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %zu processes", total);
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; k < away[i].instances; k++) {
            struct child *child = &isolated->children[isolated->count++];
            *child = (struct child){.spec = away[i].spec, .pidfd = -1};
            (void)snprintf(child->name, sizeof child->name, "%s-%u", ry_role_name(away[i].spec->role), k + 1);
            int failed = child_start(isolated, child);
            if (failed)
                return ry_fail(err, RY_EIO, "cannot start the process %s: %s", child->name, strerror(failed));
        }
    }
    return RY_OK;
}

int ry_isolate_start(struct ry_isolated **isolated, const struct ry_cli *cli, const struct ry_node_role *away,
                     size_t count, const char *socket, struct ry_error *err)
{
    struct ry_isolated *made = calloc(1, sizeof *made);
    *isolated = NULL;
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the processes of a sandbox");
    made->wake_fd = -1;
    made->rng.state = (uint64_t)ry_wall_ms(ry_clock_system());
    int rc = describe(made, cli, socket, err);
    if (rc == RY_OK)
        rc = start_all(made, away, count, err);
    if (rc == RY_OK) {
        int failed = pthread_create(&made->thread, NULL, keeper, made);
        if (failed)
            rc = ry_fail(err, RY_EIO, "cannot start the keeper's thread: %s", strerror(failed));
    }
    if (rc == RY_OK) {
        *isolated = made;
        return RY_OK;
    }
    for (size_t i = 0; i < made->count; i++) {
        if (made->children[i].pid == 0)
            continue;
        (void)kill(made->children[i].pid, SIGKILL);
        (void)waitpid(made->children[i].pid, NULL, 0);
    }
    isolated_free(made);
    return rc;
}

void ry_isolate_quiet(struct ry_isolated *isolated)
{
    if (isolated == NULL)
        return;
    atomic_store(&isolated->quiet, true);
    wake(isolated);
}

void ry_isolate_stop(struct ry_isolated **isolated)
{
    struct ry_isolated *old = *isolated;
    *isolated = NULL;
    if (old == NULL)
        return;
    atomic_store(&old->kill, true);
    ry_isolate_quiet(old);
    (void)pthread_join(old->thread, NULL);
    isolated_free(old);
}

/* sandbox_pool.c: the sandboxed processes of a node; see sandbox_pool.h.
 *
 * Owns the processes and the monitor thread, which forks them all, since a child is killed when the thread that forked
 * it ends. Ten times a second it looks at the clock, at what the leashes say, and at who has ended.
 * The lock is held while the node is called, so that "quiet" means that no call is under way.
 *
 * If this process dies, so do they: by the end of their connection, of their leash, and by PR_SET_PDEATHSIG. They are
 * in process groups of their own, so that a Ctrl-C reaches only the node, which then lets them finish. */
#include "runtime/process/sandbox_pool.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/process/watch.h"

#define LOOK_MS 100
/* The same when all are about to end, and how long they may take: their node has ended. */
#define LAST_LOOK_MS 10
#define LEAVE_MS     2000
/* A look that comes so late says nothing about the processes: this one stood still itself. */
#define STOOD_STILL_MS 2000

enum pooled_state { POOLED_WAITING, POOLED_STARTING, POOLED_RUNNING, POOLED_FAILED };

struct pooled {
    const struct ry_pool_role *role;
    struct ry_watch watch;
    enum pooled_state state;
    int64_t start_due_mono_ms;
};

struct ry_sandbox_pool {
    struct ry_sandbox_pool_options options;
    struct ry_pool_role *roles; /* copies */
    char *arguments[RY_POOL_ARGUMENTS_MAX + 1];
    struct pooled *children;
    size_t count;
    struct ry_rng rng;
    int64_t now_mono_ms;
    uint64_t deaths[RY_DEATH_COUNT];
    bool changed; /* since the last report */
    struct ry_children_report report;
    int wake_fd;
    atomic_bool ending;       /* the node has ended */
    int64_t kill_due_mono_ms; /* of those that are left then; 0: not yet */
    pthread_mutex_t lock;
    bool quiet; /* under the lock */
    pthread_t monitor;
};

/* ---- the node ---------------------------------------------------------------------------------------------------- */

static bool is_quiet(struct ry_sandbox_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool quiet = pool->quiet;
    (void)pthread_mutex_unlock(&pool->lock);
    return quiet;
}

static const char *state_name(enum pooled_state state)
{
    static const char *const names[] = {[POOLED_WAITING] = "waiting",
                                        [POOLED_STARTING] = "starting",
                                        [POOLED_RUNNING] = "running",
                                        [POOLED_FAILED] = "spent"};
    return names[state];
}

static void report(struct ry_sandbox_pool *pool)
{
    struct ry_children_report *report = &pool->report;
    if (!pool->changed)
        return;
    report->kind = RY_LEASH_MSG_CHILDREN;
    report->child_count = 0;
    memcpy(report->deaths, pool->deaths, sizeof report->deaths);
    for (size_t i = 0; i < pool->count; i++)
        ry_watch_note(&pool->children[i].watch, pool->children[i].role->name, state_name(pool->children[i].state),
                      report);
    (void)pthread_mutex_lock(&pool->lock);
    if (!pool->quiet)
        pool->options.node.report(pool->options.node.arg, report);
    (void)pthread_mutex_unlock(&pool->lock);
    pool->changed = false;
}

/* Gives the child its ticket. False: the node wants nobody any more. */
static bool admit(struct ry_sandbox_pool *pool, struct pooled *child, const char token[RY_TICKET_BYTES])
{
    struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_TICKET};
    memcpy(msg.token, token, sizeof msg.token);
    (void)pthread_mutex_lock(&pool->lock);
    bool wanted = !pool->quiet;
    if (wanted)
        pool->options.node.admit(pool->options.node.arg, child->role->role, child->watch.name, token);
    (void)pthread_mutex_unlock(&pool->lock);
    return wanted && ry_leash_say(child->watch.leash_fd, &msg);
}

static void revoke_ticket(struct ry_sandbox_pool *pool, const struct pooled *child)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (!pool->quiet)
        pool->options.node.revoke(pool->options.node.arg, child->watch.name);
    (void)pthread_mutex_unlock(&pool->lock);
}

/* Says so when nobody is left. */
static void note_failed(struct ry_sandbox_pool *pool, const struct pooled *last)
{
    struct ry_error why = {0};
    char text[RY_FAILURE_TEXT_BYTES];
    for (size_t i = 0; i < pool->count; i++)
        if (pool->children[i].state != POOLED_FAILED)
            return;
    ry_watch_describe_failure(&last->watch, text);
    (void)ry_fail(&why, RY_EIO, "%s", text);
    (void)pthread_mutex_lock(&pool->lock);
    if (!pool->quiet)
        pool->options.node.all_failed(pool->options.node.arg, &why);
    (void)pthread_mutex_unlock(&pool->lock);
}

/* ---- one child --------------------------------------------------------------------------------------------------- */

static void set_state(struct ry_sandbox_pool *pool, struct pooled *child, enum pooled_state state)
{
    child->state = state;
    pool->changed = true;
}

static int spawn(struct ry_sandbox_pool *pool, struct pooled *child, struct ry_error *err)
{
    char program[] = "reelyard", actor[] = "actor", name[] = "--name", on_leash[] = "--on-leash";
    char role[32];
    char *argv[RY_POOL_ARGUMENTS_MAX + 8] = {program, actor, role, name, child->watch.name, on_leash};
    size_t n = 6;
    (void)snprintf(role, sizeof role, "%s", child->role->name);
    for (size_t i = 0; pool->arguments[i]; i++)
        argv[n++] = pool->arguments[i];
    const struct ry_spawn options = {
        .argv = argv, .env = pool->options.env, .core_dumps = pool->options.core_dumps, .silent = true};
    return ry_watch_start(&child->watch, &options, pool->now_mono_ms, err);
}

static void start(struct ry_sandbox_pool *pool, struct pooled *child)
{
    char token[RY_TICKET_BYTES];
    struct ry_error err;
    int rc = ry_ticket_make(token, &err);
    if (rc == RY_OK)
        rc = spawn(pool, child, &err);
    if (rc != RY_OK) {
        /* The system is short of something: that is nobody's death. */
        RY_LOG(RY_ERROR, "child_not_started", "name=%s reason=%s", child->watch.name, err.text);
        child->start_due_mono_ms = pool->now_mono_ms + pool->options.rule.longest_ms;
        return;
    }
    set_state(pool, child, POOLED_STARTING);
    if (!admit(pool, child, token))
        ry_watch_kill(&child->watch, RY_KILL_NONE);
    explicit_bzero(token, sizeof token);
}

static void hear(struct ry_sandbox_pool *pool, struct pooled *child)
{
    struct ry_leash_msg msg;
    while (child->watch.leash_fd >= 0 && ry_watch_hear(&child->watch, &msg, pool->now_mono_ms) == RY_LEASH_MSG)
        if (msg.kind == RY_LEASH_MSG_READY && child->state == POOLED_STARTING) {
            RY_LOG(RY_DEBUG, "child_ready", "name=%s pid=%d ms=%" PRId64, child->watch.name, (int)child->watch.pid,
                   pool->now_mono_ms - child->watch.started_mono_ms);
            set_state(pool, child, POOLED_RUNNING);
        }
}

static void on_ended(struct ry_sandbox_pool *pool, struct pooled *child, int wait_status, bool quiet)
{
    hear(pool, child);                                     /* what it said last */
    if (quiet && child->watch.kill_reason == RY_KILL_NONE) /* it was told by the node to leave */
        child->watch.kill_reason = RY_KILL_TOLD_TO_LEAVE;
    enum ry_death death = ry_watch_ended(&child->watch, wait_status, pool->deaths);
    set_state(pool, child, POOLED_WAITING);
    if (quiet)
        return;
    revoke_ticket(pool, child);
    if (!child->watch.refused && ry_watch_again(&child->watch, death, &pool->options.rule, &pool->rng,
                                                pool->now_mono_ms, &child->start_due_mono_ms))
        return;
    set_state(pool, child, POOLED_FAILED);
    note_failed(pool, child);
}

/* Takes the ends of processes. Where this process is PID 1, the inner process of a sandbox whose outer one was killed
 * becomes its child; nobody else waits for that. A node starts processes by its pool alone. */
static void reap(struct ry_sandbox_pool *pool, bool quiet)
{
    int wait_status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        for (size_t i = 0; i < pool->count; i++)
            if (pool->children[i].watch.pid == pid) {
                on_ended(pool, &pool->children[i], wait_status, quiet);
                break;
            }
}

/* What time brings. */
static void tick(struct ry_sandbox_pool *pool, struct pooled *child, bool quiet)
{
    int64_t limit_ms = child->state == POOLED_STARTING ? pool->options.start_ms : pool->options.stuck_ms;
    if (child->watch.pid && pool->kill_due_mono_ms && pool->now_mono_ms >= pool->kill_due_mono_ms)
        ry_watch_kill(&child->watch, RY_KILL_LATE);
    else if (ry_watch_is_stuck(&child->watch, pool->now_mono_ms, limit_ms))
        ry_watch_kill(&child->watch, RY_KILL_STUCK);
    else if (child->state == POOLED_WAITING && child->watch.pid == 0 && !quiet &&
             pool->now_mono_ms >= child->start_due_mono_ms)
        start(pool, child);
}

/* ---- the monitor thread ------------------------------------------------------------------------------------------ */

/* Waits for something, at most until the next look. */
static void wait_for_something(struct ry_sandbox_pool *pool)
{
    struct pollfd fds[1 + RY_CHILDREN_MAX];
    uint64_t woken;
    fds[0] = (struct pollfd){.fd = pool->wake_fd, .events = POLLIN};
    for (size_t i = 0; i < pool->count; i++)
        fds[1 + i] = (struct pollfd){.fd = pool->children[i].watch.leash_fd, .events = POLLIN};
    int64_t before_mono_ms = pool->now_mono_ms;
    int ready = poll(fds, 1 + (nfds_t)pool->count, (int)ry_log_tend(pool->kill_due_mono_ms ? LAST_LOOK_MS : LOOK_MS));
    pool->now_mono_ms = ry_mono_ms(ry_clock_system());
    if (ready > 0 && fds[0].revents)
        (void)!read(pool->wake_fd, &woken, sizeof woken);
    for (size_t i = 0; i < pool->count; i++) {
        hear(pool, &pool->children[i]);
        if (pool->now_mono_ms - before_mono_ms >= STOOD_STILL_MS)
            pool->children[i].watch.beat_mono_ms = pool->now_mono_ms;
    }
}

static bool any_left(const struct ry_sandbox_pool *pool)
{
    for (size_t i = 0; i < pool->count; i++)
        if (pool->children[i].watch.pid)
            return true;
    return false;
}

static void *monitor(void *arg)
{
    struct ry_sandbox_pool *pool = arg;
    ry_log_thread("sandbox-pool");
    pool->now_mono_ms = ry_mono_ms(ry_clock_system());
    for (;;) {
        bool quiet = is_quiet(pool);
        if (atomic_load(&pool->ending) && pool->kill_due_mono_ms == 0)
            pool->kill_due_mono_ms = pool->now_mono_ms + LEAVE_MS;
        reap(pool, quiet);
        for (size_t i = 0; i < pool->count; i++)
            tick(pool, &pool->children[i], quiet);
        report(pool);
        if (quiet && !any_left(pool))
            return NULL;
        wait_for_something(pool);
    }
}

static void wake(struct ry_sandbox_pool *pool)
{
    const uint64_t one = 1;
    (void)!write(pool->wake_fd, &one, sizeof one);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void pool_free(struct ry_sandbox_pool *pool)
{
    if (pool->wake_fd >= 0)
        (void)close(pool->wake_fd);
    for (size_t i = 0; pool->arguments[i]; i++)
        free(pool->arguments[i]);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->children);
    free(pool->roles);
    free(pool->options.env);
    free(pool);
}

static int copy_options(struct ry_sandbox_pool *pool, struct ry_error *err)
{
    const struct ry_sandbox_pool_options *options = &pool->options;
    bool good = true;
    for (size_t i = 0; options->arguments[i] && good; i++) {
        RY_ASSERT(i < RY_POOL_ARGUMENTS_MAX, "%zu arguments", i);
        pool->arguments[i] = strdup(options->arguments[i]);
        good = pool->arguments[i] != NULL;
    }
    pool->roles = calloc(options->role_count ? options->role_count : 1, sizeof *pool->roles);
    if (pool->roles == NULL || !good)
        return ry_fail(err, RY_ENOMEM, "no memory for the processes of a sandbox");
    memcpy(pool->roles, options->roles, options->role_count * sizeof *pool->roles);
    pool->options.roles = pool->roles;
    pool->options.arguments = NULL;
    return RY_OK;
}

static int add_children(struct ry_sandbox_pool *pool, struct ry_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < pool->options.role_count; i++)
        total += pool->roles[i].instances;
    if (total > RY_CHILDREN_MAX)
        return ry_fail(err, RY_ELIMIT, "%zu processes are more than the %d that one node may have", total,
                       RY_CHILDREN_MAX);
    pool->children = calloc(total ? total : 1, sizeof *pool->children);
    if (pool->children == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %zu processes", total);
    for (size_t i = 0; i < pool->options.role_count; i++)
        for (unsigned k = 0; k < pool->roles[i].instances; k++) {
            char name[RY_CHILD_NAME_BYTES];
            struct pooled *child = &pool->children[pool->count++];
            (void)snprintf(name, sizeof name, "%s-%u", pool->roles[i].name, k + 1);
            child->role = &pool->roles[i];
            ry_watch_init(&child->watch, name);
        }
    return RY_OK;
}

int ry_sandbox_pool_start(struct ry_sandbox_pool **pool, const struct ry_sandbox_pool_options *options,
                          struct ry_error *err)
{
    struct ry_sandbox_pool *made = calloc(1, sizeof *made);
    *pool = NULL;
    if (made == NULL) {
        free(options->env);
        return ry_fail(err, RY_ENOMEM, "no memory for the processes of a sandbox");
    }
    made->options = *options;
    (void)pthread_mutex_init(&made->lock, NULL);
    made->rng.state = (uint64_t)ry_wall_ms(ry_clock_system());
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = made->wake_fd >= 0 ? RY_OK : ry_fail(err, RY_EIO, "cannot make a descriptor: %m");
    if (rc == RY_OK)
        rc = copy_options(made, err);
    if (rc == RY_OK)
        rc = add_children(made, err);
    int failed = rc == RY_OK ? pthread_create(&made->monitor, NULL, monitor, made) : 0;
    if (failed)
        rc = ry_fail(err, RY_EIO, "cannot start the thread that watches processes: %s", strerror(failed));
    if (rc != RY_OK) {
        pool_free(made);
        return rc;
    }
    *pool = made;
    return RY_OK;
}

void ry_sandbox_pool_quiet(struct ry_sandbox_pool *pool)
{
    if (pool == NULL)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->quiet = true;
    (void)pthread_mutex_unlock(&pool->lock);
    wake(pool);
}

void ry_sandbox_pool_stop(struct ry_sandbox_pool **pool)
{
    struct ry_sandbox_pool *old = *pool;
    *pool = NULL;
    if (old == NULL)
        return;
    atomic_store(&old->ending, true);
    ry_sandbox_pool_quiet(old);
    (void)pthread_join(old->monitor, NULL);
    pool_free(old);
}

/* supervisor.c: the loop of a small process that looks after others.
 *
 * It has one thread, no ZeroMQ, no database, no file of the archive: nothing that could hang or crash with them. All
 * that happens to it arrives through poll: signals as data, words of children on their leashes, requests on a socket.
 * It looks at the clock ten times a second, which is how soon it notices what time brings.
 *
 * The end: the router drains the node from the source down and then ends; who is left when the time is up is killed.
 * If the supervisor itself is killed, its children are too (spawn.h). */
#include "runtime/supervisor/supervisor_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/process/signals.h"

#define TURN_MS 100
/* A turn that took so long says nothing about the children: we stood still ourselves. */
#define STOOD_STILL_MS 2000
/* Of the time for a drain, this is kept for the ends of processes. */
#define DRAIN_RESERVE_MS 1000

#define RESTART_FIRST_MS   100
#define RESTART_LONGEST_MS 5000
#define RESTART_CALM_MS    10000

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void kill_all(struct up *up)
{
    struct child *child;
    up->phase = UP_KILLING;
    TAILQ_FOREACH(child, &up->children, link)
    child_kill(up, child, RY_KILL_LATE);
}

static void drain(struct up *up)
{
    int64_t drain_ms = up_seconds_ms(up, RY_OPT_drain_seconds);
    int64_t reserve_ms = drain_ms / 4 < DRAIN_RESERVE_MS ? drain_ms / 4 : DRAIN_RESERVE_MS;
    struct child *child;
    up->phase = UP_DRAINING;
    up->end_by_mono_ms = up->now_mono_ms + drain_ms;
    ry_notify_say(&up->notify, "STOPPING=1\nSTATUS=stopping");
    if (up->router->state != CHILD_RUNNING) {
        kill_all(up);
        return;
    }
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (child->state == CHILD_STARTING) /* it holds nothing yet */
            child_kill(up, child, RY_KILL_ORPHANED);
        else if (child->state == CHILD_RUNNING) /* the router tells it when its turn has come */
            child->watch.kill_reason = RY_KILL_TOLD_TO_LEAVE;
    }
    child_leave(up, up->router, drain_ms - reserve_ms);
}

static bool all_gone(const struct up *up)
{
    const struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (child->watch.pid != 0)
        return false;
    return true;
}

/* ---- what arrives ------------------------------------------------------------------------------------------------ */

static void reap(struct up *up)
{
    int status = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child;
        TAILQ_FOREACH(child, &up->children, link)
        if (child->watch.pid == pid)
            break;
        if (child == NULL)
            continue;
        child_hear(up, child); /* what it said last */
        child_died(up, child, status);
    }
}

static void on_end_signal(struct up *up, int number)
{
    RY_LOG(RY_INFO, "stopping", "signal=%s again=%d", strsignal(number), up->phase != UP_RUNNING);
    if (up->phase == UP_RUNNING)
        drain(up);
    else
        kill_all(up);
}

static void take_signals(struct up *up)
{
    int number;
    while ((number = ry_signals_take(up->signal_fd)) != 0) {
        switch (number) {
        case SIGTERM:
        case SIGINT: on_end_signal(up, number); break;
        case SIGHUP: change_reload(up); break;
        case SIGTSTP: change_quiet(up, true); break;
        case SIGCONT: change_quiet(up, false); break;
        default: break; /* SIGCHLD */
        }
    }
}

/* Waits for something, at most a turn, and takes it. */
static void take_all(struct up *up)
{
    struct pollfd fds[2 + UP_CLIENTS_MAX + RY_CHILDREN_MAX];
    struct child *children[RY_CHILDREN_MAX];
    nfds_t n = 2 + UP_CLIENTS_MAX;
    size_t child_count = 0;
    fds[0] = (struct pollfd){.fd = up->signal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = up->control_fd, .events = POLLIN};
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        fds[2 + i] = (struct pollfd){.fd = up->clients[i].fd, .events = POLLIN};
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (child->watch.leash_fd < 0 || child_count == RY_CHILDREN_MAX)
            continue;
        children[child_count++] = child;
        fds[n++] = (struct pollfd){.fd = child->watch.leash_fd, .events = POLLIN};
    }
    int64_t before_mono_ms = up->now_mono_ms;
    int ready = poll(fds, n, (int)ry_log_tend(TURN_MS));
    up->now_mono_ms = ry_mono_ms(ry_clock_system());
    if (ready > 0)
        for (size_t i = 0; i < child_count; i++)
            if (fds[2 + UP_CLIENTS_MAX + i].revents)
                child_hear(up, children[i]);
    if (up->now_mono_ms - before_mono_ms >= STOOD_STILL_MS)
        TAILQ_FOREACH(child, &up->children, link)
    child->watch.beat_mono_ms = up->now_mono_ms;
    /* Children may go from here on. */
    if (ready > 0 && fds[0].revents)
        take_signals(up);
    reap(up);
    for (size_t i = 0; ready > 0 && i < UP_CLIENTS_MAX; i++)
        if (fds[2 + i].revents)
            control_take(up, &up->clients[i]);
    if (ready > 0 && fds[1].revents)
        control_accept(up);
}

static void turn(struct up *up)
{
    take_all(up);
    if (up->roll_back)
        change_roll_back(up);
    if (up->failure.code != RY_OK && up->phase == UP_RUNNING)
        drain(up);
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    child_tick(up, child);
    if (up->phase == UP_RUNNING)
        change_tick(up);
    else if (up->phase == UP_DRAINING && up->now_mono_ms >= up->end_by_mono_ms)
        kill_all(up);
    report_tick(up);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static int watch_signals(struct up *up, struct ry_error *err)
{
    static const int watched[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGTSTP, SIGCONT, 0};
    return ry_signals_open(&up->signal_fd, watched, NULL, err);
}

static int up_open(struct up *up, struct ry_error *err)
{
    static const struct ry_up_role router = {
        .role = RY_ROLE_ROUTER, .name = "router", .instances = 1, .most = 1, .essential = true};
    up->rule = (struct ry_restart_rule){.first_ms = RESTART_FIRST_MS,
                                        .longest_ms = RESTART_LONGEST_MS,
                                        .calm_ms = RESTART_CALM_MS,
                                        .period_ms = up_seconds_ms(up, RY_OPT_restart_seconds),
                                        .most = (unsigned)ry_config_int(up->plan->config, RY_OPT_restart_max)};
    up->now_mono_ms = ry_mono_ms(ry_clock_system());
    up->rng.state = (uint64_t)up->now_mono_ms ^ (uint64_t)getpid() << 32;
    up->router = child_new(up, &router, 1);
    if (up->router == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the router");
    TAILQ_INSERT_HEAD(&up->children, up->router, link);
    int rc = change_keep_settings(up, up->plan, err);
    if (rc == RY_OK)
        rc = change_apply(up, err);
    if (rc == RY_OK)
        rc = watch_signals(up, err);
    if (rc == RY_OK)
        rc = control_open(up, err);
    return rc;
}

static void up_free(struct up *up)
{
    while (!TAILQ_EMPTY(&up->children))
        child_remove(up, TAILQ_FIRST(&up->children));
    control_close(up);
    ry_notify_close(&up->notify);
    if (up->signal_fd >= 0)
        (void)close(up->signal_fd);
    change_forget_settings(up);
    ry_up_plan_free(&up->former);
    ry_up_plan_free(&up->plan);
    free(up);
}

static int end_of(const struct up *up, struct ry_error *err)
{
    if (up->failure.code != RY_OK)
        return ry_fail(err, up->failure.code, "%s", up->failure.text);
    if (!up->drained)
        return ry_fail(err, RY_ETIMEOUT,
                       "not all work in progress was finished in time; it will be resumed when its leases expire");
    return RY_OK;
}

int ry_up_run(const struct ry_up_options *options, struct ry_error *err)
{
    struct up *up = calloc(1, sizeof *up);
    if (up == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the supervisor");
    up->options = options;
    up->plan = options->plan;
    up->signal_fd = up->control_fd = -1;
    for (size_t i = 0; i < UP_CLIENTS_MAX; i++)
        up->clients[i].fd = -1;
    TAILQ_INIT(&up->children);
    ry_notify_open(&up->notify, up->plan->env);
    int rc = up_open(up, err);
    if (rc == RY_OK) {
        while (up->phase == UP_RUNNING || !all_gone(up))
            turn(up);
        rc = end_of(up, err);
    }
    up_free(up);
    return rc;
}

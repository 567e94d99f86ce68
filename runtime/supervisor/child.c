/* child.c: one child, from its start to its end and to the next start.
 *
 * A child starts when it is due, the router runs, and the roles before it in the plan have been ready once; it waits
 * for its ticket, which it gets when the router has said that it knows it. It is ready when it says so. It makes
 * progress while it beats; one that does not is killed. How it came to its end decides what follows: who was asked to
 * leave, or lost its router, starts again at once; who failed, after a wait, and not for ever. */
#include "runtime/supervisor/supervisor_internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/process/spawn.h"

/* A child that lost its router ends by itself; this is how long it may take, milliseconds. */
#define ORPHAN_MS 10000
/* Beyond what it was given to leave, for the last of it. */
#define LEAVE_GRACE_MS 2000

#define EXIT_CONFIG 78

const char *child_state_name(enum child_state state)
{
    static const char *const names[] = {
        [CHILD_WAITING] = "waiting", [CHILD_STARTING] = "starting", [CHILD_RUNNING] = "running",
        [CHILD_LEAVING] = "leaving", [CHILD_PAUSED] = "quiet",      [CHILD_FAILED] = "spent"};
    return names[state];
}

static void child_set(struct up *up, struct child *child, enum child_state state)
{
    child->state = state;
    up->changed = true;
}

struct child *child_new(struct up *up, const struct ry_up_role *role, unsigned number)
{
    struct child *child = calloc(1, sizeof *child);
    if (child == NULL)
        return NULL;
    child->role = role->role;
    child->role_name = role->name;
    child->number = number;
    child->essential = role->essential;
    child->source = role->source;
    child->memory_max_bytes = role->memory_max_bytes;
    child->leash_fd = -1;
    if (role->role == RY_ROLE_ROUTER)
        (void)snprintf(child->name, sizeof child->name, "%s", role->name);
    else
        (void)snprintf(child->name, sizeof child->name, "%s-%u", role->name, number);
    child_set(up, child, CHILD_WAITING);
    return child;
}

void child_remove(struct up *up, struct child *child)
{
    TAILQ_REMOVE(&up->children, child, link);
    if (up->rolling == child)
        up->rolling = NULL;
    if (child->leash_fd >= 0)
        (void)close(child->leash_fd);
    free(child);
    up->changed = true;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static bool may_start(const struct up *up, const struct child *child)
{
    if (child == up->router)
        return true;
    if (up->router->state != CHILD_RUNNING)
        return false;
    const struct child *before;
    TAILQ_FOREACH(before, &up->children, link)
    {
        if (before->role == child->role)
            return true;
        if (!before->ready_once && before->state != CHILD_FAILED && before->state != CHILD_PAUSED)
            return false;
    }
    return true;
}

static int child_spawn(struct up *up, struct child *child, struct ry_error *err)
{
    const char *program = up->options->program;
    const char *socket = up->options->socket;
    const char *const instance[] = {program,  "actor", child->role_name, "--name", child->name,
                                    "--join", socket,  "--on-leash",     NULL};
    const char *const router[] = {program, "router", socket, NULL};
    const char *settings = ry_config_str(up->plan->config, RY_OPT_settings_path);
    char **env =
        ry_config_environment(up->plan->config, child->role_name, up->plan->env, *settings ? up->settings : NULL);
    if (env == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the environment of %s", child->name);
    const struct ry_spawn spawn = {
        .argv = (char *const *)(child == up->router ? router : instance),
        .env = env,
        .memory_max_bytes = child->memory_max_bytes,
        .core_dumps = ry_config_bool(up->plan->config, RY_OPT_core_dumps),
    };
    int rc = ry_spawn(&spawn, &child->pid, &child->leash_fd, err);
    if (rc != RY_OK)
        child->pid = 0;
    free(env);
    return rc;
}

/* Tells the router who may come. */
static int announce(struct up *up, struct child *child, struct ry_error *err)
{
    struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_ADMIT, .role = child->role};
    if (child == up->router)
        return RY_OK;
    int rc = ry_ticket_make(child->token, err);
    if (rc != RY_OK)
        return rc;
    memcpy(msg.name, child->name, sizeof msg.name);
    memcpy(msg.token, child->token, sizeof msg.token);
    if (!ry_leash_say(up->router->leash_fd, &msg))
        return ry_fail(err, RY_EFULL, "the router does not listen");
    return RY_OK;
}

static void child_start(struct up *up, struct child *child)
{
    struct ry_error err;
    int rc = announce(up, child, &err);
    if (rc == RY_OK)
        rc = child_spawn(up, child, &err);
    if (rc != RY_OK) {
        /* The system is short of something: that is nobody's death. */
        RY_LOG(RY_ERROR, "child_not_started", "name=%s reason=%s", child->name, err.text);
        child->start_due_mono_ms = up->now_mono_ms + up->rule.longest_ms;
        return;
    }
    child->kill_reason = RY_KILL_NONE;
    child->outdated = false;
    child->started_mono_ms = up->now_mono_ms;
    child->beat_mono_ms = up->now_mono_ms;
    RY_LOG(RY_DEBUG, "child_started", "name=%s pid=%d", child->name, child->pid);
    child_set(up, child, CHILD_STARTING);
}

/* ---- living ------------------------------------------------------------------------------------------------------ */

void child_kill(struct up *up, struct child *child, enum ry_kill_reason kill_reason)
{
    if (child->pid == 0)
        return;
    child->kill_reason = kill_reason;
    (void)kill(child->pid, SIGKILL);
    child_set(up, child, CHILD_LEAVING);
    child->leave_by_mono_ms = INT64_MAX;
}

void child_leave(struct up *up, struct child *child, int64_t ms)
{
    const struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_LEAVE, .ms = ms};
    child->kill_reason = RY_KILL_TOLD_TO_LEAVE;
    child->leave_by_mono_ms = up->now_mono_ms + ms + LEAVE_GRACE_MS;
    child_set(up, child, CHILD_LEAVING);
    if (!ry_leash_say(child->leash_fd, &msg))
        child_kill(up, child, RY_KILL_LATE);
}

static void give_ticket(struct up *up, const struct ry_leash_msg *admitted)
{
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (child->state == CHILD_STARTING && strncmp(child->token, admitted->token, RY_TICKET_BYTES) == 0) {
        struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_TICKET};
        memcpy(msg.token, child->token, sizeof msg.token);
        (void)ry_leash_say(child->leash_fd, &msg);
        explicit_bzero(child->token, sizeof child->token);
    }
}

static void on_ready(struct up *up, struct child *child)
{
    if (child->state != CHILD_STARTING)
        return;
    RY_LOG(RY_INFO, "child_ready", "name=%s pid=%d ms=%" PRId64, child->name, child->pid,
           up->now_mono_ms - child->started_mono_ms);
    child->ready_once = true;
    child_set(up, child, CHILD_RUNNING);
}

void child_hear(struct up *up, struct child *child)
{
    struct ry_leash_msg msg;
    enum ry_leash_got got;
    while ((got = ry_leash_hear(child->leash_fd, &msg, sizeof msg)) == RY_LEASH_MSG) {
        child->beat_mono_ms = up->now_mono_ms;
        if (msg.kind == RY_LEASH_MSG_READY)
            on_ready(up, child);
        else if (msg.kind == RY_LEASH_MSG_ADMITTED && child == up->router)
            give_ticket(up, &msg);
    }
    if (got == RY_LEASH_ENDED) { /* its death follows */
        (void)close(child->leash_fd);
        child->leash_fd = -1;
    }
}

void child_tick(struct up *up, struct child *child)
{
    int64_t now_mono_ms = up->now_mono_ms;
    switch (child->state) {
    case CHILD_WAITING:
        if (up->phase == UP_RUNNING && now_mono_ms >= child->start_due_mono_ms && may_start(up, child))
            child_start(up, child);
        break;
    case CHILD_STARTING:
        if (now_mono_ms - child->started_mono_ms >= up_seconds_ms(up, RY_OPT_start_seconds))
            child_kill(up, child, RY_KILL_STUCK);
        break;
    case CHILD_RUNNING:
        if (now_mono_ms - child->beat_mono_ms >= up_seconds_ms(up, RY_OPT_stuck_seconds))
            child_kill(up, child, RY_KILL_STUCK);
        break;
    case CHILD_LEAVING:
        if (child->pid && now_mono_ms >= child->leave_by_mono_ms)
            child_kill(up, child, child->kill_reason == RY_KILL_ORPHANED ? RY_KILL_ORPHANED : RY_KILL_LATE);
        break;
    case CHILD_PAUSED:
    case CHILD_FAILED: break;
    }
}

/* ---- dying ------------------------------------------------------------------------------------------------------- */

/* The router is gone: who had joined it ends by itself, who had not never will. */
static void orphan_all(struct up *up)
{
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (child == up->router || child->pid == 0)
            continue;
        if (child->state == CHILD_STARTING) {
            child_kill(up, child, RY_KILL_ORPHANED);
        } else if (child->state == CHILD_RUNNING) {
            child->kill_reason = RY_KILL_ORPHANED;
            child->leave_by_mono_ms = up->now_mono_ms + ORPHAN_MS;
            child_set(up, child, CHILD_LEAVING);
        }
    }
}

/* It failed: later again, or never. */
static void child_failed(struct up *up, struct child *child, int wait_status)
{
    int64_t wait_ms = 0;
    if (up->former && child->state == CHILD_STARTING && WIFEXITED(wait_status)) {
        change_roll_back(up);
        child->start_due_mono_ms = up->now_mono_ms;
        child_set(up, child, CHILD_WAITING);
        return;
    }
    int64_t lived_ms = up->now_mono_ms - child->started_mono_ms;
    if (!up->told_ready && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == EXIT_CONFIG) {
        up_fail(up, RY_ECONFIG, "%s refuses its configuration; its log tells why", child->name);
    } else if (ry_restart_after(&child->restart, &up->rule, &up->rng, up->now_mono_ms, lived_ms, &wait_ms)) {
        child->start_due_mono_ms = up->now_mono_ms + wait_ms;
        child->restarts++;
        child_set(up, child, CHILD_WAITING);
        return;
    }
    child_set(up, child, CHILD_FAILED);
    RY_LOG(RY_CRITICAL, "child_spent", "name=%s deaths=%zu last=%s", child->name, child->restart.deaths,
           child->last_death);
    if (child->essential)
        up_fail(up, RY_EIO, "%s died too often (the last time: %s), and nothing works without it", child->name,
                child->last_death);
}

/* What comes after a death in ordinary times. */
static void child_next(struct up *up, struct child *child, enum ry_death death, int wait_status)
{
    if (child->unwanted) {
        child_remove(up, child);
    } else if (up->quiet && child->source) {
        child_set(up, child, CHILD_PAUSED);
    } else if (death == RY_DEATH_LEFT || death == RY_DEATH_ORPHAN || child->kill_reason == RY_KILL_TOLD_TO_LEAVE) {
        child->restarts += death != RY_DEATH_LEFT;
        child->start_due_mono_ms = up->now_mono_ms;
        child_set(up, child, CHILD_WAITING);
    } else {
        child_failed(up, child, wait_status);
    }
}

void child_died(struct up *up, struct child *child, int wait_status)
{
    enum ry_death death = ry_death_of(wait_status, child->kill_reason);
    struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_REVOKE};
    ry_death_describe(wait_status, child->kill_reason, child->last_death);
    up->deaths[death]++;
    RY_LOG(death == RY_DEATH_LEFT ? RY_INFO : RY_WARNING, "child_died", "name=%s pid=%d way=%s reason=%s", child->name,
           child->pid, ry_death_name(death), child->last_death);
    child->pid = 0;
    if (child->leash_fd >= 0)
        (void)close(child->leash_fd);
    child->leash_fd = -1;
    memcpy(msg.name, child->name, sizeof msg.name);
    if (child == up->router)
        orphan_all(up);
    else if (up->router->leash_fd >= 0)
        (void)ry_leash_say(up->router->leash_fd, &msg);
    if (up->phase == UP_RUNNING) {
        child_next(up, child, death, wait_status);
        return;
    }
    if (child == up->router)
        up->drained = death == RY_DEATH_LEFT;
    child_set(up, child, CHILD_PAUSED);
}

/* child.c: one child, from its start to its end and to the next start.
 *
 * A child starts when it is due, the router runs, and the roles before it in the plan have been ready once; it waits
 * for its ticket, which it gets when the router has said that it knows it. It is ready when it says so. It makes
 * progress while it beats; one that does not is killed. How it came to its end decides what follows: who was asked to
 * leave starts again at once; who did not reach its router, or what it needs, after a wait, as often as it takes; who failed, after a wait, and not for ever. */
#include "runtime/supervisor/supervisor_internal.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"

/* A child that lost its router ends by itself; this is how long it may take, milliseconds. */
#define ORPHAN_MS 10000
/* Beyond what it was given to leave, for the last of it. */
#define LEAVE_GRACE_MS 2000

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
    char name[RY_CHILD_NAME_BYTES];
    if (role->role == RY_ROLE_ROUTER)
        (void)snprintf(name, sizeof name, "%s", role->name);
    else
        (void)snprintf(name, sizeof name, "%s-%u", role->name, number);
    ry_watch_init(&child->watch, name);
    child_set(up, child, CHILD_WAITING);
    return child;
}

void child_remove(struct up *up, struct child *child)
{
    TAILQ_REMOVE(&up->children, child, link);
    if (up->rolling == child)
        up->rolling = NULL;
    ry_watch_close(&child->watch);
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
        if (!before->ready_once && before->state != CHILD_FAILED && before->state != CHILD_PAUSED && !before->held_up)
            return false;
    }
    return true;
}

static int child_spawn(struct up *up, struct child *child, struct ry_error *err)
{
    const char *program = up->options->program;
    const char *socket = up->options->socket;
    const char *const instance[] = {program,  "actor", child->role_name, "--name", child->watch.name,
                                    "--join", socket,  "--on-leash",     NULL};
    const char *const router[] = {program, "router", socket, NULL};
    const char *settings = ry_config_str(up->plan->config, RY_OPT_settings_path);
    char **env =
        ry_config_environment(up->plan->config, child->role_name, up->plan->env, *settings ? up->settings : NULL);
    if (env == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the environment of %s", child->watch.name);
    const struct ry_spawn spawn = {
        .argv = (char *const *)(child == up->router ? router : instance),
        .env = env,
        .memory_max_bytes = child->memory_max_bytes,
        .core_dumps = ry_config_bool(up->plan->config, RY_OPT_core_dumps),
    };
    int rc = ry_watch_start(&child->watch, &spawn, up->now_mono_ms, err);
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
    memcpy(msg.name, child->watch.name, sizeof msg.name);
    memcpy(msg.token, child->token, sizeof msg.token);
    if (!ry_leash_say(up->router->watch.leash_fd, &msg))
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
        RY_LOG(RY_ERROR, "child_not_started", "name=%s reason=%s", child->watch.name, err.text);
        child->start_due_mono_ms = up->now_mono_ms + up->rule.longest_ms;
        return;
    }
    child->outdated = false;
    child_set(up, child, CHILD_STARTING);
}

/* ---- living ------------------------------------------------------------------------------------------------------ */

void child_kill(struct up *up, struct child *child, enum ry_kill_reason kill_reason)
{
    if (child->watch.pid == 0)
        return;
    ry_watch_kill(&child->watch, kill_reason);
    child_set(up, child, CHILD_LEAVING);
    child->leave_by_mono_ms = INT64_MAX;
}

void child_leave(struct up *up, struct child *child, int64_t ms)
{
    const struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_LEAVE, .ms = ms};
    child->watch.kill_reason = RY_KILL_TOLD_TO_LEAVE;
    child->leave_by_mono_ms = up->now_mono_ms + ms + LEAVE_GRACE_MS;
    child_set(up, child, CHILD_LEAVING);
    if (!ry_leash_say(child->watch.leash_fd, &msg))
        child_kill(up, child, RY_KILL_LATE);
}

static void give_ticket(struct up *up, const struct ry_leash_msg *admitted)
{
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (child->state == CHILD_STARTING && strncmp(child->token, admitted->token, RY_TICKET_BYTES) == 0) {
        struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_TICKET};
        memcpy(msg.token, child->token, sizeof msg.token);
        (void)ry_leash_say(child->watch.leash_fd, &msg);
        explicit_bzero(child->token, sizeof child->token);
    }
}

static void on_ready(struct up *up, struct child *child)
{
    if (child->state != CHILD_STARTING)
        return;
    RY_LOG(RY_INFO, "child_ready", "name=%s pid=%d ms=%" PRId64, child->watch.name, child->watch.pid,
           up->now_mono_ms - child->watch.started_mono_ms);
    child->ready_once = true;
    child->held_up = false;
    child_set(up, child, CHILD_RUNNING);
}

void child_hear(struct up *up, struct child *child)
{
    struct ry_leash_msg msg;
    while (child->watch.leash_fd >= 0 && ry_watch_hear(&child->watch, &msg, up->now_mono_ms) == RY_LEASH_MSG) {
        if (msg.kind == RY_LEASH_MSG_READY)
            on_ready(up, child);
        else if (msg.kind == RY_LEASH_MSG_ADMITTED && child == up->router)
            give_ticket(up, &msg);
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
        if (now_mono_ms - child->watch.started_mono_ms >= up_seconds_ms(up, RY_OPT_start_seconds))
            child_kill(up, child, RY_KILL_STUCK);
        break;
    case CHILD_RUNNING:
        if (ry_watch_is_stuck(&child->watch, now_mono_ms, up_seconds_ms(up, RY_OPT_stuck_seconds)))
            child_kill(up, child, RY_KILL_STUCK);
        break;
    case CHILD_LEAVING:
        if (child->watch.pid && now_mono_ms >= child->leave_by_mono_ms)
            child_kill(up, child, child->watch.kill_reason == RY_KILL_ORPHANED ? RY_KILL_ORPHANED : RY_KILL_LATE);
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
        if (child == up->router || child->watch.pid == 0)
            continue;
        if (child->state == CHILD_STARTING) {
            child_kill(up, child, RY_KILL_ORPHANED);
        } else if (child->state == CHILD_RUNNING) {
            child->watch.kill_reason = RY_KILL_ORPHANED;
            child->leave_by_mono_ms = up->now_mono_ms + ORPHAN_MS;
            child_set(up, child, CHILD_LEAVING);
        }
    }
}

/* The node cannot go on; the supervisor's next turn ends it. */
static void child_fail_node(struct up *up, enum ry_err code, const char *reason)
{
    if (up->failure.code != RY_OK)
        return;
    (void)ry_fail(&up->failure, code, "%s", reason);
    RY_LOG(RY_CRITICAL, "node_failed", "reason=%s", reason);
}

/* It ended by its own: again, at once or later, or never. */
static void child_again(struct up *up, struct child *child, enum ry_death death, int wait_status)
{
    char reason[sizeof up->failure.text];
    char text[RY_FAILURE_TEXT_BYTES];
    bool failed_start = child->state == CHILD_STARTING && WIFEXITED(wait_status) && death != RY_DEATH_ORPHAN;
    if (up->former && failed_start) {
        up->roll_back = true;
        child->start_due_mono_ms = up->now_mono_ms;
        child_set(up, child, CHILD_WAITING);
        return;
    }
    bool refused = !up->told_ready && child->watch.refused;
    child->held_up = child->held_up || death == RY_DEATH_AWAY;
    if (!refused &&
        ry_watch_again(&child->watch, death, &up->rule, &up->rng, up->now_mono_ms, &child->start_due_mono_ms)) {
        child_set(up, child, CHILD_WAITING);
        return;
    }
    child_set(up, child, CHILD_FAILED);
    ry_watch_describe_failure(&child->watch, text);
    (void)snprintf(reason, sizeof reason, "%s%s", text, refused ? "" : ", and nothing works without it");
    if (refused || child->essential)
        child_fail_node(up, refused ? RY_ECONFIG : RY_EIO, reason);
}

/* What comes after a death in ordinary times. */
static void child_next(struct up *up, struct child *child, enum ry_death death, int wait_status)
{
    if (child->unwanted) {
        child_remove(up, child);
    } else if (up->quiet && child->source) {
        child_set(up, child, CHILD_PAUSED);
    } else {
        child_again(up, child, death, wait_status);
    }
}

void child_died(struct up *up, struct child *child, int wait_status)
{
    struct ry_leash_msg msg = {.kind = RY_LEASH_MSG_REVOKE};
    enum ry_death death = ry_watch_ended(&child->watch, wait_status, up->deaths);
    memcpy(msg.name, child->watch.name, sizeof msg.name);
    if (child == up->router)
        orphan_all(up);
    else if (up->router->watch.leash_fd >= 0)
        (void)ry_leash_say(up->router->watch.leash_fd, &msg);
    if (up->phase == UP_RUNNING) {
        child_next(up, child, death, wait_status);
        return;
    }
    if (child == up->router)
        up->drained = death == RY_DEATH_LEFT;
    child_set(up, child, CHILD_PAUSED);
}

/* change.c: what shall run changes while it runs.
 *
 * A change is never a jump: children that are too many are told to leave, those that run with an older plan are
 * replaced one after the other, each only when the one before is ready again (or will never be). Their mail waits at
 * the router meanwhile, so nothing that was begun is dropped. */
#include "runtime/supervisor/supervisor_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/log.h"

#define SETTINGS_CHUNK 8192

/* ---- how many ---------------------------------------------------------------------------------------------------- */

static bool number_taken(const struct up *up, uint32_t role, unsigned number)
{
    const struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (child->role == role && child->number == number)
        return true;
    return false;
}

/* Puts a new child behind the last one of its role, or of the roles before it. */
static int add_child(struct up *up, const struct ry_up_role *role, struct child **after, struct ry_error *err)
{
    unsigned number = 1;
    while (number_taken(up, role->role, number))
        number++;
    struct child *child = child_new(up, role, number);
    if (child == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for another %s", role->name);
    TAILQ_INSERT_AFTER(&up->children, *after, child, link);
    if (up->quiet && role->source)
        child->state = CHILD_PAUSED;
    *after = child;
    return RY_OK;
}

static int apply_role(struct up *up, const struct ry_up_role *role, struct child **after, struct ry_error *err)
{
    unsigned count = 0;
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (child->role != role->role)
            continue;
        *after = child;
        child->memory_max_bytes = role->memory_max_bytes;
        count += !child->unwanted;
        if (!child->unwanted && count > role->instances)
            child->unwanted = true;
    }
    for (; count < role->instances; count++) {
        int rc = add_child(up, role, after, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

int change_apply(struct up *up, struct ry_error *err)
{
    struct child *after = up->router;
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < up->plan->role_count; i++)
        rc = apply_role(up, &up->plan->roles[i], &after, err);
    return rc;
}

static int set_instances(void *arg, struct ry_str name, uint64_t number, struct ry_error *err)
{
    struct ry_up_plan *plan = arg;
    for (size_t i = 0; i < plan->role_count; i++) {
        struct ry_up_role *role = &plan->roles[i];
        if (!ry_str_is(name, role->name))
            continue;
        if (number > role->most)
            return ry_fail(err, RY_ECONFIG, "at most %u %s can be used here", role->most, role->name);
        if (number == 0 && role->essential)
            return ry_fail(err, RY_ECONFIG, "nothing works without a %s", role->name);
        role->instances = (unsigned)number;
        return RY_OK;
    }
    return ry_fail(err, RY_ECONFIG, "there is no role \"%.*s\"", RY_STR_ARG(name));
}

int change_scale(struct up *up, const char *list, struct ry_error *answer)
{
    struct ry_up_plan wanted = *up->plan;
    int rc = up->phase == UP_RUNNING ? RY_OK : ry_fail(answer, RY_EBUSY, "the node is stopping");
    if (rc == RY_OK)
        rc = ry_up_list(list, "scale", RY_CHILDREN_MAX, set_instances, &wanted, answer);
    size_t all = 1;
    for (size_t i = 0; i < wanted.role_count; i++)
        all += wanted.roles[i].instances;
    if (rc == RY_OK && all > RY_CHILDREN_MAX)
        rc = ry_fail(answer, RY_ECONFIG, "%zu processes are more than the %d that a node may have", all,
                     RY_CHILDREN_MAX);
    if (rc != RY_OK)
        return rc;
    memcpy(up->plan->roles, wanted.roles, sizeof wanted.roles);
    RY_LOG(RY_INFO, "scaled", "to=%s", list);
    return change_apply(up, answer);
}

/* ---- reload ------------------------------------------------------------------------------------------------------ */

/* Copies the settings file that was accepted, whole or not at all, and makes the copy the one that children read. */
int change_keep_settings(struct up *up, const struct ry_up_plan *plan, struct ry_error *err)
{
    const char *path = ry_config_str(plan->config, RY_OPT_settings_path);
    char copy[UP_SETTINGS_BYTES];
    char chunk[SETTINGS_CHUNK];
    (void)snprintf(copy, sizeof copy, "%s.%u", up->options->settings_copy, up->settings_copies++ % 3);
    (void)unlink(copy);
    if (*path) {
        int from = open(path, O_RDONLY | O_CLOEXEC);
        int to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ssize_t n = from >= 0 && to >= 0 ? 1 : -1;
        while (n > 0 && (n = read(from, chunk, sizeof chunk)) > 0)
            if (write(to, chunk, (size_t)n) != n)
                n = -1;
        if (n < 0)
            (void)ry_fail(err, RY_EIO, "cannot keep a copy of %s at %s: %m", path, copy);
        if (from >= 0)
            (void)close(from);
        if (to >= 0)
            (void)close(to);
        if (n < 0)
            return RY_EIO;
    }
    memcpy(up->former_settings, up->settings, sizeof up->settings);
    memcpy(up->settings, copy, sizeof copy);
    return RY_OK;
}

void change_forget_settings(const struct up *up)
{
    char copy[UP_SETTINGS_BYTES];
    for (unsigned i = 0; i < 3 && i < up->settings_copies; i++) {
        (void)snprintf(copy, sizeof copy, "%s.%u", up->options->settings_copy, i);
        (void)unlink(copy);
    }
}

/* What the node stands on cannot change under it. */
static int same_ground(const struct up *up, const struct ry_up_plan *plan, struct ry_error *err)
{
    static const struct {
        enum ry_option option;
        const char *name;
    } ground[] = {{RY_OPT_data, "data"}, {RY_OPT_run_dir, "run-dir"}, {RY_OPT_node, "node"}};
    for (size_t i = 0; i < sizeof ground / sizeof *ground; i++)
        if (strcmp(ry_config_str(up->plan->config, ground[i].option), ry_config_str(plan->config, ground[i].option)) !=
            0)
            return ry_fail(err, RY_ECONFIG, "%s cannot be changed while the node runs; restart it", ground[i].name);
    return RY_OK;
}

/* Children are to become as the plan says, one after the other. */
static void adopt(struct up *up)
{
    struct ry_error err = {0};
    up->rule.period_ms = up_seconds_ms(up, RY_OPT_restart_seconds);
    up->rule.most = (unsigned)ry_config_int(up->plan->config, RY_OPT_restart_max);
    if (change_apply(up, &err) != RY_OK)
        RY_LOG(RY_ERROR, "reload_incomplete", "reason=%s", err.text);
}

void change_reload(struct up *up)
{
    struct ry_up_plan *plan = NULL;
    struct ry_error err = {0};
    if (up->phase != UP_RUNNING)
        return;
    ry_notify_say(&up->notify, "RELOADING=1");
    int rc = up->options->replan(up->options->arg, &plan, &err);
    if (rc == RY_OK)
        rc = same_ground(up, plan, &err);
    if (rc == RY_OK)
        rc = change_keep_settings(up, plan, &err);
    if (rc != RY_OK) {
        ry_up_plan_free(&plan);
        RY_LOG(RY_ERROR, "reload_refused", "reason=%s", err.text);
        ry_notify_say(&up->notify, "READY=1");
        return;
    }
    ry_up_plan_free(&up->former);
    up->former = up->plan;
    up->plan = plan;
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    child->outdated = child != up->router;
    adopt(up);
    RY_LOG(RY_INFO, "reload_begins", "");
}

void change_roll_back(struct up *up)
{
    up->roll_back = false;
    if (up->former == NULL)
        return;
    RY_LOG(RY_ERROR, "reload_refused", "reason=%s", "a process does not start with the new configuration; see its log");
    ry_up_plan_free(&up->plan);
    up->plan = up->former;
    up->former = NULL;
    memcpy(up->settings, up->former_settings, sizeof up->settings);
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    child->outdated = child != up->router && !child->outdated;
    adopt(up);
    ry_notify_say(&up->notify, "READY=1");
}

/* ---- quiet ------------------------------------------------------------------------------------------------------- */

void change_quiet(struct up *up, bool quiet)
{
    if (up->quiet == quiet || up->phase != UP_RUNNING)
        return;
    up->quiet = quiet;
    up->changed = true;
    RY_LOG(RY_INFO, quiet ? "quiet" : "resumed", "");
    struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (!quiet && child->state == CHILD_PAUSED) {
        child->state = CHILD_WAITING;
        child->start_due_mono_ms = up->now_mono_ms;
    }
}

/* ---- step by step ------------------------------------------------------------------------------------------------ */

/* No child runs with the former plan any more, and all that should run do. */
static void reload_done(struct up *up)
{
    const struct child *child;
    if (up->former == NULL)
        return;
    TAILQ_FOREACH(child, &up->children, link)
    if (child->outdated || child->state == CHILD_WAITING || child->state == CHILD_STARTING)
        return;
    ry_up_plan_free(&up->former);
    RY_LOG(RY_INFO, "reloaded", "");
    ry_notify_say(&up->notify, "READY=1");
}

/* The next one that is to be replaced, if none is being replaced. */
static void roll(struct up *up)
{
    struct child *child = up->rolling;
    if (child && child->state != CHILD_RUNNING && child->state != CHILD_FAILED && child->state != CHILD_PAUSED)
        return;
    up->rolling = NULL;
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (!child->outdated)
            continue;
        if (child->state == CHILD_FAILED) { /* what failed with the old plan may go with the new one */
            memset(&child->watch.restart, 0, sizeof child->watch.restart);
            child->start_due_mono_ms = up->now_mono_ms;
            child->state = CHILD_WAITING;
            up->changed = true;
        }
        if (child->state != CHILD_RUNNING)
            continue; /* it starts with the new plan, or its turn comes */
        child->outdated = false;
        up->rolling = child;
        child_leave(up, child, up_seconds_ms(up, RY_OPT_drain_seconds));
        return;
    }
    reload_done(up);
}

void change_tick(struct up *up)
{
    struct child *child;
    struct child *next;
    for (child = TAILQ_FIRST(&up->children); child; child = next) {
        next = TAILQ_NEXT(child, link);
        bool goes = child->unwanted || (up->quiet && child->source);
        if (goes && child->state == CHILD_RUNNING) {
            child_leave(up, child, up_seconds_ms(up, RY_OPT_drain_seconds));
        } else if (goes && child->watch.pid == 0 && child->unwanted) {
            child_remove(up, child);
        } else if (goes && child->state == CHILD_WAITING) {
            child->state = CHILD_PAUSED;
            up->changed = true;
        }
    }
    if (up->router->state == CHILD_RUNNING)
        roll(up);
}

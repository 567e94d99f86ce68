/* report.c: what the supervisor tells: the router (for `reelyard status` and /ready), systemd, the log. */
#include "runtime/supervisor/supervisor_internal.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/log.h"

/* The watchdog is fed while the router and every essential child make progress. */
static bool progress(const struct up *up)
{
    const struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    {
        if (!child->essential || child->state != CHILD_RUNNING)
            continue;
        if (up->now_mono_ms - child->watch.beat_mono_ms >= up_seconds_ms(up, RY_OPT_stuck_seconds))
            return false;
    }
    return up->failure.code == RY_OK;
}

static void tell_router(struct up *up)
{
    struct ry_children_report *report = &up->report;
    const struct child *child;
    report->kind = RY_LEASH_MSG_CHILDREN;
    report->child_count = 0;
    memcpy(report->deaths, up->deaths, sizeof report->deaths);
    TAILQ_FOREACH(child, &up->children, link)
    ry_watch_note(&child->watch, child->role_name, child_state_name(child->state), report);
    if (up->router->state == CHILD_RUNNING && ry_leash_say_children(up->router->watch.leash_fd, report))
        up->changed = false;
}

/* How it stands, in a line. */
static void tell_systemd(struct up *up)
{
    char status[sizeof up->status];
    const struct child *child;
    size_t running = 0, all = 0;
    const char *spent = NULL;
    TAILQ_FOREACH(child, &up->children, link)
    {
        all++;
        running += child->state == CHILD_RUNNING;
        if (child->state == CHILD_FAILED)
            spent = child->watch.name;
    }
    if (spent)
        (void)snprintf(status, sizeof status, "STATUS=degraded: %s died too often; %zu of %zu processes run", spent,
                       running, all);
    else
        (void)snprintf(status, sizeof status, "STATUS=%s%zu of %zu processes run", up->quiet ? "quiet: " : "", running,
                       all);
    if (up->phase != UP_RUNNING || strcmp(status, up->status) == 0)
        return;
    memcpy(up->status, status, sizeof status);
    ry_notify_say(&up->notify, status);
}

/* Once every child has been ready, or has been given up. */
static void tell_ready(struct up *up)
{
    const struct child *child;
    TAILQ_FOREACH(child, &up->children, link)
    if (!child->ready_once && child->state != CHILD_FAILED && child->state != CHILD_PAUSED)
        return;
    up->told_ready = true;
    RY_LOG(RY_INFO, "node_started", "node=%s socket=%s", ry_config_str(up->plan->config, RY_OPT_node),
           up->options->socket);
    ry_notify_say(&up->notify, "READY=1");
}

void report_tick(struct up *up)
{
    if (!up->told_ready && up->phase == UP_RUNNING)
        tell_ready(up);
    uint64_t dropped = ry_log_take_dropped();
    up->report.log_dropped += dropped;
    up->changed = up->changed || dropped > 0;
    if (up->changed) {
        tell_systemd(up);
        tell_router(up);
    }
    if (progress(up))
        ry_notify_feed(&up->notify, up->now_mono_ms);
}

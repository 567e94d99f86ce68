/* watch.c: one child process; see watch.h. */
#include "runtime/process/watch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

void ry_watch_init(struct ry_watch *watch, const char *name)
{
    *watch = (struct ry_watch){.leash_fd = -1};
    (void)snprintf(watch->name, sizeof watch->name, "%s", name);
}

void ry_watch_close(struct ry_watch *watch)
{
    if (watch->leash_fd >= 0)
        (void)close(watch->leash_fd);
    watch->leash_fd = -1;
}

int ry_watch_start(struct ry_watch *watch, const struct ry_spawn *spawn, int64_t now_mono_ms, struct ry_error *err)
{
    RY_ASSERT(watch->pid == 0 && watch->leash_fd < 0, "%s, pid %d", watch->name, (int)watch->pid);
    int rc = ry_spawn(spawn, &watch->pid, &watch->leash_fd, err);
    if (rc != RY_OK) {
        watch->pid = 0;
        return rc;
    }
    watch->kill_reason = RY_KILL_NONE;
    watch->ready = watch->refused = false;
    watch->away[0] = '\0';
    watch->started_mono_ms = watch->beat_mono_ms = now_mono_ms;
    RY_LOG(RY_DEBUG, "child_started", "name=%s pid=%d", watch->name, (int)watch->pid);
    return RY_OK;
}

void ry_watch_kill(struct ry_watch *watch, enum ry_kill_reason reason)
{
    if (watch->pid == 0)
        return;
    watch->kill_reason = reason;
    (void)kill(watch->pid, SIGKILL);
}

enum ry_leash_got ry_watch_hear(struct ry_watch *watch, struct ry_leash_msg *msg, int64_t now_mono_ms)
{
    enum ry_leash_got got = ry_leash_hear(watch->leash_fd, msg, sizeof *msg);
    if (got == RY_LEASH_MSG) {
        watch->beat_mono_ms = now_mono_ms;
        watch->ready = watch->ready || msg->kind == RY_LEASH_MSG_READY;
        if (msg->kind == RY_LEASH_MSG_AWAY)
            (void)ry_utf8_print(watch->away, sizeof watch->away, "%.*s", (int)sizeof msg->reason - 1, msg->reason);
    } else if (got == RY_LEASH_ENDED) {
        ry_watch_close(watch);
    }
    return got;
}

bool ry_watch_is_stuck(const struct ry_watch *watch, int64_t now_mono_ms, int64_t limit_ms)
{
    return watch->pid != 0 && now_mono_ms - watch->beat_mono_ms >= limit_ms;
}

enum ry_death ry_watch_ended(struct ry_watch *watch, int wait_status, uint64_t *deaths)
{
    RY_ASSERT(watch->pid != 0, "%s", watch->name);
    enum ry_death death = ry_death_of(wait_status, watch->kill_reason);
    ry_death_describe(wait_status, watch->kill_reason, watch->last_death);
    if (death == RY_DEATH_AWAY && watch->away[0])
        memcpy(watch->last_death, watch->away, sizeof watch->last_death);
    watch->refused = !watch->ready && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == RY_EXIT_CONFIG;
    deaths[death]++;
    RY_LOG(death == RY_DEATH_LEFT ? RY_INFO : RY_WARNING, "child_died", "name=%s pid=%d way=%s reason=%s", watch->name,
           (int)watch->pid, ry_death_name(death), watch->last_death);
    watch->pid = 0;
    ry_watch_close(watch);
    return death;
}

static enum ry_life life_of(const struct ry_watch *watch, enum ry_death death)
{
    /* What is ready is open: only what is not may say that it could not open. */
    if (death == RY_DEATH_ORPHAN || (death == RY_DEATH_AWAY && !watch->ready))
        return RY_LIFE_EXCUSED;
    return watch->ready ? RY_LIFE_READY : RY_LIFE_UNREADY;
}

bool ry_watch_again(struct ry_watch *watch, enum ry_death death, const struct ry_restart_rule *rule, struct ry_rng *rng,
                    int64_t now_mono_ms, int64_t *start_due_mono_ms)
{
    int64_t wait_ms = 0;
    if (death == RY_DEATH_LEFT || watch->kill_reason == RY_KILL_TOLD_TO_LEAVE ||
        watch->kill_reason == RY_KILL_ORPHANED) {
        watch->restarts += death != RY_DEATH_LEFT;
        *start_due_mono_ms = now_mono_ms;
        return true;
    }
    int64_t lived_ms = now_mono_ms - watch->started_mono_ms;
    if (!ry_restart_after(&watch->restart, rule, rng, now_mono_ms, lived_ms, life_of(watch, death), &wait_ms)) {
        RY_LOG(RY_CRITICAL, "child_spent", "name=%s deaths=%zu unready=%u last=%s", watch->name, watch->restart.deaths,
               watch->restart.unready, watch->last_death);
        return false;
    }
    *start_due_mono_ms = now_mono_ms + wait_ms;
    watch->restarts++;
    return true;
}

void ry_watch_describe_failure(const struct ry_watch *watch, char text[RY_FAILURE_TEXT_BYTES])
{
    if (watch->refused)
        (void)snprintf(text, RY_FAILURE_TEXT_BYTES, "%s rejects its configuration; see its log", watch->name);
    else if (ry_restart_never_ready(&watch->restart))
        (void)snprintf(text, RY_FAILURE_TEXT_BYTES, "%s died %u times in a row before it was ready (the last time: %s)",
                       watch->name, watch->restart.unready, watch->last_death);
    else
        (void)snprintf(text, RY_FAILURE_TEXT_BYTES, "%s died too often (the last time: %s)", watch->name,
                       watch->last_death);
}

void ry_watch_note(const struct ry_watch *watch, const char *role, const char *state, struct ry_children_report *report)
{
    if (report->child_count >= RY_CHILDREN_MAX)
        return;
    struct ry_child_note *note = &report->children[report->child_count++];
    *note = (struct ry_child_note){.pid = (uint32_t)watch->pid, .restarts = watch->restarts};
    (void)snprintf(note->role, sizeof note->role, "%s", role);
    (void)snprintf(note->name, sizeof note->name, "%s", watch->name);
    (void)snprintf(note->state, sizeof note->state, "%s", state);
    (void)snprintf(note->last_death, sizeof note->last_death, "%s", watch->last_death);
}

/* tally.c: how a process came to its end; see tally.h. */
#include "runtime/process/tally.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/process/exit_code.h"

static enum ry_death exited(int code, enum ry_kill_reason kill_reason)
{
    if (code == 0)
        return kill_reason == RY_KILL_TOLD_TO_LEAVE ? RY_DEATH_LEFT : RY_DEATH_EXIT;
    if (code == RY_EXIT_ORPHAN)
        return RY_DEATH_ORPHAN;
    if (code == RY_EXIT_AWAY)
        return RY_DEATH_AWAY;
    return code == RY_EXIT_CPU || code == RY_EXIT_MESSAGE ? RY_DEATH_LIMIT : RY_DEATH_EXIT;
}

enum ry_death ry_death_of(int wait_status, enum ry_kill_reason kill_reason)
{
    if (WIFEXITED(wait_status))
        return exited(WEXITSTATUS(wait_status), kill_reason);
    int number = WTERMSIG(wait_status);
    if (number == SIGKILL && kill_reason == RY_KILL_STUCK)
        return RY_DEATH_STUCK;
    if (number == SIGKILL && kill_reason == RY_KILL_LATE)
        return RY_DEATH_LATE;
    if (number == SIGKILL && kill_reason == RY_KILL_ORPHANED)
        return RY_DEATH_ORPHAN;
    if (number == SIGSYS)
        return RY_DEATH_SECCOMP;
    return number == SIGXCPU || number == SIGXFSZ ? RY_DEATH_LIMIT : RY_DEATH_SIGNAL;
}

const char *ry_death_name(enum ry_death death)
{
    static const char *const names[RY_DEATH_COUNT] = {
        [RY_DEATH_LEFT] = "left",       [RY_DEATH_EXIT] = "exit",     [RY_DEATH_SIGNAL] = "signal",
        [RY_DEATH_SECCOMP] = "seccomp", [RY_DEATH_LIMIT] = "limit",   [RY_DEATH_STUCK] = "stuck",
        [RY_DEATH_LATE] = "late",       [RY_DEATH_ORPHAN] = "orphan", [RY_DEATH_AWAY] = "away",
    };
    return names[death];
}

static const char *limit_name(int exit_code)
{
    return exit_code == RY_EXIT_CPU ? "CPU time, " : exit_code == RY_EXIT_MESSAGE ? "a message too large, " : "";
}

void ry_death_describe(int wait_status, enum ry_kill_reason kill_reason, char text[RY_DEATH_TEXT_BYTES])
{
    enum ry_death death = ry_death_of(wait_status, kill_reason);
    if (death == RY_DEATH_STUCK)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "stuck: it made no progress and was killed");
    else if (death == RY_DEATH_LATE)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "late: it did not stop in time and was killed");
    else if (death == RY_DEATH_SECCOMP)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "a system call that its sandbox denies");
    else if (death == RY_DEATH_ORPHAN)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "its router was gone");
    else if (death == RY_DEATH_AWAY)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "what it needs was away");
    else if (WIFEXITED(wait_status))
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "%sexit code %d", limit_name(WEXITSTATUS(wait_status)),
                       WEXITSTATUS(wait_status));
    else
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "signal %d (%.60s)", WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
}

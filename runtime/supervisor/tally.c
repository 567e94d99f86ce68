/* tally.c: how a process came to its end; see tally.h. */
#include "runtime/supervisor/tally.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/supervisor/leash.h"

/* The sandbox's outer process tells by it that the inner one used up its CPU time (128 + SIGXCPU). */
#define EXIT_CPU 152

static enum ry_death exited(int code, enum ry_treatment treatment)
{
    if (code == 0)
        return treatment == RY_TREATED_TOLD_TO_LEAVE ? RY_DEATH_LEFT : RY_DEATH_EXIT;
    if (code == RY_EXIT_ORPHAN)
        return RY_DEATH_ORPHAN;
    return code == EXIT_CPU ? RY_DEATH_LIMIT : RY_DEATH_EXIT;
}

enum ry_death ry_death_of(int wait_status, enum ry_treatment treatment)
{
    if (WIFEXITED(wait_status))
        return exited(WEXITSTATUS(wait_status), treatment);
    int number = WTERMSIG(wait_status);
    if (number == SIGKILL && treatment == RY_TREATED_KILLED_STUCK)
        return RY_DEATH_STUCK;
    if (number == SIGKILL && treatment == RY_TREATED_KILLED_LATE)
        return RY_DEATH_LATE;
    if (number == SIGKILL && treatment == RY_TREATED_ORPHANED)
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
        [RY_DEATH_LATE] = "late",       [RY_DEATH_ORPHAN] = "orphan",
    };
    return names[death];
}

void ry_death_describe(int wait_status, enum ry_treatment treatment, char text[RY_DEATH_TEXT_BYTES])
{
    enum ry_death death = ry_death_of(wait_status, treatment);
    if (death == RY_DEATH_STUCK)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "stuck: it made no progress and was killed");
    else if (death == RY_DEATH_LATE)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "late: it did not leave in time and was killed");
    else if (death == RY_DEATH_SECCOMP)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "a system call that its sandbox forbids");
    else if (death == RY_DEATH_ORPHAN)
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "its router was gone");
    else if (WIFEXITED(wait_status))
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, death == RY_DEATH_LIMIT ? "CPU time, exit code %d" : "exit code %d",
                       WEXITSTATUS(wait_status));
    else
        (void)snprintf(text, RY_DEATH_TEXT_BYTES, "signal %d (%.60s)", WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
}

/* tally.h: how a process came to its end, and how often each of the ways was taken.
 *
 * Everything here is a pure function of what waitpid told and of what its keeper itself had done. */
#ifndef REELYARD_RUNTIME_PROCESS_TALLY_H
#define REELYARD_RUNTIME_PROCESS_TALLY_H

#include <stdint.h>

#define RY_DEATH_TEXT_BYTES 96

enum ry_death {
    RY_DEATH_LEFT,    /* exit code 0, as it was told */
    RY_DEATH_EXIT,    /* an exit code that tells of an error, or 0 though nobody had told it to end */
    RY_DEATH_SIGNAL,  /* somebody's signal, or a crash */
    RY_DEATH_SECCOMP, /* SIGSYS: a system call that its sandbox denies */
    RY_DEATH_LIMIT,   /* SIGXCPU or SIGXFSZ, or the sandbox's end of CPU time: a resource limit */
    RY_DEATH_STUCK,   /* its keeper killed it, for it made no progress */
    RY_DEATH_LATE,    /* its keeper killed it, for it did not leave in time */
    RY_DEATH_ORPHAN,  /* it lost its router */
    RY_DEATH_AWAY,    /* what it needs to open was away */
    RY_DEATH_COUNT
};

/* What its keeper had done to it. */
enum ry_kill_reason { RY_KILL_NONE, RY_KILL_TOLD_TO_LEAVE, RY_KILL_STUCK, RY_KILL_LATE, RY_KILL_ORPHANED };

/* The way that a status of waitpid tells of. */
enum ry_death ry_death_of(int wait_status, enum ry_kill_reason kill_reason);

/* The way's name in status and metrics, "signal". Static. */
const char *ry_death_name(enum ry_death death);

/* A few words for people: "signal 9 (Killed)", "exit code 1". */
void ry_death_describe(int wait_status, enum ry_kill_reason kill_reason, char text[RY_DEATH_TEXT_BYTES]);

#endif

/* watch.h: one child process on its leash: started, heard, killed, its end described.
 *
 * What every parent of processes needs, whatever it makes of it: the supervisor's children and those of a sandbox pool
 * are this and a policy. Owns the process's id and our end of its leash. Time is handed in. If this process dies, its
 * children do (spawn.h). One thread. */
#ifndef REELYARD_RUNTIME_PROCESS_WATCH_H
#define REELYARD_RUNTIME_PROCESS_WATCH_H

#include <sys/types.h>

#include "runtime/process/leash.h"
#include "runtime/process/restart.h"
#include "runtime/process/spawn.h"

#define RY_FAILURE_TEXT_BYTES 256

struct ry_watch {
    char name[RY_CHILD_NAME_BYTES];
    pid_t pid;    /* 0: there is none */
    int leash_fd; /* -1: none */
    enum ry_kill_reason kill_reason;
    int64_t started_mono_ms;
    int64_t beat_mono_ms; /* last sign of progress */
    bool ready;           /* it has been, in this life */
    struct ry_restart restart;
    uint64_t restarts;
    char away[RY_DEATH_TEXT_BYTES]; /* what it said of what it needs and cannot reach; "" */
    bool refused;                   /* its last end: it rejects its configuration, and was not ready before */
    char last_death[RY_DEATH_TEXT_BYTES];
};

/* name: cut to what a ticket can hold. */
void ry_watch_init(struct ry_watch *watch, const char *name);
/* Lets go of the leash; the process, if there is one, ends by that. */
void ry_watch_close(struct ry_watch *watch);

/* Starts the process, which must not run. */
int ry_watch_start(struct ry_watch *watch, const struct ry_spawn *spawn, int64_t now_mono_ms, struct ry_error *err);

/* Kills it, if there is one. Its end follows. */
void ry_watch_kill(struct ry_watch *watch, enum ry_kill_reason reason);

/* Takes its next message, which is a sign of progress. At the end of the leash, the end of the process follows. */
enum ry_leash_got ry_watch_hear(struct ry_watch *watch, struct ry_leash_msg *msg, int64_t now_mono_ms);

/* Whether it has made no progress for so long. */
bool ry_watch_is_stuck(const struct ry_watch *watch, int64_t now_mono_ms, int64_t limit_ms);

/* waitpid has told of its end: logs it, describes it in last_death, and counts it among deaths[RY_DEATH_COUNT]. */
enum ry_death ry_watch_ended(struct ry_watch *watch, int wait_status, uint64_t *deaths);

/* After its end, whichever it was: when to start it again. At once if it was told to leave, or its keeper knows that the
 * router is gone (which is waited for itself). After a wait if it died; that counts, unless it lost its router or what it
 * needs was away. False: it is given up (restart.h), which is logged. */
bool ry_watch_again(struct ry_watch *watch, enum ry_death death, const struct ry_restart_rule *rule, struct ry_rng *rng,
                    int64_t now_mono_ms, int64_t *start_due_mono_ms);

/* Why it was given up, for people: "encoder-1 died too often (the last time: signal 9 (Killed))". */
void ry_watch_describe_failure(const struct ry_watch *watch, char text[RY_FAILURE_TEXT_BYTES]);

/* Adds it to a report, if that has room. */
void ry_watch_note(const struct ry_watch *watch, const char *role, const char *state,
                   struct ry_children_report *report);

#endif

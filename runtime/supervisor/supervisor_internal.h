/* supervisor_internal.h: what the supervisor is made of; only for its own files.
 *
 *   supervisor.c  the loop: signals, leashes, deaths, the end
 *   change.c      what shall run changes: scale, reload, quiet
 *   child.c       one child: when it starts, what its messages and its end mean
 *   plan.c        what shall run
 *   control.c     the socket for `reelyard scale`
 *   report.c      what it tells: the router, systemd, the log */
#ifndef REELYARD_RUNTIME_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define REELYARD_RUNTIME_SUPERVISOR_SUPERVISOR_INTERNAL_H

#include <sys/queue.h>
#include <sys/types.h>

#include "proto/role.h"
#include "runtime/base/clock.h"
#include "runtime/process/watch.h"
#include "runtime/supervisor/notify.h"
#include "runtime/supervisor/supervisor.h"

#define UP_CLIENTS_MAX    8
#define UP_SETTINGS_BYTES 160

enum child_state { CHILD_WAITING, CHILD_STARTING, CHILD_RUNNING, CHILD_LEAVING, CHILD_PAUSED, CHILD_FAILED };

struct child {
    uint32_t role; /* RY_ROLE_ROUTER for the router */
    const char *role_name;
    unsigned number;
    bool essential;
    bool source;
    size_t memory_max_bytes;

    enum child_state state;
    struct ry_watch watch; /* its process, name and deaths */
    char token[RY_TICKET_BYTES];
    int64_t start_due_mono_ms; /* WAITING */
    int64_t leave_by_mono_ms;  /* LEAVING */

    bool ready_once; /* it has been ready since the supervisor began */
    bool held_up;    /* what it needs to open is away: those behind it in the plan do not wait for it */
    bool outdated;   /* runs with an older plan */
    bool unwanted;   /* goes for good */
    TAILQ_ENTRY(child) link;
};
TAILQ_HEAD(child_list, child);

enum up_phase { UP_RUNNING, UP_DRAINING, UP_KILLING };

struct client {
    int fd; /* -1: free */
    int64_t until_mono_ms;
};

struct up {
    const struct ry_up_options *options;
    struct ry_up_plan *plan;
    struct ry_up_plan *former;        /* while a reload is under way: what to go back to; NULL: none is */
    char settings[UP_SETTINGS_BYTES]; /* the copy of the plan's settings file */
    char former_settings[UP_SETTINGS_BYTES];
    unsigned settings_copies;
    struct child_list children; /* the router first, then in the order in which they start */
    struct child *router;
    struct child *rolling; /* the one that is being replaced */
    struct ry_restart_rule rule;
    struct ry_rng rng;
    int64_t now_mono_ms; /* of this turn */

    enum up_phase phase;
    int64_t end_by_mono_ms;
    bool quiet;
    bool told_ready;
    bool drained;            /* the router said so by its exit code */
    bool roll_back;          /* a process did not start with the new plan */
    struct ry_error failure; /* why the node cannot go on */

    int signal_fd;
    int control_fd;
    struct client clients[UP_CLIENTS_MAX];
    struct ry_notify notify;
    uint64_t deaths[RY_DEATH_COUNT];
    bool changed; /* since the last report */
    struct ry_children_report report;
    char status[256];
};

static inline int64_t up_seconds_ms(const struct up *up, enum ry_option option)
{
    return ry_config_int(up->plan->config, option) * 1000;
}

/* child.c */
struct child *child_new(struct up *up, const struct ry_up_role *role, unsigned number);
void child_remove(struct up *up, struct child *child);
/* What time brings: starts it when due, kills it when it is stuck or late. */
void child_tick(struct up *up, struct child *child);
/* Takes what it says. */
void child_hear(struct up *up, struct child *child);
void child_died(struct up *up, struct child *child, int wait_status);
/* Asks a running child to finish within ms. */
void child_leave(struct up *up, struct child *child, int64_t ms);
void child_kill(struct up *up, struct child *child, enum ry_kill_reason kill_reason);
const char *child_state_name(enum child_state state);

/* change.c */
/* Adds and dismisses children until they are as the plan says. */
int change_apply(struct up *up, struct ry_error *err);
/* Keeps a copy of the plan's settings file for the children. */
int change_keep_settings(struct up *up, const struct ry_up_plan *plan, struct ry_error *err);
void change_forget_settings(const struct up *up);
int change_scale(struct up *up, const char *list, struct ry_error *answer);
void change_reload(struct up *up);
/* A process did not start with the new plan: back to the former one. */
void change_roll_back(struct up *up);
void change_quiet(struct up *up, bool quiet);
/* One step towards what shall be, for all children. */
void change_tick(struct up *up);

/* control.c */
int control_open(struct up *up, struct ry_error *err);
void control_close(struct up *up);
void control_accept(struct up *up);
void control_take(struct up *up, struct client *client);

/* report.c */
void report_tick(struct up *up);

#endif

/* router.h: the router of a node, as a machine without sockets.
 *
 * It keeps one mailbox per role, gives mail to instances by credit, keeps it in custody until it is done, and tells
 * senders what will not be delivered. Whoever drives it (runtime/bus/router_thread.c, the simulator, a test) feeds it
 * what instances say and carries what it emits. docs/ARCHITECTURE.md, "The router", tells the rules and why no
 * back-pressure can deadlock.
 *
 * One thread. Time comes from the clock given. */
#ifndef REELYARD_RUNTIME_BUS_ROUTER_H
#define REELYARD_RUNTIME_BUS_ROUTER_H

#include <sys/types.h>

#include "proto/envelope.h"
#include "proto/message.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/stats/stats.h"
#include "runtime/process/leash.h"

struct ry_router;

/* Where an instance is, as its connection tells. */
enum ry_locality {
    RY_LOCALITY_THREAD,  /* in this process */
    RY_LOCALITY_PROCESS, /* on this host */
    RY_LOCALITY_HOST     /* on another one */
};

struct ry_router_options {
    const char *node;             /* node name */
    const char *owner;            /* "node/incarnation", which welcome makes each instance's owner of; NULL: the name */
    const struct ry_clock *clock; /* borrowed */
    size_t mailbox_max;           /* mails per mailbox, >= 1 */
    size_t mailbox_max_bytes;     /* bytes per mailbox */
    unsigned attempts_max;
    const char *heap_folder; /* where heap profiles of this process go; borrowed */
    /* The version of each role's work in this program (ry_actor_spec.version); "": it is not known. */
    char versions[RY_ROLE_COUNT][RY_VERSION_BYTES];
    /* Carries an envelope to the instance of a session. It may batch; it takes its own references. Never fails: what
     * cannot be sent is lost with the instance, whose end (ry_router_gone) then gives its mail to others. */
    void (*emit)(void *arg, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                 size_t frame_count);
    void *emit_arg;
    /* An instance has been put out for its faults (faults.c): ends its process or bars its key. It is told why before,
     * and gone after this. May be NULL. */
    void (*put_out)(void *emit_arg, uint32_t session);
    /* The router checks its sums whenever so many turns are over (books.c); 0: now and then. Tests say 1. */
    unsigned turns_between_checks;
    int64_t hold_ms_max; /* an instance of a confined role that holds a mail for longer is put out; 0: never */
};

int ry_router_new(struct ry_router **router, const struct ry_router_options *options, struct ry_error *err);
void ry_router_free(struct ry_router **router);

/* An instance asks to join; emits welcome to the new session, or returns an error (name in use, unknown role, version)
 * and the caller tells the peer. allowed: role bits that this connection may take. */
int ry_router_join(struct ry_router *router, const struct ry_hello *hello, uint32_t allowed, enum ry_locality locality,
                   uint32_t *session, struct ry_error *err);

/* An instance said something: an envelope with frames (references are taken when kept). What it may not say is refused
 * and counted (RY_EINVAL); a confined instance with too many faults is put out. */
int ry_router_take(struct ry_router *router, uint32_t session, struct ry_str envelope, struct ry_frame *const *frames,
                   size_t frame_count, struct ry_error *err);

/* Bytes came that were not even an envelope: counted with what is refused. */
void ry_router_reject(struct ry_router *router);

/* An instance ended: gracefully (attempts stay) or not (attempt + 1). Its mail goes to others. */
void ry_router_gone(struct ry_router *router, uint32_t session, bool graceful);

/* What an instance sent made no sense (ry_router_reject counts it): a fault of its. */
void ry_router_fault(struct ry_router *router, uint32_t session);

/* Puts out an instance of a confined role, for a reason that its driver has seen. */
void ry_router_put_out(struct ry_router *router, uint32_t session, const char *reason);

/* Gives out what may be given out, and expires what is past its deadline. Call after every series of the calls above.
 * Returns the monotonic time of the next deadline, INT64_MAX: none. */
int64_t ry_router_turn(struct ry_router *router);

/* Asks every instance of a role to stop (drain). */
void ry_router_stop_role(struct ry_router *router, enum ry_role role);

/* Whether a session is attached still (bye ends it inside ry_router_take). */
bool ry_router_knows(const struct ry_router *router, uint32_t session);

/* Mails waiting and in custody, of one role, and of all (dead letters that wait for the ingester included). */
size_t ry_router_role_load(const struct ry_router *router, enum ry_role role);
size_t ry_router_load(const struct ry_router *router);
/* Instances of a role that are attached. */
size_t ry_router_instances(const struct ry_router *router, enum ry_role role);
/* The session of the instance with this name; 0: there is none. */
uint32_t ry_router_named(const struct ry_router *router, const char *name);
/* Whether an instance (no console) of this process is attached. */
bool ry_router_has_process(const struct ry_router *router, pid_t pid);

/* What the supervisor knows of its children, for the node's state; copied. */
int ry_router_children(struct ry_router *router, const struct ry_children_report *report);

#endif

/* node.h: a node: one router and the instances that live in this process as threads.
 *
 * The same instances can live in other processes and attach over ipc: (ry_node_attach); nothing in an actor knows.
 * With REELYARD_JOIN_BIND set it listens for encoders of other hosts too (curve_listener.h). */
#ifndef REELYARD_RUNTIME_BUS_NODE_H
#define REELYARD_RUNTIME_BUS_NODE_H

#include <signal.h>

#include "runtime/actor/actor.h"
#include "runtime/bus/admission.h"
#include "runtime/bus/keys.h"

struct ry_node;

struct ry_node_role {
    const struct ry_actor_spec *spec;
    unsigned instances; /* threads of it; 0: none here, others may attach, whose version the node then knows */
};

struct ry_node_options {
    const struct ry_config *config; /* copied */
    const struct ry_node_role *roles;
    size_t role_count;
    const char *ipc_path; /* socket to listen on, in a 0700 directory that exists; NULL: inproc only */
    bool guarded;         /* other processes join as instances with a ticket only (admission.h) */
};

/* Starts the router and the instances; returns when every instance is ready, or with the first error after ending what
 * had started. */
int ry_node_start(struct ry_node **node, const struct ry_node_options *options, struct ry_error *err);

/* Drains from the source down within drain_ms, then ends everything. RY_OK if all was finished, RY_ETIMEOUT if some
 * mail was left (its leases will bring it back). Frees the node. */
int ry_node_stop(struct ry_node **node, int64_t drain_ms, struct ry_error *err);

/* For who supervises processes of this node: lets one join; says that one has ended; tells of all (as router.h). */
void ry_node_admit(struct ry_node *node, const struct ry_ticket *ticket);
void ry_node_revoke(struct ry_node *node, const char *name);
void ry_node_children(struct ry_node *node, const struct ry_children_report *report);
/* Asks the router's thread for a sign of life and waits for it. */
void ry_node_touch(struct ry_node *node);

/* A descriptor that becomes readable when an instance of this node ended by itself with an error; *why then tells. */
int ry_node_failed_fd(struct ry_node *node);
void ry_node_failure(struct ry_node *node, struct ry_error *why);

/* The same for something else that the node cannot do without; name: what it is. Any thread. */
void ry_node_fail(struct ry_node *node, const char *name, const struct ry_error *why);

/* A sandbox around a process that has one instance: what the bus must know of it. */
struct ry_seal {
    uint32_t pid; /* of the process, as the node sees it */
    /* Shuts the door: called when the instance is open and connected, before the first mail. */
    int (*shut)(void *arg, struct ry_error *err);
    /* A mail is about to be worked on. */
    void (*turn)(void *arg);
    /* Becomes readable when a mail has used up its CPU time, and the working thread stands still (ry_sandbox_alarm).
     * -1: there is no such limit. */
    int alarm_fd;
    const char *reason; /* what is then said of the mail */
    /* Ends the process when it has been said. Does not return. */
    void (*end)(void *arg);
    void *arg;
};

/* A process that a supervisor started: its leash (leash.h) and the ticket that came over it. */
struct ry_supervised {
    int leash_fd;
    const char *ticket;
};

/* How far an attached instance came; on error, whose failure that was. */
enum ry_attach_stage {
    RY_ATTACH_JOINING, /* the router had not welcomed it: it did not answer (RY_EAWAY), or refused */
    RY_ATTACH_OPENING, /* the actor could not open; of class RETRY when what it needs was away */
    RY_ATTACH_OPEN,    /* it was open; the error is its own */
    RY_ATTACH_ORPHANED /* the router or the keeper was lost */
};

/* An instance in this very process, attached to a router. */
struct ry_attachment {
    const struct ry_actor_spec *spec;
    const char *name;
    const struct ry_config *config;
    const char *ipc_path;                   /* the router's socket, or one from which the bytes are carried to it */
    int stop_fd;                            /* readable: drain within the configured time; -1: none */
    const struct ry_seal *seal;             /* of a sandbox; NULL: there is none */
    const struct ry_supervised *supervised; /* NULL: it is not */
    const struct ry_curve *curve;           /* keys of a router on another host; NULL: it is on this one */
    void (*ready)(void *arg);               /* called when it is open and has joined; may be NULL */
    void *ready_arg;
    enum ry_attach_stage *stage; /* how far it came; may be NULL */
};

/* Runs it until the router says stop, the router or the keeper is gone (RY_EAWAY), or stop_fd becomes readable. With
 * seal or curve, a lost connection is the end (RY_EAWAY). RY_ECONFIG: the node does not know our key. The actor's own
 * error may have any of these codes too: the stage tells. */
int ry_node_attach(const struct ry_attachment *attachment, struct ry_error *err);

/* ---- console: asks one question at a time --------------------------------------------------------------------------
 */

struct ry_console;

/* A console on a node of this process (node given) or of another (ipc_path given). */
int ry_console_open(struct ry_console **console, struct ry_node *node, const char *ipc_path,
                    const struct ry_config *config, struct ry_error *err);
void ry_console_close(struct ry_console **console);

/* Sends a message and waits for its answer, at most timeout_ms. *answer is valid until the next call. RY_ETIMEOUT;
 * RY_EBUSY: nobody could take it now (no instance of the role, no room), err says why; RY_EIO: it became a dead letter;
 * RY_EAWAY: the node ended. From the thread that opened it. */
int ry_console_ask(struct ry_console *console, enum ry_tag tag, const void *message, int64_t timeout_ms,
                   const struct ry_mail **answer, struct ry_error *err);

#endif

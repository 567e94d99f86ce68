/* router_thread.h: the router's thread: sockets around runtime/bus/router.h.
 *
 * Commands come over a socket pair from other threads, one at a time, and are answered. */
#ifndef REELYARD_RUNTIME_BUS_ROUTER_THREAD_H
#define REELYARD_RUNTIME_BUS_ROUTER_THREAD_H

#include "proto/role.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/bus/admission.h"
#include "runtime/bus/keys.h"

struct ry_router_thread;

struct ry_router_thread_options {
    const char *node;  /* node name */
    const char *owner; /* as in router.h */
    const struct ry_clock *clock;
    size_t mailbox_max;
    size_t mailbox_max_bytes;
    unsigned attempts_max;
    const char *heap_folder;                  /* as in router.h */
    const char (*versions)[RY_VERSION_BYTES]; /* as in router.h; NULL: none is known */
    const char *endpoint;                     /* inproc */
    const char *ipc_path;                     /* NULL: none */
    bool guarded;                             /* a process may join as an instance with a ticket only */
    int64_t hold_ms_max;                      /* as in router.h */
    const struct ry_router_thread_tcp *tcp;   /* NULL: other hosts may not join */
};

/* Where encoders of other hosts join (curve_listener.h). */
struct ry_router_thread_tcp {
    const char *bind;
    const char *allow_path;
    struct ry_keypair own;
};

/* Binds the sockets and starts the thread. */
int ry_router_thread_start(struct ry_router_thread **thread, const struct ry_router_thread_options *options,
                           struct ry_error *err);

/* Tells what is left to end (unwelcome), ends the thread and frees. */
void ry_router_thread_stop(struct ry_router_thread **thread);

/* What the router has of a role. */
struct ry_router_thread_load {
    uint32_t instances;
    uint32_t role_load;  /* mails that wait for it or are held by it */
    uint32_t total_load; /* of all roles */
};
struct ry_router_thread_load ry_router_thread_load(struct ry_router_thread *thread, enum ry_role role);

/* Asks all instances of a role to drain. */
void ry_router_thread_drain(struct ry_router_thread *thread, enum ry_role role);

/* Lets a process join once; one of that name that is here still has ended and is put out. */
void ry_router_thread_admit(struct ry_router_thread *thread, const struct ry_ticket *ticket);
/* The process of that name has ended, or shall not come. */
void ry_router_thread_revoke(struct ry_router_thread *thread, const char *name);
/* As ry_router_children. */
void ry_router_thread_children(struct ry_router_thread *thread, const struct ry_children_report *report);

/* Tells every instance that is left to end at once. */
void ry_router_thread_dismiss(struct ry_router_thread *thread);

#endif

/* instance_loop.h: the loop of one instance: a DEALER, a loop, and runtime/actor/instance.h between them.
 *
 * Also what it is made of, for those that speak to the router without being an actor (console.c). */
#ifndef REELYARD_RUNTIME_BUS_INSTANCE_LOOP_H
#define REELYARD_RUNTIME_BUS_INSTANCE_LOOP_H

#include "runtime/actor/actor.h"
#include "runtime/bus/bag_reader.h"
#include "runtime/bus/node.h"
#include "runtime/bus/socket.h"

/* A connection to a router, from the side of an instance. One thread. */
struct ry_link {
    zsock_t *dealer;
    struct ry_bag_reader *reader;
    struct ry_bag bag; /* what is to be sent next */
    uint32_t session;
    char owner[201];  /* of this instance's leases, as welcome told it */
    uint32_t last_id; /* lower half of the ids of control messages, counted down so that an actor's never meet them */
    int router_pidfd; /* of a router in another process, -1 when it is unknown or this one */
    zsock_t *losses;  /* readable when the connection is lost; NULL: it is made anew */
    struct ry_buf body;
    struct ry_buf bytes;
};

/* Who connects to what, and how. */
struct ry_link_options {
    const char *endpoint;
    enum ry_role role;
    const char *name;
    int64_t timeout_ms;           /* for the welcome */
    uint32_t pid;                 /* of this process, as the router sees it; 0: getpid() */
    bool once;                    /* the connection is not made anew when it is lost; link.losses then tells */
    const char *ticket;           /* to join with (leash.h); NULL: none */
    const struct ry_curve *curve; /* keys, of a router on another host; implies once. NULL: none */
    bool sandboxed;               /* the process shuts itself in before the first mail */
};

/* Connects, says hello with a capacity of 0, and waits for the welcome. RY_EAWAY (nobody answers), RY_EACCES with the
 * router's reason (refused), RY_ECONFIG (it does not know our key). On error the link is closed. Blocks. */
int ry_link_open_with(struct ry_link *link, const struct ry_link_options *options, struct ry_error *err);
/* The same for a process like any other. */
int ry_link_open(struct ry_link *link, const char *endpoint, enum ry_role role, const char *name, int64_t timeout_ms,
                 struct ry_error *err);
/* Says bye if it was welcome, and closes. */
void ry_link_close(struct ry_link *link);

/* Puts a control message into the bag; returns its id, 0 when it could not be packed. */
uint64_t ry_link_say(struct ry_link *link, enum ry_tag tag, const void *message);
/* The same for an answer to a control message, to whoever's message has the id correlation. */
uint64_t ry_link_answer(struct ry_link *link, enum ry_tag tag, const void *message, uint64_t correlation);

/* What an instance is run with. */
struct ry_run {
    const struct ry_actor_spec *spec;
    const char *name;
    const struct ry_config *config;
    const char *endpoint;
    int stop_fd;                            /* readable: drain within drain_ms; -1: none */
    int64_t drain_ms;                       /* counted from stop_fd; the router's stop has the router's deadline */
    const struct ry_seal *seal;             /* of a sandboxed process; NULL: none */
    const struct ry_supervised *supervised; /* NULL: nobody supervises this process */
    const struct ry_curve *curve;           /* as in ry_link_options */
    /* Called in the instance's thread when it is open and has told the router its credit. May be NULL. */
    void (*ready)(void *arg);
    void *ready_arg;
    enum ry_attach_stage *stage; /* how far it came (node.h); may be NULL */
};

/* Runs an instance until it finished. RY_OK: it drained, or was dismissed by a router that ends; RY_EAWAY: the router
 * died; else why it could not open, or what it ended with. */
int ry_instance_run(const struct ry_run *run, struct ry_error *err);

#endif

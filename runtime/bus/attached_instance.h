/* attached_instance.h: the instances that joined a router, and what a role has there; only for the files of the router.
 * No lock: all of it belongs to the router's thread. */
#ifndef REELYARD_RUNTIME_BUS_ATTACHED_INSTANCE_H
#define REELYARD_RUNTIME_BUS_ATTACHED_INSTANCE_H

#include "runtime/bus/mailbox.h"
#include "runtime/bus/router.h"
#include "runtime/stats/stats.h"

#define INSTANCE_SLOT_BITS 12
#define INSTANCE_SLOTS     (1u << INSTANCE_SLOT_BITS)
/* Slot 0 is the router's own. */
#define ROUTER_SESSION INSTANCE_SLOTS

/* Messages that a confined role may say of itself a number of times a minute; see MAIL_SAID_KINDS. */
#define INSTANCE_PACES 6

/* An instance that has joined. */
struct attached_instance {
    uint32_t session;
    enum ry_role role;
    char name[65];
    uint32_t pid;
    enum ry_locality locality;
    bool sandboxed;
    bool stopping; /* was asked to stop: gets no new mail */
    unsigned capacity;
    size_t held;
    struct mail_list custody;             /* oldest first */
    uint32_t covered[RY_ROLE_COUNT];      /* its requests that wait in a place of its own */
    uint32_t covered_seen[RY_ROLE_COUNT]; /* the same, as books.c counts them */
    uint64_t done;
    uint64_t busy_ms;
    uint64_t heap_bytes; /* as it reported */
    char trouble[401];   /* likewise */
    struct ry_stats stats;
    unsigned faults;       /* of a confined role: what it may not have said, mails that it ended without an answer */
    int64_t fault_mono_ms; /* since when they are counted */
    uint64_t heap_asked;   /* the heap_get that was passed on to it and waits for its answer; 0: none */
    int64_t minute_mono_ms;
    struct mail_said paces[INSTANCE_PACES]; /* what it said of itself since then, where that is limited */
    TAILQ_ENTRY(attached_instance) of_role;
};
TAILQ_HEAD(attached_instance_list, attached_instance);

/* How busy a role was of late: its total at the beginning of this window and of the one before. */
#define BUSY_WINDOW_MS 10000
struct busy_mark {
    int64_t at_mono_ms;
    uint64_t busy_ms;
};

struct role_queue {
    struct mailbox mailbox;
    size_t queued_from[RY_ROLE_COUNT]; /* mails that wait, by their sender's role */
    unsigned sender_count;             /* roles that may send here: each has an equal share of the mailbox */
    uint32_t sends_to;                 /* roles whose mailboxes this role's work needs a place in */
    struct attached_instance_list instances;
    size_t instance_count;
    int64_t left_mono_ms; /* when the last instance left, 0: there was none */
    size_t held;
    size_t held_bytes;
    size_t relayed[2]; /* of held, those that the relay has; [1]: the urgent ones */
    uint64_t accepted, refused, redelivered, dead, expired;
    uint64_t done, busy_ms; /* of its instances, those that left included */
    struct busy_mark marks[2];
};

#endif

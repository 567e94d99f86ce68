/* router_internal.h: the state of the router and the verbs that all its steps share; only for the files of the router.
 *
 * Calls run one way, from the top down:
 *   router.c         the wiring: makes and frees a router, takes what instances say
 *   handout.c        who is given mail, and when
 *   control.c        what instances say to the router itself
 *   faults.c         who is put out
 *   membership.c     who is attached
 *   node_state.c, heap_notice.c   what people ask
 *   books.c          whether the sums are right
 *   dead_letters.c   mails that failed for good
 *   relayed.c        mail that comes from other nodes and goes to them
 *   custody.c        mails in the hands of instances
 *   authority.c, version.c, shares.c   by what right it is said, by which version, who has a place
 *   router_say.c, router_state.c       the verbs below
 * Mails are those of mail.h, in the mailboxes of mailbox.h and the index of mail_index.h; instances those of
 * attached_instance.h. */
#ifndef REELYARD_RUNTIME_BUS_ROUTER_INTERNAL_H
#define REELYARD_RUNTIME_BUS_ROUTER_INTERNAL_H

#include "runtime/base/log.h"
#include "runtime/bus/attached_instance.h"
#include "runtime/bus/mail_index.h"
#include "runtime/bus/router.h"

/* ---- the router -------------------------------------------------------------------------------------------------- */

/* One that was put out, for people to see. */
#define ROUTER_OUTCASTS 16
struct outcast {
    enum ry_role role;
    char name[65];
    char reason[200];
    int64_t at_mono_ms;
};

struct ry_router {
    struct ry_router_options options;
    char node[65];
    char owner[129];
    int64_t start_mono_ms;
    int64_t now_mono_ms;
    bool now_fresh; /* the clock was read in this series of calls */

    struct role_queue role_queues[RY_ROLE_COUNT];
    struct attached_instance *slots[INSTANCE_SLOTS];
    uint32_t slot_sessions[INSTANCE_SLOTS]; /* the last session of each slot */
    unsigned next_slot;
    size_t instance_count;
    unsigned last_served; /* the role that was given mail last */
    uint32_t waiting;     /* roles whose mailbox is not empty */

    struct attached_instance *relay; /* who brings mail to other nodes and from them; NULL: nobody */
    uint32_t reach;                  /* roles that other nodes have */
    uint32_t shared;                 /* of these, roles whose mail may go there though they are here too */
    size_t relay_window;             /* most mails of a role that the relay holds, and as many urgent ones */
    char relay_notice[401];          /* what it wants people to know; "": nothing */
    struct settled *settled;         /* what it is to be told, in the order in which it happened */
    size_t settled_count;
    size_t settled_room;

    struct mail_pool pool;
    struct mail_index index;
    struct mail_deadlines deadlines; /* of the mails that wait */
    int64_t next_deadline_wall_ms;   /* no mail's deadline is before this */

    struct mail_list dead; /* mail_dead that waits for an ingester with room */
    size_t dead_count;
    size_t dead_bytes;

    int64_t next_hold_mono_ms; /* no confined instance has held a mail for too long before this */
    struct outcast outcasts[ROUTER_OUTCASTS];
    size_t outcast_count; /* since start; the last ones are kept */

    unsigned turns_to_check; /* turns until the sums are checked (books.c) */
    uint32_t last_id;
    uint64_t rejected, dropped_events, dropped_answers;
    struct ry_stats ended; /* counters of instances that left */
    struct ry_buf body;    /* scratch */
    struct ry_buf packed;
    struct ry_buf stamped; /* the message under way, with its sender's version written in (version.c) */
    struct ry_log_limit refusals;
    struct ry_log_limit stays;                  /* mail that does not leave this node and has nobody here */
    struct ry_children_report *children_report; /* what the supervisor last told; NULL: there is none */
};

/* A mail of the relay whose custody has ended, until the relay is told. */
struct settled {
    uint64_t id;
    uint64_t origin;
};

/* What an instance said, once its head was checked. */
struct router_said {
    struct attached_instance *sender;
    struct ry_envelope head;
    const struct ry_descriptor *descriptor;
    struct mail *within; /* the mail in the sender's custody that allows it; NULL: it needs none */
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
};

/* ---- router_state.c ---------------------------------------------------------------------------------------------- */

int64_t router_now(struct ry_router *router);
/* The instance of a session, or of a name; NULL: it is not attached. */
struct attached_instance *router_instance(const struct ry_router *router, uint32_t session);
struct attached_instance *router_instance_named(const struct ry_router *router, struct ry_str name);
/* Whether people wait for what this role asks. */
static inline bool asks_for_people(enum ry_role sender)
{
    return sender == RY_ROLE_CONSOLE || sender == RY_ROLE_MONITOR;
}
/* Puts a mail into its mailbox. RY_ENOMEM: it is still the caller's, and nothing has changed. */
int router_enqueue(struct ry_router *router, struct mail *mail, bool front);
/* requeue.c: puts a mail that an instance had back at the front of its mailbox. Without memory it is lost: that is
 * logged, and the instance that it concerns is told. */
void router_requeue(struct ry_router *router, struct mail *mail);
#define ROUTER_NO_MEMORY "the router has no memory for it"
/* Takes a mail out of its mailbox, its deadline and its sender's cover with it. It stays in the index. */
void router_dequeue(struct ry_router *router, struct mail *mail);
/* A mail has left the index: the relay will be told if it, or what it followed from, was the relay's. */
void router_note_settled(struct ry_router *router, uint64_t id, uint64_t origin);
/* Takes a mail, in nobody's hands now, out of the index and frees it. */
void router_forget(struct ry_router *router, struct mail *mail);
/* Counts a fault of an instance; faults.c decides what becomes of it. */
void router_note_fault(struct ry_router *router, struct attached_instance *instance);
/* Refuses what an instance (NULL: somebody who has not joined) said: counts it as a fault, logs, RY_EINVAL. */
int router_refuse(struct ry_router *router, struct attached_instance *sender, struct ry_error *err, const char *what);

/* ---- router_say.c ------------------------------------------------------------------------------------------------ */

/* A new id of the router's own session. */
uint64_t router_next_id(struct ry_router *router);
/* Packs a message of the router into router->packed; *frames gets its blobs' references. */
int router_pack(struct ry_router *router, enum ry_tag tag, const void *message, uint64_t correlation,
                struct ry_envelope *head, struct ry_frames *frames, struct ry_error *err);
void router_say(struct ry_router *router, const struct attached_instance *to, enum ry_tag tag, const void *message,
                uint64_t correlation);
/* Who is to be told of the end of a mail: the sender of an ASK, else the instance of the correlation. */
uint32_t router_concerned(const struct ry_envelope *head, const struct ry_descriptor *descriptor);
void router_undeliverable(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                          enum ry_undeliverable_cause cause, const char *reason);
/* The same with the class of the failure; above it is a passing one. */
void router_undeliverable_for(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                              enum ry_undeliverable_cause cause, enum ry_failure_class class, const char *reason);

#endif

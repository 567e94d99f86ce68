/* router_internal.h: what the router is made of (mails and mailboxes stand in mailbox.h, instances in
 * attached_instance.h); only for the files of the router.
 *
 *   router.c   who is there, what they may say, mail on its way
 *   authority.c by what right they say it
 *   version.c  which version they are
 *   faults.c   who is put out
 *   control.c  the end of custody, credit, reports
 *   handout.c  reservations, credit, turns, deadlines
 *   relayed.c  mail that comes from other nodes and goes to them
 *   notice.c   what the router says of its own: welcome, undeliverable, dead letters, its state */
#ifndef REELYARD_RUNTIME_BUS_ROUTER_INTERNAL_H
#define REELYARD_RUNTIME_BUS_ROUTER_INTERNAL_H

#include "runtime/base/log.h"
#include "runtime/bus/attached_instance.h"
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

    uint32_t last_id;
    uint64_t rejected, dropped_events, dropped_answers;
    struct ry_stats ended; /* counters of instances that left */
    struct ry_buf body;    /* scratch */
    struct ry_buf packed;
    struct ry_buf stamped; /* the message under way, with its sender's version written in (version.c) */
    struct ry_log_limit refusals;
    struct ry_log_limit stays; /* mail that does not leave this node and has nobody here */
    struct ry_troupe *troupe;  /* what the supervisor last told; NULL: there is none */
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

/* router.c */
/* Refuses what an instance (NULL: somebody who has not joined) said: counts it as a fault, logs, RY_EINVAL. */
int router_refuse(struct ry_router *router, struct attached_instance *sender, struct ry_error *err, const char *what);
int64_t router_now(struct ry_router *router);
struct attached_instance *router_instance(const struct ry_router *router, uint32_t session);
static inline bool mail_has_custody(const struct mail *mail)
{
    return mail->descriptor->kind == RY_KIND_REQUEST || mail->descriptor->kind == RY_KIND_ASK;
}
/* Puts a mail into its mailbox, or frees it when there is no memory. */
void router_enqueue(struct ry_router *router, struct mail *mail, bool front);
/* Takes a mail out of its mailbox, its deadline and its sender's cover with it. It stays in the index. */
void router_dequeue(struct ry_router *router, struct mail *mail);
void router_forget(struct ry_router *router, struct mail *mail);

/* faults.c */
void router_note_fault(struct ry_router *router, struct attached_instance *instance);
/* Whether it has too many of them. */
bool faults_too_many(const struct attached_instance *instance);
/* Puts out the instance of this session if it is of a confined role and has too many faults. */
void faults_judge(struct ry_router *router, uint32_t session);
/* A mail has been handed out to an instance of a confined role. */
void faults_note_given(struct ry_router *router);
/* Puts out confined instances that have held a mail for too long; the time when to look again. */
int64_t faults_put_out_idle(struct ry_router *router);

/* control.c */
int router_control(struct ry_router *router, const struct router_said *said, struct ry_error *err);

/* handout.c */
/* How many mails an instance of this role may hold that asks for `wished`. */
unsigned custody_credit(enum ry_role role, uint64_t wished);
void shares_plan(struct ry_router *router);
/* Whether one more mail from role `from` may wait for role `to`: its share of the mailbox is neither taken by its mails
 * that wait nor promised to the mails that its instances work on, and the mailbox has bytes left. */
bool shares_have_room(const struct ry_router *router, enum ry_role from, enum ry_role to);
/* The same for an EVENT, for which nothing was promised. */
bool shares_have_room_for_event(const struct ry_router *router, enum ry_role from, enum ry_role to);
/* Ends the custody of a mail: the holder's credit and the reservations come back. */
void custody_end(struct ry_router *router, struct mail *mail);

/* relayed.c */
/* Whether the relay may have mail of this role and priority now. */
bool relayed_takes(struct ry_router *router, enum ry_role role, unsigned priority);
/* The same for whether there will be somebody at all. */
bool relayed_reaches(struct ry_router *router, enum ry_role role);
/* Whether nobody here has this role, and will not soon, but other nodes have it. */
bool relayed_is_elsewhere(struct ry_router *router, enum ry_role role);
/* A mail has left the index: the relay will be told if it, or what it followed from, was the relay's. */
void router_note_settled(struct ry_router *router, uint64_t id, uint64_t origin);
/* Tells the relay what was noted. */
void relayed_tell_settled(struct ry_router *router);
/* relay_reach, and undeliverable of another node's mail. */
int relayed_take_reach(struct ry_router *router, struct attached_instance *from, const struct ry_relay_reach *message,
                       struct ry_error *err);
int relayed_pass_undeliverable(struct ry_router *router, struct attached_instance *from, uint64_t to,
                               const struct ry_undeliverable *message, struct ry_error *err);

/* heap_notice.c */
void heap_notice_get(struct ry_router *router, const struct attached_instance *from, const struct ry_heap_get *message,
                     uint64_t correlation);

/* notice.c */
void router_say(struct ry_router *router, const struct attached_instance *to, enum ry_tag tag, const void *message,
                uint64_t correlation);
void router_undeliverable(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                          enum ry_undeliverable_cause cause, const char *reason);
/* The mail, in nobody's hands now, has failed for good: only whom it concerns is told; frees it. */
void dead_letter_fail(struct ry_router *router, struct mail *mail, const char *reason);
/* Who is to be told of the end of a mail: the sender of an ASK, else the instance of the correlation. */
uint32_t router_concerned(const struct ry_envelope *head, const struct ry_descriptor *descriptor);
/* The mail, in nobody's hands now, is dead: a letter to the ingester, a word to whom it concerns; frees it. */
void dead_letter_bury(struct ry_router *router, struct mail *mail, const char *reason);
/* Moves dead letters into the ingester's mailbox while it has room; the time when to look again. */
int64_t dead_letter_move(struct ry_router *router);
/* A dead letter that the ingester gave back, to be offered again later. */
void dead_letter_keep(struct ry_router *router, struct mail *mail, int64_t delay_ms);
/* How much of the last one to two windows its instances were busy, in thousandths; moves the marks on. */
uint64_t node_state_busy_permille(struct ry_router *router, struct role_queue *role_queue);
void node_state_say(struct ry_router *router, const struct attached_instance *to, uint64_t correlation);
void dead_letter_replay(struct ry_router *router, const struct attached_instance *from,
                        const struct ry_mail_replay *message, uint64_t correlation);

#endif

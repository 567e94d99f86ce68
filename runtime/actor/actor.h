/* actor.h: what an actor is, and all that it can do.
 *
 * An actor is a spec: a role, a credit and a table of handlers. An instance of it lives in one thread; its handlers run
 * one at a time, to completion, and never wait for another actor. What a handler wants to say goes to the context's out
 * queue and is sent by whoever drives the instance: the bus (runtime/bus), the simulator, or a test. Time, chance,
 * configuration and counters come from the context, so that an instance can be driven with no thread, no socket and no
 * clock.
 *
 * Custody: mail of kind REQUEST or ASK stays the router's until it is done. A handler that returns without ry_mail_keep
 * has finished its mail: what it sent leaves first, then the router is told. A conversation over several messages keeps
 * its first mail and ends it later by ry_mail_done or ry_mail_fail. An instance that dies loses nothing but time: its
 * mail is given to another, so every handler must bear the same mail twice.
 *
 * Everything here is called from the instance's own thread, inside a handler, unless it says otherwise. */
#ifndef REELYARD_RUNTIME_ACTOR_ACTOR_H
#define REELYARD_RUNTIME_ACTOR_ACTOR_H

#include "proto/envelope.h"
#include "proto/message.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/base/rng.h"
#include "runtime/config/config.h"
#include "runtime/stats/stats.h"

struct ry_ctx;

/* A mail as a handler sees it. Owned by the runtime; valid until the handler returns, or until done or fail if it was
 * kept. */
struct ry_mail {
    struct ry_envelope envelope;
    const struct ry_descriptor *descriptor;
    const void *body; /* struct ry_<name>; use RY_BODY */
};

/* The body of a mail as its type; the tag is checked (abort on a mismatch, which is a bug of the caller). */
#define RY_BODY(mail, name) ((const struct ry_##name *)ry_mail_body((mail), RY_TAG_##name))
const void *ry_mail_body(const struct ry_mail *mail, enum ry_tag tag);

/* What keeps the world safe from an instance that works on bytes of strangers; docs/BARRIERS.md. It takes effect where
 * the instance has a process of its own. */
struct ry_confinement {
    bool needed;             /* false: the process is one like any other */
    size_t memory_max_bytes; /* address space of the process */
    unsigned mail_cpu_max_s; /* CPU time of one mail; more ends the process, and the mail has failed for good */
    const char *work;        /* what it does with a mail, for a sentence: "decoding" */
};

struct ry_actor_spec {
    enum ry_role role;
    unsigned capacity; /* mails that an instance holds at a time, 1..65536: its credit */
    unsigned threads;  /* instances that `run` starts when not told otherwise */
    struct ry_confinement confinement;

    /* Which version of its role's work this program does: what belongs into VERSION fields of its messages. NULL: it
     * has none. Any thread, also before an instance is open. */
    void (*version)(char version[RY_VERSION_BYTES]);
    /* Makes the instance. On error *self may be half built; close is called with it all the same. */
    int (*open)(void **self, struct ry_ctx *ctx, struct ry_error *err);
    /* A mail came: a REQUEST, ASK or EVENT for the role, an ANSWER to this instance, or undeliverable. */
    void (*receive)(void *self, struct ry_ctx *ctx, struct ry_mail *mail);
    /* A timer set by ry_timer is due. May be NULL. */
    void (*tick)(void *self, struct ry_ctx *ctx, unsigned timer);
    /* The engine's descriptor is readable. May be NULL if engine_fd is. */
    void (*ready)(void *self, struct ry_ctx *ctx);
    /* A descriptor (an epoll descriptor, usually) to be watched along with the bus; -1: none now. May be NULL. Asked
     * before each wait. */
    int (*engine_fd)(void *self);
    /* Asked to finish: take no new work, bring what is begun to an end. Called again after every event until it returns
     * true. NULL: finished when no mail is kept. */
    bool (*drain)(void *self, struct ry_ctx *ctx);
    /* Frees the instance; *self may be NULL. Kept mails are freed by the runtime. */
    void (*close)(void **self);
};

/* ---- saying ------------------------------------------------------------------------------------------------------ */

struct ry_send {
    uint64_t correlation;     /* 0: for a REQUEST or ASK, its own id (it is an origin) */
    uint64_t tenant;          /* guild id as a number; 0: none */
    int64_t deadline_wall_ms; /* 0: none */
    enum ry_priority priority;
    const struct ry_trace *trace; /* NULL: a new trace */
};

/* The options for a message caused by this mail: its correlation, tenant, priority, deadline and trace (with a new
 * span). */
struct ry_send ry_send_from(const struct ry_mail *mail);

/* Sends a message: packed at once, so the struct may go. Returns its id, never 0. A message that its descriptor
 * refuses, or that this role may not send, is a bug of the caller and aborts with the field's name; check what comes
 * from outside before. Use RY_TELL. */
uint64_t ry_tell(struct ry_ctx *ctx, enum ry_tag tag, const void *message, const struct ry_send *send);
#define RY_TELL(ctx, name, message, ...) \
    ry_tell((ctx), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0), __VA_ARGS__)

/* Answers a mail: an ANSWER whose correlation is the mail's id. */
#define RY_ANSWER(ctx, mail, name, message) \
    ry_answer((ctx), (mail), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0), (mail)->envelope.id)
/* Reports an outcome to the origin of the mail: an ANSWER whose correlation is the mail's correlation. */
#define RY_ANSWER_ORIGIN(ctx, mail, name, message) \
    ry_answer((ctx), (mail), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0), (mail)->envelope.correlation)
void ry_answer(struct ry_ctx *ctx, const struct ry_mail *mail, enum ry_tag tag, const void *message,
               uint64_t correlation);

/* Whether a message would pass its descriptor, for what comes from outside: RY_OK, or what ry_pack says. */
int ry_check(enum ry_tag tag, const void *message, struct ry_error *err);

/* ---- custody ----------------------------------------------------------------------------------------------------- */

/* Keeps a mail (of any kind) beyond the handler, its strings and blobs with it. */
void ry_mail_keep(struct ry_ctx *ctx, struct ry_mail *mail);

/* Ends a mail (kept, or inside its handler): frees it, and ends its custody if it has one. */
void ry_mail_done(struct ry_ctx *ctx, struct ry_mail *mail);

/* Ends a mail (kept, or inside its handler) that could not be worked on: retry gives it out again (attempt + 1, up to
 * the router's limit), else it becomes a dead letter with the reason. */
void ry_mail_fail(struct ry_ctx *ctx, struct ry_mail *mail, bool retry, const char *reason);

/* How many mails with custody are kept. */
size_t ry_mail_kept(const struct ry_ctx *ctx);

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/* Calls tick(timer) once in delay_ms (>= 0); sets the timer anew if it was set. Timers 0..31. */
void ry_timer(struct ry_ctx *ctx, unsigned timer, int64_t delay_ms);
void ry_timer_cancel(struct ry_ctx *ctx, unsigned timer);

/* ---- surroundings ------------------------------------------------------------------------------------------------ */

const struct ry_clock *ry_ctx_clock(const struct ry_ctx *ctx);
struct ry_rng *ry_ctx_rng(struct ry_ctx *ctx);
/* A snapshot that does not change while the instance lives. */
const struct ry_config *ry_ctx_config(const struct ry_ctx *ctx);
/* The owner of this instance's leases, "host/ingester-1/5f2c...": this start of it. */
const char *ry_ctx_owner(const struct ry_ctx *ctx);
/* The instance asks to end, with this error, once the handler has returned. */
void ry_ctx_exit(struct ry_ctx *ctx, const struct ry_error *why);
/* True once drain was asked. */
bool ry_ctx_draining(const struct ry_ctx *ctx);

/* Says in one sentence what the instance waits for a person to mend (at most 400 bytes are kept); NULL: nothing any
 * more. It stands in status and makes /ready say no until it is taken back. */
void ry_ctx_trouble(struct ry_ctx *ctx, const char *what);

void ry_count(struct ry_ctx *ctx, enum ry_counter counter, uint64_t by);
void ry_observe(struct ry_ctx *ctx, enum ry_histogram histogram, double value);

#endif

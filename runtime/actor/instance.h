/* instance.h: one instance of an actor, driven by the bus, the simulator or a test.
 *
 * The driver delivers mail and time and takes away what the instance sends. Nothing here opens a socket, starts a
 * thread or reads a clock of its own. All calls from one thread. */
#ifndef REELYARD_RUNTIME_ACTOR_INSTANCE_H
#define REELYARD_RUNTIME_ACTOR_INSTANCE_H

#include "runtime/actor/actor.h"

struct ry_instance;

struct ry_instance_options {
    const struct ry_actor_spec *spec;
    const char *name;               /* "encoder-1" */
    const char *owner;              /* "host/incarnation" */
    const struct ry_config *config; /* borrowed; outlives the instance */
    const struct ry_clock *clock;
    uint64_t seed;
    uint32_t session; /* upper half of the message ids it makes; may be set later by ry_instance_session */
};

/* Calls the spec's open. On error the instance is freed. */
int ry_instance_new(struct ry_instance **instance, const struct ry_instance_options *options, struct ry_error *err);
void ry_instance_free(struct ry_instance **instance);
void ry_instance_session(struct ry_instance *instance, uint32_t session);

/* Delivers one mail: takes its envelope (the body is copied) and the frames (references are taken). A mail whose body
 * does not unpack is failed (dead letter) with the reason, or dropped and logged if it has no custody. */
void ry_instance_deliver(struct ry_instance *instance, const struct ry_envelope *envelope,
                         struct ry_frame *const *frames, size_t frame_count);

/* Counts the time since then as busy. Ticks and ready are counted by themselves; deliveries are not, because reading
 * the clock twice for each costs as much as a small mail: their driver counts them, a bag at a time. */
void ry_instance_was_busy(struct ry_instance *instance, int64_t since_mono_ms);

/* Calls ready. */
void ry_instance_ready(struct ry_instance *instance);
int ry_instance_engine_fd(struct ry_instance *instance);

/* Fires the timers that are due. */
void ry_instance_tick(struct ry_instance *instance);
/* When the next timer is due, on the monotonic clock; INT64_MAX: none. */
int64_t ry_instance_next_mono_ms(const struct ry_instance *instance);

/* Asks it to drain (once). */
void ry_instance_drain(struct ry_instance *instance);
/* True when it drained, or asked to end; then *why says why if it was an error. */
bool ry_instance_finished(struct ry_instance *instance, struct ry_error *why);

/* The instance ends in an error: every kept mail with custody is failed, to be given to another (attempt + 1). */
void ry_instance_give_up(struct ry_instance *instance, const char *reason);

/* What it wants sent, oldest first. Custody ends are ordinary entries in the same order. */
enum ry_out_kind { RY_OUT_MAIL, RY_OUT_DONE, RY_OUT_FAIL };
struct ry_out {
    enum ry_out_kind kind;
    /* RY_OUT_MAIL: a packed envelope, and its frames; its decoded head. */
    struct ry_envelope envelope; /* body points into bytes */
    struct ry_str bytes;
    struct ry_frame **frames;
    size_t frame_count;
    /* RY_OUT_DONE, RY_OUT_FAIL */
    uint64_t id;
    bool retry;
    const char *reason;
};
/* The next entry, or NULL; valid until ry_instance_out_pop. */
const struct ry_out *ry_instance_out(struct ry_instance *instance);
void ry_instance_out_pop(struct ry_instance *instance);

struct ry_stats *ry_instance_stats(struct ry_instance *instance);
uint64_t ry_instance_busy_ms(const struct ry_instance *instance);
/* What it last said by ry_ctx_trouble; "": nothing. */
const char *ry_instance_trouble(const struct ry_instance *instance);
struct ry_ctx *ry_instance_ctx(struct ry_instance *instance);
void *ry_instance_self(struct ry_instance *instance);

#endif

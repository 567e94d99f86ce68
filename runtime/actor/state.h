/* state.h: what an instance is made of; only for the files of runtime/actor.
 *
 *   instance.c  its life: open, events, timers, drain, close
 *   mail.c      what it was given: unpacking, keeping, ending custody
 *   say.c       what it says: packing, ids, the out queue
 *   asked.c     the questions among it that have no answer yet */
#ifndef REELYARD_RUNTIME_ACTOR_STATE_H
#define REELYARD_RUNTIME_ACTOR_STATE_H

#include <sys/queue.h>

#include "proto/codec.h"
#include "runtime/actor/instance.h"

#define RY_TIMERS 32

/* Bytes of a reason, as the messages `fail` and `undeliverable` limit it. */
#define RY_REASON_MAX_BYTES ((size_t)400)

/* Largest body: the rest of an envelope is its head. */
#define RY_BODY_MAX_BYTES (RY_ENVELOPE_MAX_BYTES - 256)

/* A mail in the instance's hands. Its bytes and its unpacked body lie in its own arena, so that both go at once; it is
 * put back on a free list, arena block and all, and most mail needs no allocation. */
struct ry_held {
    struct ry_mail mail; /* first: a handler's ry_mail is this */
    unsigned magic;      /* RY_HELD_LIVE while it may be used */
    bool custody;        /* REQUEST or ASK: the router waits for its end */
    bool kept;
    struct ry_arena arena;
    struct ry_frame **frames; /* in the arena; a reference each */
    size_t frame_count;
    LIST_ENTRY(ry_held) link; /* of the kept, or of the free ones */
};
LIST_HEAD(ry_held_list, ry_held);

#define RY_HELD_LIVE 0x68656c64u
#define RY_HELD_FREE 0x66726565u

/* Frames that an entry of the out queue has room for in itself. */
#define RY_SAID_USUAL_FRAMES 2

/* An entry of the out queue; bytes and frames of out belong to it. */
struct ry_said {
    struct ry_out out;
    struct ry_buf bytes; /* the packed envelope at its end, or the reason of a fail */
    struct ry_frame *usual_frames[RY_SAID_USUAL_FRAMES];
    STAILQ_ENTRY(ry_said) link;
};
STAILQ_HEAD(ry_said_queue, ry_said);

/* Ids of ASKs without an answer; open addressing, at most half full. */
struct ry_asked {
    struct {
        uint64_t id; /* 0: free */
        uint16_t tag;
    } * items;
    size_t slots; /* a power of two, or 0 */
    size_t n;
};

struct ry_ctx {
    const struct ry_actor_spec *spec;
    char name[64];
    char owner[160];
    const struct ry_config *config;
    const struct ry_clock *clock;
    struct ry_rng rng;       /* the actor's chance */
    struct ry_rng trace_rng; /* trace and span ids; apart, so that tracing does not change what an actor does */
    struct ry_stats stats;
    char trouble[RY_REASON_MAX_BYTES + 1];
    uint32_t session;
    uint32_t last_id; /* lower half of the last message id */
    struct ry_asked asked;

    int64_t due_mono_ms[RY_TIMERS];
    uint32_t timers; /* bit: is set */

    struct ry_held_list kept;
    size_t kept_custody; /* of the kept, those with custody */
    struct ry_held *current;
    bool current_ended; /* done or fail was called for the mail whose handler runs */
    struct ry_held_list free_held;
    size_t free_held_count;

    struct ry_said_queue out;
    struct ry_said_queue free_said;
    size_t free_said_count;

    bool draining;
    bool drained;
    bool exiting;
    struct ry_error exit_error;
};

struct ry_instance {
    struct ry_ctx ctx;
    void *self;
    int64_t busy_ms;
};

/* Takes a delivered mail in: copies, unpacks, checks that it is for this role. NULL when there is nothing to handle;
 * then it was failed or dropped. */
struct ry_held *ry_held_take(struct ry_ctx *ctx, const struct ry_envelope *envelope, struct ry_frame *const *frames,
                             size_t frame_count);
/* The handler of `held` has returned: ends what it did not keep. */
void ry_held_settle(struct ry_ctx *ctx, struct ry_held *held);
/* Frees everything that is kept or on the free list. */
void ry_held_free_all(struct ry_ctx *ctx);

/* Says that custody of a mail ended. reason: NULL for done. */
void ry_say_done(struct ry_ctx *ctx, uint64_t id);
void ry_say_fail(struct ry_ctx *ctx, uint64_t id, bool retry, const char *reason);
void ry_say_free_all(struct ry_ctx *ctx);

/* asked.c. False: no memory. */
bool ry_asked_add(struct ry_asked *asked, uint64_t id, uint16_t tag);
/* RY_TAG_NONE: there is no such question, or it has its answer. */
uint16_t ry_asked_tag(const struct ry_asked *asked, uint64_t id);
void ry_asked_end(struct ry_asked *asked, uint64_t id);
void ry_asked_free(struct ry_asked *asked);

/* An instance that cannot go on, for want of memory or by a message that breaks its declaration: logs and aborts. */
_Noreturn void ry_actor_bug(const struct ry_ctx *ctx, const char *what, const char *detail);

#endif

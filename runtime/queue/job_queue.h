/* job_queue.h: a queue with leases.
 *
 * Jobs are pushed by anybody, read under a lease by one worker at a time, renewed while they are worked on, and end by
 * ack (gone), or dead (kept with its reason). A lease that is not renewed ends, and the job is given to the next reader
 * with a larger token. Every lease of a job has a fencing token larger than the ones before; ack, renew, nack and dead
 * with an older token change nothing and return RY_EFENCED. Implementations: job_queue_sqlite.c (embedded),
 * job_queue_redis.c (Redis Streams). Both pass tests/conformance/job_queue_suite.c.
 *
 * A queue is used by one thread; several queues on the same store work side by side. Calls may block for the store's
 * own time limit (seconds). */
#ifndef REELYARD_RUNTIME_QUEUE_JOB_QUEUE_H
#define REELYARD_RUNTIME_QUEUE_JOB_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/queue/dead_letter.h"
#include "runtime/queue/job.h"

/* A leased job; strings live in the arena given to read. */
struct ry_lease {
    struct ry_str job_id;
    struct ry_str type;
    struct ry_str guild_id;
    struct ry_str channel_id;
    struct ry_str json; /* absent when the store has lost it */
    enum ry_priority priority;
    uint64_t token;    /* fencing; larger than that of every earlier lease of this job */
    unsigned attempts; /* leases that it has had, this one included */
    int64_t pushed_wall_ms;
    /* job_id, type, guild_id, channel_id and priority are what a producer wrote beside the job, right or wrong or
     * empty: only json counts. */
    bool hints;
};

struct ry_depth {
    uint64_t ready;
    uint64_t leased;
    uint64_t dead;
    int64_t oldest_ms;  /* age of the oldest ready job; 0: none */
    uint64_t streams;   /* how many streams are read, where there are several; else 0 */
    uint64_t malformed; /* records of the queue that were none, and were put aside, since the queue was made */
};

struct ry_job_queue_channel {
    struct ry_str guild_id;
    struct ry_str channel_id;
};

struct ry_job_queue;

struct ry_job_queue_ops {
    const char *name; /* "sqlite" */
    /* Pushes jobs in one transaction, durable on return; if cursor_key is there, also stores cursor under it (absent
     * cursor: removes it), so that a producer can go on after a crash where it was. *accepted: how many were new. One
     * job that ry_job_check refuses, and none is pushed. */
    int (*push)(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor_key,
                struct ry_str cursor, size_t *accepted, struct ry_error *err);
    /* The cursor stored under a key, into the arena; absent if none. */
    int (*cursor_get)(struct ry_job_queue *queue, struct ry_str key, struct ry_arena *arena, struct ry_str *cursor,
                      struct ry_error *err);
    /* Leases up to max jobs of priority `least` or more urgent for lease_ms to `consumer`: by priority, fair between
     * guilds within a priority, then oldest first. Never blocks for work. Stops early when the arena is full; RY_ELIMIT
     * when not even the first job fits, so give it more than RY_JOB_MAX_BYTES. */
    int (*read)(struct ry_job_queue *queue, struct ry_str consumer, size_t max, enum ry_priority least,
                int64_t lease_ms, struct ry_arena *arena, struct ry_lease *leases, size_t *n, struct ry_error *err);
    /* The four calls that a lease's holder makes say RY_EFENCED when the lease is lost, RY_ENOENT when the job is gone
     * altogether. A lease that has run out is its holder's still until a reader took notice. */
    /* Prolongs a lease to lease_ms from now. */
    int (*renew)(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t lease_ms,
                 struct ry_error *err);
    /* The job is finished: it is gone, and in the same step n further jobs are pushed (n may be 0; those whose id
     * waits, is leased or ended within RY_JOB_REMEMBERED_MS are left out, so that a job that ends twice goes on once).
     */
    int (*ack)(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, const struct ry_job_push *next,
               size_t n, struct ry_error *err);
    /* Gives a lease back: the job is ready again in delay_ms (>= 0). counted: whether this lease stays in `attempts`;
     * false for a job that was not worked on, or whose worker leaves for reasons of its own. */
    int (*nack)(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t delay_ms, bool counted,
                struct ry_error *err);
    /* Jobs that were given back uncounted and with a delay, held back through no fault of their own, are ready now. */
    int (*hurry)(struct ry_job_queue *queue, struct ry_error *err);
    /* Moves a leased job to the dead letters. */
    int (*bury)(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, struct ry_str reason,
                struct ry_error *err);
    /* Ends all leases of consumers whose name begins with prefix (a node that has just started and knows that its
     * previous incarnation is gone), but not those of the consumer `except` (absent: of none). */
    int (*release)(struct ry_job_queue *queue, struct ry_str consumer_prefix, struct ry_str except, size_t *released,
                   struct ry_error *err);
    int (*depth)(struct ry_job_queue *queue, struct ry_depth *depth, struct ry_error *err);
    /* For each of n channels, whether a job of one of these types (ended by NULL) waits or is leased for it. */
    int (*find)(struct ry_job_queue *queue, const struct ry_job_queue_channel *channels, size_t n,
                const char *const *types, bool *found, struct ry_error *err);
    /* A descriptor (epoll) to watch for reading: when it is readable, call `ready`. -1 (or NULL): there is none, look
     * by `read` now and then. */
    int (*fd)(struct ry_job_queue *queue);
    /* Takes what has arrived; true: `read` may find something. Does not wait for work. */
    bool (*ready)(struct ry_job_queue *queue);

    /* Dead letters: add (a mail, or a job that never was in the queue; the very same letter twice is one), list by
     * rising id above after_id, get one with its body (RY_ENOENT for an unknown id). */
    int (*dead_add)(struct ry_job_queue *queue, const struct ry_dead *dead, struct ry_error *err);
    int (*dead_list)(struct ry_job_queue *queue, int64_t after_id, size_t max, struct ry_arena *arena,
                     struct ry_dead *letters, size_t *n, struct ry_error *err);
    int (*dead_get)(struct ry_job_queue *queue, int64_t id, struct ry_arena *arena, struct ry_dead *letter,
                    struct ry_error *err);
    /* Takes n dead letters away; replay: puts each one's job back into the queue in the same step. outcomes[i] is of
     * ids[i]: its code RY_OK, RY_ENOENT for an unknown id, RY_EUNSUPPORTED for a mail that is to be replayed, RY_EDATA
     * when a job with its id is in the queue. On an error of the store some may have been done, and outcomes is not to
     * be read. Many at a time cost little more than one. */
    int (*dead_take)(struct ry_job_queue *queue, const int64_t *ids, size_t n, bool replay, struct ry_error *outcomes,
                     struct ry_error *err);

    void (*close)(struct ry_job_queue *queue);
};

struct ry_job_queue {
    const struct ry_job_queue_ops *ops;
};

/* Opens the embedded queue in the SQLite file at path (made if it is missing; its tables are `reelyard_queue_*`).
 * RY_EIO, RY_EBUSY, RY_ECORRUPT with the path and what to do. */
int ry_job_queue_sqlite_open(const char *path, const struct ry_clock *clock, struct ry_job_queue **queue,
                             struct ry_error *err);

struct ry_config;

struct ry_job_queue_redis_options {
    const char *url;                /* redis://[user:password@]host[:port][/number] */
    const struct ry_clock *clock;   /* borrowed */
    const struct ry_config *config; /* borrowed: timeouts, backoff, discovery */
};

/* Opens the queue on Redis Streams as DiscordClipSaver's bot and interface fill it (docs/REDIS.md). RY_ECONFIG for a
 * bad URL or one that needs TLS where hiredis has none; RY_EAWAY when Redis cannot be reached: the queue is open all
 * the same, and its calls fail until it can. */
int ry_job_queue_redis_open(const struct ry_job_queue_redis_options *options, struct ry_job_queue **queue,
                            struct ry_error *err);

/* Closes a queue and sets it to NULL; NULL is allowed. */
void ry_job_queue_close(struct ry_job_queue **queue);

#endif

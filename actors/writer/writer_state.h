/* writer_state.h: the state of a writer instance, for the files that it is made of.
 *
 * Calls between them run one way: writer.c (the wiring), transaction.c, questions.c and upkeep.c (the steps),
 * verdict_review.c, then writer_state.c (what all of them use). */
#ifndef REELYARD_ACTORS_WRITER_WRITER_STATE_H
#define REELYARD_ACTORS_WRITER_WRITER_STATE_H

#include "actors/writer/write_op.h"
#include "runtime/base/log.h"

enum writer_timer {
    WRITER_TIMER_TRANSACTION,
    WRITER_TIMER_PRUNE,
    WRITER_TIMER_PING,
    WRITER_TIMER_STALLED,
    WRITER_TIMER_REVIEW,
    WRITER_TIMER_SEARCH
};

/* Mails held at a time. While the database is away the outcomes of all clips in flight stay here (clip_window of them),
 * and questions must still get in. */
#define WRITER_CAPACITY 256

#define WRITER_TROUBLE_LOG_MS   30000 /* trouble is logged twice in this time */
#define WRITER_PINGS_FAILED_MAX 3     /* in a row, then the database is unhealthy */

#define WRITER_VERSIONS_MAX  16
#define WRITER_VERSION_BYTES 101 /* with its NUL */

struct writer {
    uint32_t magic;
    struct writer_engine *engine;
    struct write_op in_flight[WRITER_CAPACITY]; /* gathered, in order of arrival */
    size_t in_flight_n;
    size_t rows;                              /* of those in flight */
    struct write_op stalled[WRITER_CAPACITY]; /* put aside: the schema rejects them, and nobody repeats them */
    size_t stalled_n;
    unsigned stalls;              /* transactions in a row of which some were put aside */
    struct ry_error schema_error; /* of the last operation that the schema rejected; text "": none since */
    enum ry_tag schema_tag;       /* its message: the error is over when one of this kind is written */
    bool waiting;                 /* WRITER_TIMER_TRANSACTION is set, for more mails or for the next try */
    bool ended;                   /* the database is unusable: nothing more is tried */
    unsigned troubles;            /* transactions in a row that met a transient error */

    size_t batch_rows;
    int64_t batch_wait_ms;
    bool sheets; /* storyboards are made */
    unsigned tries_max;
    int64_t retry_base_ms;
    int64_t retry_max_ms;
    int64_t ping_period_ms;
    struct retry_list retry_list; /* of clips that failed */
    bool keeps;                   /* originals of all clips are to be kept */
    unsigned pings_failed;        /* in a row */
    struct ry_error ping_error;
    struct ry_arena transaction; /* outcomes of the transaction in progress */
    struct ry_arena look;        /* the answer to a question */
    struct ry_log_limit trouble_log;
    struct ry_log_limit damage_log;                           /* of rows that no message can carry */
    struct writer_review review;                              /* how far the permanent failures were looked at */
    char versions[WRITER_VERSIONS_MAX][WRITER_VERSION_BYTES]; /* of encoders, that were heard of last */
    size_t versions_n;                                        /* in all */
    unsigned versions_today;                                  /* since day_mono_ms */
    int64_t day_mono_ms;
};

/* Ends the instance: its database is of no use any more. */
void writer_end(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why);

/* This machine's clock, for latencies that people look at; nothing is decided by it. */
int64_t writer_now_us(void);

#endif

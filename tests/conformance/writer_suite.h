/* writer_suite.h: what every database engine of the writer must do, whatever it is made of.
 *
 * An engine's own test program gives a store (how to open it, how to look into it with SQL) and runs the suite on it.
 */
#ifndef REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_H
#define REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_H

#include "actors/writer/batch.h"
#include "actors/writer/engine_open.h"
#include "runtime/base/clock.h"

/* The time at which every case begins: 2024-10-19T15:03:09.000Z. */
#define WRITER_START_WALL_MS INT64_C(1729350189000)

struct writer_store {
    const char *name;
    /* A store without rows, and an engine on it; called before each test. */
    int (*open)(struct writer_store *store, const struct ry_clock *clock, struct writer_engine **engine,
                struct ry_error *err);
    /* Removes the store; its engine is closed. */
    void (*remove)(struct writer_store *store);
    /* Runs SQL that every engine's database understands, beside the engine. execute: a statement without result. ask:
     * the first column of every row, joined by commas, into text ("" for no row, or NULL). time_ms: the one time that
     * the statement gives, in Unix milliseconds; INT64_MIN for no row, or NULL. Each fails the test on an error. */
    void (*execute)(struct writer_store *store, const char *sql);
    void (*ask)(struct writer_store *store, const char *sql, char *text, size_t text_bytes);
    int64_t (*time_ms)(struct writer_store *store, const char *sql);
    void *arg;
};

/* Runs the suite; returns the number of tests that failed. */
int writer_suite_run(struct writer_store *store);

/* ---- for the tests of one engine ----------------------------------------------------------------------------- */

/* An open store with a clock that stands still, and an arena for what is asked of it. */
struct writer_fixture {
    struct writer_store *store;
    struct writer_engine *engine;
    struct ry_clock_manual clock;
    struct ry_arena arena;
};

void writer_fixture_open(struct writer_fixture *fixture, struct writer_store *store);
void writer_fixture_close(struct writer_fixture *fixture);

/* A batch of n messages with one clip each, numbered from `first`; one guild, one channel, two authors. Lives in the
 * fixture's arena and may be changed. */
struct ry_batch_write *writer_batch_make(struct writer_fixture *fixture, unsigned first, unsigned n);

/* Writes a batch in a transaction of its own; fails the test if that fails. A brisk one whose fence was found closed
 * late is written again carefully, as the writer does. */
struct ry_batch_written writer_batch_commit(struct writer_fixture *fixture, const struct ry_batch_write *batch,
                                            enum writer_care care);

/* The same without the commit; the caller syncs. *written lives in the fixture's arena. */
int writer_batch_try(struct writer_fixture *fixture, const struct ry_batch_write *batch, enum writer_care care,
                     struct writer_batch **written, struct ry_error *err);

/* Clips claimed in a transaction of its own. */
struct ry_clips_claimed writer_claim_commit(struct writer_fixture *fixture, const char *owner, uint64_t limit,
                                            uint64_t lease_ms, bool first);

/* One number, or time (Unix milliseconds), out of the store. */
int64_t writer_number(struct writer_fixture *fixture, const char *sql);
int64_t writer_time_ms(struct writer_fixture *fixture, const char *sql);

#endif

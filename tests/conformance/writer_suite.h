/* writer_suite.h: what every database engine of the writer must do, whatever it is made of.
 *
 * An engine's own test program gives a store (how to open it, how to look into it with SQL) and runs the suite on it.
 */
#ifndef REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_H
#define REELYARD_TESTS_CONFORMANCE_WRITER_SUITE_H

#include "actors/writer/batch.h"
#include "runtime/base/clock.h"

struct writer_store {
    const char *name;
    /* A store without rows, and an engine on it; called before each test. */
    int (*open)(struct writer_store *store, const struct ry_clock *clock, struct writer_engine **engine,
                struct ry_error *err);
    /* Removes the store; its engine is closed. */
    void (*remove)(struct writer_store *store);
    /* Runs SQL (SQLite's dialect; a store of another engine translates) beside the engine: a statement without result,
     * or the first column of the first row into text ("" for none). Fails the test on an error. */
    void (*execute)(struct writer_store *store, const char *sql);
    void (*ask)(struct writer_store *store, const char *sql, char *text, size_t text_bytes);
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

/* Writes a batch in a transaction of its own; fails the test if that fails. */
struct ry_batch_written writer_batch_commit(struct writer_fixture *fixture, const struct ry_batch_write *batch,
                                            enum writer_care care);

/* Clips claimed in a transaction of its own. */
struct ry_clips_claimed writer_claim_commit(struct writer_fixture *fixture, const char *owner, uint64_t limit,
                                            uint64_t lease_ms, bool first);

/* One number, or text, out of the store. */
int64_t writer_number(struct writer_fixture *fixture, const char *sql);

#endif

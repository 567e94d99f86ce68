/* stream_suite.h: what every implementation of runtime/stream/stream.h must do.
 *
 * An implementation brings a factory; the suite opens a fresh store for each claim, sometimes twice at once. */
#ifndef REELYARD_TESTS_CONFORMANCE_STREAM_SUITE_H
#define REELYARD_TESTS_CONFORMANCE_STREAM_SUITE_H

#include "runtime/stream/stream.h"

struct stream_factory {
    const char *name; /* of the implementation */
    /* Makes an empty store. */
    void *(*store_new)(void);
    /* Opens a stream on it; called several times for one store. NULL: it did not open. */
    struct ry_stream *(*open)(void *store, const struct ry_clock *clock);
    /* Removes the store; all its streams are closed. */
    void (*store_free)(void *store);
    /* Lets a stream notice what was pushed through another, where it would by itself only after a while. NULL: it
     * always does at once. */
    void (*notice)(struct ry_stream *stream);
    /* Pushes are stamped by the store's own clock, and read leases carry hints (stream.h). */
    bool foreign;
};

/* Runs all claims; the number that failed. */
int stream_suite_run(const struct stream_factory *factory);

#endif

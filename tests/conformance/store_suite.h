/* store_suite.h: what every implementation of actors/storage/store.h must do.
 *
 * An implementation brings a factory; the suite makes a fresh place for each claim, and opens two stores on it. */
#ifndef REELYARD_TESTS_CONFORMANCE_STORE_SUITE_H
#define REELYARD_TESTS_CONFORMANCE_STORE_SUITE_H

#include "actors/storage/store.h"

struct store_factory {
    const char *name; /* of the implementation */
    /* Makes an empty place. */
    void *(*place_new)(void);
    /* Opens a store on it; called several times for one place. NULL: it did not open. */
    struct store *(*open)(void *place);
    /* Removes the place; all its stores are closed. */
    void (*place_free)(void *place);
    /* Puts a file there behind the stores' back, whatever its name. */
    void (*smuggle)(void *place, const char *name, struct ry_str bytes);
    /* Gets `bytes=<range>` of a presigned URL; the status. NULL: its files have no URLs. */
    long (*fetch)(void *place, const char *url, const char *range, struct ry_buf *body);
};

/* Runs all claims; the number that failed. */
int store_suite_run(const struct store_factory *factory);

#endif

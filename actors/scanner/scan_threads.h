/* scan_threads.h: the threads of a scan's channel, as they are listed. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_THREADS_H
#define REELYARD_ACTORS_SCANNER_SCAN_THREADS_H

#include "actors/scanner/scan.h"

/* Why a job of a channel that nobody knows is skipped. */
#define SCAN_NOT_FOUND "Guild or channel not found in database"

struct scan_threads {
    enum { THREADS_ACTIVE, THREADS_PUBLIC, THREADS_PRIVATE, THREADS_LISTED } source; /* what is asked for next */
    char before[80]; /* archive time that the next page begins behind; "": none */
    uint64_t *ids;   /* falling, once they are listed */
    size_t count;
    size_t capacity;
    bool more; /* there are threads with smaller ids */
};

/* Whether a thread is read, and not the channel itself. */
bool scan_reads_thread(const struct scan *scan);
/* Whether the channel's threads are to be listed before what goes on is known. */
bool scan_wants_threads(const struct scan *scan);
void scan_threads_free(struct scan *scan);
/* Whether the channel of a live job is known to be no channel of its own; if a thread, its channel takes its place.
 * *refused: it is neither. */
bool scan_knows_parent(struct scan *scan, bool *refused);

#endif

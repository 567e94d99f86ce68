/* scan_wait.h: a scan of one channel from its first job to its last thumbnail, as a node reports it.
 *
 * Asks the node one question at a time from one thread: is there a job, how far is the scan, how many clips wait. Steps
 * that fail for a while (a lock, a server that is away) are taken again, which is told now and then. */
#ifndef REELYARD_RUNTIME_CLI_SCAN_WAIT_H
#define REELYARD_RUNTIME_CLI_SCAN_WAIT_H

#include "runtime/import/keeping.h"
#include "runtime/import/progress.h"
#include "runtime/import/skipped.h"
#include "runtime/cli/scan_request.h"
#include "runtime/cli/session.h"

/* The channel's scan as its row says; all zero when it has none. */
struct ry_scan_figures {
    bool exists;
    bool succeeded;
    bool running; /* or queued */
    char status[10];
    char reason[401];   /* why it ended */
    uint64_t newest_id; /* bounds of what was scanned; 0: none */
    uint64_t oldest_id;
    uint64_t messages; /* processed */
    uint64_t clips;    /* of the channel */
    uint64_t waiting;  /* of these: pending or processing */
    uint64_t failed;   /* of these: without thumbnails */
};

struct ry_scan_wait {
    struct ry_cli *cli;
    const struct ry_clock *clock;
    const struct ry_scan_request *request;
    struct ry_session session; /* open */
    struct ry_inquiry inquiry; /* of the session; its errors are those of the scan */
    struct ry_progress progress;
    int64_t begin_mono_ms;
    int64_t begin_wall_ms;
    int64_t pushed_wall_ms; /* when the job that is waited for was pushed */
    uint64_t dead_before;   /* dead letters of the queue before that */
    struct ry_scan_figures begin;
    struct ry_scan_figures now;
    /* How it ended. */
    struct ry_skipped skipped; /* attachments that are no videos to take, of the node in that time */
    double scan_seconds;       /* until all messages were stored */
    struct ry_reasons failed;  /* clips without thumbnails, of this run */
    struct ry_keeping keeping; /* originals */
};

/* Scans the channel as the request says: goes on with a scan that is under way, pushes jobs, and waits for their end
 * and for that of all clips of the channel. What came of it stands in the struct. */
void ry_scan_wait(struct ry_scan_wait *wait);

#endif

/* scanner_internal.h: the scanner's state, shared by all its jobs. */
#ifndef REELYARD_ACTORS_SCANNER_SCANNER_INTERNAL_H
#define REELYARD_ACTORS_SCANNER_SCANNER_INTERNAL_H

#include "actors/scanner/scan.h"
#include "actors/scanner/settings_cache.h"
#include "actors/scanner/thread_parents.h"
#include "runtime/base/log.h"

struct refresh;
struct scan_step_spec;

#define SCANNER_MAGIC 0x5ca77e12u

struct scanner {
    unsigned magic;
    const struct scan_step_spec *steps[SCAN_STEP_COUNT];
    struct scan_defaults defaults;
    struct settings_cache *cache;
    struct thread_parents *parents;
    struct ry_discord *discord;
    struct ry_ctx *ctx; /* of the handler that runs now: Discord's answers come inside one */
    LIST_HEAD(, scan) scans;
    LIST_HEAD(, refresh) refreshes;
    uint64_t batch_limit;
    bool forward; /* what a batch that tells no direction does */
    int64_t purge_cooldown_ms;
    struct text_searcher *searcher;
    uint64_t warned[1024]; /* hashes of warning, channel and settings; the oldest makes room */
    size_t warned_next;
    struct ry_log_limit message_log; /* of messages put aside */
    struct ry_log_limit row_log;     /* of rows refused */
    struct ry_log_limit discord_log; /* of what keeps Discord from being asked */
};

#endif

/* skipped.h: which attachments a scan or an import looked at and did not take, by kind, from the node's counters. */
#ifndef REELYARD_RUNTIME_IMPORT_SKIPPED_H
#define REELYARD_RUNTIME_IMPORT_SKIPPED_H

#include <stdio.h>

#include "proto/message.h"
#include "runtime/json/writer.h"
#include "runtime/stats/stats.h"

/* As many kinds as there are counters skipped_*. */
#define RY_SKIPPED_KINDS 7

struct ry_skipped {
    uint64_t n[RY_SKIPPED_KINDS];
};

/* What the counters of a node say, by their positions. */
struct ry_skipped ry_skipped_read(const uint64_t counters[RY_COUNTER_COUNT]);

/* What came since. */
struct ry_skipped ry_skipped_since(const struct ry_skipped *now, const struct ry_skipped *then);

/* A line of the summary: how many, of which kinds; nothing when there are none. */
void ry_skipped_print(const struct ry_skipped *skipped, FILE *out);

/* An object "skipped" with a number for each kind. */
void ry_skipped_put(const struct ry_skipped *skipped, struct ry_json_writer *writer);

#endif

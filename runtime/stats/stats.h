/* stats.h: counters and histograms of one instance.
 *
 * A ry_stats block belongs to one thread; it travels to the router as a flat list of numbers (ry_stats_at) and is
 * summed there (ry_stats_merge). */
#ifndef REELYARD_RUNTIME_STATS_STATS_H
#define REELYARD_RUNTIME_STATS_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/buf.h"

enum ry_counter {
#define COUNTER(name, help) RY_COUNTER_##name,
#define HISTOGRAM(name, unit, help, ...)
#include "runtime/stats/stats.def"
#undef COUNTER
#undef HISTOGRAM
    RY_COUNTER_COUNT
};

enum ry_histogram {
#define COUNTER(name, help)
#define HISTOGRAM(name, unit, help, ...) RY_HISTOGRAM_##name,
#include "runtime/stats/stats.def"
#undef COUNTER
#undef HISTOGRAM
    RY_HISTOGRAM_COUNT
};

#define RY_HISTOGRAM_BOUNDS 16

struct ry_stats {
    uint64_t counters[RY_COUNTER_COUNT];
    struct {
        uint64_t buckets[RY_HISTOGRAM_BOUNDS + 1]; /* not cumulative; [RY_HISTOGRAM_BOUNDS] is +Inf */
        uint64_t sum_micro;                        /* sum of the values, in millionths */
    } histograms[RY_HISTOGRAM_COUNT];
};

/* How many numbers a block flattens to. */
#define RY_STATS_FLAT (RY_COUNTER_COUNT + RY_HISTOGRAM_COUNT * (RY_HISTOGRAM_BOUNDS + 2))

/* Counts a value, in the histogram's unit; below zero or not a number counts as 0. */
void ry_stats_observe(struct ry_stats *stats, enum ry_histogram histogram, double value);

/* The number at a flat position, 0 <= index < RY_STATS_FLAT, to be read or set. */
uint64_t *ry_stats_at(struct ry_stats *stats, size_t index);

/* Adds every number of `from` to `to`. */
void ry_stats_merge(struct ry_stats *to, const struct ry_stats *from);

/* Appends the block in the Prometheus text format 0.0.4 (HELP and TYPE lines included). */
void ry_stats_prometheus(const struct ry_stats *stats, struct ry_buf *out);

/* The counter's name, as in stats.def. Static. */
const char *ry_counter_name(enum ry_counter counter);

#endif

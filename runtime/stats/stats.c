/* stats.c: the tables generated from stats.def, and the operations on a block of counters: count, observe, merge,
 * print.
 *
 * Constant data, and pure functions on the caller's block. */
#include "runtime/stats/stats.h"

#include <inttypes.h>
#include <math.h>

struct counter_info {
    const char *name;
    const char *help;
};

struct histogram_info {
    const char *name;
    const char *unit;
    const char *help;
    const double *bounds; /* rising */
    size_t bound_count;
};

static const struct counter_info counters[] = {
#define COUNTER(name, help) {#name, help},
#define HISTOGRAM(name, unit, help, ...)
#include "runtime/stats/stats.def"
#undef COUNTER
#undef HISTOGRAM
};

#define COUNTER(name, help)
#define HISTOGRAM(name, unit, help, ...) \
    static const double bounds_##name[] = {__VA_ARGS__}; \
    _Static_assert(sizeof bounds_##name / sizeof(double) <= RY_HISTOGRAM_BOUNDS, "too many bounds");
#include "runtime/stats/stats.def"
#undef COUNTER
#undef HISTOGRAM

static const struct histogram_info histograms[] = {
#define COUNTER(name, help)
#define HISTOGRAM(name, unit, help, ...) {#name, #unit, help, bounds_##name, sizeof bounds_##name / sizeof(double)},
#include "runtime/stats/stats.def"
#undef COUNTER
#undef HISTOGRAM
};

/* Buckets and sum. */
#define HISTOGRAM_FLAT (RY_HISTOGRAM_BOUNDS + 2)

void ry_stats_observe(struct ry_stats *stats, enum ry_histogram histogram, double value)
{
    if (!isfinite(value) || value < 0) /* a clock that was set back: still one observation */
        value = 0;
    const struct histogram_info *info = &histograms[histogram];
    size_t bucket = 0;
    while (bucket < info->bound_count && value > info->bounds[bucket])
        bucket++;
    /* +Inf is always the last bucket, whatever number of bounds this histogram has. */
    if (bucket == info->bound_count)
        bucket = RY_HISTOGRAM_BOUNDS;
    stats->histograms[histogram].buckets[bucket]++;
    double micro = value * 1e6;
    stats->histograms[histogram].sum_micro += micro < 9e18 ? (uint64_t)llround(micro) : (uint64_t)9e18;
}

uint64_t *ry_stats_at(struct ry_stats *stats, size_t index)
{
    if (index < RY_COUNTER_COUNT)
        return &stats->counters[index];
    size_t histogram = (index - RY_COUNTER_COUNT) / HISTOGRAM_FLAT;
    size_t place = (index - RY_COUNTER_COUNT) % HISTOGRAM_FLAT;
    if (place <= RY_HISTOGRAM_BOUNDS)
        return &stats->histograms[histogram].buckets[place];
    return &stats->histograms[histogram].sum_micro;
}

void ry_stats_merge(struct ry_stats *to, const struct ry_stats *from)
{
    for (size_t i = 0; i < RY_COUNTER_COUNT; i++)
        to->counters[i] += from->counters[i];
    for (size_t h = 0; h < RY_HISTOGRAM_COUNT; h++) {
        for (size_t b = 0; b <= RY_HISTOGRAM_BOUNDS; b++)
            to->histograms[h].buckets[b] += from->histograms[h].buckets[b];
        to->histograms[h].sum_micro += from->histograms[h].sum_micro;
    }
}

static void print_histogram(const struct ry_stats *stats, size_t histogram, struct ry_buf *out)
{
    const struct histogram_info *info = &histograms[histogram];
    const uint64_t *buckets = stats->histograms[histogram].buckets;
    (void)ry_buf_addf(out, "# HELP reelyard_%s_%s %s.\n# TYPE reelyard_%s_%s histogram\n", info->name, info->unit,
                      info->help, info->name, info->unit);
    uint64_t below = 0;
    for (size_t b = 0; b < info->bound_count; b++) {
        below += buckets[b];
        (void)ry_buf_addf(out, "reelyard_%s_%s_bucket{le=\"%g\"} %" PRIu64 "\n", info->name, info->unit,
                          info->bounds[b], below);
    }
    below += buckets[RY_HISTOGRAM_BOUNDS];
    uint64_t sum = stats->histograms[histogram].sum_micro;
    (void)ry_buf_addf(out, "reelyard_%s_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", info->name, info->unit, below);
    (void)ry_buf_addf(out, "reelyard_%s_%s_sum %" PRIu64 ".%06" PRIu64 "\n", info->name, info->unit, sum / 1000000,
                      sum % 1000000);
    (void)ry_buf_addf(out, "reelyard_%s_%s_count %" PRIu64 "\n", info->name, info->unit, below);
}

void ry_stats_prometheus(const struct ry_stats *stats, struct ry_buf *out)
{
    for (size_t i = 0; i < RY_COUNTER_COUNT; i++)
        (void)ry_buf_addf(
            out, "# HELP reelyard_%s_total %s.\n# TYPE reelyard_%s_total counter\nreelyard_%s_total %" PRIu64 "\n",
            counters[i].name, counters[i].help, counters[i].name, counters[i].name, stats->counters[i]);
    for (size_t h = 0; h < RY_HISTOGRAM_COUNT; h++)
        print_histogram(stats, h, out);
}

const char *ry_counter_name(enum ry_counter counter)
{
    return counters[counter].name;
}

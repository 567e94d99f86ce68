/* metrics.h: /metrics in the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). */
#ifndef REELYARD_ACTORS_MONITOR_METRICS_H
#define REELYARD_ACTORS_MONITOR_METRICS_H

#include "actors/monitor/answers.h"
#include "runtime/base/buf.h"

/* Prints what the answers hold; for each that is missing, reelyard_answered{part=...} is 0. */
void metrics_render(const struct answers *answers, struct ry_buf *out);

#endif

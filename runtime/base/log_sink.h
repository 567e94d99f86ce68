/* log_sink.h: where the log's lines go, and what becomes of them when nobody reads.
 *
 * For log.c only. A line is written at once, by whichever thread has it, if that needs no wait; else it is kept in a
 * buffer of the process, in order, and written by whoever comes next (another line, ry_log_tend, ry_log_drain). What
 * finds no room there is dropped and counted, and the line behind it says how many are missing. Nothing here waits but
 * ry_log_drain. */
#ifndef REELYARD_RUNTIME_BASE_LOG_SINK_H
#define REELYARD_RUNTIME_BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest line: PIPE_BUF of Linux, so that lines of several processes that share a pipe do not mix. */
#define LOG_LINE_BYTES 4096

/* Writes the line that tells of so many dropped ones into out; its length. */
typedef size_t log_gap_line(uint64_t lines, char out[LOG_LINE_BYTES]);

/* Where lines go from now on. The first call must come before there are threads. */
void log_sink_open(int fd, log_gap_line *gap_line);

/* A whole line. urgent: the last quarter of the buffer is its own. */
void log_sink_put(const char *line, size_t n, bool urgent);

#endif

/* log.h: structured logging; the one writer of standard error.
 *
 * A line has a time, a severity, the instance, an event name in snake_case and fields. On a terminal it is text;
 * elsewhere one JSON object a line. Values are escaped; a value that looks like a URL loses its query. Lines come
 * from any thread; none waits for whoever reads them. */
#ifndef REELYARD_RUNTIME_BASE_LOG_H
#define REELYARD_RUNTIME_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/error.h"

enum ry_level { RY_DEBUG, RY_INFO, RY_WARNING, RY_ERROR, RY_CRITICAL };

enum ry_log_format { RY_LOG_AUTO, RY_LOG_TEXT, RY_LOG_JSON };

/* Sets least severity and format for the whole process; call before threads start. fd: where to write (2 by default).
 */
void ry_log_setup(enum ry_level least, enum ry_log_format format, int fd);

/* Names the calling thread's instance in its lines ("writer-1"); copied, at most 31 bytes. */
void ry_log_thread(const char *instance);

bool ry_log_enabled(enum ry_level level);

/* Writes a line. format is a literal of `key=conversion` words joined by one blank, each with exactly one conversion:
 *   RY_LOG(RY_WARNING, "clip_failed", "clip=%s bytes=%zu reason=%s", id, n, why);
 * so that every value can be quoted and escaped by itself whatever it contains. "" for no fields. Use RY_LOG. */
void ry_log_write(enum ry_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define RY_LOG(level, event, ...) \
    do { \
        if (ry_log_enabled(level)) \
            /* The blank keeps a format of no fields from being an empty one, which compilers frown at. */ \
            ry_log_write((level), (event), " " __VA_ARGS__); \
    } while (0)

/* ---- a log that nobody reads ------------------------------------------------------------------------------------- */

/* Gives a pipe or terminal an open file description of its own in this process, one that does not wait; without effect
 * on other descriptors, and where it may not be opened anew. Once at the start, before threads. */
void ry_log_own(int fd);

/* Lines go to another descriptor from now on, or to the same that has become another. In a process of one thread. */
void ry_log_descriptor(int fd);

/* Writes what could not be written before, without waiting. Returns wait_ms (negative: for ever), or less while
 * something still waits: every loop calls it before it waits. Any thread. */
int64_t ry_log_tend(int64_t wait_ms);

/* The same, waiting for whoever reads for at most for_ms. exit() does it; for ends that are not exit(). */
#define RY_LOG_LAST_WORDS_MS 500
void ry_log_drain(int64_t for_ms);

/* Lines that this process has dropped since the last call. */
uint64_t ry_log_take_dropped(void);

/* Passes on a line of another process as it is. */
void ry_log_pass(const char *line, size_t n);

/* Tells that a progress line, which is drawn over, now stands on the terminal that the log writes to too (drawn), or
 * that it has been ended. The next log line then takes its place. Any thread. */
void ry_log_progress(bool drawn);

/* Whether this call may log: at most `burst` lines in each period_ms for this place. Counts what it held back and tells
 * it with the next line that passes. */
struct ry_log_limit {
    long long window_start_ms;
    unsigned in_window;
    unsigned suppressed;
};
bool ry_log_allowed(struct ry_log_limit *limit, unsigned burst, long long period_ms, unsigned *suppressed);

#endif

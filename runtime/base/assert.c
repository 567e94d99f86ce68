/* assert.c: the last line of a process whose own state is wrong.
 *
 * Owns nothing. The line takes the log's way, so that it is escaped and reaches the same reader as every other line; an
 * assertion that fails while one is being reported ends the process without a second line. */
#include "runtime/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"

#define STATE_BYTES 512

static _Thread_local bool reporting;

void ry_assert_failed(const char *expression, const char *file, int line, const char *format, ...)
{
    if (!reporting) {
        reporting = true;
        char state[STATE_BYTES];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(state, sizeof state, format, args);
        va_end(args);
        /* The format begins with the macro's blank. */
        RY_LOG(RY_CRITICAL, "assertion_failed", "expression=%s file=%s line=%d state=%s", expression, file, line,
               state + 1);
        ry_log_drain(RY_LOG_LAST_WORDS_MS);
    }
    abort();
}

/* assert.c: the last line of a process whose own state is wrong.
 *
 * Owns which function writes the line. It stands below everything, so that everything may assert: the log hands itself
 * down by ry_assert_report_by, and until then the line goes to standard error. An assertion that fails while one is
 * being reported ends the process without a second line. */
#include "runtime/base/assert.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define STATE_BYTES 512

static ry_assert_report *reporter;
static _Thread_local bool reporting;

void ry_assert_report_by(ry_assert_report *report)
{
    reporter = report;
}

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
        if (reporter != NULL)
            reporter(expression, file, line, state + 1);
        else
            (void)fprintf(stderr, "assertion failed: %s (%s:%d) %s\n", expression, file, line, state + 1);
    }
    abort();
}

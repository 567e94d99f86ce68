/* outer_log.c: the log of the inner process, passed on by the outer one.
 *
 * It is what a process that may have been taken over says, so it is passed on line by line, with nothing in it that
 * would steer a terminal, and no faster than a person's disk can bear. If the outer process dies, what it had not yet
 * passed on is lost. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/* What passes in a period; the rest is dropped. */
#define LOG_PERIOD_MS    1000
#define LOG_PERIOD_BYTES ((size_t)256 << 10)

/* A colour, "\033[...m", at the beginning of the text: its length, else 0. */
static size_t colour(const char *text, size_t n)
{
    size_t i = 2;
    if (n < 3 || text[0] != '\033' || text[1] != '[')
        return 0;
    while (i < n && ((text[i] >= '0' && text[i] <= '9') || text[i] == ';'))
        i++;
    return i < n && text[i] == 'm' ? i + 1 : 0;
}

static void defuse(char *text, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t skip = colour(text + i, n - i);
        unsigned char c = (unsigned char)text[i];
        if (skip == 0 && (c < 0x20 || c == 0x7F) && c != '\n' && c != '\t')
            text[i] = '?';
        i += skip ? skip : 1;
    }
}

static void pass_on(struct sandbox_log *log, size_t n)
{
    int64_t now_mono_ms = ry_mono_ms(ry_clock_system());
    if (now_mono_ms - log->period_start_mono_ms >= LOG_PERIOD_MS) {
        log->period_start_mono_ms = now_mono_ms;
        log->passed_bytes = 0;
        if (log->dropped_bytes)
            RY_LOG(RY_WARNING, "sandbox_log_dropped", "bytes=%llu", (unsigned long long)log->dropped_bytes);
        log->dropped_bytes = 0;
    }
    if (log->passed_bytes + n > LOG_PERIOD_BYTES) {
        log->dropped_bytes += n;
    } else {
        log->passed_bytes += n;
        defuse(log->line, n);
        ry_log_pass(log->line, n);
    }
    memmove(log->line, log->line + n, log->n - n);
    log->n -= n;
}

/* Passes on what has come. False at the end. */
static bool take(struct sandbox_log *log)
{
    ssize_t got = read(log->fd, log->line + log->n, sizeof log->line - log->n);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    log->n += (size_t)got;
    const char *end;
    while ((end = memchr(log->line, '\n', log->n)) != NULL)
        pass_on(log, (size_t)(end - log->line) + 1);
    if (log->n == sizeof log->line || (got == 0 && log->n > 0))
        pass_on(log, log->n);
    return got > 0;
}

void sandbox_log_take(struct sandbox_log *log)
{
    if (!take(log))
        log->fd = -1;
}

/* The pipe may be held open by nobody else. */
void sandbox_log_finish(struct sandbox_log *log)
{
    struct pollfd readable = {.fd = log->fd, .events = POLLIN};
    while (poll(&readable, 1, 0) == 1 && take(log))
        continue;
}

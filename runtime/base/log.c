/* The logger: the one writer of standard error, and one of the two mutable globals of the program.
 *
 * A line is built in a buffer on the caller's stack, so that logging works when memory does not, and is at most
 * PIPE_BUF long: lines of several processes that share a pipe do not mix. A value that would not fit is cut, a field
 * that would not fit is left out; the line itself is always whole. What becomes of it is log_sink.c's business: a full
 * disk, a closed pipe or one that nobody reads must not stop an actor. */
#include "runtime/base/log.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/base/log_sink.h"
#include "runtime/base/str.h"

#define LINE_BYTES      LOG_LINE_BYTES
#define LINE_TAIL_BYTES 24   /* kept free for what ends a line */
#define VALUE_BYTES     2048 /* a value before it is escaped */
#define ESCAPED_BYTES   1400 /* and after */

static struct {
    enum ry_level least;
    bool json;
    bool colour;
    atomic_bool progress; /* a line that is drawn over stands on the terminal */
} logger = {.least = RY_INFO, .json = true};

static _Thread_local char thread_instance[32];

struct line {
    char text[LINE_BYTES];
    size_t n;
    bool json;
};

void ry_log_thread(const char *instance)
{
    (void)snprintf(thread_instance, sizeof thread_instance, "%s", instance);
}

bool ry_log_enabled(enum ry_level level)
{
    return level >= logger.least;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

/* What may still be added before the tail. */
static size_t line_room(const struct line *line)
{
    return line->n < LINE_BYTES - LINE_TAIL_BYTES ? LINE_BYTES - LINE_TAIL_BYTES - line->n : 0;
}

/* Appends all of the text, or nothing of it. */
static bool line_add(struct line *line, const char *text, size_t n)
{
    if (n > line_room(line))
        return false;
    memcpy(line->text + line->n, text, n);
    line->n += n;
    return true;
}

static void line_adds(struct line *line, const char *text)
{
    (void)line_add(line, text, strlen(text));
}

/* The bytes of the well-formed UTF-8 character at p, at most n; 0 when there is none. */
static size_t character(const char *p, size_t n)
{
    for (size_t k = 1; k <= 4 && k <= n; k++)
        if (ry_str_is_utf8((struct ry_str){p, k}))
            return k;
    return 0;
}

/* One character as it may stand between quotes. Control characters, those of C1 included, never reach a terminal. */
static size_t escape(const char *p, size_t step, bool json, char out[16])
{
    unsigned char c = (unsigned char)*p;
    if (step == 0)
        return (size_t)snprintf(out, 16, json ? "\\ufffd" : "\\x%02x", c);
    if (c == '"' || c == '\\')
        return (size_t)snprintf(out, 16, "\\%c", c);
    if (c == '\n')
        return (size_t)snprintf(out, 16, "\\n");
    if (c == '\t')
        return (size_t)snprintf(out, 16, "\\t");
    if (c < 0x20 || c == 0x7F)
        return (size_t)snprintf(out, 16, "\\u%04x", c);
    if (c == 0xC2 && (unsigned char)p[1] < 0xA0)
        return (size_t)snprintf(out, 16, "\\u%04x", (unsigned char)p[1]);
    memcpy(out, p, step);
    return step;
}

static void line_quoted(struct line *line, struct ry_str value)
{
    line_adds(line, "\"");
    size_t begin = line->n;
    for (size_t i = 0; i < value.n;) {
        char out[16];
        size_t step = character(value.p + i, value.n - i);
        size_t n = escape(value.p + i, step, line->json, out);
        if (line->n + n - begin > ESCAPED_BYTES || !line_add(line, out, n)) {
            line_adds(line, "...");
            break;
        }
        i += step ? step : 1;
    }
    /* The tail's reserve has room for the quote. */
    line->text[line->n++] = '"';
}

/* Whether text format can show the value without quotes. */
static bool is_plain(struct ry_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '\\' || c == '=')
            return false;
    }
    return value.n > 0 && value.n <= ESCAPED_BYTES;
}

static void line_value(struct line *line, struct ry_str value, bool number)
{
    if (number || (!line->json && is_plain(value)))
        (void)line_add(line, value.p, value.n);
    else
        line_quoted(line, value);
}

static void line_field(struct line *line, struct ry_str key, struct ry_str value, bool number)
{
    size_t before = line->n;
    /* A field begins only if its key and a bit of its value fit. */
    if (key.n + 64 > line_room(line))
        return;
    if (line->json)
        line_adds(line, line->text[before - 1] == '{' ? "\"" : ",\"");
    else
        line_adds(line, " ");
    (void)line_add(line, key.p, key.n);
    line_adds(line, line->json ? "\":" : "=");
    size_t at = line->n;
    line_value(line, value, number);
    if (line->n == at)
        line->n = before;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Whether a URL may go on with this byte inside a sentence. */
static bool in_url(char c)
{
    return (unsigned char)c > ' ' && c != 0x7F && strchr("\"'<>`", c) == NULL;
}

/* Writes the URL that begins behind "://" at *from without what stands before an @ (a password) and without its query
 * and fragment (a signature), and steps over it. */
static size_t redact_url(char *text, size_t n, size_t *from, size_t to)
{
    size_t end = *from;
    while (end < n && in_url(text[end]))
        end++;
    size_t host_end = *from;
    size_t at_sign = *from;
    while (host_end < end && strchr("/?#", text[host_end]) == NULL) {
        if (text[host_end] == '@')
            at_sign = host_end;
        host_end++;
    }
    size_t query = host_end;
    while (query < end && text[query] != '?' && text[query] != '#')
        query++;
    for (size_t i = at_sign; i < query; i++)
        text[to++] = text[i];
    if (query < end)
        text[to++] = '?';
    *from = end;
    return to;
}

/* Takes the secrets out of every URL in the text, in place; returns the new length, which is never larger. */
static size_t redact(char *text, size_t n)
{
    size_t to = 0;
    for (size_t from = 0; from < n;) {
        text[to++] = text[from++];
        if (to >= 3 && memcmp(text + to - 3, "://", 3) == 0)
            to = redact_url(text, n, &from, to);
    }
    return to;
}

/* One conversion of a format: "%-8.*lu" is a width 8, a precision to be read, length 'l', kind 'u'. */
struct conversion {
    char spec[48]; /* with stars replaced by their numbers */
    char length;   /* 'H' for hh, 'L' for ll, else the letter; 0: none */
    char kind;
};

/* Reads the conversion whose % is at *p and steps over it. */
static bool conversion_read(const char **p, va_list *args, struct conversion *conversion)
{
    size_t n = 1;
    const char *at = *p + 1;
    conversion->spec[0] = '%';
    conversion->length = 0;
    while (n < sizeof conversion->spec - 12 && *at && strchr("#0- +'123456789.*", *at)) {
        if (*at == '*') {
            int number = va_arg(*args, int);
            if (number < 0 && conversion->spec[n - 1] == '.')
                n--; /* a negative precision is none */
            else
                n += (size_t)snprintf(conversion->spec + n, sizeof conversion->spec - n, "%d", number);
        } else {
            conversion->spec[n++] = *at;
        }
        at++;
    }
    while (*at && strchr("hlqjzt", *at) && n < sizeof conversion->spec - 2) {
        bool twice = conversion->length == *at;
        conversion->length = twice ? (char)toupper((unsigned char)*at) : *at;
        conversion->spec[n++] = *at++;
    }
    conversion->kind = *at;
    conversion->spec[n++] = *at;
    conversion->spec[n] = '\0';
    *p = *at ? at + 1 : at;
    return conversion->kind != '\0';
}

/* The spec comes from a literal that the compiler has checked against its arguments at RY_LOG. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

#define PRINT(type) snprintf(out, VALUE_BYTES, conversion->spec, va_arg(*args, type))

static int print_integer(const struct conversion *conversion, va_list *args, char *out)
{
    switch (conversion->length) {
    case 'l': return PRINT(long);
    case 'L':
    case 'q': return PRINT(long long);
    case 'j': return PRINT(intmax_t);
    case 'z': return PRINT(size_t);
    case 't': return PRINT(ptrdiff_t);
    default: return PRINT(int);
    }
}

/* Prints the next argument into out (VALUE_BYTES); *number: JSON may have it without quotes. */
static size_t print_value(const struct conversion *conversion, va_list *args, char *out, bool *number)
{
    int n = 0;
    *number = false;
    if (strchr("diu", conversion->kind)) {
        n = print_integer(conversion, args, out);
        /* A width pads with blanks or zeros, which JSON does not know. */
        *number = strpbrk(conversion->spec, " +'#0123456789.") == NULL;
    } else if (strchr("xXoc", conversion->kind)) {
        n = print_integer(conversion, args, out);
    } else if (strchr("fFgGeEaA", conversion->kind)) {
        double value = va_arg(*args, double);
        n = snprintf(out, VALUE_BYTES, conversion->spec, value);
        *number =
            isfinite(value) && strchr("fgeE", conversion->kind) && (isdigit((unsigned char)out[0]) || out[0] == '-');
    } else if (conversion->kind == 's') {
        const char *text = va_arg(*args, const char *);
        n = snprintf(out, VALUE_BYTES, conversion->spec, text ? text : "");
    } else if (conversion->kind == 'p') {
        n = PRINT(void *);
    } else if (conversion->kind == 'm') {
        n = snprintf(out, VALUE_BYTES, "%s", strerror(errno));
    }
    return n < 0 ? 0 : n < VALUE_BYTES ? (size_t)n : VALUE_BYTES - 1;
}

#pragma GCC diagnostic pop

/* The fields of `key=conversion` words. */
static void line_fields(struct line *line, const char *format, va_list *args)
{
    int saved = errno;
    format += strspn(format, " ");
    while (*format) {
        size_t key = strcspn(format, "=");
        const char *p = format + key + (format[key] == '=');
        struct conversion conversion;
        if (*p != '%' || !conversion_read(&p, args, &conversion) || (*p != ' ' && *p != '\0')) {
            /* Which argument belongs to what follows cannot be told any more. */
            line_field(line, RY_STR("bad_log_format"), ry_str_of(format), false);
            return;
        }
        char value[VALUE_BYTES];
        bool number = false;
        errno = saved;
        size_t n = print_value(&conversion, args, value, &number);
        if (!number)
            n = redact(value, n);
        line_field(line, (struct ry_str){format, key}, (struct ry_str){value, n}, number);
        format = p + strspn(p, " ");
    }
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void line_begin_json(struct line *line, enum ry_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warning", "error", "critical"};
    char time[RY_TIME_TEXT_BYTES];
    ry_time_format(ry_wall_ms(ry_clock_system()), time);
    line_adds(line, "{");
    line_field(line, RY_STR("time"), ry_str_of(time), false);
    line_field(line, RY_STR("level"), ry_str_of(names[level]), false);
    if (thread_instance[0])
        line_field(line, RY_STR("instance"), ry_str_of(thread_instance), false);
    line_field(line, RY_STR("event"), ry_str_of(event), false);
}

static void line_begin_text(struct line *line, enum ry_level level, const char *event)
{
    static const struct {
        const char *name;
        const char *colour;
    } levels[] = {{"DEBUG   ", "\033[2m"},
                  {"INFO    ", "\033[32m"},
                  {"WARNING ", "\033[33m"},
                  {"ERROR   ", "\033[31m"},
                  {"CRITICAL", "\033[1;31m"}};
    char time[RY_TIME_TEXT_BYTES];
    ry_time_format(ry_wall_ms(ry_clock_system()), time);
    line_adds(line, time);
    line_adds(line, " ");
    line_adds(line, logger.colour ? levels[level].colour : "");
    line_adds(line, levels[level].name);
    line_adds(line, logger.colour ? "\033[0m " : " ");
    if (thread_instance[0]) {
        line_adds(line, thread_instance);
        line_adds(line, " ");
    }
    line_adds(line, event);
}

static void line_vmake(struct line *line, enum ry_level level, const char *event, const char *format, va_list *args)
{
    int saved = errno;
    line->n = 0;
    line->json = logger.json;
    if (atomic_exchange(&logger.progress, false))
        line_adds(line, "\r\033[K");
    if (line->json)
        line_begin_json(line, level, event);
    else
        line_begin_text(line, level, event);
    errno = saved;
    line_fields(line, format, args);
    if (line->json)
        line->text[line->n++] = '}';
    line->text[line->n++] = '\n';
}

void ry_log_write(enum ry_level level, const char *event, const char *format, ...)
{
    int saved = errno;
    struct line line;
    va_list args;
    va_start(args, format);
    line_vmake(&line, level, event, format, &args);
    va_end(args);
    log_sink_put(line.text, line.n, level >= RY_ERROR);
    errno = saved;
}

static void line_make(struct line *line, enum ry_level level, const char *event, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    line_vmake(line, level, event, format, &args);
    va_end(args);
}

static size_t gap_line(uint64_t lines, char out[LOG_LINE_BYTES])
{
    struct line line;
    line_make(&line, RY_WARNING, "log_dropped", "lines=%llu", (unsigned long long)lines);
    memcpy(out, line.text, line.n);
    return line.n;
}

static void report_assertion(const char *expression, const char *file, int line, const char *state)
{
    RY_LOG(RY_CRITICAL, "assertion_failed", "expression=%s file=%s line=%d state=%s", expression, file, line, state);
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
}

void ry_log_setup(enum ry_level least, enum ry_log_format format, int fd)
{
    const char *term = getenv("TERM");
    bool terminal = isatty(fd) == 1;
    logger.least = least;
    logger.json = format == RY_LOG_JSON || (format == RY_LOG_AUTO && !terminal);
    logger.colour = terminal && !logger.json && getenv("NO_COLOR") == NULL && term != NULL && strcmp(term, "dumb") != 0;
    log_sink_open(fd, gap_line);
    ry_assert_report_by(report_assertion);
}

void ry_log_progress(bool drawn)
{
    atomic_store(&logger.progress, drawn);
}

bool ry_log_allowed(struct ry_log_limit *limit, unsigned burst, long long period_ms, unsigned *suppressed)
{
    long long now_ms = ry_mono_ms(ry_clock_system());
    if (limit->window_start_ms == 0 || now_ms - limit->window_start_ms >= period_ms) {
        limit->window_start_ms = now_ms;
        limit->in_window = 0;
    }
    if (limit->in_window >= burst) {
        limit->suppressed++;
        return false;
    }
    limit->in_window++;
    *suppressed = limit->suppressed;
    limit->suppressed = 0;
    return true;
}

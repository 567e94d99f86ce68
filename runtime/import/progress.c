/* progress.c: see progress.h. Owns nothing; the line on a terminal is drawn again from its start each time. */
#include "runtime/import/progress.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

#define TERMINAL_EVERY_MS 100
#define PLAIN_EVERY_MS    5000
#define WIDTH_DEFAULT     80
#define WIDTH_MAX         500
#define BAR_COLUMNS       24

void ry_progress_init(struct ry_progress *progress, FILE *out, const struct ry_clock *clock, const char *label)
{
    const char *term = getenv("TERM");
    bool drawable = term != NULL && strcmp(term, "dumb") != 0;
    *progress = (struct ry_progress){
        .out = out, .clock = clock, .label = label, .terminal = drawable && isatty(fileno(out)) == 1};
}

/* Seconds as 0:05, 12:34 or 1:02:03. */
static void print_time(int64_t seconds, char text[24])
{
    if (seconds >= 3600)
        (void)snprintf(text, 24, "%lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60),
                       (int)(seconds % 60));
    else
        (void)snprintf(text, 24, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

static void print_bar(uint64_t done, uint64_t total, char text[BAR_COLUMNS + 1])
{
    RY_ASSERT(total > 0);
    size_t full = done >= total ? BAR_COLUMNS : (size_t)((double)done / (double)total * BAR_COLUMNS);
    for (size_t i = 0; i < BAR_COLUMNS; i++)
        text[i] = i < full ? '=' : i == full ? '>' : ' ';
    text[BAR_COLUMNS] = '\0';
}

/* Cuts text to so many columns, at a character. Combining and wide characters are counted as one: labels and details
 * are the program's own. */
static void cut(char *text, size_t columns)
{
    size_t column = 0;
    for (; *text; text++) {
        if (((unsigned char)*text & 0xC0) == 0x80)
            continue;
        if (column++ == columns) {
            *text = '\0';
            return;
        }
    }
}

void ry_progress_line(const struct ry_progress *progress, int64_t now_mono_ms, uint64_t done, uint64_t total,
                      const char *detail, size_t width, char *text, size_t size)
{
    RY_ASSERT(size > 0 && progress->label != NULL);
    char bar[BAR_COLUMNS + 1] = "";
    char share[64] = "";
    char rest[64] = "";
    double elapsed_s = (double)(now_mono_ms - progress->begun_mono_ms) / 1000;
    double rate = elapsed_s > 0 && done > progress->first ? (double)(done - progress->first) / elapsed_s : 0;
    if (total > 0) {
        double percent = done >= total ? 100 : (double)done / (double)total * 100;
        if (width >= 70)
            print_bar(done, total, bar);
        (void)snprintf(share, sizeof share, "%s%s%s%5.1f %%  ", *bar ? "[" : "", bar, *bar ? "] " : "", percent);
    }
    if (total > done && rate > 0) {
        char eta[24];
        print_time((int64_t)((double)(total - done) / rate + 0.5), eta);
        (void)snprintf(rest, sizeof rest, "  ETA %s", eta);
    }
    char speed[48] = "";
    if (rate > 0)
        (void)snprintf(speed, sizeof speed, "  %.*f/s", rate < 100 ? 1 : 0, rate);
    char count[48];
    if (total > 0)
        (void)snprintf(count, sizeof count, "%llu/%llu", (unsigned long long)done, (unsigned long long)total);
    else
        (void)snprintf(count, sizeof count, "%llu", (unsigned long long)done);
    (void)snprintf(text, size, "%s  %s%s%s%s%s%s", progress->label, share, count, speed, rest,
                   detail && *detail ? "  " : "", detail ? detail : "");
    cut(text, width);
}

static size_t terminal_width(const struct ry_progress *progress)
{
    struct winsize size;
    if (ioctl(fileno(progress->out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_DEFAULT;
    /* The last column stays free: some terminals break the line there. */
    return size.ws_col > WIDTH_MAX ? WIDTH_MAX : size.ws_col - 1u;
}

static void show(struct ry_progress *progress, int64_t now_mono_ms, uint64_t done, uint64_t total, const char *detail,
                 bool last)
{
    char text[WIDTH_MAX * 4 + 1];
    ry_progress_line(progress, now_mono_ms, done, total, detail,
                     progress->terminal ? terminal_width(progress) : WIDTH_MAX, text, sizeof text);
    if (progress->terminal)
        (void)fprintf(progress->out, "\r\033[K%s%s", text, last ? "\n" : "");
    else
        (void)fprintf(progress->out, "%s\n", text);
    (void)fflush(progress->out);
    ry_log_progress(progress->terminal && !last);
    progress->shown_mono_ms = now_mono_ms;
}

static int64_t begin(struct ry_progress *progress, uint64_t done)
{
    int64_t now_mono_ms = ry_mono_ms(progress->clock);
    if (!progress->begun) {
        progress->begun = true;
        progress->first = done;
        progress->begun_mono_ms = now_mono_ms;
        /* A plain line says something new only after a while. */
        progress->shown_mono_ms = progress->terminal ? now_mono_ms - TERMINAL_EVERY_MS : now_mono_ms;
    }
    return now_mono_ms;
}

void ry_progress_update(struct ry_progress *progress, uint64_t done, uint64_t total, const char *detail)
{
    int64_t now_mono_ms = begin(progress, done);
    if (now_mono_ms - progress->shown_mono_ms >= (progress->terminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS))
        show(progress, now_mono_ms, done, total, detail, false);
}

void ry_progress_finish(struct ry_progress *progress, uint64_t done, uint64_t total, const char *detail)
{
    show(progress, begin(progress, done), done, total, detail, true);
}

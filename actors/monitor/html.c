/* html.c: escaping, and figures in readable form.
 *
 * Pure functions on the caller's buffer. Promises that what html_text and html_component write cannot leave the
 * element, attribute or URL component in which it stands, whatever bytes come in. */
#include "actors/monitor/html.h"

#include <inttypes.h>
#include <math.h>

#include "runtime/base/clock.h"

void html_text(struct ry_buf *out, struct ry_str text)
{
    size_t plain = 0; /* where the run of bytes that need no escape begins */
    for (size_t i = 0; i < text.n; i++) {
        const char *entity = NULL;
        switch (text.p[i]) {
        case '&': entity = "&amp;"; break;
        case '<': entity = "&lt;"; break;
        case '>': entity = "&gt;"; break;
        case '"': entity = "&quot;"; break;
        case '\'': entity = "&#39;"; break;
        default: continue;
        }
        (void)ry_buf_add(out, text.p + plain, i - plain);
        (void)ry_buf_add_str(out, ry_str_of(entity));
        plain = i + 1;
    }
    if (plain < text.n)
        (void)ry_buf_add(out, text.p + plain, text.n - plain);
}

void html_component(struct ry_buf *out, struct ry_str text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\0' && strchr(unreserved, text.p[i]))
            (void)ry_buf_add(out, &text.p[i], 1);
        else
            (void)ry_buf_addf(out, "%%%02X", (unsigned)(unsigned char)text.p[i]);
}

void html_size(struct ry_buf *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        (void)ry_buf_addf(out, "%" PRIu64 " B", bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    (void)ry_buf_addf(out, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void html_duration(struct ry_buf *out, double seconds)
{
    uint64_t s = (uint64_t)llround(seconds);
    if (s >= 3600)
        (void)ry_buf_addf(out, "%" PRIu64 ":%02u:%02u", s / 3600, (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        (void)ry_buf_addf(out, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

void html_count(struct ry_buf *out, uint64_t count)
{
    if (count >= 1000) {
        html_count(out, count / 1000);
        (void)ry_buf_addf(out, ",%03u", (unsigned)(count % 1000));
    } else {
        (void)ry_buf_addf(out, "%u", (unsigned)count);
    }
}

void html_plural(struct ry_buf *out, uint64_t count, const char *one, const char *many)
{
    html_count(out, count);
    (void)ry_buf_addf(out, " %s", count == 1 ? one : many);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    char lower = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *at = c != '\0' ? strchr(digits, lower) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool html_file_path(struct ry_buf *out, struct ry_str url)
{
    const struct ry_str prefix = RY_STR("file://");
    if (!ry_str_starts(url, prefix))
        return false;
    struct ry_str path = {url.p + prefix.n, url.n - prefix.n};
    RY_BUF_AUTO decoded = ry_buf_make(path.n + 1);
    for (size_t i = 0; i < path.n; i++) {
        int high = path.p[i] == '%' && i + 2 < path.n ? hex_digit(path.p[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(path.p[i + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : path.p[i];
        i += low >= 0 ? 2 : 0;
        (void)ry_buf_add(&decoded, &c, 1);
    }
    bool readable = !decoded.failed && ry_str_is_utf8(ry_buf_str(&decoded));
    (void)ry_buf_add_str(out, readable ? ry_buf_str(&decoded) : path);
    return true;
}

void html_time(struct ry_buf *out, int64_t wall_ms)
{
    char iso[RY_TIME_TEXT_BYTES];
    ry_time_format(wall_ms, iso);
    (void)ry_buf_addf(out, "<time datetime=\"%s\">%.10s %.5s UTC</time>", iso, iso, iso + 11);
}

/* import_report.c: the summary. */
#include "runtime/cli/import_report.h"

#include <inttypes.h>
#include <json-c/json.h>

#define REASONS_MAX_BYTES ((size_t)64 * 1024)

void ry_import_report_init(struct ry_import_report *report)
{
    *report = (struct ry_import_report){0};
    report->errors.text = ry_buf_make(REASONS_MAX_BYTES);
    report->put_aside.text = ry_buf_make(REASONS_MAX_BYTES);
    report->failed.text = ry_buf_make(REASONS_MAX_BYTES);
}

void ry_import_report_free(struct ry_import_report *report)
{
    ry_buf_free(&report->errors.text);
    ry_buf_free(&report->put_aside.text);
    ry_buf_free(&report->failed.text);
}

void ry_import_reason(struct ry_import_reasons *reasons, const char *format, ...)
{
    reasons->total++;
    if (reasons->shown == RY_IMPORT_REASONS_MAX)
        return;
    struct ry_error text;
    va_list args;
    va_start(args, format);
    ry_vfail(&text, RY_EDATA, format, args);
    va_end(args);
    for (char *p = text.text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    if (ry_buf_addf(&reasons->text, "%s\n", text.text) == RY_OK)
        reasons->shown++;
}

void ry_import_reason_count(struct ry_import_reasons *reasons, uint64_t more)
{
    reasons->total += more;
}

bool ry_import_report_good(const struct ry_import_report *report)
{
    return !report->stopped && report->errors.total == 0 && report->put_aside.total == 0 && report->failed.total == 0;
}

static double per_second(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

/* ---- for a person ------------------------------------------------------------------------------------------------ */

static void print_bytes(FILE *out, uint64_t bytes)
{
    static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t i = 0;
    for (; value >= 1000 && i < sizeof UNITS / sizeof UNITS[0] - 1; i++)
        value /= 1000;
    fprintf(out, i ? "%.1f %s" : "%.0f %s", value, UNITS[i]);
}

/* Each line by itself, so that what strangers wrote cannot draw on the terminal. */
void ry_import_reasons_print(const struct ry_import_reasons *reasons, const char *title, FILE *out)
{
    if (reasons->total == 0)
        return;
    fprintf(out, "%s: %" PRIu64 "\n", title, reasons->total);
    struct ry_str rest = ry_buf_str(&reasons->text);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = (size_t)(end - rest.p);
        fputs("  ", out);
        ry_cli_print_safe(out, (struct ry_str){rest.p, n});
        fputc('\n', out);
        rest = (struct ry_str){end + 1, rest.n - n - 1};
    }
    if (reasons->total > reasons->shown)
        fprintf(out, "  and %" PRIu64 " more\n", reasons->total - reasons->shown);
}

static void print_text(const struct ry_import_report *report, const struct ry_cli *cli)
{
    FILE *out = cli->out;
    fprintf(out, "messages    %" PRIu64 " read, %" PRIu64 " of them with attachments (%.0f messages/s)\n",
            report->messages, report->attachments, per_second(report->messages_now, report->reading_seconds));
    fprintf(out, "clips       %" PRIu64 " found, %" PRIu64 " completed, %" PRIu64 " failed", report->clips_found,
            report->completed, report->failed.total);
    uint64_t new_ones = report->completed + report->failed.total;
    if (report->clips_found > new_ones && !report->stopped && !report->broken && !report->rows_only)
        fprintf(out, ", %" PRIu64 " had thumbnails already", report->clips_found - new_ones);
    fputc('\n', out);
    fprintf(out, "thumbnails  %" PRIu64 " new\n", report->thumbnails);
    fputs("bytes read  ", out);
    print_bytes(out, report->bytes_read);
    if (report->bytes_videos > 0) {
        fputs(" of ", out);
        print_bytes(out, report->bytes_videos);
        fputs(" of new videos", out);
    }
    fprintf(out, "\ntime        %.1f s\n", report->seconds);
    ry_import_reasons_print(&report->errors, "errors", out);
    ry_import_reasons_print(&report->put_aside, "put aside", out);
    ry_import_reasons_print(&report->failed, "clips without thumbnails", out);
    struct ry_place database;
    ry_config_database_place(cli->config, &database);
    fprintf(out, "database    %s\nthumbnails  %s/thumbnails\n", database.where,
            ry_config_str(cli->config, RY_OPT_storage_path));
    if (report->stopped || report->broken)
        fputs("Stopped before the end. Run it again, and it goes on where it stopped.\n", out);
    else
        ry_page_tell(out, cli->config, &report->page);
}

/* ---- for a program ----------------------------------------------------------------------------------------------- */

static void add_count(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_reasons(struct json_object *object, const char *key, const struct ry_import_reasons *reasons)
{
    struct json_object *kind = json_object_new_object();
    struct json_object *lines = json_object_new_array();
    add_count(kind, "count", reasons->total);
    struct ry_str rest = ry_buf_str(&reasons->text);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = (size_t)(end - rest.p);
        json_object_array_add(lines, json_object_new_string_len(rest.p, (int)n));
        rest = (struct ry_str){end + 1, rest.n - n - 1};
    }
    json_object_object_add(kind, "reasons", lines);
    json_object_object_add(object, key, kind);
}

static void print_json(const struct ry_import_report *report, const struct ry_cli *cli)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "complete", json_object_new_boolean(!report->stopped && report->errors.total == 0));
    add_count(object, "files", report->files);
    add_count(object, "messages", report->messages);
    add_count(object, "messages_with_attachments", report->attachments);
    add_count(object, "clips_found", report->clips_found);
    add_count(object, "clips_completed", report->completed);
    add_count(object, "clips_failed", report->failed.total);
    add_count(object, "thumbnails", report->thumbnails);
    add_count(object, "bytes_read", report->bytes_read);
    add_count(object, "bytes_videos", report->bytes_videos);
    json_object_object_add(object, "seconds", json_object_new_double(report->seconds));
    json_object_object_add(object, "reading_seconds", json_object_new_double(report->reading_seconds));
    json_object_object_add(object, "messages_per_second",
                           json_object_new_double(per_second(report->messages_now, report->reading_seconds)));
    add_count(object, "peak_rss_kb", report->peak_rss_kb);
    add_reasons(object, "errors", &report->errors);
    add_reasons(object, "put_aside", &report->put_aside);
    add_reasons(object, "failed", &report->failed);
    struct ry_place database;
    ry_config_database_place(cli->config, &database);
    json_object_object_add(object, "database", json_object_new_string(database.where));
    json_object_object_add(object, "storage", json_object_new_string(ry_config_str(cli->config, RY_OPT_storage_path)));
    fprintf(cli->out, "%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
    json_object_put(object);
}

void ry_import_report_print(const struct ry_import_report *report, const struct ry_cli *cli, bool json)
{
    if (json)
        print_json(report, cli);
    else
        print_text(report, cli);
    fflush(cli->out);
}

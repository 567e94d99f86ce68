/* import_report.c: the summary of an import. Owns nothing; writes text or one JSON object. */
#include "runtime/cli/import_report.h"

#include "runtime/json/writer.h"

#include <inttypes.h>

/* Four lists of reasons, each byte of which may need six, and the rest. */
#define JSON_MAX_BYTES (25 * RY_REASONS_MAX_BYTES)

bool ry_import_report_good(const struct ry_import_report *report, const struct ry_inquiry *inquiry)
{
    return !inquiry->stopped && inquiry->errors.total == 0 && report->put_aside.total == 0 &&
           report->failed.total == 0 && ry_keeping_good(&report->keeping);
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
void ry_reasons_print(const struct ry_reasons *reasons, const char *title, FILE *out)
{
    if (reasons->total == 0)
        return;
    fprintf(out, "%s: %" PRIu64 "\n", title, reasons->total);
    struct ry_str rest = ry_buf_str(&reasons->text), sentence;
    while (ry_reasons_next(&rest, &sentence)) {
        fputs("  ", out);
        ry_cli_print_safe(out, sentence);
        fputc('\n', out);
    }
    if (reasons->total > reasons->shown)
        fprintf(out, "  and %" PRIu64 " more\n", reasons->total - reasons->shown);
}

static void print_text(const struct ry_import_report *report, const struct ry_inquiry *inquiry,
                       const struct ry_page *page, const struct ry_cli *cli)
{
    FILE *out = cli->out;
    fprintf(out, "messages    %" PRIu64 " read, %" PRIu64 " of them with attachments (%.0f messages/s)\n",
            report->messages, report->attachments, per_second(report->messages_now, report->reading_seconds));
    fprintf(out, "clips       %" PRIu64 " found, %" PRIu64 " completed, %" PRIu64 " failed", report->clips_found,
            report->completed, report->failed.total);
    uint64_t new_ones = report->completed + report->failed.total;
    if (report->clips_found > new_ones && ry_inquiry_goes_on(inquiry) && !report->rows_only)
        fprintf(out, ", %" PRIu64 " had thumbnails already", report->clips_found - new_ones);
    fputc('\n', out);
    ry_skipped_print(&report->skipped, out);
    fprintf(out, "thumbnails  %" PRIu64 " new\n", report->thumbnails);
    ry_keeping_print(&report->keeping, out);
    fputs("bytes read  ", out);
    print_bytes(out, report->bytes_read);
    if (report->bytes_videos > 0) {
        fputs(" of ", out);
        print_bytes(out, report->bytes_videos);
        fputs(" of new videos", out);
    }
    fprintf(out, "\ntime        %.1f s\n", report->seconds);
    ry_reasons_print(&inquiry->errors, "errors", out);
    ry_reasons_print(&report->passed_over, "files passed over", out);
    ry_reasons_print(&report->put_aside, "put aside", out);
    ry_reasons_print(&report->failed, "clips without thumbnails", out);
    struct ry_place database;
    ry_config_database_place(cli->config, &database);
    fprintf(out, "database    %s\nthumbnails  ", database.where);
    ry_cli_print_safe(out, ry_str_of(ry_config_str(cli->config, RY_OPT_storage_path)));
    fputs("/thumbnails\n", out);
    if (!ry_inquiry_goes_on(inquiry))
        fputs("Stopped before the end. Run it again to continue where it stopped.\n", out);
    else
        ry_page_tell(out, cli->config, page);
}

/* ---- for a program ----------------------------------------------------------------------------------------------- */

static void put_reasons(struct ry_json_writer *writer, const char *name, const struct ry_reasons *reasons)
{
    ry_json_put_object(writer, name);
    ry_json_put_u64(writer, "count", reasons->total);
    ry_json_put_array(writer, "reasons");
    struct ry_str rest = ry_buf_str(&reasons->text), sentence;
    while (ry_reasons_next(&rest, &sentence))
        ry_json_put_str(writer, NULL, sentence);
    ry_json_put_end(writer);
    ry_json_put_end(writer);
}

static void print_json(const struct ry_import_report *report, const struct ry_inquiry *inquiry,
                       const struct ry_cli *cli)
{
    RY_BUF_AUTO text = ry_buf_make(JSON_MAX_BYTES);
    struct ry_json_writer writer = ry_json_writer(&text, true);
    ry_json_put_object(&writer, NULL);
    ry_json_put_bool(&writer, "complete", !inquiry->stopped && inquiry->errors.total == 0);
    ry_json_put_u64(&writer, "files", report->files);
    ry_json_put_u64(&writer, "messages", report->messages);
    ry_json_put_u64(&writer, "messages_with_attachments", report->attachments);
    ry_json_put_u64(&writer, "clips_found", report->clips_found);
    ry_json_put_u64(&writer, "clips_completed", report->completed);
    ry_json_put_u64(&writer, "clips_failed", report->failed.total);
    ry_json_put_u64(&writer, "thumbnails", report->thumbnails);
    ry_json_put_u64(&writer, "bytes_read", report->bytes_read);
    ry_json_put_u64(&writer, "bytes_videos", report->bytes_videos);
    ry_json_put_f64(&writer, "seconds", report->seconds, 3);
    ry_json_put_f64(&writer, "reading_seconds", report->reading_seconds, 3);
    ry_json_put_f64(&writer, "messages_per_second", per_second(report->messages_now, report->reading_seconds), 1);
    ry_json_put_u64(&writer, "peak_rss_kb", report->peak_rss_kb);
    ry_skipped_put(&report->skipped, &writer);
    ry_keeping_put(&report->keeping, &writer);
    put_reasons(&writer, "errors", &inquiry->errors);
    put_reasons(&writer, "passed_over", &report->passed_over);
    put_reasons(&writer, "put_aside", &report->put_aside);
    put_reasons(&writer, "failed", &report->failed);
    struct ry_place database;
    ry_config_database_place(cli->config, &database);
    ry_json_put_text(&writer, "database", database.where);
    ry_json_put_text(&writer, "storage", ry_config_str(cli->config, RY_OPT_storage_path));
    ry_json_put_end(&writer);
    fprintf(cli->out, "%.*s\n", RY_STR_ARG(ry_buf_str(&text)));
}

void ry_import_report_print(const struct ry_import_report *report, const struct ry_inquiry *inquiry,
                            const struct ry_page *page, const struct ry_cli *cli, bool json)
{
    if (json)
        print_json(report, inquiry, cli);
    else
        print_text(report, inquiry, page, cli);
    fflush(cli->out);
}

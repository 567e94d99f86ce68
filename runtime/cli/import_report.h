/* import_report.h: what an import came to, for a person or as JSON. */
#ifndef REELYARD_RUNTIME_CLI_IMPORT_REPORT_H
#define REELYARD_RUNTIME_CLI_IMPORT_REPORT_H

#include "runtime/base/buf.h"
#include "runtime/cli/page.h"
#include "runtime/cli/skipped.h"

/* Sentences that are kept and shown of a kind; the rest is counted. */
#define RY_IMPORT_REASONS_MAX 20

struct ry_import_reasons {
    struct ry_buf text; /* a line each */
    size_t shown;
    uint64_t total;
};

struct ry_import_report {
    bool stopped;          /* by a signal, before the end */
    uint64_t files;        /* read to their end */
    uint64_t messages;     /* read, earlier runs of the same import included */
    uint64_t attachments;  /* messages with attachments */
    uint64_t clips_found;  /* by this run */
    uint64_t completed;    /* by this run */
    uint64_t thumbnails;   /* rows that are new since this run began */
    uint64_t bytes_read;   /* of videos */
    uint64_t bytes_videos; /* sizes of the clips that are new since this run began */
    bool broken;           /* the node or the queue failed: nothing more could be done */
    bool rows_only;        /* nothing was made of the videos */
    struct ry_page page;   /* where to look at it */
    double seconds;
    double reading_seconds;               /* until all messages were committed */
    uint64_t messages_now;                /* read by this run */
    uint64_t peak_rss_kb;                 /* of this process; 0: not known */
    struct ry_skipped skipped;            /* attachments that are no videos to take */
    struct ry_import_reasons errors;      /* of files, of the queue, of jobs */
    struct ry_import_reasons passed_over; /* files of a folder that are no exports */
    struct ry_import_reasons put_aside;   /* messages, attachments and rows */
    struct ry_import_reasons failed;      /* clips */
};

void ry_import_report_init(struct ry_import_report *report);
void ry_import_report_free(struct ry_import_report *report);

/* Notes a sentence of a kind, control characters made harmless. */
void ry_import_reason(struct ry_import_reasons *reasons, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Counts more of a kind that have no sentence here. */
void ry_import_reason_count(struct ry_import_reasons *reasons, uint64_t more);

/* Writes a title with the count, and the sentences; nothing when there is none. */
void ry_import_reasons_print(const struct ry_import_reasons *reasons, const char *title, FILE *out);

/* Whether everything is as it should be: the exit code is 0. */
bool ry_import_report_good(const struct ry_import_report *report);

/* Writes it to cli->out. */
void ry_import_report_print(const struct ry_import_report *report, const struct ry_cli *cli, bool json);

#endif

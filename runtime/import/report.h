/* report.h: what an import came to. */
#ifndef REELYARD_RUNTIME_IMPORT_REPORT_H
#define REELYARD_RUNTIME_IMPORT_REPORT_H

#include "runtime/import/keeping.h"
#include "runtime/import/reasons.h"
#include "runtime/import/skipped.h"

struct ry_import_report {
    bool rows_only;        /* nothing was made of the videos */
    uint64_t files;        /* read to their end */
    uint64_t messages;     /* read, earlier runs of the same import included */
    uint64_t messages_now; /* read by this run */
    uint64_t attachments;  /* messages with attachments */
    uint64_t clips_found;  /* by this run */
    uint64_t completed;    /* by this run */
    uint64_t thumbnails;   /* rows that are new since this run began */
    uint64_t bytes_read;   /* of videos */
    uint64_t bytes_videos; /* sizes of the clips that are new since this run began */
    uint64_t peak_rss_kb;  /* of this process; 0: not known */
    double seconds;
    double reading_seconds;        /* until all messages were committed */
    struct ry_skipped skipped;     /* attachments that are no videos to take */
    struct ry_reasons passed_over; /* files of a folder that are no exports */
    struct ry_reasons put_aside;   /* messages, attachments and rows */
    struct ry_reasons failed;      /* clips */
    struct ry_keeping keeping;     /* originals */
};

#endif

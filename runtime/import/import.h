/* import.h: exports of DiscordChatExporter into the archive, with their videos.
 *
 * A producer: reads the exports, pushes jobs while the queue is short, and then waits until the node that reads the
 * queue has done them and all thumbnails are made.
 *
 * One thread; blocks until the end. Nothing is lost when it ends in the middle, however it ends: jobs and the place
 * reached are pushed in one transaction, and the queue and the database keep the rest. Run again, it goes on. */
#ifndef REELYARD_RUNTIME_IMPORT_IMPORT_H
#define REELYARD_RUNTIME_IMPORT_IMPORT_H

#include "runtime/import/files.h"
#include "runtime/import/inquiry.h"
#include "runtime/import/report.h"
#include "runtime/queue/job_queue.h"

struct ry_import_options {
    const struct ry_import_files *files;
    struct ry_job_queue *queue; /* the one that the node reads */
    const struct ry_clock *clock;
    FILE *out;        /* for progress */
    bool rows_only;   /* do not wait for thumbnails */
    bool guilds_only; /* direct messages and group chats are refused, as they have no guild that others could read */
    bool keep;        /* have the originals kept, and wait for that too */
};

/* None of it yet. Free with ry_import_report_free. */
struct ry_import_report ry_import_report_make(void);
void ry_import_report_free(struct ry_import_report *report);

/* Whether one of the files is an export; else errors says what is wrong with each. Before a data folder is made. */
bool ry_import_has_export(const struct ry_import_files *files, struct ry_reasons *errors);

/* Imports. RY_OK: inquiry says how it ended, and report what it came to. RY_EAWAY: the node or the queue could not be
 * looked at before the beginning, and nothing was done. */
int ry_import_run(struct ry_inquiry *inquiry, const struct ry_import_options *options, struct ry_import_report *report,
                  struct ry_error *err);

#endif

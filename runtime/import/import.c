/* import.c: the course of an import.
 *
 *   look at what is there -> feed each file -> wait until the queue is empty -> wait until no clip waits -> report
 *
 * Owns the channels that it brought and the names of the cursors of files that were read to their end; those cursors
 * are removed when everything is done, so that the same file imported again is read from its beginning. After a crash
 * the cursors are there, and the next import goes on behind the last message that was pushed. */
#include "runtime/import/import.h"

#include "runtime/base/assert.h"
#include "runtime/import/feed.h"
#include "runtime/import/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Jobs that may wait before more are pushed: enough to keep the scanner busy, little enough to keep the database small.
 */
#define QUEUE_READY_MAX 64
#define POLL_MS         20
#define LOOK_MS         100

/* Figures of the archive and the node, to be compared: at the beginning and at the end. */
struct figures {
    uint64_t pending; /* clips that wait or are worked on */
    uint64_t settled; /* clips that are completed or have failed */
    uint64_t completed;
    uint64_t thumbnails;
    uint64_t bytes_videos;
    uint64_t counters[RY_COUNTER_COUNT];
};

/* The channel of a file that was fed. */
struct imported {
    char channel_id[RY_JOB_CHANNEL_MAX + 1];
    bool resumed; /* an earlier run had begun with it, so that failures of its clips may be older than this run */
    char *cursor; /* its name, if the file was read to its end */
};

struct import {
    struct ry_inquiry *inquiry;
    const struct ry_import_files *files;
    struct ry_job_queue *queue;
    const struct ry_clock *clock;
    FILE *out;
    bool rows_only;
    bool guilds_only;
    bool keep;
    struct ry_import_report *report;
    struct ry_progress progress;
    struct figures begin;
    struct ry_depth begin_depth;
    int64_t begin_mono_ms;
    int64_t begin_wall_ms;
    struct imported *imported;
    size_t imported_count;
};

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static bool look_at_archive(struct import *import, struct figures *figures)
{
    const struct ry_mail *mail = NULL;
    struct ry_archive_get get = {0};
    if (!ry_inquiry_ask(import->inquiry, RY_TAG_archive_get, &get, &mail))
        return false;
    const struct ry_archive_state *state = RY_BODY(mail, archive_state);
    while (state->error.n > 0) {
        if (!ry_inquiry_endure_answer(import->inquiry, "the database", state->error) ||
            !ry_inquiry_ask(import->inquiry, RY_TAG_archive_get, &get, &mail))
            return false;
        state = RY_BODY(mail, archive_state);
    }
    figures->pending = state->clips_pending + state->clips_processing;
    figures->settled = state->clips_completed + state->clips_failed;
    figures->completed = state->clips_completed;
    figures->thumbnails = state->thumbnails;
    figures->bytes_videos = state->bytes_videos;
    return true;
}

static bool look_at_queue(struct import *import, struct ry_depth *depth)
{
    struct ry_error why;
    while (import->queue->ops->depth(import->queue, depth, &why) != RY_OK)
        if (!ry_inquiry_endure(import->inquiry, &why))
            return false;
    return true;
}

/* What a figure has grown by. */
static uint64_t grown(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static double seconds_so_far(const struct import *import)
{
    int64_t passed_ms = ry_mono_ms(import->clock) - import->begin_mono_ms;
    RY_ASSERT(passed_ms >= 0, "%" PRId64 " ms", passed_ms);
    return (double)passed_ms / 1000;
}

/* ---- feeding ----------------------------------------------------------------------------------------------------- */

static void import_on_put_aside(void *arg, const char *reason)
{
    struct import *import = arg;
    ry_reasons_add(&import->report->put_aside, "%s", reason);
}

/* Waits until the queue is short, and pushes. */
static bool push(struct import *import, struct ry_import_feed *feed)
{
    for (;;) {
        struct ry_depth depth;
        if (!look_at_queue(import, &depth))
            return false;
        if (depth.ready >= QUEUE_READY_MAX) {
            if (!ry_inquiry_pause(import->inquiry, POLL_MS))
                return false;
            continue;
        }
        struct ry_error why;
        if (ry_import_feed_push(feed, &why) == RY_OK)
            return true;
        if (!ry_inquiry_endure(import->inquiry, &why))
            return false;
    }
}

static void show_reading(struct import *import, const struct ry_import_feed *feed)
{
    char detail[64];
    snprintf(detail, sizeof detail, "%" PRIu64 " messages", ry_import_feed_counts(feed).messages);
    ry_progress_update(&import->progress, ry_import_feed_offset(feed), ry_import_feed_size(feed), detail);
}

/* Feeds a whole file. What is wrong with it is noted; everything before it is pushed all the same. */
static void feed_file(struct import *import, struct ry_import_feed *feed)
{
    struct ry_error why;
    int step = RY_IMPORT_MORE;
    ry_progress_init(&import->progress, import->out, import->clock, "reading");
    while (step == RY_IMPORT_MORE) {
        step = ry_import_feed_step(feed, &why);
        if (step != RY_IMPORT_MORE && !push(import, feed))
            break;
        if (step == RY_IMPORT_PUSH)
            step = RY_IMPORT_MORE;
        show_reading(import, feed);
        if (step == RY_IMPORT_MORE && !ry_inquiry_pause(import->inquiry, 0))
            break;
    }
    ry_progress_finish(&import->progress, ry_import_feed_offset(feed), ry_import_feed_size(feed), NULL);
    if (step == RY_IMPORT_END)
        import->report->files++;
    else if (step < 0)
        ry_reasons_add(&import->inquiry->errors, "%s", why.text);
}

/* Feeds one file, and counts what came of it. Only the name of its cursor is kept, so that the files of a large server
 * cost neither descriptors nor buffers once they are read. */
static void import_file(struct import *import, const struct ry_import_source *source)
{
    const char *path = source->path;
    struct ry_import_report *report = import->report;
    struct ry_import_feed *feed = NULL;
    struct ry_import_feed_options options = {.path = path,
                                             .media_dirs = (const char *const *)import->files->dirs,
                                             .media_dir_count = import->files->dir_count,
                                             .guilds_only = import->guilds_only,
                                             .queue = import->queue,
                                             .clock = import->clock,
                                             .put_aside = import_on_put_aside,
                                             .put_aside_arg = import};
    struct ry_error why;
    if (ry_import_feed_open(&feed, &options, &why) != RY_OK) {
        bool passed_over = source->searched && why.code == RY_EINVAL;
        ry_reasons_add(passed_over ? &report->passed_over : &import->inquiry->errors, "%s", why.text);
        return;
    }
    RY_ASSERT(import->imported_count < import->files->n, "%zu of %zu files", import->imported_count, import->files->n);
    struct imported *imported = &import->imported[import->imported_count++];
    imported->resumed = ry_import_feed_resumed(feed);
    (void)snprintf(imported->channel_id, sizeof imported->channel_id, "%.*s", RY_STR_ARG(ry_import_feed_channel(feed)));
    struct ry_import_counts before = ry_import_feed_counts(feed);
    if (imported->resumed)
        fprintf(import->out, "%s: continuing after message %" PRIu64 "\n", path, before.messages);
    ry_reasons_count(&report->put_aside, before.put_aside);
    uint64_t whole_files = report->files;
    feed_file(import, feed);
    struct ry_import_counts after = ry_import_feed_counts(feed);
    report->messages += after.messages;
    report->messages_now += after.messages - before.messages;
    report->attachments += after.with_attachments;
    if (report->files > whole_files) /* without memory the cursor stays, at the end of the file */
        imported->cursor = strdup(ry_import_feed_cursor(feed));
    ry_import_feed_close(&feed);
}

/* ---- waiting for the node ---------------------------------------------------------------------------------------- */

/* Until the queue is empty; every row is committed then. */
static bool wait_for_queue(struct import *import)
{
    struct ry_depth depth;
    for (;;) {
        if (!look_at_queue(import, &depth))
            return false;
        if (depth.ready + depth.leased == 0)
            return true;
        if (!ry_inquiry_pause(import->inquiry, POLL_MS))
            return false;
    }
}

/* Until no clip waits or is worked on. */
static bool wait_for_clips(struct import *import)
{
    ry_progress_init(&import->progress, import->out, import->clock, "clips");
    for (;;) {
        struct figures now = {0};
        if (!look_at_archive(import, &now))
            return false;
        uint64_t done = grown(now.settled, import->begin.settled);
        if (now.pending == 0) {
            if (done > 0)
                ry_progress_finish(&import->progress, done, done, NULL);
            return true;
        }
        ry_progress_update(&import->progress, done, done + now.pending, NULL);
        if (!ry_inquiry_pause(import->inquiry, LOOK_MS))
            return false;
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Whether a failed clip is this import's: of a channel that it brought, and failed since the import of that began. */
static bool is_own_failure(const void *arg, const struct ry_failed_clip *clip)
{
    const struct import *import = arg;
    for (size_t i = 0; i < import->imported_count; i++)
        if (ry_str_is(clip->channel_id, import->imported[i].channel_id) &&
            (import->imported[i].resumed || clip->last_wall_ms >= import->begin_wall_ms))
            return true;
    return false;
}

static uint64_t counted(const struct figures *now, const struct figures *then, enum ry_counter counter)
{
    return grown(now->counters[counter], then->counters[counter]);
}

static void note_end(struct import *import)
{
    struct ry_inquiry *inquiry = import->inquiry;
    struct ry_import_report *report = import->report;
    const struct figures *begin = &import->begin;
    report->rows_only = import->rows_only;
    report->seconds = seconds_so_far(import);
    struct ry_depth depth;
    struct figures now = {0};
    if (inquiry->broken || !look_at_queue(import, &depth))
        return;
    if (depth.dead > import->begin_depth.dead)
        ry_reasons_add(&inquiry->errors, "%" PRIu64 " jobs became dead letters; see `reelyard dead list`",
                       depth.dead - import->begin_depth.dead);
    if (!inquiry->stopped)
        (void)ry_inquiry_settle(inquiry);
    if (inquiry->broken || !look_at_archive(import, &now) || !ry_inquiry_counters(inquiry, now.counters))
        return;
    struct ry_skipped before = ry_skipped_read(begin->counters), after = ry_skipped_read(now.counters);
    report->skipped = ry_skipped_since(&after, &before);
    report->clips_found = counted(&now, begin, RY_COUNTER_clips_found);
    report->bytes_read = counted(&now, begin, RY_COUNTER_download_bytes);
    report->completed = grown(now.completed, begin->completed);
    report->thumbnails = grown(now.thumbnails, begin->thumbnails);
    report->bytes_videos = grown(now.bytes_videos, begin->bytes_videos);
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        report->peak_rss_kb = (uint64_t)usage.ru_maxrss;
    ry_reasons_count(&report->put_aside,
                     counted(&now, begin, RY_COUNTER_messages_rejected) + counted(&now, begin, RY_COUNTER_rows_failed));
    if (!import->rows_only)
        (void)ry_inquiry_failed_clips(inquiry, is_own_failure, import, &report->failed);
}

/* Everything is done: the same files imported again are read from their beginning. */
static void forget_cursors(struct import *import)
{
    for (size_t i = 0; i < import->imported_count; i++) {
        struct ry_error why;
        const char *cursor = import->imported[i].cursor;
        if (cursor != NULL && ry_import_forget(import->queue, cursor, &why) != RY_OK)
            ry_reasons_add(&import->inquiry->errors, "%s", why.text);
    }
}

/* After the thumbnails. One that is stopped goes on in the next node that runs. */
static void keep_originals(struct import *import)
{
    struct ry_str *ids = calloc(import->imported_count + 1, sizeof *ids);
    for (size_t i = 0; ids != NULL && i < import->imported_count; i++)
        ids[i] = ry_str_of(import->imported[i].channel_id);
    if (ids != NULL)
        (void)ry_keeping_run(import->inquiry, ids, import->imported_count, import->clock, &import->report->keeping);
    else
        ry_reasons_add(&import->inquiry->errors, "out of memory");
    free(ids);
}

static void import_files(struct import *import)
{
    for (size_t i = 0; i < import->files->n && ry_inquiry_goes_on(import->inquiry); i++)
        import_file(import, &import->files->items[i]);
    bool done = ry_inquiry_goes_on(import->inquiry) && wait_for_queue(import);
    import->report->reading_seconds = seconds_so_far(import);
    if (done && (import->rows_only || wait_for_clips(import))) {
        forget_cursors(import);
        if (import->keep)
            keep_originals(import);
    }
    note_end(import);
}

/* ---- the import -------------------------------------------------------------------------------------------------- */

struct ry_import_report ry_import_report_make(void)
{
    return (struct ry_import_report){
        .passed_over = ry_reasons_make(), .put_aside = ry_reasons_make(), .failed = ry_reasons_make()};
}

void ry_import_report_free(struct ry_import_report *report)
{
    ry_reasons_free(&report->passed_over);
    ry_reasons_free(&report->put_aside);
    ry_reasons_free(&report->failed);
}

bool ry_import_has_export(const struct ry_import_files *files, struct ry_reasons *errors)
{
    for (size_t i = 0; i < files->n; i++) {
        struct ry_export *reader = NULL;
        struct ry_error why;
        if (ry_export_open(files->items[i].path, &reader, &why) == RY_OK) {
            ry_export_close(&reader);
            ry_reasons_reset(errors);
            return true;
        }
        ry_reasons_add(errors, "%s", why.text);
    }
    return false;
}

int ry_import_run(struct ry_inquiry *inquiry, const struct ry_import_options *options, struct ry_import_report *report,
                  struct ry_error *err)
{
    struct import import = {.inquiry = inquiry,
                            .files = options->files,
                            .queue = options->queue,
                            .clock = options->clock,
                            .out = options->out,
                            .rows_only = options->rows_only,
                            .guilds_only = options->guilds_only,
                            .keep = options->keep,
                            .report = report};
    if (!look_at_archive(&import, &import.begin) || !ry_inquiry_counters(inquiry, import.begin.counters) ||
        !look_at_queue(&import, &import.begin_depth))
        return inquiry->stopped ? ry_fail(err, RY_EAWAY, "interrupted while waiting for the database or the queue")
                                : ry_fail(err, RY_EAWAY, "%.*s", RY_STR_ARG(ry_buf_str(&inquiry->errors.text)));
    import.begin_mono_ms = ry_mono_ms(import.clock);
    import.begin_wall_ms = ry_wall_ms(import.clock);
    import.imported = calloc(import.files->n, sizeof *import.imported);
    if (import.imported != NULL)
        import_files(&import);
    else
        ry_reasons_add(&inquiry->errors, "out of memory");
    for (size_t i = 0; i < import.imported_count; i++)
        free(import.imported[i].cursor);
    free(import.imported);
    return RY_OK;
}

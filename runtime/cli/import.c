/* import.c: `reelyard import EXPORT.json...`: exports of DiscordChatExporter into the archive, with their videos.
 *
 * A producer and its audience: the main thread reads the exports and pushes jobs while the queue is short, and then
 * waits until the troupe has done them and all thumbnails are made. The troupe is that of the node which runs on the
 * data folder, or one that is started here, without its web page.
 *
 * Nothing is lost when it ends in the middle, however it ends: jobs and the place reached are pushed in one
 * transaction, and the queue and the database keep the rest. SIGINT and SIGTERM stop it cleanly; run again, it goes on.
 *
 * Phases: open session and queue -> feed each file -> wait until the queue is empty and no clip waits -> summary. */
#include "runtime/base/log.h"
#include "runtime/base/wait.h"
#include "runtime/cli/cli.h"
#include "runtime/import/feed.h"
#include "runtime/import/files.h"
#include "runtime/cli/import_report.h"
#include "runtime/cli/progress.h"
#include "runtime/cli/roles.h"
#include "runtime/cli/session.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Jobs that may wait before more are pushed: enough to keep the scanner busy, little enough to keep the database small.
 */
#define QUEUE_READY_MAX 64
#define ENDURE_MS       500
#define ENDURE_LOG_MS   10000
#define POLL_MS         20
#define LOOK_MS         100
/* Instances report their counters four times a second, so that long after the end they are all there. */
#define COUNTERS_SETTLE_MS 350

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
};

struct import {
    struct ry_cli *cli;
    const struct ry_clock *clock;
    bool rows_only;                           /* nothing is made of the videos now */
    struct ry_node_role roles[RY_ROLE_COUNT]; /* to start here, if no node runs */
    struct ry_session session;
    struct ry_job_queue *queue;
    int signal_fd;
    struct ry_log_limit endure_log; /* of lines that tell what is waited for */
    struct ry_progress progress;
    struct ry_import_report report;
    struct figures begin;
    struct ry_depth begin_depth;
    int64_t begin_mono_ms;
    int64_t begin_wall_ms;
    struct ry_import_files files;
    struct imported *imported;
    size_t imported_count;
};

/* ---- waiting, and what ends it ----------------------------------------------------------------------------------- */

/* Notes an error that ends the import. */
static void import_break(struct import *import, const struct ry_error *why)
{
    ry_import_reason(&import->report.errors, "%s", why->text);
    import->report.broken = true;
}

/* Waits for so long. False when the import shall end: a signal came, or an instance of the node failed. */
static bool import_wait(struct import *import, int wait_ms)
{
    struct pollfd fds[2] = {{.fd = import->signal_fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    if (import->session.node != NULL)
        fds[1].fd = ry_node_failed_fd(import->session.node);
    if (ry_wait(fds, 2, wait_ms) > 0) {
        if (fds[0].revents != 0)
            import->report.stopped = true;
        if (fds[1].revents != 0) {
            struct ry_error why = {.code = RY_OK};
            ry_node_failure(import->session.node, &why);
            import_break(import, &why);
        }
    }
    return !import->report.stopped && !import->report.broken;
}

/* After a failed step: whether to take it again, having waited a little. What may pass (a lock, a full disk, a writer
 * that stands still or is just being replaced) is waited for and told now and then; a node that is gone is not. */
static bool import_endure(struct import *import, const struct ry_error *why)
{
    if (ry_err_class(why->code) != RY_CLASS_RETRY || why->code == RY_EAWAY) {
        import_break(import, why);
        return false;
    }
    unsigned held_back = 0;
    if (ry_log_allowed(&import->endure_log, 1, ENDURE_LOG_MS, &held_back))
        fprintf(import->cli->err, "waiting: %s\n", why->text);
    return import_wait(import, ENDURE_MS);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static bool ask(struct import *import, enum ry_tag tag, const void *message, const struct ry_mail **answer)
{
    struct ry_error why;
    while (ry_session_ask(&import->session, tag, message, answer, &why) != RY_OK)
        if (!import_endure(import, &why))
            return false;
    return true;
}

static bool look_at_archive(struct import *import, struct figures *figures)
{
    const struct ry_mail *mail = NULL;
    struct ry_archive_get get = {0};
    if (!ask(import, RY_TAG_archive_get, &get, &mail))
        return false;
    const struct ry_archive_state *state = RY_BODY(mail, archive_state);
    while (state->error.n > 0) {
        struct ry_error why;
        (void)ry_fail(&why, RY_EBUSY, "the database: %.*s", RY_STR_ARG(state->error));
        if (!import_endure(import, &why) || !ask(import, RY_TAG_archive_get, &get, &mail))
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

static bool look_at_node(struct import *import, struct figures *figures)
{
    const struct ry_mail *mail = NULL;
    struct ry_node_get get = {0};
    if (!ask(import, RY_TAG_node_get, &get, &mail))
        return false;
    const struct ry_node_state *state = RY_BODY(mail, node_state);
    for (size_t i = 0; i < state->counters.n; i++)
        if (state->counters.items[i].index < RY_COUNTER_COUNT)
            figures->counters[state->counters.items[i].index] = state->counters.items[i].value;
    return true;
}

static bool look_at_queue(struct import *import, struct ry_depth *depth)
{
    struct ry_error why;
    while (import->queue->ops->depth(import->queue, depth, &why) != RY_OK)
        if (!import_endure(import, &why))
            return false;
    return true;
}

/* ---- feeding ----------------------------------------------------------------------------------------------------- */

static void import_on_put_aside(void *arg, const char *reason)
{
    struct import *import = arg;
    ry_import_reason(&import->report.put_aside, "%s", reason);
}

/* Waits until the queue is short, and pushes. */
static bool push(struct import *import, struct ry_import_feed *feed)
{
    for (;;) {
        struct ry_depth depth;
        if (!look_at_queue(import, &depth))
            return false;
        if (depth.ready >= QUEUE_READY_MAX) {
            if (!import_wait(import, POLL_MS))
                return false;
            continue;
        }
        struct ry_error why;
        if (ry_import_feed_push(feed, &why) == RY_OK)
            return true;
        if (!import_endure(import, &why))
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
    ry_progress_init(&import->progress, import->cli->err, import->clock, "reading");
    while (step == RY_IMPORT_MORE) {
        step = ry_import_feed_step(feed, &why);
        if (step != RY_IMPORT_MORE && !push(import, feed))
            break;
        if (step == RY_IMPORT_PUSH)
            step = RY_IMPORT_MORE;
        show_reading(import, feed);
        if (step == RY_IMPORT_MORE && !import_wait(import, 0))
            break;
    }
    ry_progress_finish(&import->progress, ry_import_feed_offset(feed), ry_import_feed_size(feed), NULL);
    if (step == RY_IMPORT_END)
        import->report.files++;
    else if (step < 0)
        ry_import_reason(&import->report.errors, "%s", why.text);
}

/* Feeds one file, and counts what came of it. *cursor: the name of its cursor if it was read to its end (free it). Only
 * that is kept, so that the files of a large server cost neither descriptors nor buffers once they are read. */
static void import_file(struct import *import, const struct ry_import_source *source, char **cursor)
{
    const char *path = source->path;
    struct ry_import_feed *feed = NULL;
    struct ry_import_feed_options options = {.path = path,
                                             .media_dirs = (const char *const *)import->files.dirs,
                                             .media_dir_count = import->files.dir_count,
                                             .queue = import->queue,
                                             .clock = import->clock,
                                             .put_aside = import_on_put_aside,
                                             .put_aside_arg = import};
    struct ry_error why;
    if (ry_import_feed_open(&feed, &options, &why) != RY_OK) {
        bool passed_over = source->searched && why.code == RY_EINVAL;
        ry_import_reason(passed_over ? &import->report.passed_over : &import->report.errors, "%s", why.text);
        return;
    }
    struct imported *imported = &import->imported[import->imported_count++];
    imported->resumed = ry_import_feed_resumed(feed);
    (void)snprintf(imported->channel_id, sizeof imported->channel_id, "%.*s", RY_STR_ARG(ry_import_feed_channel(feed)));
    struct ry_import_counts before = ry_import_feed_counts(feed);
    if (imported->resumed)
        fprintf(import->cli->err, "%s: going on after message %" PRIu64 "\n", path, before.messages);
    ry_import_reason_count(&import->report.put_aside, before.put_aside);
    uint64_t whole_files = import->report.files;
    feed_file(import, feed);
    struct ry_import_counts after = ry_import_feed_counts(feed);
    import->report.messages += after.messages;
    import->report.messages_now += after.messages - before.messages;
    import->report.attachments += after.with_attachments;
    if (import->report.files > whole_files)
        *cursor = strdup(ry_import_feed_cursor(feed)); /* without memory the cursor stays, at the end of the file */
    ry_import_feed_close(&feed);
}

/* ---- waiting for the troupe -------------------------------------------------------------------------------------- */

/* Until the queue is empty; every row is committed then. */
static bool wait_for_queue(struct import *import)
{
    struct ry_depth depth;
    for (;;) {
        if (!look_at_queue(import, &depth))
            return false;
        if (depth.ready + depth.leased == 0)
            return true;
        if (!import_wait(import, POLL_MS))
            return false;
    }
}

/* Until no clip waits or is worked on. */
static bool wait_for_clips(struct import *import)
{
    ry_progress_init(&import->progress, import->cli->err, import->clock, "clips");
    for (;;) {
        struct figures now = {0};
        if (!look_at_archive(import, &now))
            return false;
        uint64_t done = now.settled > import->begin.settled ? now.settled - import->begin.settled : 0;
        if (now.pending == 0) {
            if (done > 0)
                ry_progress_finish(&import->progress, done, done, NULL);
            return true;
        }
        ry_progress_update(&import->progress, done, done + now.pending, NULL);
        if (!import_wait(import, LOOK_MS))
            return false;
    }
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Whether a failed clip is this import's: of a channel that it brought, and failed since the import of that began. */
static bool is_own_failure(const struct import *import, const struct ry_failed_clip *clip)
{
    for (size_t i = 0; i < import->imported_count; i++)
        if (ry_str_is(clip->channel_id, import->imported[i].channel_id) &&
            (import->imported[i].resumed || clip->last_wall_ms >= import->begin_wall_ms))
            return true;
    return false;
}

/* The clips of these exports that have no thumbnails. */
static void note_failed_clips(struct import *import)
{
    char after[65] = "";
    bool more = true;
    while (more) {
        struct ry_failed_get get = {.limit = 1000, .after_id = ry_str_of(after)};
        const struct ry_mail *mail = NULL;
        if (!ask(import, RY_TAG_failed_get, &get, &mail))
            return;
        const struct ry_failed_page *page = RY_BODY(mail, failed_page);
        for (size_t i = 0; i < page->clips.n; i++) {
            const struct ry_failed_clip *clip = &page->clips.items[i];
            if (is_own_failure(import, clip))
                ry_import_reason(&import->report.failed, "%.*s: %.*s", RY_STR_ARG(clip->filename),
                                 RY_STR_ARG(clip->reason));
            snprintf(after, sizeof after, "%.*s", RY_STR_ARG(clip->clip_id));
        }
        more = page->more && page->clips.n > 0;
    }
}

static uint64_t counted(const struct figures *now, const struct figures *then, enum ry_counter counter)
{
    return now->counters[counter] - then->counters[counter];
}

static void note_end(struct import *import)
{
    struct ry_import_report *report = &import->report;
    report->rows_only = import->rows_only;
    report->seconds = (double)(ry_mono_ms(import->clock) - import->begin_mono_ms) / 1000;
    struct ry_depth depth;
    struct figures now = {0};
    if (import->report.broken || !look_at_queue(import, &depth))
        return;
    if (depth.dead > import->begin_depth.dead)
        ry_import_reason(&report->errors, "%" PRIu64 " jobs became dead letters; `reelyard dead list` tells why",
                         depth.dead - import->begin_depth.dead);
    if (!report->stopped)
        import_wait(import, COUNTERS_SETTLE_MS);
    if (import->report.broken || !look_at_archive(import, &now) || !look_at_node(import, &now))
        return;
    report->clips_found = counted(&now, &import->begin, RY_COUNTER_clips_found);
    struct ry_skipped before = ry_skipped_read(import->begin.counters), after = ry_skipped_read(now.counters);
    report->skipped = ry_skipped_since(&after, &before);
    report->bytes_read = counted(&now, &import->begin, RY_COUNTER_download_bytes);
    report->completed = now.completed > import->begin.completed ? now.completed - import->begin.completed : 0;
    report->thumbnails = now.thumbnails - import->begin.thumbnails;
    report->bytes_videos = now.bytes_videos - import->begin.bytes_videos;
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        report->peak_rss_kb = (uint64_t)usage.ru_maxrss;
    ry_import_reason_count(&report->put_aside, counted(&now, &import->begin, RY_COUNTER_messages_rejected) +
                                                   counted(&now, &import->begin, RY_COUNTER_rows_failed));
    if (!import->rows_only)
        note_failed_clips(import);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* What an import starts of the troupe: no web page, and with --rows-only nothing that looks at videos. */
static bool starts_role(const struct import *import, enum ry_role role)
{
    bool rows = role == RY_ROLE_INGESTER || role == RY_ROLE_SCANNER || role == RY_ROLE_WRITER;
    return rows || (!import->rows_only && role != RY_ROLE_MONITOR);
}

/* A node that was joined must read the data folder's queue, or the jobs would lie there until another one does. */
static int check_queue(struct import *import, struct ry_error *err)
{
    const struct ry_mail *mail = NULL;
    struct ry_queue_get get = {0};
    int rc = ry_session_ask(&import->session, RY_TAG_queue_get, &get, &mail, err);
    if (rc != RY_OK)
        return rc;
    struct ry_str engine = RY_BODY(mail, queue_state)->engine;
    if (ry_str_is(engine, "sqlite"))
        return RY_OK;
    return ry_fail(err, RY_ECONFIG,
                   "the node that runs on %s reads its jobs from %.*s, and an import goes through a folder's own queue:"
                   " stop that node for the import, or import with another --data and the same DATABASE_URL and"
                   " STORAGE_PATH",
                   ry_config_str(import->cli->config, RY_OPT_data), RY_STR_ARG(engine));
}

static int import_open(struct import *import, struct ry_error *err)
{
    int rc = ry_session_join(&import->session, import->cli, err);
    /* Its jobs speak of files of this machine, so they go through the data folder's queue, wherever others go. */
    if (rc == RY_OK)
        rc = check_queue(import, err);
    else if (rc == RY_ENOENT && ry_config_set(import->cli->config, RY_OPT_redis_url, "", err) == RY_OK) {
        size_t n = import->cli->registry_count;
        for (size_t i = 0; i < n; i++)
            if (!starts_role(import, import->roles[i].spec->role))
                import->roles[i].instances = 0;
        rc = ry_session_start(&import->session, import->cli, import->roles, n, true, err);
    }
    if (rc != RY_OK)
        return rc;
    rc = ry_session_queue_local(import->cli, true, &import->queue, err);
    if (rc != RY_OK)
        return rc;
    if (!look_at_archive(import, &import->begin) || !look_at_node(import, &import->begin) ||
        !look_at_queue(import, &import->begin_depth))
        return ry_fail(err, RY_EAWAY, "%.*s", RY_STR_ARG(ry_buf_str(&import->report.errors.text)));
    import->begin_mono_ms = ry_mono_ms(import->clock);
    import->begin_wall_ms = ry_wall_ms(import->clock);
    return RY_OK;
}

static void import_files(struct import *import)
{
    char *cursors[RY_IMPORT_FILES_MAX] = {NULL}; /* of files that were read to their end */
    size_t count = import->files.n;
    import->imported = calloc(count, sizeof *import->imported);
    if (import->imported == NULL) {
        ry_import_reason(&import->report.errors, "%s", "out of memory");
        return;
    }
    for (size_t i = 0; i < count && !import->report.stopped && !import->report.broken; i++)
        import_file(import, &import->files.items[i], &cursors[i]);
    bool done = !import->report.stopped && !import->report.broken && wait_for_queue(import);
    import->report.reading_seconds = (double)(ry_mono_ms(import->clock) - import->begin_mono_ms) / 1000;
    done = done && (import->rows_only || wait_for_clips(import));
    for (size_t i = 0; i < count; i++) {
        struct ry_error why;
        if (done && cursors[i] != NULL && ry_import_forget(import->queue, cursors[i], &why) != RY_OK)
            ry_import_reason(&import->report.errors, "%s", why.text);
        free(cursors[i]);
    }
    note_end(import);
    free(import->imported);
    import->imported = NULL;
}

/* Whether some file is an export, so that a mistyped name makes no data folder; else says what is wrong with each. */
static bool import_has_export(struct import *import)
{
    struct ry_import_reasons *errors = &import->report.errors;
    for (size_t i = 0; i < import->files.n; i++) {
        struct ry_export *reader = NULL;
        struct ry_error why;
        if (ry_export_open(import->files.items[i].path, &reader, &why) == RY_OK) {
            ry_export_close(&reader);
            *errors = (struct ry_import_reasons){.text = errors->text};
            ry_buf_reset(&errors->text);
            return true;
        }
        ry_import_reason(errors, "%s", why.text);
    }
    ry_import_reasons_print(errors, "nothing imported; errors", import->cli->err);
    return false;
}

static int import_run(struct import *import, bool json)
{
    struct ry_error err = {.code = RY_OK};
    if (!import_has_export(import))
        return RY_EXIT_FAILED;
    int code = RY_EXIT_DONE;
    int rc = import_open(import, &err);
    if (rc == RY_OK)
        import_files(import);
    else
        code = ry_cli_fail(import->cli, &err);
    ry_job_queue_close(&import->queue);
    if (rc == RY_OK && !import->report.broken && !import->report.stopped)
        ry_page_ask(&import->report.page, &import->session);
    struct ry_error why;
    if (ry_session_close(&import->session, &why) != RY_OK && !import->report.stopped)
        ry_import_reason(&import->report.errors, "%s", why.text);
    if (rc != RY_OK)
        return code;
    ry_import_report_print(&import->report, import->cli, json);
    return ry_import_report_good(&import->report) ? RY_EXIT_DONE : RY_EXIT_FAILED;
}

/* Blocks the signals that end the import, before any thread starts, so that they arrive as data. */
static int watch_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

int ry_cmd_import(struct ry_cli *cli, int argc, char **argv)
{
    struct import import = {.cli = cli, .clock = ry_clock_system(), .session = RY_SESSION_NONE};
    bool json = false;
    struct ry_roles counts;
    struct ry_cli_list media = {.n = 0};
    struct ry_cli_flag flags[RY_ROLE_COUNT + 3] = {{.name = "json", .given = &json},
                                                   {.name = "rows-only", .given = &import.rows_only},
                                                   {.name = "media", .list = &media}};
    size_t n = ry_roles_flags(&counts, cli);
    memcpy(flags + 3, counts.flags, n * sizeof flags[0]);
    int code = ry_cli_begin(cli, &argc, argv, flags, n + 3, 1, RY_IMPORT_FILES_MAX);
    if (code == RY_CLI_GO) {
        ry_roles_default(cli, import.roles);
        code = ry_roles_choose(&counts, cli, import.roles);
    }
    if (code != RY_CLI_GO)
        return code;
    import.signal_fd = watch_signals();
    if (import.signal_fd < 0)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "cannot watch signals: %s", strerror(errno));
    ry_import_report_init(&import.report);
    struct ry_error err;
    if (ry_import_files_list(&import.files, argv + 1, (size_t)argc - 1, media.items, media.n, &err) == RY_OK)
        code = import_run(&import, json);
    else
        code = ry_cli_complain(cli, err.code == RY_EINVAL ? RY_EXIT_USAGE : RY_EXIT_FAILED, "%s", err.text);
    ry_import_files_free(&import.files);
    ry_import_report_free(&import.report);
    (void)close(import.signal_fd);
    return code;
}

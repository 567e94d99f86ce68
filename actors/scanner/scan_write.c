/* scan_write.c: from rows to what is committed.
 *
 *   known ──> days ──> members ──> write ──┐──> done
 *                                    ^     │
 *                                    └─────┘ while rows are left, one batch_write under way at a time
 *
 * Rows go in parts; the last one carries the scan's progress and the job that goes on, so that both are committed with
 * the rows they speak of. After a crash some parts may be there and the progress not: the job reads its slice again,
 * and the same rows under the same keys change nothing. */
#include "actors/scanner/scan_write.h"

#include <inttypes.h>

#include "actors/scanner/scan_next.h"
#include "actors/scanner/scan_steps.h"
#include "actors/scanner/scanner_internal.h"

/* Rows and bytes of one batch_write: large enough for a cheap transaction, far below RY_ENVELOPE_MAX_BYTES. */
#define PART_ROWS_MAX  ((size_t)2000)
#define PART_BYTES_MAX ((size_t)1 << 20)

#define LOG_BURST     20
#define LOG_PERIOD_MS 10000

static struct ry_str id_text(struct scan *scan, uint64_t id)
{
    return id > 0 ? ry_arena_printf(&scan->arena, "%" PRIu64, id) : (struct ry_str){0};
}

/* What the slice means for its scan. */
static struct ry_scan_progress make_progress(struct scan *scan)
{
    bool history = scan_is_history(scan);
    bool thread = scan_reads_thread(scan); /* whose messages are no bounds of the channel */
    return (struct ry_scan_progress){.direction = history ? ry_str_of(scan->job.forward ? "forward" : "backward")
                                                          : RY_STR("live"),
                                     .newest_id = id_text(scan, thread ? 0 : scan->newest),
                                     .oldest_id = id_text(scan, thread ? 0 : scan->oldest),
                                     .messages = scan->messages,
                                     .clips = scan->clips,
                                     .rejected = scan->rejected,
                                     .ended = history && scan->next_json.p == NULL,
                                     .next = scan->next_json};
}

static bool has_progress(const struct scan *scan)
{
    bool live = scan->job.type == SCAN_JOB_MESSAGE && scan->newest > 0 && !scan_reads_thread(scan);
    return scan_is_history(scan) || live;
}

static enum scan_step step_write(struct scan *scan)
{
    struct ry_batch_write batch = {.job_id = scan_order(scan)->job_id,
                                   .token = scan_order(scan)->token,
                                   .guild_id = scan->job.guild_id,
                                   .channel_id = scan->job.channel_id,
                                   .media_root = scan->job.media_root,
                                   .cancellable = scan_is_history(scan),
                                   .fresh = !scan_updates(scan)};
    struct ry_scan_progress progress;
    struct ry_error why;
    if (scan_wants_threads(scan))
        return SCAN_THREADS;
    size_t next = scan_rows_part(scan->rows, scan->next_row, PART_ROWS_MAX, PART_BYTES_MAX, &batch);
    bool last = next == scan_rows_messages(scan->rows);
    scan->clips = scan_rows_clips(scan->rows);
    if (next == scan->next_row && (scan->progress_sent || !has_progress(scan)))
        return SCAN_DONE;
    if (last && has_progress(scan)) {
        if (scan_make_next(scan, &why) != RY_OK)
            return scan_fail(scan, true, "%s", why.text);
        progress = make_progress(scan);
        batch.progress.items = &progress;
        batch.progress.n = 1;
        scan->progress_sent = true;
    }
    if (scan->job.brings_guild) {
        batch.guilds.items = &scan->job.guild;
        batch.guilds.n = 1;
    }
    if (scan->job.brings_channel) {
        batch.channels.items = &scan->job.channel;
        batch.channels.n = 1;
    }
    scan->next_row = next;
    return SCAN_ASK(scan, batch_write, &batch);
}

static void tell_failures(struct scan *scan, const struct ry_batch_written *written)
{
    for (size_t i = 0; i < written->failures.n; i++) {
        const struct ry_row_failure *failure = &written->failures.items[i];
        unsigned suppressed = 0;
        if (ry_log_allowed(&scan->scanner->row_log, LOG_BURST, LOG_PERIOD_MS, &suppressed))
            RY_LOG(RY_WARNING, "row_refused", "job=%.*s table=%.*s key=%.*s reason=%.*s held_back=%u",
                   RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(failure->table), RY_STR_ARG(failure->key),
                   RY_STR_ARG(failure->reason), suppressed);
    }
    scan->rejected += written->failures.n;
}

enum scan_step scan_on_batch_written(struct scan *scan, const struct ry_batch_written *written, enum scan_step next)
{
    if (written->fenced) {
        RY_LOG(RY_WARNING, "job_fenced", "job=%.*s", RY_STR_ARG(scan_order(scan)->job_id));
        return scan_fail(scan, true, "another worker has taken the job over");
    }
    if (written->error.n > 0)
        return scan_hold(scan, "writing", written->error);
    if (written->cancelled) {
        RY_LOG(RY_INFO, "scan_cancelled", "job=%.*s channel=%.*s", RY_STR_ARG(scan_order(scan)->job_id),
               RY_STR_ARG(scan->job.channel_id));
        scan->next_json = (struct ry_str){0};
        return SCAN_DONE;
    }
    tell_failures(scan, written);
    return next;
}

static enum scan_step on_batch_written(struct scan *scan, const struct ry_mail *mail)
{
    return scan_on_batch_written(scan, RY_BODY(mail, batch_written), SCAN_WRITE);
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_WRITE, RY_TAG_batch_written, step_write, on_batch_written},
};
const struct scan_steps scan_write_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

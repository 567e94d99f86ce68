/* scan_status.c: the status of a channel's scan in the database: how it begins, and how it ends when it cannot go on.
 *
 *   begin   of batch and rescan: the scan is RUNNING, unless it is CANCELLED. If this job's slice is on record, it was
 *           committed before a crash, and only what follows from it is left.
 *   end     the scan ends with its status and the reason
 *
 * Both are idempotent; a worker that lost its lease is refused by the writer (fenced). */
#include "actors/scanner/scan_status.h"

#include "actors/scanner/scan_steps.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static enum scan_step step_begin(struct scan *scan)
{
    struct ry_scan_begin begin = {.job_id = scan_order(scan)->job_id,
                                  .token = scan_order(scan)->token,
                                  .guild_id = scan->job.guild_id,
                                  .channel_id = scan->job.channel_id,
                                  .restart = scan->job.restart,
                                  .reset = scan->job.reset};
    return SCAN_ASK(scan, scan_begin, &begin);
}

static enum scan_step on_scan_begun(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_scan_begun *begun = RY_BODY(mail, scan_begun);
    if (begun->error.n > 0)
        return scan_on_writer_error(scan, "taking up the scan", begun->error, begun->refused);
    if (begun->fenced)
        return scan_fail(scan, true, "another worker has taken the job over");
    if (begun->cancelled) {
        RY_LOG(RY_INFO, "scan_cancelled", "job=%.*s channel=%.*s", RY_STR_ARG(scan_order(scan)->job_id),
               RY_STR_ARG(scan->job.channel_id));
        return SCAN_DONE;
    }
    if (begun->slices.n == 0)
        return SCAN_FETCH;
    const struct ry_slice_record *slice = &begun->slices.items[0];
    scan->messages = slice->messages;
    scan->clips = slice->clips;
    scan->rejected = slice->rejected;
    scan->next_json = ry_arena_str(&scan->arena, slice->next);
    return SCAN_DONE;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

enum scan_step scan_give_up(struct scan *scan, const char *status, const char *error)
{
    scan->end_status = status;
    scan->end_error = error != NULL ? ry_arena_str(&scan->arena, ry_str_of(error)) : (struct ry_str){0};
    return SCAN_END;
}

enum scan_step scan_refuse(struct scan *scan, const char *why)
{
    ry_count(scan_ctx(scan), RY_COUNTER_jobs_skipped, 1);
    RY_LOG(RY_INFO, "job_skipped", "job=%.*s channel=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
           RY_STR_ARG(scan->job.channel_id), why);
    if (scan_is_history(scan))
        return scan_give_up(scan, "CANCELLED", why);
    return SCAN_DONE;
}

static enum scan_step step_end(struct scan *scan)
{
    RY_ASSERT(scan->end_status != NULL);
    struct ry_scan_end end = {.job_id = scan_order(scan)->job_id,
                              .token = scan_order(scan)->token,
                              .guild_id = scan->job.guild_id,
                              .channel_id = scan->job.channel_id,
                              .status = ry_str_of(scan->end_status),
                              .error_message = scan->end_error};
    return SCAN_ASK(scan, scan_end, &end);
}

static enum scan_step on_scan_ended(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_scan_ended *ended = RY_BODY(mail, scan_ended);
    if (ended->error.n > 0)
        return scan_on_writer_error(scan, "ending the scan", ended->error, ended->refused);
    if (ended->fenced)
        return scan_fail(scan, true, "another worker has taken the job over");
    return SCAN_DONE;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_BEGIN, RY_TAG_scan_begun, step_begin, on_scan_begun},
    {SCAN_END, RY_TAG_scan_ended, step_end, on_scan_ended},
};
const struct scan_steps scan_status_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

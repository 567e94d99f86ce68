/* scan_chores.c: jobs that read nothing: thumbnails to try again, clips that are stuck, deletions.
 *
 * Each asks the writer, again while there is more to do, and each bears being done twice. A purge works in steps, so
 * that no transaction grows with the archive; files follow their rows by the list of files to delete. A guild's purge
 * ends with the bot leaving it. */
#include "actors/scanner/scan_steps.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/scanner/scanner_internal.h"
#include "runtime/json/read.h"

#define RETRY_IDS_MAX       ((size_t)1000)
#define TIMEOUT_MINUTES_MAX 1e9
#define STALE_CLIPS_MAX     1000
#define PURGE_STEP          500

/* ---- thumbnail_retry --------------------------------------------------------------------------------------------- */

/* Named clips are tried at once. What is due needs no job: the scheduler finds it. */
static enum scan_step step_retry_clips(struct scan *scan)
{
    size_t n = scan->job.ids != NULL ? ry_json_count(scan->job.ids) : 0;
    size_t left = n - scan->next_row;
    if (left == 0)
        return SCAN_DONE;
    struct ry_str ids[RETRY_IDS_MAX];
    struct ry_failed_retry retry = {.clip_ids = {ids, left < RETRY_IDS_MAX ? left : RETRY_IDS_MAX}};
    for (size_t i = 0; i < retry.clip_ids.n; i++)
        ids[i] = ry_json_str(ry_json_at(scan->job.ids, scan->next_row + i));
    scan->next_row += retry.clip_ids.n;
    return SCAN_ASK(scan, failed_retry, &retry);
}

static enum scan_step on_failed_retried(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_failed_retried *retried = RY_BODY(mail, failed_retried);
    if (retried->error.n > 0)
        return scan_on_writer_error(scan, "trying thumbnails again", retried->error, retried->refused);
    scan->clips += retried->count;
    return SCAN_RETRY_CLIPS;
}

/* ---- thumbnail_cleanup ------------------------------------------------------------------------------------------- */

static enum scan_step step_stale_clips(struct scan *scan)
{
    char reason[96];
    double minutes = scan->job.timeout_minutes < TIMEOUT_MINUTES_MAX ? scan->job.timeout_minutes : TIMEOUT_MINUTES_MAX;
    (void)snprintf(reason, sizeof reason, "nobody worked on it for %.10g minutes", minutes);
    struct ry_clips_stale stale = {.guild_id = scan->job.guild_id,
                                   .older_ms = (uint64_t)(minutes * 60000),
                                   .reason = ry_str_of(reason),
                                   .limit = STALE_CLIPS_MAX};
    if (stale.guild_id.n == 0)
        stale.guild_id = (struct ry_str){0};
    return SCAN_ASK(scan, clips_stale, &stale);
}

static enum scan_step on_clips_staled(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_clips_staled *staled = RY_BODY(mail, clips_staled);
    if (staled->error.n > 0)
        return scan_on_writer_error(scan, "looking for clips that are stuck", staled->error, staled->refused);
    scan->clips += staled->count;
    return staled->count == STALE_CLIPS_MAX ? SCAN_STALE_CLIPS : SCAN_DONE;
}

/* ---- deletions --------------------------------------------------------------------------------------------------- */

static enum scan_step step_purge(struct scan *scan)
{
    const struct scan_job *job = &scan->job;
    bool message = job->type == SCAN_JOB_MESSAGE_DELETION;
    bool guild = job->type == SCAN_JOB_PURGE_GUILD;
    struct ry_purge purge = {.job_id = scan_order(scan)->job_id,
                             .token = scan_order(scan)->token,
                             .scope = message ? RY_PURGE_MESSAGE
                                      : guild ? RY_PURGE_GUILD
                                              : RY_PURGE_CHANNEL,
                             .guild_id = job->guild_id,
                             .channel_id = guild ? (struct ry_str){0} : job->channel_id,
                             .message_id = job->message_id,
                             .limit = PURGE_STEP,
                             .cooldown_ms = scan->scanner->purge_cooldown_ms};
    return SCAN_ASK(scan, purge, &purge);
}

static enum scan_step on_purged(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_purged *purged = RY_BODY(mail, purged);
    if (purged->error.n > 0)
        return scan_on_writer_error(scan, "deleting", purged->error, purged->refused);
    if (purged->fenced)
        return scan_fail(scan, true, "another worker has taken the job over");
    scan->messages += purged->messages;
    scan->clips += purged->clips;
    if (purged->more)
        return SCAN_PURGE;
    bool guild = scan->job.type == SCAN_JOB_PURGE_GUILD;
    if (scan->job.type != SCAN_JOB_MESSAGE_DELETION) {
        settings_cache_invalidate(scan->scanner->cache, scan->job.guild_id,
                                  guild ? (struct ry_str){0} : scan->job.channel_id);
        RY_LOG(RY_INFO, "purged", "job=%.*s guild=%.*s channel=%.*s messages=%" PRIu64 " clips=%" PRIu64,
               RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(scan->job.guild_id),
               RY_STR_ARG(guild ? RY_STR("all") : scan->job.channel_id), scan->messages, scan->clips);
    }
    return guild ? SCAN_LEAVE_GUILD : SCAN_DONE;
}

/* The rows are gone, so whatever Discord will never do is said and no more. */
static void scanner_on_left(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    (void)body;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    call->call = NULL;
    if (code != RY_OK && code != RY_ENOENT && ry_err_class((enum ry_err)code) != RY_CLASS_REJECT) {
        scan_run(scan, scan_fail_call(scan, code, err));
        return;
    }
    if (code != RY_OK && code != RY_ENOENT)
        RY_LOG(RY_WARNING, "guild_not_left", "job=%.*s guild=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
               RY_STR_ARG(scan->job.guild_id), err->text);
    scan_run(scan, SCAN_DONE);
}

static enum scan_step step_leave_guild(struct scan *scan)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/users/@me/guilds/%.*s", RY_STR_ARG(scan->job.guild_id));
    (void)scan_call(&scan->calls[0], RY_DISCORD_DELETE, "/users/@me/guilds/:id", path, scanner_on_left);
    return SCAN_WAIT;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_RETRY_CLIPS, RY_TAG_failed_retried, step_retry_clips, on_failed_retried},
    {SCAN_STALE_CLIPS, RY_TAG_clips_staled, step_stale_clips, on_clips_staled},
    {SCAN_PURGE, RY_TAG_purged, step_purge, on_purged},
    {SCAN_LEAVE_GUILD, RY_TAG_NONE, step_leave_guild, NULL},
};
const struct scan_steps scan_chores_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

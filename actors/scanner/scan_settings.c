/* scan_settings.c: whether a channel is scanned, and with which settings.
 *
 * Flags and settings of the channel come from the cache or from the writer. Flags decide for jobs of foreign producers;
 * a job of the node's own queue is its operator's own act, and needs only the rows that it refers to. Broken settings
 * fail the job for good, with the field; bad values in them are logged once and replaced by the layer below. */
#include "actors/scanner/scan_parent.h"
#include "actors/scanner/scan_status.h"
#include "actors/scanner/scan_steps.h"
#include "actors/scanner/scanner_internal.h"

static enum scan_step step_settings(struct scan *scan)
{
    struct scanner *self = scan->scanner;
    struct ry_ctx *ctx = scan_ctx(scan);
    bool local = scan_order(scan)->local_media;
    bool rows_come_along = scan->job.brings_guild && scan->job.brings_channel;
    bool refused = false;
    if (scan_knows_parent(scan, &refused) && refused)
        return scan_refuse(scan, SCAN_NOT_FOUND);
    if (scan->job.type == SCAN_JOB_RESCAN) {
        settings_cache_invalidate(self->cache, scan->job.guild_id, (struct ry_str){0}); /* they changed: that is why */
    } else if (!local || rows_come_along) {
        scan->settings = settings_cache_get(self->cache, scan->job.guild_id, scan->job.channel_id, !local,
                                            ry_mono_ms(ry_ctx_clock(ctx)));
        ry_count(ctx, scan->settings ? RY_COUNTER_settings_cache_hits : RY_COUNTER_settings_cache_misses, 1);
        bool thread = scan_reads_thread(scan) && scan->job.threads == NULL;
        if (scan->settings != NULL && thread && !scan->settings->threads)
            return scan_refuse(scan, "The channel's threads are not scanned");
        if (scan->settings != NULL) {
            scan->forum = scan->settings->forum;
            return scan_first_reading(scan);
        }
    }
    struct ry_settings_get get = {.guild_id = scan->job.guild_id, .channel_id = scan->job.channel_id};
    return SCAN_ASK(scan, settings_get, &get);
}

/* Says what is wrong with a channel's settings, once for as long as they stay so. */
static void warn_of_settings(struct scan *scan)
{
    if (scan->settings->problems[0] == '\0' || !scan_warns_first(scan, "settings_bad"))
        return;
    ry_count(scan_ctx(scan), RY_COUNTER_settings_bad, 1);
    RY_LOG(RY_WARNING, "settings_bad", "guild=%.*s channel=%.*s problems=%s", RY_STR_ARG(scan->job.guild_id),
           RY_STR_ARG(scan->job.channel_id), scan->settings->problems);
}

/* Whether the channel of a job, which has no row, may be a thread whose messages are wanted. */
static bool may_be_thread(const struct scan *scan)
{
    return scan->job.type == SCAN_JOB_MESSAGE && scan->settings->threads && !scan_reads_thread(scan);
}

/* Whether the channel is to be scanned at all. */
static const char *refuse_channel(const struct scan *scan, const struct ry_settings_got *got)
{
    if (!got->guild_exists || !got->channel_exists)
        return SCAN_NOT_FOUND;
    if (!got->guild_enabled)
        return "Guild scanning disabled";
    if (!got->channel_enabled)
        return "Channel scanning disabled for this channel";
    if (ry_str_is(got->channel_type, "category"))
        return "Cannot scan category channels";
    if (got->nsfw && scan->settings->ignore_nsfw_channels)
        return "Channel is NSFW and ignore_nsfw_channels setting is enabled";
    if (scan_reads_thread(scan) && scan->job.threads == NULL && !scan->settings->threads)
        return "The channel's threads are not scanned";
    return NULL;
}

/* A job of the node's own queue needs the rows, from wherever. */
static enum scan_step judge_own(struct scan *scan, const struct ry_settings_got *got)
{
    bool guild_lacks = !got->guild_exists && !scan->job.brings_guild;
    bool channel_lacks = !got->channel_exists && !scan->job.brings_channel;
    if (!guild_lacks && !channel_lacks)
        return scan_first_reading(scan);
    if (scan->job.type != SCAN_JOB_MESSAGES)
        return SCAN_PLACE;
    if (guild_lacks)
        return scan_fail(scan, false, "guild %.*s is not in the database, and the job has no guild object",
                         RY_STR_ARG(scan->job.guild_id));
    return scan_fail(scan, false, "channel %.*s is not in the database, and the job has no channel object",
                     RY_STR_ARG(scan->job.channel_id));
}

static enum scan_step on_settings_got(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_settings_got *got = RY_BODY(mail, settings_got);
    struct scanner *self = scan->scanner;
    if (got->error.n > 0)
        return scan_hold(scan, "reading the settings", got->error);
    struct scan_layers layers = {got->guild_default_channel_settings, got->guild_settings, got->channel_settings};
    struct ry_error why;
    int rc = scan_settings_resolve(&self->defaults, &layers, &scan->settings, &why);
    if (rc != RY_OK)
        return scan_fail(scan, ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY,
                         "the settings of channel %.*s are bad: %s", RY_STR_ARG(scan->job.channel_id), why.text);
    warn_of_settings(scan);
    scan->settings->forum = scan->forum = ry_str_is(got->channel_type, "forum");
    const char *refusal = refuse_channel(scan, got);
    settings_cache_put(self->cache, scan->job.guild_id, scan->job.channel_id, scan->settings, refusal == NULL,
                       ry_mono_ms(ry_ctx_clock(scan_ctx(scan))));
    if (scan_order(scan)->local_media)
        return judge_own(scan, got);
    if (!got->channel_exists && got->guild_exists && got->guild_enabled && may_be_thread(scan))
        return SCAN_PARENT;
    return refusal == NULL ? scan_first_reading(scan) : scan_refuse(scan, refusal);
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_SETTINGS, RY_TAG_settings_got, step_settings, on_settings_got},
};
const struct scan_steps scan_settings_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

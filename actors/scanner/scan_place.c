/* scan_place.c: where a job works: the channel's settings and flags, its rows, and its scan's status.
 *
 *   settings ──> (place ──> place_write) ──> (begin ──>) fetch, fetch_ids or select
 *        └──────────────> end ──> done
 *
 * settings     flags and settings of the channel, from the cache or the writer. Flags decide for jobs of producers that
 *              are somebody else; a job of the node's own queue is its operator's own act.
 * place        a job of the node's own queue whose guild or channel has no row: they are made from what Discord says
 * begin        of batch and rescan: the scan is RUNNING, unless it is CANCELLED. If this job's slice is on record, it
 *              was committed before a crash, and only what follows from it is left.
 * end          a scan that cannot go on ends with its status and the reason */
#include "actors/scanner/scan.h"
#include "actors/scanner/scan_threads.h"

#include <stdio.h>

#include "actors/scanner/author.h"
#include "runtime/json/read.h"

enum scan_step scan_first_reading(const struct scan *scan)
{
    switch (scan->job.type) {
    case SCAN_JOB_BATCH:
    case SCAN_JOB_RESCAN: return SCAN_BEGIN;
    case SCAN_JOB_MESSAGE: return SCAN_FETCH_IDS;
    default: return SCAN_SELECT;
    }
}

/* ---- settings ---------------------------------------------------------------------------------------------------- */

enum scan_step scan_step_settings(struct scan *scan)
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

#define WARNED_MAX (sizeof((struct scanner *)NULL)->warned / sizeof(uint64_t))

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, struct ry_str text)
{
    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool scan_warns_first(struct scan *scan, const char *warning)
{
    struct scanner *self = scan->scanner;
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), ry_str_of(warning));
    hash = hash_text(hash, scan->job.channel_id);
    hash = hash_text(hash, ry_str_of(scan->settings->hash));
    for (size_t i = 0; i < WARNED_MAX; i++)
        if (self->warned[i] == hash)
            return false;
    self->warned[self->warned_next] = hash;
    self->warned_next = (self->warned_next + 1) % WARNED_MAX;
    return true;
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

enum scan_step scan_refuse(struct scan *scan, const char *why)
{
    ry_count(scan_ctx(scan), RY_COUNTER_jobs_skipped, 1);
    RY_LOG(RY_INFO, "job_skipped", "job=%.*s channel=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
           RY_STR_ARG(scan->job.channel_id), why);
    if (scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN)
        return scan_give_up(scan, "CANCELLED", why);
    return SCAN_DONE;
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

enum scan_step scan_on_settings_got(struct scan *scan, const struct ry_settings_got *got)
{
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

/* ---- rows that only Discord can tell ----------------------------------------------------------------------------- */

static struct ry_str keep(struct scan *scan, struct ry_str text, size_t max)
{
    return ry_arena_str(&scan->arena, ry_json_cut(text, max));
}

/* Source: https://discord.com/developers/docs/resources/channel#channel-object-channel-types */
static struct ry_str channel_type(uint64_t number)
{
    switch (number) {
    case 2:
    case 13: return RY_STR("voice");
    case 4: return RY_STR("category");
    case 15:
    case 16: return RY_STR("forum");
    default: return RY_STR("text");
    }
}

static int read_channel(struct scan *scan, const struct ry_json *object, struct ry_error *err)
{
    struct ry_str guild_id = {0};
    struct ry_str name = {0};
    struct ry_str topic = {0};
    struct ry_str parent_id = {0};
    uint64_t type = 0;
    int rc = ry_json_read_id(object, "", "guild_id", true, &guild_id, err);
    if (rc == RY_OK && !ry_str_eq(guild_id, scan->job.guild_id))
        rc = ry_fail(err, RY_EDATA, "the channel belongs to guild %.*s", RY_STR_ARG(guild_id));
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "", "name", false, &name, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "", "topic", false, &topic, err);
    if (rc == RY_OK)
        rc = ry_json_read_id(object, "", "parent_id", false, &parent_id, err);
    if (rc == RY_OK)
        rc = ry_json_read_count(object, "", "type", &type, err);
    if (rc != RY_OK)
        return rc;
    scan->job.channel = (struct ry_channel_row){.id = scan->job.channel_id,
                                                .name = keep(scan, name.p ? name : RY_STR(""), SCAN_NAME_MAX_BYTES),
                                                .type = channel_type(type),
                                                .parent_id = keep(scan, parent_id, 20),
                                                .topic = keep(scan, topic, SCAN_TOPIC_MAX_BYTES)};
    scan->job.brings_channel = true;
    scan->forum = ry_str_is(scan->job.channel.type, "forum");
    return RY_OK;
}

static int read_guild(struct scan *scan, const struct ry_json *object, struct ry_error *err)
{
    struct ry_str name = {0};
    struct ry_str icon = {0};
    int rc = ry_json_read_str(object, "", "name", true, &name, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "", "icon", false, &icon, err);
    if (rc != RY_OK)
        return rc;
    scan->job.guild = (struct ry_guild_row){.id = scan->job.guild_id, .name = keep(scan, name, SCAN_NAME_MAX_BYTES)};
    if (scan_is_image_hash(icon))
        scan->job.guild.icon_url = ry_arena_printf(&scan->arena, "https://cdn.discordapp.com/icons/%.*s/%.*s.%s",
                                                   RY_STR_ARG(scan->job.guild_id), RY_STR_ARG(icon),
                                                   ry_str_starts(icon, RY_STR("a_")) ? "gif" : "png");
    scan->job.brings_guild = true;
    return RY_OK;
}

static void scanner_on_place(void *arg, int code, unsigned status, struct ry_str body, const struct ry_error *err)
{
    (void)status;
    struct scan_call *call = arg;
    struct scan *scan = call->scan;
    call->call = NULL;
    bool channel = !scan->job.brings_channel;
    if (code == RY_ENOENT || code == RY_EACCES) {
        scan_run(scan, scan_fail(scan, false, "%s %.*s: Discord knows none, or the bot cannot see it",
                                 channel ? "channel" : "guild",
                                 RY_STR_ARG(channel ? scan->job.channel_id : scan->job.guild_id)));
        return;
    }
    if (code != RY_OK) {
        scan_run(scan, scan_fail_call(scan, code, err));
        return;
    }
    struct ry_json_doc *doc = NULL;
    const struct ry_json *object = NULL;
    struct ry_error why;
    int rc = ry_json_parse_object(body, &doc, &object, &why);
    if (rc == RY_OK)
        rc = channel ? read_channel(scan, object, &why) : read_guild(scan, object, &why);
    ry_json_free(&doc);
    if (rc == RY_OK)
        scan_run(scan, SCAN_PLACE);
    else
        scan_run(scan, scan_fail(scan, rc != RY_EDATA, "Discord's %s: %s", channel ? "channel" : "guild", why.text));
}

enum scan_step scan_step_place(struct scan *scan)
{
    char path[80];
    if (scan->job.brings_guild && scan->job.brings_channel)
        return SCAN_PLACE_WRITE;
    if (!scan->job.brings_channel)
        (void)snprintf(path, sizeof path, "/channels/%.*s", RY_STR_ARG(scan->job.channel_id));
    else
        (void)snprintf(path, sizeof path, "/guilds/%.*s", RY_STR_ARG(scan->job.guild_id));
    (void)scan_call(&scan->calls[0], RY_DISCORD_GET, path, path, scanner_on_place);
    return SCAN_WAIT;
}

/* The scan's status needs the channel's row, so the rows go first. */
enum scan_step scan_step_place_write(struct scan *scan)
{
    struct ry_guild_row guild = scan->job.guild;
    struct ry_channel_row channel = scan->job.channel;
    struct ry_batch_write batch = {.job_id = scan_order(scan)->job_id,
                                   .token = scan_order(scan)->token,
                                   .guild_id = scan->job.guild_id,
                                   .channel_id = scan->job.channel_id,
                                   .guilds = {&guild, 1},
                                   .channels = {&channel, 1}};
    return SCAN_ASK(scan, batch_write, &batch);
}

/* ---- the scan's status ------------------------------------------------------------------------------------------- */

enum scan_step scan_step_begin(struct scan *scan)
{
    struct ry_scan_begin begin = {.job_id = scan_order(scan)->job_id,
                                  .token = scan_order(scan)->token,
                                  .guild_id = scan->job.guild_id,
                                  .channel_id = scan->job.channel_id,
                                  .restart = scan->job.restart,
                                  .reset = scan->job.reset};
    return SCAN_ASK(scan, scan_begin, &begin);
}

enum scan_step scan_on_scan_begun(struct scan *scan, const struct ry_scan_begun *begun)
{
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

enum scan_step scan_give_up(struct scan *scan, const char *status, const char *error)
{
    scan->end_status = status;
    scan->end_error = error != NULL ? ry_arena_str(&scan->arena, ry_str_of(error)) : (struct ry_str){0};
    return SCAN_END;
}

enum scan_step scan_step_end(struct scan *scan)
{
    struct ry_scan_end end = {.job_id = scan_order(scan)->job_id,
                              .token = scan_order(scan)->token,
                              .guild_id = scan->job.guild_id,
                              .channel_id = scan->job.channel_id,
                              .status = ry_str_of(scan->end_status),
                              .error_message = scan->end_error};
    return SCAN_ASK(scan, scan_end, &end);
}

enum scan_step scan_on_scan_ended(struct scan *scan, const struct ry_scan_ended *ended)
{
    if (ended->error.n > 0)
        return scan_on_writer_error(scan, "ending the scan", ended->error, ended->refused);
    if (ended->fenced)
        return scan_fail(scan, true, "another worker has taken the job over");
    return SCAN_DONE;
}

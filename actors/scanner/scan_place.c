/* scan_place.c: the rows of a guild and a channel that the database does not have yet.
 *
 *   place         a job of the node's own queue whose guild or channel has no row: they are made from what Discord says
 *   place_write   the rows are committed before anything refers to them
 *
 * Writing the same rows again changes nothing, so a crash between the two costs a call to Discord. */
#include "actors/scanner/scan_steps.h"

#include <stdio.h>

#include "actors/scanner/author.h"
#include "actors/scanner/scan_write.h"
#include "runtime/json/read.h"

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

static enum scan_step step_place(struct scan *scan)
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
static enum scan_step step_place_write(struct scan *scan)
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

static enum scan_step on_batch_written(struct scan *scan, const struct ry_mail *mail)
{
    return scan_on_batch_written(scan, RY_BODY(mail, batch_written), scan_first_reading(scan));
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_PLACE, RY_TAG_NONE, step_place, NULL},
    {SCAN_PLACE_WRITE, RY_TAG_batch_written, step_place_write, on_batch_written},
};
const struct scan_steps scan_place_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

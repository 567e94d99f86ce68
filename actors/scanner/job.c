/* job.c: the shape of a job, field by field. Pure. */
#include "actors/scanner/job.h"

#include "actors/scanner/json_read.h"
#include "runtime/base/clock.h"

/* Limits of guild_row and channel_row in proto/messages.def. Names are cut to them, URLs left out. */
#define NAME_MAX_BYTES       ((size_t)400)
#define TOPIC_MAX_BYTES      ((size_t)4096)
#define URL_MAX_BYTES        ((size_t)2048)
#define MEDIA_ROOT_MAX_BYTES ((size_t)4096)

/* What every job has, whatever its type. */
static int read_head(struct scan_job *job, struct ry_error *err)
{
    struct ry_str text;
    int64_t created_wall_ms = 0;
    int rc = json_read_str(job->root, "", "job_id", true, &text, err);
    if (rc == RY_OK)
        rc = json_read_str(job->root, "", "type", true, &text, err);
    if (rc == RY_OK && !ry_str_is(text, "messages"))
        rc = ry_fail(err, RY_EINVAL, "type is not 'messages', as the queue says");
    if (rc == RY_OK)
        rc = json_read_id(job->root, "", "guild_id", true, &job->guild_id, err);
    if (rc == RY_OK)
        rc = json_read_id(job->root, "", "channel_id", true, &job->channel_id, err);
    if (rc == RY_OK)
        rc = json_read_str(job->root, "", "created_at", true, &text, err);
    if (rc == RY_OK && !ry_time_parse_utc(text, &created_wall_ms))
        rc = ry_fail(err, RY_EINVAL, "created_at is no ISO 8601 time");
    return rc;
}

static int read_guild(struct scan_job *job, struct ry_error *err)
{
    struct json_object *guild = NULL;
    int rc = json_read_object(job->root, "", "guild", false, &guild, err);
    if (rc != RY_OK || guild == NULL)
        return rc;
    rc = json_read_id(guild, "guild.", "id", true, &job->guild.id, err);
    if (rc == RY_OK && !ry_str_eq(job->guild.id, job->guild_id))
        rc = ry_fail(err, RY_EINVAL, "guild.id is not guild_id");
    if (rc == RY_OK)
        rc = json_read_str(guild, "guild.", "name", true, &job->guild.name, err);
    if (rc == RY_OK)
        rc = json_read_str(guild, "guild.", "icon_url", false, &job->guild.icon_url, err);
    job->guild.name = json_read_cut(job->guild.name, NAME_MAX_BYTES);
    if (job->guild.icon_url.n > URL_MAX_BYTES)
        job->guild.icon_url = (struct ry_str){0};
    job->brings_guild = rc == RY_OK;
    return rc;
}

static bool is_channel_type(struct ry_str type)
{
    return ry_str_is(type, "text") || ry_str_is(type, "voice") || ry_str_is(type, "category") ||
           ry_str_is(type, "forum");
}

static int read_channel(struct scan_job *job, struct ry_error *err)
{
    struct json_object *channel = NULL;
    int rc = json_read_object(job->root, "", "channel", false, &channel, err);
    if (rc != RY_OK || channel == NULL)
        return rc;
    rc = json_read_id(channel, "channel.", "id", true, &job->channel.id, err);
    if (rc == RY_OK && !ry_str_eq(job->channel.id, job->channel_id))
        rc = ry_fail(err, RY_EINVAL, "channel.id is not channel_id");
    if (rc == RY_OK)
        rc = json_read_str(channel, "channel.", "name", true, &job->channel.name, err);
    if (rc == RY_OK)
        rc = json_read_str(channel, "channel.", "type", true, &job->channel.type, err);
    if (rc == RY_OK && !is_channel_type(job->channel.type))
        rc = ry_fail(err, RY_EINVAL, "channel.type is none of text, voice, category, forum");
    if (rc == RY_OK)
        rc = json_read_id(channel, "channel.", "parent_id", false, &job->channel.parent_id, err);
    if (rc == RY_OK)
        rc = json_read_str(channel, "channel.", "topic", false, &job->channel.topic, err);
    job->channel.name = json_read_cut(job->channel.name, NAME_MAX_BYTES);
    job->channel.topic = json_read_cut(job->channel.topic, TOPIC_MAX_BYTES);
    job->brings_channel = rc == RY_OK;
    return rc;
}

static int read_media_root(struct scan_job *job, struct ry_error *err)
{
    int rc = json_read_str(job->root, "", "media_root", false, &job->media_root, err);
    if (rc != RY_OK || job->media_root.p == NULL)
        return rc;
    if (job->media_root.n == 0 || job->media_root.p[0] != '/' || job->media_root.n > MEDIA_ROOT_MAX_BYTES ||
        memchr(job->media_root.p, '\0', job->media_root.n) != NULL)
        return ry_fail(err, RY_EINVAL, "media_root is no absolute path of at most %zu bytes", MEDIA_ROOT_MAX_BYTES);
    return RY_OK;
}

static int read_job(struct scan_job *job, bool local, struct ry_error *err)
{
    int rc = read_head(job, err);
    if (rc == RY_OK)
        rc = json_read_array(job->root, "", "messages", true, &job->messages, err);
    if (rc == RY_OK && json_object_array_length(job->messages) > SCAN_JOB_MESSAGES_MAX)
        rc = ry_fail(err, RY_EINVAL, "messages has more than %zu elements", SCAN_JOB_MESSAGES_MAX);
    if (rc == RY_OK && local)
        rc = read_guild(job, err);
    if (rc == RY_OK && local)
        rc = read_channel(job, err);
    if (rc == RY_OK && local)
        rc = read_media_root(job, err);
    return rc;
}

int scan_job_parse(struct ry_str json, bool local, struct scan_job *job, struct ry_error *err)
{
    *job = (struct scan_job){0};
    int rc = json_read_text(json, &job->root, err);
    if (rc == RY_OK && !json_object_is_type(job->root, json_type_object))
        rc = ry_fail(err, RY_EINVAL, "the job is not an object");
    if (rc == RY_OK)
        rc = read_job(job, local, err);
    if (rc != RY_OK)
        scan_job_free(job);
    return rc;
}

void scan_job_drop_messages(struct scan_job *job)
{
    json_object_object_del(job->root, "messages");
    job->messages = NULL;
}

void scan_job_free(struct scan_job *job)
{
    json_object_put(job->root);
    *job = (struct scan_job){0};
}

/* job.c: the shape of a job, field by field. Pure. */
#include "actors/scanner/job.h"

#include "runtime/json/read.h"
#include "runtime/base/clock.h"

/* Limits of guild_row and batch_write in proto/messages.def. A URL that is longer is left out. */
#define URL_MAX_BYTES        ((size_t)2048)
#define MEDIA_ROOT_MAX_BYTES ((size_t)4096)

static const char *const TYPES[SCAN_JOB_TYPE_COUNT] = {
    [SCAN_JOB_BATCH] = "batch",
    [SCAN_JOB_MESSAGE] = "message",
    [SCAN_JOB_MESSAGES] = "messages",
    [SCAN_JOB_RESCAN] = "rescan",
    [SCAN_JOB_THUMBNAIL_RETRY] = "thumbnail_retry",
    [SCAN_JOB_THUMBNAIL_CLEANUP] = "thumbnail_cleanup",
    [SCAN_JOB_MESSAGE_DELETION] = "message_deletion",
    [SCAN_JOB_PURGE_CHANNEL] = "purge_channel",
    [SCAN_JOB_PURGE_GUILD] = "purge_guild",
};

bool scan_job_is_scan(const struct scan_job *job)
{
    return job->type <= SCAN_JOB_RESCAN;
}

static int read_type(struct scan_job *job, struct ry_str type, struct ry_error *err)
{
    struct ry_str text;
    int rc = ry_json_read_str(job->root, "", "type", true, &text, err);
    if (rc != RY_OK)
        return rc;
    if (!ry_str_eq(text, type))
        return ry_fail(err, RY_EINVAL, "type is not '%.*s', as the queue says", RY_STR_ARG(ry_json_cut(type, 40)));
    for (int i = 0; i < SCAN_JOB_TYPE_COUNT; i++)
        if (ry_str_is(type, TYPES[i])) {
            job->type = (enum scan_job_type)i;
            return RY_OK;
        }
    return ry_fail(err, RY_EUNSUPPORTED, "there is no such type of job as '%.*s'", RY_STR_ARG(ry_json_cut(type, 40)));
}

/* guild_id and channel_id, which chores for the whole archive leave out or name otherwise. */
static int read_place(struct scan_job *job, struct ry_error *err)
{
    bool anywhere = job->type == SCAN_JOB_THUMBNAIL_RETRY || job->type == SCAN_JOB_THUMBNAIL_CLEANUP;
    if (anywhere) {
        int rc = ry_json_read_str(job->root, "", "guild_id", false, &job->guild_id, err);
        return rc == RY_OK ? ry_json_read_str(job->root, "", "channel_id", false, &job->channel_id, err) : rc;
    }
    int rc = ry_json_read_id(job->root, "", "guild_id", true, &job->guild_id, err);
    if (rc == RY_OK && job->type == SCAN_JOB_PURGE_GUILD)
        return ry_json_read_str(job->root, "", "channel_id", false, &job->channel_id, err);
    return rc == RY_OK ? ry_json_read_id(job->root, "", "channel_id", true, &job->channel_id, err) : rc;
}

/* What every job has, whatever its type. */
static int read_head(struct scan_job *job, struct ry_str type, struct ry_error *err)
{
    struct ry_str text;
    int64_t created_wall_ms = 0;
    int rc = ry_json_read_str(job->root, "", "job_id", true, &job->job_id, err);
    if (rc == RY_OK)
        rc = read_type(job, type, err);
    if (rc == RY_OK)
        rc = read_place(job, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(job->root, "", "created_at", true, &text, err);
    if (rc == RY_OK && !ry_time_parse_utc(text, &created_wall_ms))
        rc = ry_fail(err, RY_EINVAL, "created_at is not an ISO 8601 time");
    return rc;
}

static int read_direction(struct scan_job *job, struct ry_error *err)
{
    struct ry_str text;
    int rc = ry_json_read_str(job->root, "", "direction", false, &text, err);
    job->direction_told = text.p != NULL;
    if (rc != RY_OK || text.p == NULL || ry_str_is(text, "backward"))
        return rc;
    job->forward = ry_str_is(text, "forward");
    return job->forward ? RY_OK : ry_fail(err, RY_EINVAL, "direction is neither forward nor backward");
}

static int read_rescan(struct scan_job *job, struct ry_error *err)
{
    static const char *const MODES[] = {
        [SCAN_RESCAN_STOP] = "stop", [SCAN_RESCAN_CONTINUE] = "continue", [SCAN_RESCAN_UPDATE] = "update"};
    struct ry_str text;
    int rc = ry_json_read_str(job->root, "", "rescan", false, &text, err);
    if (rc != RY_OK || text.p == NULL)
        return rc;
    for (int i = 0; i < 3; i++)
        if (ry_str_is(text, MODES[i])) {
            job->rescan = (enum scan_rescan)i;
            return RY_OK;
        }
    return ry_fail(err, RY_EINVAL, "rescan is none of stop, continue, update");
}

static int read_threads(struct scan_job *job, struct ry_error *err)
{
    const struct ry_json *thread = NULL;
    int rc = ry_json_read_array(job->root, "", "threads", false, &job->threads, err);
    if (rc == RY_OK && ry_json_count(job->threads) > SCAN_JOB_THREADS_MAX)
        rc = ry_fail(err, RY_EINVAL, "threads has more than %zu elements", SCAN_JOB_THREADS_MAX);
    for (struct ry_json_walk walk = ry_json_walk(job->threads); rc == RY_OK && ry_json_next(&walk, &thread);)
        if (!ry_str_is_snowflake(ry_json_str(thread)))
            rc = ry_fail(err, RY_EINVAL, "an element of threads is not a snowflake");
    if (rc == RY_OK && ry_json_count(job->threads) == 0)
        job->threads = NULL;
    if (rc == RY_OK)
        rc = ry_json_read_id(job->root, "", "threads_below", false, &job->threads_below, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(job->root, "", "threads_from", false, &job->threads_from, err);
    if (rc == RY_OK && job->threads_from.n > 0 && !ry_str_is_snowflake(job->threads_from))
        rc = ry_fail(err, RY_EINVAL, "threads_from is not a snowflake");
    return rc;
}

static int read_batch(struct scan_job *job, struct ry_error *err)
{
    int rc = read_direction(job, err);
    if (rc == RY_OK)
        rc = ry_json_read_count(job->root, "", "limit", &job->limit_asked, err);
    if (rc == RY_OK)
        rc = ry_json_read_id(job->root, "", "before_message_id", false, &job->before_id, err);
    if (rc == RY_OK)
        rc = ry_json_read_id(job->root, "", "after_message_id", false, &job->after_id, err);
    if (rc == RY_OK)
        rc = ry_json_read_bool(job->root, "", "auto_continue", &job->auto_continue, err);
    if (rc == RY_OK)
        rc = read_rescan(job, err);
    if (rc == RY_OK)
        rc = ry_json_read_bool(job->root, "", "restart", &job->restart, err);
    if (rc == RY_OK)
        rc = ry_json_read_count(job->root, "", "messages_max", &job->messages_max, err);
    if (rc == RY_OK)
        rc = read_threads(job, err);
    job->limit = job->limit_asked < SCAN_JOB_LIMIT_MAX ? job->limit_asked : SCAN_JOB_LIMIT_MAX;
    return rc;
}

/* A rescan is a backward scan of everything, that begins whatever the scan's status is. */
static int read_whole_channel(struct scan_job *job, struct ry_error *err)
{
    job->auto_continue = true;
    job->rescan = SCAN_RESCAN_UPDATE;
    job->restart = true;
    return ry_json_read_bool(job->root, "", "reset_scan_status", &job->reset, err);
}

static int read_ids(struct scan_job *job, const char *key, bool required, bool snowflakes, struct ry_error *err)
{
    int rc = ry_json_read_array(job->root, "", key, required, &job->ids, err);
    if (rc != RY_OK || job->ids == NULL)
        return rc;
    size_t n = ry_json_count(job->ids);
    if (n > SCAN_JOB_MESSAGES_MAX)
        return ry_fail(err, RY_EINVAL, "%s has more than %zu elements", key, SCAN_JOB_MESSAGES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct ry_str id = ry_json_str(ry_json_at(job->ids, i));
        if (id.p == NULL || (snowflakes && !ry_str_is_snowflake(id)) || id.n == 0 || id.n > 64)
            return ry_fail(err, RY_EINVAL, "%s[%zu] is not an id", key, i);
    }
    return RY_OK;
}

/* A number of minutes, with a fraction or without; one below 0 is 0. */
static int read_timeout(struct scan_job *job, struct ry_error *err)
{
    const struct ry_json *value = ry_json_get(job->root, "timeout_minutes");
    job->timeout_minutes = 30;
    if (value != NULL && !ry_json_f64(value, &job->timeout_minutes))
        return ry_fail(err, RY_EINVAL, "timeout_minutes is not a number");
    if (job->timeout_minutes < 0)
        job->timeout_minutes = 0;
    return RY_OK;
}

static int read_guild(struct scan_job *job, struct ry_error *err)
{
    const struct ry_json *guild = NULL;
    int rc = ry_json_read_object(job->root, "", "guild", false, &guild, err);
    if (rc != RY_OK || guild == NULL)
        return rc;
    rc = ry_json_read_id(guild, "guild.", "id", true, &job->guild.id, err);
    if (rc == RY_OK && !ry_str_eq(job->guild.id, job->guild_id))
        rc = ry_fail(err, RY_EINVAL, "guild.id is not guild_id");
    if (rc == RY_OK)
        rc = ry_json_read_str(guild, "guild.", "name", true, &job->guild.name, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(guild, "guild.", "icon_url", false, &job->guild.icon_url, err);
    job->guild.name = ry_json_cut(job->guild.name, SCAN_NAME_MAX_BYTES);
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
    const struct ry_json *channel = NULL;
    int rc = ry_json_read_object(job->root, "", "channel", false, &channel, err);
    if (rc != RY_OK || channel == NULL)
        return rc;
    rc = ry_json_read_id(channel, "channel.", "id", true, &job->channel.id, err);
    if (rc == RY_OK && !ry_str_eq(job->channel.id, job->channel_id))
        rc = ry_fail(err, RY_EINVAL, "channel.id is not channel_id");
    if (rc == RY_OK)
        rc = ry_json_read_str(channel, "channel.", "name", true, &job->channel.name, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(channel, "channel.", "type", true, &job->channel.type, err);
    if (rc == RY_OK && !is_channel_type(job->channel.type))
        rc = ry_fail(err, RY_EINVAL, "channel.type is none of text, voice, category, forum");
    if (rc == RY_OK)
        rc = ry_json_read_id(channel, "channel.", "parent_id", false, &job->channel.parent_id, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(channel, "channel.", "topic", false, &job->channel.topic, err);
    job->channel.name = ry_json_cut(job->channel.name, SCAN_NAME_MAX_BYTES);
    job->channel.topic = ry_json_cut(job->channel.topic, SCAN_TOPIC_MAX_BYTES);
    job->brings_channel = rc == RY_OK;
    return rc;
}

static int read_media_root(struct scan_job *job, struct ry_error *err)
{
    int rc = ry_json_read_str(job->root, "", "media_root", false, &job->media_root, err);
    if (rc != RY_OK || job->media_root.p == NULL)
        return rc;
    if (job->media_root.n == 0 || job->media_root.p[0] != '/' || job->media_root.n > MEDIA_ROOT_MAX_BYTES ||
        memchr(job->media_root.p, '\0', job->media_root.n) != NULL)
        return ry_fail(err, RY_EINVAL, "media_root is not an absolute path of at most %zu bytes", MEDIA_ROOT_MAX_BYTES);
    return RY_OK;
}

static int read_messages(struct scan_job *job, bool local, struct ry_error *err)
{
    int rc = ry_json_read_array(job->root, "", "messages", true, &job->messages, err);
    if (rc == RY_OK && ry_json_count(job->messages) > SCAN_JOB_MESSAGES_MAX)
        rc = ry_fail(err, RY_EINVAL, "messages has more than %zu elements", SCAN_JOB_MESSAGES_MAX);
    if (rc == RY_OK && local)
        rc = read_media_root(job, err);
    return rc;
}

static int read_body(struct scan_job *job, bool local, struct ry_error *err)
{
    int rc = RY_OK;
    if (local && scan_job_is_scan(job))
        rc = read_guild(job, err);
    if (rc == RY_OK && local && scan_job_is_scan(job))
        rc = read_channel(job, err);
    if (rc != RY_OK)
        return rc;
    switch (job->type) {
    case SCAN_JOB_BATCH: return read_batch(job, err);
    case SCAN_JOB_MESSAGE: return read_ids(job, "message_ids", true, true, err);
    case SCAN_JOB_MESSAGES: return read_messages(job, local, err);
    case SCAN_JOB_RESCAN: return read_whole_channel(job, err);
    case SCAN_JOB_THUMBNAIL_RETRY: return read_ids(job, "clip_ids", false, false, err);
    case SCAN_JOB_THUMBNAIL_CLEANUP: return read_timeout(job, err);
    case SCAN_JOB_MESSAGE_DELETION: return ry_json_read_id(job->root, "", "message_id", true, &job->message_id, err);
    case SCAN_JOB_PURGE_CHANNEL:
    case SCAN_JOB_PURGE_GUILD:
    case SCAN_JOB_TYPE_COUNT: break;
    }
    return RY_OK;
}

int scan_job_parse(struct ry_str json, struct ry_str type, bool local, struct scan_job *job, struct ry_error *err)
{
    *job = (struct scan_job){0};
    int rc = ry_json_read_text(json, "the job", RY_JSON_MAX_BYTES, NULL, 0, &job->doc, &job->root, err);
    if (rc == RY_OK)
        rc = read_head(job, type, err);
    if (rc == RY_OK)
        rc = read_body(job, local, err);
    if (rc != RY_OK)
        scan_job_free(job);
    return rc;
}

void scan_job_free(struct scan_job *job)
{
    ry_json_free(&job->doc);
    *job = (struct scan_job){0};
}

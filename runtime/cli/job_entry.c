/* job_entry.c: see job_entry.h. Owns the text that it writes and the document of it, into which the strings point. */
#include "runtime/cli/job_entry.h"

#include "runtime/json/read.h"
#include "runtime/json/writer.h"
#include "runtime/queue/job_type.h"

#include <stdio.h>
#include <sys/random.h>

/* A random UUID, version 4 (RFC 9562, section 5.4). */
static int uuid_make(char text[RY_UUID_BYTES], struct ry_error *err)
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return ry_fail(err, RY_EIO, "the system provides no random numbers: %m");
    ry_uuid_print(b, 4, text);
    return RY_OK;
}

static int read_id(struct ry_job_entry *entry, const struct ry_json *job, struct ry_error *err)
{
    int rc = ry_json_read_str(job, "", "job_id", false, &entry->push.job_id, err);
    if (rc != RY_OK)
        return rc;
    if (entry->push.job_id.p == NULL) {
        rc = uuid_make(entry->id, err);
        entry->push.job_id = ry_str_of(entry->id);
        entry->id_made = rc == RY_OK;
        return rc;
    }
    if (!ry_uuid_is(entry->push.job_id))
        return ry_fail(err, RY_EINVAL, "job_id must be a UUID, such as 6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d");
    return RY_OK;
}

static int read_created(const struct ry_json *job, int64_t now_wall_ms, char made[RY_TIME_TEXT_BYTES],
                        struct ry_error *err)
{
    struct ry_str created = {0};
    int64_t wall_ms = 0;
    int rc = ry_json_read_str(job, "", "created_at", false, &created, err);
    if (rc == RY_OK && created.p == NULL)
        ry_time_format(now_wall_ms, made);
    else if (rc == RY_OK && !ry_time_parse_utc(created, &wall_ms))
        rc = ry_fail(err, RY_EINVAL, "created_at must be a time such as 2024-10-19T15:03:09Z");
    return rc;
}

static int read_places(struct ry_job_entry *entry, const struct ry_json *job, struct ry_error *err)
{
    struct ry_job_push *push = &entry->push;
    int rc = ry_json_read_str(job, "", "guild_id", true, &push->guild_id, err);
    if (rc == RY_OK && !ry_str_is_snowflake(push->guild_id) && !ry_str_is(push->guild_id, "global"))
        rc = ry_fail(err, RY_EINVAL, "guild_id must be a snowflake (or \"global\") in a string");
    if (rc == RY_OK)
        rc = ry_json_read_str(job, "", "channel_id", true, &push->channel_id, err);
    /* Jobs that concern no single channel say "0". */
    if (rc == RY_OK && !ry_str_is_snowflake(push->channel_id) && !ry_str_is(push->channel_id, "0"))
        rc = ry_fail(err, RY_EINVAL, "channel_id must be a snowflake (or \"0\") in a string");
    return rc;
}

static int read_type(struct ry_job_entry *entry, const struct ry_json *job, struct ry_error *err)
{
    int rc = ry_json_read_str(job, "", "type", true, &entry->push.type, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_job_type *type = ry_job_type_find(entry->push.type);
    if (type == NULL)
        return ry_fail(err, RY_EINVAL, "there is no job type \"%.*s\"", RY_STR_ARG(ry_json_cut(entry->push.type, 32)));
    bool list = type->needs_type == RY_JOB_FIELD_LIST;
    if (type->needs && !ry_json_is(ry_json_get(job, type->needs), list ? RY_JSON_ARRAY : RY_JSON_STRING))
        return ry_fail(err, RY_EINVAL, "a job of type %s needs %s, %s", type->name, type->needs,
                       list ? "a list" : "a string");
    entry->push.priority = type->priority;
    return RY_OK;
}

/* The job's text, with what was made here in front. What it was made for is missing or null: null would count, as it
 * stands behind. */
static int write_text(struct ry_job_entry *entry, const struct ry_json *job, const char *created, struct ry_error *err)
{
    struct ry_str name = {0};
    const struct ry_json *value = NULL;
    struct ry_json_walk walk = ry_json_walk(job);
    struct ry_json_writer writer = ry_json_writer(&entry->text, false);
    ry_json_put_object(&writer, NULL);
    if (entry->id_made)
        ry_json_put_text(&writer, "job_id", entry->id);
    if (*created)
        ry_json_put_text(&writer, "created_at", created);
    while (ry_json_next_member(&walk, &name, &value))
        if (!(entry->id_made && ry_str_is(name, "job_id")) && !(*created && ry_str_is(name, "created_at")))
            ry_json_put_member(&writer, name, value);
    ry_json_put_end(&writer);
    entry->push.json = ry_buf_str(&entry->text);
    return entry->text.failed ? ry_fail(err, RY_ENOMEM, "no memory for the job") : RY_OK;
}

/* The strings move from the document, which goes, to the text's own. */
static int keep_strings(struct ry_job_entry *entry, struct ry_error *err)
{
    const struct ry_json *root = NULL;
    struct ry_job_push *push = &entry->push;
    const struct ry_json_want wants[] = {{"job_id", &push->job_id, true},
                                         {"type", &push->type, true},
                                         {"guild_id", &push->guild_id, true},
                                         {"channel_id", &push->channel_id, true}};
    return ry_json_read_text(push->json, "the job", RY_JSON_MAX_BYTES, wants, sizeof wants / sizeof *wants, &entry->doc,
                             &root, err);
}

int ry_job_entry_read(struct ry_job_entry *entry, const struct ry_json *job, int64_t now_wall_ms, struct ry_error *err)
{
    char created[RY_TIME_TEXT_BYTES] = "";
    *entry = (struct ry_job_entry){.text = ry_buf_make(RY_JSON_MAX_BYTES)};
    int rc = ry_json_is(job, RY_JSON_OBJECT) ? RY_OK : ry_fail(err, RY_EINVAL, "a job is a JSON object");
    if (rc == RY_OK)
        rc = read_type(entry, job, err);
    if (rc == RY_OK)
        rc = read_places(entry, job, err);
    if (rc == RY_OK)
        rc = read_created(job, now_wall_ms, created, err);
    if (rc == RY_OK)
        rc = read_id(entry, job, err);
    if (rc == RY_OK)
        rc = write_text(entry, job, created, err);
    if (rc == RY_OK)
        rc = keep_strings(entry, err);
    if (rc == RY_OK)
        rc = ry_job_check(&entry->push, err);
    if (rc != RY_OK)
        ry_job_entry_free(entry);
    return rc;
}

void ry_job_entry_free(struct ry_job_entry *entry)
{
    ry_json_free(&entry->doc);
    ry_buf_free(&entry->text);
    *entry = (struct ry_job_entry){.doc = NULL};
}

#include "runtime/cli/job_entry.h"

#include "runtime/stream/job_type.h"

#include <stdio.h>
#include <sys/random.h>

/* A field that must be a string; absent with the reason in err when it is not. */
static struct ry_str field_string(struct json_object *object, const char *name, struct ry_error *err)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, name, &value) || value == NULL)
        (void)ry_fail(err, RY_EINVAL, "%s is missing", name);
    else if (!json_object_is_type(value, json_type_string))
        (void)ry_fail(err, RY_EINVAL, "%s must be a string", name);
    else
        return (struct ry_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return (struct ry_str){NULL, 0};
}

static bool field_absent(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    return !json_object_object_get_ex(object, name, &value) || value == NULL;
}

/* Whether s is a UUID in its usual text (RFC 9562, section 4). */
static bool is_uuid(struct ry_str s)
{
    if (s.n != RY_UUID_BYTES - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : s.p[i] == '\0' || !strchr("0123456789abcdefABCDEF", s.p[i]))
            return false;
    }
    return true;
}

/* A random UUID, version 4 (RFC 9562, section 5.4). */
static int uuid_make(char text[RY_UUID_BYTES], struct ry_error *err)
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        return ry_fail(err, RY_EIO, "the system gives no random numbers: %m");
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    (void)snprintf(text, RY_UUID_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return RY_OK;
}

static int put_string(struct json_object *object, const char *name, const char *text, struct ry_error *err)
{
    struct json_object *value = json_object_new_string(text);
    if (value == NULL || json_object_object_add(object, name, value) != 0) {
        (void)json_object_put(value);
        return ry_fail(err, RY_ENOMEM, "no memory for %s", name);
    }
    return RY_OK;
}

static int read_id(struct ry_job_entry *entry, struct ry_error *err)
{
    if (field_absent(entry->object, "job_id")) {
        char made[RY_UUID_BYTES];
        int rc = uuid_make(made, err);
        if (rc == RY_OK)
            rc = put_string(entry->object, "job_id", made, err);
        if (rc != RY_OK)
            return rc;
        entry->id_made = true;
    }
    entry->push.job_id = field_string(entry->object, "job_id", err);
    if (entry->push.job_id.p == NULL)
        return RY_EINVAL;
    if (!is_uuid(entry->push.job_id))
        return ry_fail(err, RY_EINVAL, "job_id must be a UUID, such as 6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d");
    return RY_OK;
}

static int read_created(struct ry_job_entry *entry, int64_t now_wall_ms, struct ry_error *err)
{
    if (field_absent(entry->object, "created_at")) {
        char text[RY_TIME_TEXT_BYTES];
        ry_time_format(now_wall_ms, text);
        return put_string(entry->object, "created_at", text, err);
    }
    struct ry_str created = field_string(entry->object, "created_at", err);
    int64_t wall_ms = 0;
    if (created.p == NULL)
        return RY_EINVAL;
    if (ry_time_parse_utc(created, &wall_ms))
        return RY_OK;
    return ry_fail(err, RY_EINVAL, "created_at must be a time such as 2024-10-19T15:03:09Z");
}

static int read_places(struct ry_job_entry *entry, struct ry_error *err)
{
    struct ry_job_push *push = &entry->push;
    push->guild_id = field_string(entry->object, "guild_id", err);
    if (push->guild_id.p == NULL)
        return RY_EINVAL;
    if (!ry_str_is_snowflake(push->guild_id) && !ry_str_is(push->guild_id, "global"))
        return ry_fail(err, RY_EINVAL, "guild_id must be a snowflake (or \"global\") in a string");
    push->channel_id = field_string(entry->object, "channel_id", err);
    if (push->channel_id.p == NULL)
        return RY_EINVAL;
    /* Jobs that concern no single channel say "0". */
    if (!ry_str_is_snowflake(push->channel_id) && !ry_str_is(push->channel_id, "0"))
        return ry_fail(err, RY_EINVAL, "channel_id must be a snowflake (or \"0\") in a string");
    return RY_OK;
}

static int read_type(struct ry_job_entry *entry, struct ry_error *err)
{
    entry->push.type = field_string(entry->object, "type", err);
    if (entry->push.type.p == NULL)
        return RY_EINVAL;
    const struct ry_job_type *type = ry_job_type_find(entry->push.type);
    if (type == NULL)
        return ry_fail(err, RY_EINVAL, "there is no job type \"%.*s\"",
                       entry->push.type.n < 32 ? (int)entry->push.type.n : 32, entry->push.type.p);
    struct json_object *needed = NULL;
    bool list = type->needs_type == RY_JOB_FIELD_LIST;
    if (type->needs && (!json_object_object_get_ex(entry->object, type->needs, &needed) ||
                        !json_object_is_type(needed, list ? json_type_array : json_type_string)))
        return ry_fail(err, RY_EINVAL, "a job of type %s needs %s, %s", type->name, type->needs,
                       list ? "a list" : "a string");
    entry->push.priority = type->priority;
    return RY_OK;
}

int ry_job_entry_read(struct ry_job_entry *entry, struct json_object *object, int64_t now_wall_ms, struct ry_error *err)
{
    *entry = (struct ry_job_entry){.object = object};
    int rc = json_object_is_type(object, json_type_object) ? RY_OK : ry_fail(err, RY_EINVAL, "a job is a JSON object");
    if (rc == RY_OK)
        rc = read_type(entry, err);
    if (rc == RY_OK)
        rc = read_places(entry, err);
    if (rc == RY_OK)
        rc = read_created(entry, now_wall_ms, err);
    if (rc == RY_OK)
        rc = read_id(entry, err);
    if (rc == RY_OK) {
        entry->push.json =
            ry_str_of(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        rc = entry->push.json.p ? ry_job_check(&entry->push, err) : ry_fail(err, RY_ENOMEM, "no memory for the job");
    }
    if (rc != RY_OK)
        ry_job_entry_free(entry);
    return rc;
}

void ry_job_entry_free(struct ry_job_entry *entry)
{
    (void)json_object_put(entry->object);
    *entry = (struct ry_job_entry){.object = NULL};
}

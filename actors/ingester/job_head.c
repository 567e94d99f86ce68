#include "actors/ingester/job_head.h"

#include "runtime/stream/job_type.h"

#define DEPTH_MAX 32

static int parse(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    if (json.p == NULL || json.n == 0)
        return ry_fail(err, RY_EINVAL, "the job is empty");
    if (json.n > RY_JOB_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "the job has %zu bytes; at most %zu are allowed", json.n, RY_JOB_MAX_BYTES);
    /* json-c reads past the end of text that is not UTF-8. */
    if (!ry_str_is_utf8(json))
        return ry_fail(err, RY_EINVAL, "the job is not JSON: it is not text in UTF-8");
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to read a job");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    head->root = json_tokener_parse_ex(tokener, json.p, (int)json.n);
    enum json_tokener_error code = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (code != json_tokener_success)
        return ry_fail(err, RY_EINVAL, "the job is not JSON: %s at byte %zu", json_tokener_error_desc(code), end);
    if (end != json.n)
        return ry_fail(err, RY_EINVAL, "the job is not JSON: text behind its end at byte %zu", end);
    if (!json_object_is_type(head->root, json_type_object))
        return ry_fail(err, RY_EINVAL, "the job is not a JSON object");
    return RY_OK;
}

static int read_string(const struct job_head *head, const char *name, struct ry_str *text, struct ry_error *err)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(head->root, name, &value))
        return ry_fail(err, RY_EINVAL, "%s is missing", name);
    if (!json_object_is_type(value, json_type_string))
        return ry_fail(err, RY_EINVAL, "%s must be a string", name);
    *text = (struct ry_str){json_object_get_string(value), (size_t)json_object_get_string_len(value)};
    return RY_OK;
}

static int check_needed(const struct job_head *head, const struct ry_job_type *type, struct ry_error *err)
{
    struct json_object *value = NULL;
    bool list = type->needs_type == RY_JOB_FIELD_LIST;
    if (type->needs == NULL)
        return RY_OK;
    if (!json_object_object_get_ex(head->root, type->needs, &value))
        return ry_fail(err, RY_EINVAL, "%s is missing, which a job of type %s needs", type->needs, type->name);
    if (!json_object_is_type(value, list ? json_type_array : json_type_string))
        return ry_fail(err, RY_EINVAL, "%s must be a %s", type->needs, list ? "list" : "string");
    return RY_OK;
}

static int read_fields(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    int rc = read_string(head, "job_id", &head->job_id, err);
    if (rc == RY_OK)
        rc = read_string(head, "type", &head->type, err);
    if (rc == RY_OK)
        rc = read_string(head, "guild_id", &head->guild_id, err);
    if (rc == RY_OK)
        rc = read_string(head, "channel_id", &head->channel_id, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_job_push whole = {.job_id = head->job_id,
                                      .type = head->type,
                                      .guild_id = head->guild_id,
                                      .channel_id = head->channel_id,
                                      .json = json};
    rc = ry_job_check(&whole, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_job_type *type = ry_job_type_find(head->type);
    if (type == NULL)
        return ry_fail(err, RY_EINVAL, "type is \"%.*s\", which is no type of job", RY_STR_ARG(head->type));
    head->priority = type->priority;
    if (!ry_str_is_snowflake(head->guild_id) && !ry_str_is(head->guild_id, "global"))
        return ry_fail(err, RY_EINVAL, "guild_id must be a snowflake (or \"global\")");
    /* Jobs that concern no single channel say "0". */
    if (!ry_str_is_snowflake(head->channel_id) && !ry_str_is(head->channel_id, "0"))
        return ry_fail(err, RY_EINVAL, "channel_id must be a snowflake (or \"0\")");
    return check_needed(head, type, err);
}

int job_head_read(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    *head = (struct job_head){.root = NULL};
    int rc = parse(head, json, err);
    if (rc == RY_OK)
        rc = read_fields(head, json, err);
    if (rc != RY_OK)
        job_head_free(head);
    return rc;
}

void job_head_free(struct job_head *head)
{
    (void)json_object_put(head->root);
    *head = (struct job_head){.root = NULL};
}

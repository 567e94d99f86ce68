/* job_head.c: what every job must contain, read from its JSON.
 *
 * Owns the parsed document of a head. Refuses what no scanner could take, with the field's name, so that such a job
 * becomes a dead letter at once. */
#include "actors/ingester/job_head.h"

#include "runtime/json/read.h"
#include "runtime/queue/job_type.h"

static int parse(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    struct ry_error why;
    if (json.p == NULL || json.n == 0)
        return ry_fail(err, RY_EINVAL, "the job is empty");
    if (json.n > RY_JOB_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "the job has %zu bytes; at most %zu are allowed", json.n, RY_JOB_MAX_BYTES);
    int rc = ry_json_parse_object(json, &head->doc, &head->root, &why);
    if (rc == RY_OK)
        return rc;
    bool own = ry_err_class((enum ry_err)rc) == RY_CLASS_REJECT; /* "not JSON: ..." */
    return ry_fail(err, rc, "%s%s", own ? "the job is " : "", why.text);
}

static int read_string(const struct job_head *head, const char *name, struct ry_str *text, struct ry_error *err)
{
    return ry_json_read_str(head->root, "", name, true, text, err);
}

static int check_needed(const struct job_head *head, const struct ry_job_type *type, struct ry_error *err)
{
    bool list = type->needs_type == RY_JOB_FIELD_LIST;
    if (type->needs == NULL)
        return RY_OK;
    const struct ry_json *value = ry_json_get(head->root, type->needs);
    if (value == NULL)
        return ry_fail(err, RY_EINVAL, "%s is missing, which a job of type %s needs", type->needs, type->name);
    if (!ry_json_is(value, list ? RY_JSON_ARRAY : RY_JSON_STRING))
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
    /* Jobs that concern no single channel say "0" or "global". */
    if (!ry_str_is_snowflake(head->channel_id) && !ry_str_is(head->channel_id, "0") &&
        !ry_str_is(head->channel_id, "global"))
        return ry_fail(err, RY_EINVAL, "channel_id must be a snowflake (or \"0\" or \"global\")");
    return check_needed(head, type, err);
}

int job_head_read(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    *head = (struct job_head){.doc = NULL};
    int rc = parse(head, json, err);
    if (rc == RY_OK)
        rc = read_fields(head, json, err);
    if (rc != RY_OK)
        job_head_free(head);
    return rc;
}

void job_head_free(struct job_head *head)
{
    ry_json_free(&head->doc);
    *head = (struct job_head){.doc = NULL};
}

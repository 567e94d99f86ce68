/* job_head.c: what every job must contain, read from its JSON.
 *
 * Owns the parsed document of a head. Refuses what no scanner could take, with the field's name, so that such a job
 * becomes a dead letter at once. */
#include "actors/ingester/job_head.h"

#include "runtime/json/read.h"
#include "runtime/queue/job_type.h"

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

static int check(struct job_head *head, struct ry_str json, struct ry_error *err)
{
    const struct ry_job_push whole = {.job_id = head->job_id,
                                      .type = head->type,
                                      .guild_id = head->guild_id,
                                      .channel_id = head->channel_id,
                                      .json = json};
    int rc = ry_job_check(&whole, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_job_type *type = ry_job_type_find(head->type);
    if (type == NULL)
        return ry_fail(err, RY_EINVAL, "type is \"%.*s\", which is not a type of job", RY_STR_ARG(head->type));
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
    const struct ry_json_want wants[] = {{"job_id", &head->job_id, true},
                                         {"type", &head->type, true},
                                         {"guild_id", &head->guild_id, true},
                                         {"channel_id", &head->channel_id, true}};
    int rc = ry_json_read_text(json, "the job", RY_JOB_MAX_BYTES, wants, sizeof wants / sizeof *wants, &head->doc,
                               &head->root, err);
    if (rc == RY_OK)
        rc = check(head, json, err);
    if (rc != RY_OK)
        job_head_free(head);
    return rc;
}

void job_head_free(struct job_head *head)
{
    ry_json_free(&head->doc);
    *head = (struct job_head){.doc = NULL};
}

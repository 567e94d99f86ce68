#include "runtime/stream/job_type.h"

#include "runtime/stream/stream.h"

static const struct ry_job_type job_types[] = {
    {"batch", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_BACKFILL},
    {"message", "message_ids", RY_JOB_FIELD_LIST, RY_PRIORITY_LIVE},
    {"messages", "messages", RY_JOB_FIELD_LIST, RY_PRIORITY_BACKFILL},
    {"rescan", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_BACKFILL},
    {"thumbnail_retry", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_RETRY},
    {"thumbnail_cleanup", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_RETRY},
    {"message_deletion", "message_id", RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE},
    {"purge_channel", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE},
    {"purge_guild", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE},
};

const struct ry_job_type *ry_job_type_find(struct ry_str name)
{
    for (size_t i = 0; i < sizeof job_types / sizeof *job_types; i++)
        if (ry_str_is(name, job_types[i].name))
            return &job_types[i];
    return NULL;
}

enum ry_priority ry_job_priority(struct ry_str type)
{
    const struct ry_job_type *known = ry_job_type_find(type);
    return known ? known->priority : RY_PRIORITY_BACKFILL;
}

/* job_type.c: the types of jobs: how urgent each is, and which may follow which.
 *
 * A table, and nothing that blocks or fails. A type that nobody knows is the least urgent, and follows nothing. */
#include "runtime/queue/job_type.h"

#include "runtime/queue/job_queue.h"

static const struct ry_job_type job_types[] = {
    {"batch", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_BACKFILL, "batch"},
    {"message", "message_ids", RY_JOB_FIELD_LIST, RY_PRIORITY_LIVE, NULL},
    {"messages", "messages", RY_JOB_FIELD_LIST, RY_PRIORITY_BACKFILL, NULL},
    {"rescan", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_BACKFILL, "batch"},
    {"thumbnail_retry", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_RETRY, NULL},
    {"thumbnail_cleanup", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_RETRY, NULL},
    {"message_deletion", "message_id", RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE, NULL},
    {"purge_channel", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE, NULL},
    {"purge_guild", NULL, RY_JOB_FIELD_STRING, RY_PRIORITY_DELETE, NULL},
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

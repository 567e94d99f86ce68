/* job_head.h: what every job must say, read from its JSON: the only part of an entry that counts, where others push
 * too.
 *
 * What a type's further fields mean is the scanner's; here a job is only refused that no scanner could take. */
#ifndef REELYARD_ACTORS_INGESTER_JOB_HEAD_H
#define REELYARD_ACTORS_INGESTER_JOB_HEAD_H

#include "runtime/json/json.h"
#include "runtime/queue/job_queue.h"

struct job_head {
    struct ry_json_doc *doc; /* owned; the strings point into it */
    const struct ry_json *root;
    struct ry_str job_id;
    struct ry_str type;
    struct ry_str guild_id;
    struct ry_str channel_id;
    enum ry_priority priority;
};

/* Reads it. RY_EINVAL or RY_ELIMIT with the field's name when the job is not JSON, a field is missing, of a wrong type
 * or out of range, or nobody knows its type; RY_ENOMEM. On error head is empty. */
int job_head_read(struct job_head *head, struct ry_str json, struct ry_error *err);
/* An empty one is allowed. */
void job_head_free(struct job_head *head);

#endif

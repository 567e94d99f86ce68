/* job_entry.h: a job as a person or a program wrote it, checked before it goes into the queue. */
#ifndef REELYARD_RUNTIME_CLI_JOB_ENTRY_H
#define REELYARD_RUNTIME_CLI_JOB_ENTRY_H

#include "runtime/base/buf.h"
#include "runtime/base/uuid.h"
#include "runtime/json/json.h"
#include "runtime/queue/job_queue.h"

struct ry_job_entry {
    struct ry_buf text; /* owned, as the document; push points into both */
    struct ry_json_doc *doc;
    struct ry_job_push push; /* priority: what is usual for the type */
    char id[RY_UUID_BYTES];  /* one that was made */
    bool id_made;            /* it had no job_id, so a random one was put in */
};

/* Checks what every job must have: a known type with the field it cannot do without, guild_id
 * and channel_id as snowflakes in strings, created_at as ISO 8601, job_id as a UUID. A job_id or created_at that is
 * missing is put in. Nothing of `job` is kept. RY_EINVAL or RY_ELIMIT with the field, RY_EIO without
 * randomness, RY_ENOMEM. */
int ry_job_entry_read(struct ry_job_entry *entry, const struct ry_json *job, int64_t now_wall_ms, struct ry_error *err);
void ry_job_entry_free(struct ry_job_entry *entry);

#endif

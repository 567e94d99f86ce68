/* job_queue.c: what the implementations of a job queue share: the check of a job, and the end.
 *
 * Owns nothing. A job that passes the check fits into every implementation, so a producer is told of its fault before
 * anything is written. */
#include "runtime/queue/job_queue.h"

#include "runtime/base/assert.h"

static int check_text(const char *field, struct ry_str text, size_t min, size_t max, struct ry_error *err)
{
    if (text.n < min)
        return ry_fail(err, RY_EINVAL, "the job has no %s", field);
    if (text.n > max)
        return ry_fail(err, RY_ELIMIT, "the job's %s has %zu bytes; at most %zu are allowed", field, text.n, max);
    if (text.n > 0 && (memchr(text.p, '\0', text.n) != NULL || !ry_str_is_utf8(text)))
        return ry_fail(err, RY_EINVAL, "the job's %s is not text in UTF-8", field);
    return RY_OK;
}

int ry_job_check(const struct ry_job_push *job, struct ry_error *err)
{
    int rc = check_text("job_id", job->job_id, 1, RY_JOB_ID_MAX, err);
    if (rc == RY_OK)
        rc = check_text("type", job->type, 1, RY_JOB_TYPE_MAX, err);
    if (rc == RY_OK)
        rc = check_text("guild_id", job->guild_id, 0, RY_JOB_GUILD_MAX, err);
    if (rc == RY_OK)
        rc = check_text("channel_id", job->channel_id, 0, RY_JOB_CHANNEL_MAX, err);
    if (rc != RY_OK)
        return rc;
    if ((unsigned)job->priority >= RY_PRIORITY_COUNT)
        return ry_fail(err, RY_EINVAL, "job %.*s has priority %u; 0 to %u are allowed", RY_STR_ARG(job->job_id),
                       (unsigned)job->priority, (unsigned)RY_PRIORITY_COUNT - 1);
    if (job->json.n == 0)
        return ry_fail(err, RY_EINVAL, "job %.*s is empty", RY_STR_ARG(job->job_id));
    if (job->json.n > RY_JOB_MAX_BYTES)
        return ry_fail(err, RY_ELIMIT, "job %.*s has %zu bytes; at most %zu are allowed", RY_STR_ARG(job->job_id),
                       job->json.n, RY_JOB_MAX_BYTES);
    return RY_OK;
}

void ry_job_queue_close(struct ry_job_queue **queue)
{
    if (*queue == NULL)
        return;
    RY_ASSERT((*queue)->ops != NULL && (*queue)->ops->close != NULL);
    (*queue)->ops->close(*queue);
    *queue = NULL;
}

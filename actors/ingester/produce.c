/* produce.c: what other actors ask of the queue: to push jobs, and which channels have a scan job.
 *
 * Pushes all jobs of a message or none, so that a producer that hears nothing can push them again. */
#include "actors/ingester/produce.h"

#include <stdlib.h>

struct ry_job_push produce_job(const struct ry_job_spec *spec)
{
    return (struct ry_job_push){
        .job_id = spec->job_id,
        .type = spec->type,
        .guild_id = spec->guild_id,
        .channel_id = spec->channel_id,
        .priority = ry_job_priority(spec->type),
        .json = spec->json,
    };
}

/* Pushes all or none. */
static int push(struct ry_job_queue *queue, const struct ry_jobs_push *wanted, size_t *accepted, struct ry_error *err)
{
    size_t n = wanted->jobs.n;
    *accepted = 0;
    struct ry_job_push *jobs = calloc(n > 0 ? n : 1, sizeof *jobs);
    if (jobs == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory to push jobs");
    for (size_t i = 0; i < n; i++)
        jobs[i] = produce_job(&wanted->jobs.items[i]);
    int rc = queue->ops->push(queue, jobs, n, (struct ry_str){NULL, 0}, (struct ry_str){NULL, 0}, accepted, err);
    free(jobs);
    return rc;
}

/* The channels of the question for which no scan waits or is worked on; without has room for all. */
static int find(struct ry_job_queue *queue, const struct ry_jobs_find *question, struct ry_channel_ref *without,
                size_t *n, struct ry_error *err)
{
    static const char *const scans[] = {"batch", "rescan", NULL};
    size_t count = question->channels.n;
    *n = 0;
    struct ry_job_queue_channel *channels = calloc(count > 0 ? count : 1, sizeof *channels);
    bool *found = calloc(count > 0 ? count : 1, sizeof *found);
    int rc = channels && found ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory to find jobs");
    for (size_t i = 0; i < count && rc == RY_OK; i++)
        channels[i] =
            (struct ry_job_queue_channel){question->channels.items[i].guild_id, question->channels.items[i].channel_id};
    if (rc == RY_OK)
        rc = queue->ops->find(queue, channels, count, scans, found, err);
    for (size_t i = 0; i < count && rc == RY_OK; i++)
        if (!found[i])
            without[(*n)++] = question->channels.items[i];
    free(channels);
    free(found);
    return rc;
}

int produce_answer_push(struct ry_job_queue *queue, const struct ry_error *trouble, struct ry_ctx *ctx,
                        const struct ry_mail *mail, struct ry_error *err)
{
    size_t accepted = 0;
    int rc =
        trouble ? ry_fail(err, RY_EBUSY, "%s", trouble->text) : push(queue, RY_BODY(mail, jobs_push), &accepted, err);
    struct ry_jobs_pushed answer = {.accepted = rc == RY_OK ? accepted : 0};
    if (rc != RY_OK)
        answer.error = ry_str_of(err->text);
    RY_ANSWER(ctx, mail, jobs_pushed, &answer);
    return rc;
}

int produce_answer_find(struct ry_job_queue *queue, const struct ry_error *trouble, struct ry_ctx *ctx,
                        const struct ry_mail *mail, struct ry_error *err)
{
    const struct ry_jobs_find *question = RY_BODY(mail, jobs_find);
    struct ry_jobs_found answer = {.error = {NULL, 0}};
    answer.without.items = calloc(question->channels.n + 1, sizeof *answer.without.items);
    int rc = RY_OK;
    if (trouble)
        rc = ry_fail(err, RY_EBUSY, "%s", trouble->text);
    else if (answer.without.items == NULL)
        rc = ry_fail(err, RY_ENOMEM, "no memory to find jobs");
    else
        rc = find(queue, question, answer.without.items, &answer.without.n, err);
    if (rc != RY_OK) {
        answer.without.n = 0;
        answer.error = ry_str_of(err->text);
    }
    RY_ANSWER(ctx, mail, jobs_found, &answer);
    free(answer.without.items);
    return rc;
}

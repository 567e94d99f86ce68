/* scan_next.c: how a job ends well, and the job that goes on where its slice ended, as its producer would have written
 * it.
 *
 * The next job's id is made from the parent's id and the message it begins behind, so that a slice which ends twice
 * goes on once: the queue ignores a job that it has. */
#include "actors/scanner/scan_next.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/digest.h"
#include "runtime/base/uuid.h"
#include "actors/scanner/scan_steps.h"
#include "runtime/base/log.h"
#include "runtime/json/read.h"
#include "runtime/json/writer.h"

/* Limit of scan_progress.next in proto/messages.def. */
#define NEXT_MAX_BYTES ((size_t)65536)

bool scan_goes_on(const struct scan *scan)
{
    return scan_is_history(scan) && scan->job.auto_continue && !scan->stopped && !scan->exhausted &&
           !scan_is_used_up(scan) && scan->cursor > 0;
}

bool scan_wants_threads(const struct scan *scan)
{
    bool last =
        scan->job.threads == NULL || (ry_json_count(scan->job.threads) == 1 && scan->job.threads_below.p != NULL);
    return scan_is_history(scan) && scan->settings->threads && scan->job.auto_continue && last &&
           !scan_is_used_up(scan) && !scan_goes_on(scan) && scan->threads.source != THREADS_LISTED;
}

/* Writes which threads are left, and where each begins. from: the first of the job's threads that is left, where it has
 * some. */
static void write_threads(const struct scan *scan, size_t from, struct ry_json_writer *json)
{
    const struct scan_job *job = &scan->job;
    const struct thread_list *listed = &scan->threads;
    const struct ry_json *thread = NULL;
    struct ry_str bound = job->forward ? job->after_id : job->before_id;
    struct ry_str below = job->threads_below;
    char id[24] = "";
    ry_json_put_array(json, "threads");
    struct ry_json_walk walk = ry_json_walk(job->threads);
    for (size_t i = 0; ry_json_next(&walk, &thread); i++)
        if (i >= from)
            ry_json_put_str(json, NULL, ry_json_str(thread));
    for (size_t i = 0; i < listed->count; i++) {
        (void)snprintf(id, sizeof id, "%" PRIu64, listed->ids[i]);
        ry_json_put_text(json, NULL, id);
    }
    ry_json_put_end(json);
    if (listed->source == THREADS_LISTED) /* the last id that was written */
        below = listed->more ? ry_str_of(id) : (struct ry_str){0};
    if (below.p != NULL)
        ry_json_put_str(json, "threads_below", below);
    bound = job->threads_from.p != NULL ? job->threads_from : bound;
    ry_json_put_str(json, "threads_from", bound.p != NULL ? bound : RY_STR(""));
}

/* The job as its producer would have written it. cursor: where it begins; threads_from: as write_threads' from. */
static void write_next(const struct scan *scan, const char *uuid, struct ry_str cursor, size_t threads_from,
                       struct ry_buf *text)
{
    static const char *const MODES[] = {"stop", "continue", "update"};
    const struct scan_job *job = &scan->job;
    char now[RY_TIME_TEXT_BYTES];
    ry_time_format(ry_wall_ms(ry_ctx_clock(scan_ctx(scan))), now);
    struct ry_json_writer json = ry_json_writer(text, false);
    ry_json_put_object(&json, NULL);
    ry_json_put_text(&json, "job_id", uuid);
    ry_json_put_text(&json, "type", "batch");
    ry_json_put_str(&json, "guild_id", job->guild_id);
    ry_json_put_str(&json, "channel_id", job->channel_id);
    ry_json_put_text(&json, "created_at", now);
    ry_json_put_text(&json, "direction", job->forward ? "forward" : "backward");
    if (job->limit > 0)
        ry_json_put_u64(&json, "limit", job->limit);
    if (job->messages_max > 0)
        ry_json_put_u64(&json, "messages_max", job->messages_max - scan->seen);
    ry_json_put_str(&json, "before_message_id", job->forward ? (struct ry_str){0} : cursor);
    ry_json_put_str(&json, "after_message_id", job->forward ? cursor : (struct ry_str){0});
    ry_json_put_bool(&json, "auto_continue", true);
    ry_json_put_text(&json, "rescan", MODES[job->rescan]);
    if (scan->settings->threads || job->threads != NULL)
        write_threads(scan, threads_from, &json);
    ry_json_put_end(&json);
}

/* Where the next thread begins, if there is one. */
static bool next_thread(const struct scan *scan, struct ry_str *cursor)
{
    const struct scan_job *job = &scan->job;
    size_t left = ry_json_count(job->threads);
    struct ry_str own = job->forward ? job->after_id : job->before_id;
    *cursor = job->threads_from.p != NULL ? job->threads_from : own;
    if (cursor->n == 0)
        *cursor = (struct ry_str){0};
    return scan_is_history(scan) && !scan_is_used_up(scan) && (left > 1 || scan->threads.count > 0);
}

int scan_make_next(struct scan *scan, struct ry_error *err)
{
    struct ry_str cursor = {0};
    bool same = scan_goes_on(scan);
    if (!same && !next_thread(scan, &cursor))
        return RY_OK;
    char uuid[RY_UUID_BYTES];
    uint8_t digest[RY_MD5_BYTES];
    struct ry_str seed =
        same ? ry_arena_printf(&scan->arena, "reelyard:next:%.*s:%" PRIu64, RY_STR_ARG(scan->job.job_id), scan->cursor)
             : ry_arena_printf(&scan->arena, "reelyard:next:%.*s:threads", RY_STR_ARG(scan->job.job_id));
    if (same)
        cursor = ry_arena_printf(&scan->arena, "%" PRIu64, scan->cursor);
    RY_BUF_AUTO text = ry_buf_make(NEXT_MAX_BYTES);
    if (seed.p != NULL && (cursor.p != NULL || !same)) {
        ry_md5(seed, digest);
        ry_uuid_print(digest, 3, uuid);
        write_next(scan, uuid, cursor, same ? 0 : 1, &text);
        scan->next_json = text.failed ? (struct ry_str){0} : ry_arena_str(&scan->arena, ry_buf_str(&text));
    }
    return scan->next_json.p != NULL ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for the job that goes on");
}

/* Fills a job_spec from scan->next_json, which this program wrote, now or before a crash. False: it is damaged. */
static bool read_next(const struct scan *scan, struct ry_json_doc **doc, struct ry_job_spec *spec)
{
    const struct ry_json *root = NULL;
    *spec = (struct ry_job_spec){
        .guild_id = scan->job.guild_id, .channel_id = scan->job.channel_id, .json = scan->next_json};
    const struct ry_json_want wants[] = {{"job_id", &spec->job_id, true}, {"type", &spec->type, true}};
    return ry_json_read_text(scan->next_json, "the next job", NEXT_MAX_BYTES, wants, 2, doc, &root, NULL) == RY_OK;
}

/* Answers job_done; the scan is gone. */
static enum scan_step step_done(struct scan *scan)
{
    struct ry_job_done done = {.job_id = scan_order(scan)->job_id,
                               .messages = scan->messages,
                               .clips = scan->clips,
                               .rejected = scan->rejected};
    struct ry_job_spec next;
    RY_JSON_AUTO *next_doc = NULL;
    if (scan->next_json.p != NULL && read_next(scan, &next_doc, &next)) {
        done.next.items = &next;
        done.next.n = 1;
    }
    /* It may come from a row, which another hand may have written. */
    struct ry_error why = {0};
    if (scan->next_json.p != NULL && (done.next.n == 0 || ry_check(RY_TAG_job_done, &done, &why) != RY_OK)) {
        done.next.n = 0;
        RY_LOG(RY_ERROR, "next_job_damaged", "job=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id), why.text);
    }
    RY_ANSWER(scan_ctx(scan), scan->mail, job_done, &done);
    scan_leave(scan);
    return SCAN_WAIT;
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_DONE, RY_TAG_NONE, step_done, NULL},
};
const struct scan_steps scan_next_steps = {STEPS, sizeof STEPS / sizeof *STEPS};

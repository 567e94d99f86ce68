/* scan_next.c: the job that goes on where a slice ended, as its producer would have written it.
 *
 * Its id is made from the parent's id and the message it begins behind, so that a slice which ends twice goes on once.
 */
#include "actors/scanner/scan.h"
#include "actors/scanner/scan_threads.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/json/read.h"
#include "runtime/json/writer.h"
#include "actors/scanner/md5.h"

#define UUID_BYTES 37
/* Limit of scan_progress.next in proto/messages.def. */
#define NEXT_MAX_BYTES ((size_t)65536)

/* A name-based UUID (RFC 4122, version 3): the MD5 of a text, with version and variant put in. */
static void uuid_of(struct ry_str text, char uuid[UUID_BYTES])
{
    static const char VARIANT[] = "89ab";
    char hex[MD5_HEX_BYTES];
    md5_hex(text, hex);
    hex[12] = '3';
    unsigned digit = hex[16] <= '9' ? (unsigned)(hex[16] - '0') : (unsigned)(hex[16] - 'a') + 10;
    hex[16] = VARIANT[digit % 4];
    (void)snprintf(uuid, UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool scan_goes_on(const struct scan *scan)
{
    bool history = scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN;
    bool used_up = scan->job.messages_max > 0 && scan->seen >= scan->job.messages_max;
    return history && scan->job.auto_continue && !scan->stopped && !scan->exhausted && !used_up && scan->cursor > 0;
}

/* Writes which threads are left, and where each begins. from: the first of the job's threads that is left, where it has
 * some. */
static void write_threads(const struct scan *scan, size_t from, struct ry_json_writer *json)
{
    const struct scan_job *job = &scan->job;
    const struct scan_threads *listed = scan->threads;
    const struct ry_json *thread = NULL;
    struct ry_str bound = job->forward ? job->after_id : job->before_id;
    struct ry_str below = job->threads_below;
    char id[24];
    ry_json_put_array(json, "threads");
    struct ry_json_walk walk = ry_json_walk(job->threads);
    for (size_t i = 0; ry_json_next(&walk, &thread); i++)
        if (i >= from)
            ry_json_put_str(json, NULL, ry_json_str(thread));
    for (size_t i = 0; listed != NULL && i < listed->count; i++) {
        (void)snprintf(id, sizeof id, "%" PRIu64, listed->ids[i]);
        ry_json_put_text(json, NULL, id);
    }
    ry_json_put_end(json);
    if (listed != NULL) /* the last id that was written */
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
    bool history = job->type == SCAN_JOB_BATCH || job->type == SCAN_JOB_RESCAN;
    bool used_up = job->messages_max > 0 && scan->seen >= job->messages_max;
    *cursor = job->threads_from.p != NULL ? job->threads_from : own;
    if (cursor->n == 0)
        *cursor = (struct ry_str){0};
    return history && !used_up && (left > 1 || (scan->threads != NULL && scan->threads->count > 0));
}

int scan_make_next(struct scan *scan, struct ry_error *err)
{
    struct ry_str cursor = {0};
    bool same = scan_goes_on(scan);
    if (!same && !next_thread(scan, &cursor))
        return RY_OK;
    char uuid[UUID_BYTES];
    struct ry_str seed =
        same ? ry_arena_printf(&scan->arena, "reelyard:next:%.*s:%" PRIu64, RY_STR_ARG(scan->job.job_id), scan->cursor)
             : ry_arena_printf(&scan->arena, "reelyard:next:%.*s:threads", RY_STR_ARG(scan->job.job_id));
    if (same)
        cursor = ry_arena_printf(&scan->arena, "%" PRIu64, scan->cursor);
    RY_BUF_AUTO text = ry_buf_make(NEXT_MAX_BYTES);
    if (seed.p != NULL && (cursor.p != NULL || !same)) {
        uuid_of(seed, uuid);
        write_next(scan, uuid, cursor, same ? 0 : 1, &text);
        scan->next_json = text.failed ? (struct ry_str){0} : ry_arena_str(&scan->arena, ry_buf_str(&text));
    }
    return scan->next_json.p != NULL ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for the job that goes on");
}

bool scan_read_next(const struct scan *scan, struct ry_json_doc **doc, struct ry_job_spec *spec)
{
    const struct ry_json *root = NULL;
    *spec = (struct ry_job_spec){
        .guild_id = scan->job.guild_id, .channel_id = scan->job.channel_id, .json = scan->next_json};
    return ry_json_parse_object(scan->next_json, doc, &root, NULL) == RY_OK &&
           ry_json_read_str(root, "", "job_id", true, &spec->job_id, NULL) == RY_OK &&
           ry_json_read_str(root, "", "type", true, &spec->type, NULL) == RY_OK;
}

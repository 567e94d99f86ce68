/* scan.c: one job under way, and the verbs with which its steps act.
 *
 * Owns a scan from its job_run to the answer, job_done or job_failed: each way out ends in scan_leave, which reports
 * the mail done and cancels the calls to Discord that are under way. scan_run is the only function that changes
 * scan->step. Nothing here knows what the steps do. */
#include "actors/scanner/scan.h"

#include <stdarg.h>
#include <stdlib.h>

#include "actors/scanner/scan_steps.h"
#include "actors/scanner/scanner_internal.h"
#include "runtime/base/assert.h"

#define SCAN_MAGIC 0x5ca77e0bu

/* How long a job waits for Discord, rate limits and outages included, before it is given back. */
#define DISCORD_PATIENCE_MS (INT64_C(6) * 3600 * 1000)
#define DISCORD_LOG_MS      60000
#define ARENA_MAX_BYTES     ((size_t)32 << 20)

const struct ry_job_run *scan_order(const struct scan *scan)
{
    return RY_BODY(scan->mail, job_run);
}

struct ry_ctx *scan_ctx(const struct scan *scan)
{
    return scan->scanner->ctx;
}

bool scan_is_history(const struct scan *scan)
{
    return scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN;
}

bool scan_updates(const struct scan *scan)
{
    return !scan_is_history(scan) || scan->job.rescan == SCAN_RESCAN_UPDATE;
}

bool scan_reads_thread(const struct scan *scan)
{
    return !ry_str_eq(scan->read_id, scan->job.channel_id);
}

bool scan_is_used_up(const struct scan *scan)
{
    return scan->job.messages_max > 0 && scan->seen >= scan->job.messages_max;
}

enum scan_step scan_first_reading(const struct scan *scan)
{
    switch (scan->job.type) {
    case SCAN_JOB_BATCH:
    case SCAN_JOB_RESCAN: return SCAN_BEGIN;
    case SCAN_JOB_MESSAGE: return SCAN_FETCH_IDS;
    default: return SCAN_SELECT;
    }
}

#define WARNED_MAX (sizeof((struct scanner *)NULL)->warned / sizeof(uint64_t))

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, struct ry_str text)
{
    for (size_t i = 0; i < text.n; i++)
        hash = (hash ^ (unsigned char)text.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

bool scan_warns_first(struct scan *scan, const char *warning)
{
    struct scanner *self = scan->scanner;
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), ry_str_of(warning));
    hash = hash_text(hash, scan->job.channel_id);
    hash = hash_text(hash, ry_str_of(scan->settings->hash));
    for (size_t i = 0; i < WARNED_MAX; i++)
        if (self->warned[i] == hash)
            return false;
    self->warned[self->warned_next] = hash;
    self->warned_next = (self->warned_next + 1) % WARNED_MAX;
    return true;
}

/* ---- from the order to the answer -------------------------------------------------------------------------------- */

struct scan *scan_new(struct scanner *self, struct ry_mail *mail, const struct scan_job *job)
{
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL)
        return NULL;
    scan->magic = SCAN_MAGIC;
    scan->scanner = self;
    scan->mail = mail;
    scan->job = *job;
    scan->arena = ry_arena_make(ARENA_MAX_BYTES);
    scan->read_id = job->threads != NULL ? ry_json_str(ry_json_at(job->threads, 0)) : job->channel_id;
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        scan->calls[i].scan = scan;
    ry_mail_keep(self->ctx, mail);
    LIST_INSERT_HEAD(&self->scans, scan, link);
    return scan;
}

void scan_free(struct scan *scan)
{
    RY_ASSERT(scan->magic == SCAN_MAGIC);
    LIST_REMOVE(scan, link);
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        ry_discord_cancel(&scan->calls[i].call);
    scan_job_free(&scan->job);
    scan_settings_unref(&scan->settings);
    thread_list_free(&scan->threads);
    scan_rows_free(&scan->rows);
    ry_arena_free(&scan->arena);
    free(scan->wanted);
    scan->magic = 0;
    free(scan);
}

void scan_leave(struct scan *scan)
{
    ry_mail_done(scan_ctx(scan), scan->mail);
    scan_free(scan);
}

void scan_answer_failed(struct ry_ctx *ctx, const struct ry_mail *mail, bool retry, bool held, const char *reason)
{
    struct ry_job_failed failed = {
        .job_id = RY_BODY(mail, job_run)->job_id, .retry = retry, .held = held, .reason = ry_str_of(reason)};
    RY_ANSWER(ctx, mail, job_failed, &failed);
}

enum scan_step scan_fail(struct scan *scan, bool retry, const char *format, ...)
{
    struct ry_error why;
    va_list args;
    va_start(args, format);
    ry_vfail(&why, retry ? RY_EAWAY : RY_EINVAL, format, args);
    va_end(args);
    scan_answer_failed(scan_ctx(scan), scan->mail, retry, false, why.text);
    scan_leave(scan);
    return SCAN_WAIT;
}

enum scan_step scan_hold(struct scan *scan, const char *doing, struct ry_str reason)
{
    struct ry_error why;
    (void)ry_fail(&why, RY_EAWAY, "%s: %.*s", doing, RY_STR_ARG(reason));
    scan_answer_failed(scan_ctx(scan), scan->mail, true, true, why.text);
    scan_leave(scan);
    return SCAN_WAIT;
}

enum scan_step scan_on_writer_error(struct scan *scan, const char *doing, struct ry_str reason, bool refused)
{
    return refused ? scan_fail(scan, false, "%s: %.*s", doing, RY_STR_ARG(reason)) : scan_hold(scan, doing, reason);
}

/* ---- moving and asking ------------------------------------------------------------------------------------------- */

void scan_run(struct scan *scan, enum scan_step step)
{
    while (step != SCAN_WAIT) {
        RY_ASSERT(scan->magic == SCAN_MAGIC);
        RY_ASSERT((unsigned)step < SCAN_STEP_COUNT && scan->asked == 0, "step %d, asked %llu", (int)step,
                  (unsigned long long)scan->asked);
        scan->step = step;
        step = scan->scanner->steps[step]->act(scan);
    }
}

enum scan_step scan_ask(struct scan *scan, enum ry_tag tag, const void *message)
{
    RY_ASSERT(scan->scanner->steps[scan->step]->awaited != RY_TAG_NONE, "step %d", (int)scan->step);
    struct ry_error why;
    int rc = ry_check(tag, message, &why);
    if (rc != RY_OK)
        return scan_fail(scan, ry_err_class((enum ry_err)rc) != RY_CLASS_REJECT, "%s", why.text);
    struct ry_send send = ry_send_from(scan->mail);
    scan->asked = ry_tell(scan_ctx(scan), tag, message, &send);
    return SCAN_WAIT;
}

int scan_call(struct scan_call *call, enum ry_discord_method method, const char *route, const char *path,
              ry_discord_on_end *on_end)
{
    struct scan *scan = call->scan;
    struct ry_error why;
    struct ry_discord_ask ask = {.method = method,
                                 .route = route,
                                 .path = path,
                                 .deadline_mono_ms = ry_mono_ms(ry_ctx_clock(scan_ctx(scan))) + DISCORD_PATIENCE_MS,
                                 .on_end = on_end,
                                 .arg = call};
    int rc = ry_discord_start(scan->scanner->discord, &ask, &call->call, &why);
    if (rc != RY_OK)
        (void)scan_fail_call(scan, rc, &why);
    return rc;
}

enum scan_step scan_fail_call(struct scan *scan, int code, const struct ry_error *err)
{
    bool ours = code == RY_ECONFIG; /* no token, or one that Discord does not know */
    unsigned suppressed = 0;
    if (ours && ry_log_allowed(&scan->scanner->discord_log, 1, DISCORD_LOG_MS, &suppressed))
        RY_LOG(RY_ERROR, "discord_refused", "reason=%s held_back=%u", err->text, suppressed);
    /* Who asked for a scan a moment ago is told at once; what goes on by itself waits for the right token. */
    bool somebody_waits = scan->job.type == SCAN_JOB_BATCH && scan->job.restart;
    bool retry = ours ? !somebody_waits : ry_err_class((enum ry_err)code) != RY_CLASS_REJECT;
    return scan_fail(scan, retry, "Discord: %s", err->text);
}

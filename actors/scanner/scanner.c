/* scanner.c: the scanner. It turns jobs into rows.
 *
 * Owns the course of each job: what it reads (Discord's history, messages by their ids, messages inline), which of
 * these messages count, which of their attachments are clips, and what is written about them; and Discord's API with
 * its rate limits. Nothing of it outlives a crash; the job does, in the ingester's lease and the router's custody, and
 * doing it again gives the same rows under the same keys.
 *
 * Accepts job_run from the ingester, up to CAPACITY at a time, and urls_refresh from the scheduler. scan.h tells how a
 * job moves; this file has the dispatcher and the wiring, the steps stand in
 *   scan_place.c   settings, flags, the channel's rows, the scan's status
 *   scan_fetch.c   what is read, made into rows
 *   scan_write.c   what is known already, members, batch_write with the scan's progress
 *   scan_next.c    the job that goes on
 *   scan_chores.c  thumbnails to try again, clips that are stuck, deletions
 *   refresh.c      fresh URLs
 *
 * Promises: job_done only after the writer has committed everything; job_failed(retry) when something was away or busy;
 * job_failed(for good) when the job or the settings are bad, with the field that is. While Discord is down or limits
 * the bot, a job waits here, with its lease renewed by the ingester, instead of failing. */
#include "actors/scanner/scanner.h"

#include <stdarg.h>
#include <stdlib.h>

#include "actors/scanner/scan.h"
#include "actors/scanner/scan_threads.h"
#include "runtime/base/assert.h"

#define CAPACITY 8

/* How long a job waits for Discord, rate limits and outages included, before it is given back. */
#define DISCORD_PATIENCE_MS (INT64_C(6) * 3600 * 1000)
#define DISCORD_LOG_MS      60000
#define ARENA_MAX_BYTES     ((size_t)32 << 20)

/* ---- one scan ---------------------------------------------------------------------------------------------------- */

const struct ry_job_run *scan_order(const struct scan *scan)
{
    return RY_BODY(scan->mail, job_run);
}

struct ry_ctx *scan_ctx(const struct scan *scan)
{
    return scan->scanner->ctx;
}

static void scan_free(struct scan *scan)
{
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        ry_discord_cancel(&scan->calls[i].call);
    scan_job_free(&scan->job);
    scan_settings_unref(&scan->settings);
    scan_threads_free(scan);
    scan_rows_free(&scan->rows);
    ry_arena_free(&scan->arena);
    free(scan->wanted);
    free(scan);
}

static void scan_leave(struct scan *scan)
{
    LIST_REMOVE(scan, link);
    ry_mail_done(scan_ctx(scan), scan->mail);
    scan_free(scan);
}

static void answer_failed(struct ry_ctx *ctx, const struct ry_mail *mail, bool retry, bool held, const char *reason)
{
    struct ry_job_failed failed = {
        .job_id = RY_BODY(mail, job_run)->job_id, .retry = retry, .held = held, .reason = ry_str_of(reason)};
    RY_ANSWER(ctx, mail, job_failed, &failed);
}

enum scan_step scan_hold(struct scan *scan, const char *doing, struct ry_str reason)
{
    struct ry_error why;
    (void)ry_fail(&why, RY_EAWAY, "%s: %.*s", doing, RY_STR_ARG(reason));
    answer_failed(scan_ctx(scan), scan->mail, true, true, why.text);
    scan_leave(scan);
    return SCAN_WAIT;
}

enum scan_step scan_on_writer_error(struct scan *scan, const char *doing, struct ry_str reason, bool refused)
{
    return refused ? scan_fail(scan, false, "%s: %.*s", doing, RY_STR_ARG(reason)) : scan_hold(scan, doing, reason);
}

enum scan_step scan_fail(struct scan *scan, bool retry, const char *format, ...)
{
    struct ry_error why;
    va_list args;
    va_start(args, format);
    ry_vfail(&why, retry ? RY_EAWAY : RY_EINVAL, format, args);
    va_end(args);
    answer_failed(scan_ctx(scan), scan->mail, retry, false, why.text);
    scan_leave(scan);
    return SCAN_WAIT;
}

static void scan_finish(struct scan *scan)
{
    struct ry_job_done done = {.job_id = scan_order(scan)->job_id,
                               .messages = scan->messages,
                               .clips = scan->clips,
                               .rejected = scan->rejected};
    struct ry_job_spec next;
    RY_JSON_AUTO *next_doc = NULL;
    if (scan->next_json.p != NULL && scan_read_next(scan, &next_doc, &next)) {
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
}

void scan_run(struct scan *scan, enum scan_step step)
{
    static enum scan_step (*const STEPS[SCAN_STEP_COUNT])(struct scan *) = {
        [SCAN_SETTINGS] = scan_step_settings,
        [SCAN_PLACE] = scan_step_place,
        [SCAN_PLACE_WRITE] = scan_step_place_write,
        [SCAN_BEGIN] = scan_step_begin,
        [SCAN_END] = scan_step_end,
        [SCAN_PARENT] = scan_step_parent,
        [SCAN_THREADS] = scan_step_threads,
        [SCAN_FETCH] = scan_step_fetch,
        [SCAN_FETCH_IDS] = scan_step_fetch_ids,
        [SCAN_SELECT] = scan_step_select,
        [SCAN_KNOWN] = scan_step_known,
        [SCAN_DAYS] = scan_step_days,
        [SCAN_MEMBERS] = scan_step_members,
        [SCAN_WRITE] = scan_step_write,
        [SCAN_RETRY_CLIPS] = scan_step_retry_clips,
        [SCAN_STALE_CLIPS] = scan_step_stale_clips,
        [SCAN_PURGE] = scan_step_purge,
        [SCAN_LEAVE_GUILD] = scan_step_leave_guild,
    };
    while (step != SCAN_WAIT) {
        RY_ASSERT(scan->asked == 0);
        scan->step = step;
        if (step == SCAN_DONE) {
            scan_finish(scan);
            return;
        }
        step = STEPS[step](scan);
    }
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

enum scan_step scan_ask(struct scan *scan, enum ry_tag tag, const void *message)
{
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
    unsigned held_back = 0;
    if (ours && ry_log_allowed(&scan->scanner->discord_log, 1, DISCORD_LOG_MS, &held_back))
        RY_LOG(RY_ERROR, "discord_refused", "reason=%s held_back=%u", err->text, held_back);
    /* Who asked for a scan a moment ago is told at once; what goes on by itself waits for the right token. */
    bool somebody_waits = scan->job.type == SCAN_JOB_BATCH && scan->job.restart;
    bool retry = ours ? !somebody_waits : ry_err_class((enum ry_err)code) != RY_CLASS_REJECT;
    return scan_fail(scan, retry, "Discord: %s", err->text);
}

/* ---- what comes in ----------------------------------------------------------------------------------------------- */

static enum scan_step first_step(const struct scan_job *job)
{
    switch (job->type) {
    case SCAN_JOB_THUMBNAIL_RETRY: return SCAN_RETRY_CLIPS;
    case SCAN_JOB_THUMBNAIL_CLEANUP: return SCAN_STALE_CLIPS;
    case SCAN_JOB_MESSAGE_DELETION:
    case SCAN_JOB_PURGE_CHANNEL:
    case SCAN_JOB_PURGE_GUILD: return SCAN_PURGE;
    default: return SCAN_SETTINGS;
    }
}

static void scanner_on_job_run(struct scanner *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    const struct ry_job_run *order = RY_BODY(mail, job_run);
    struct ry_error why;
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        answer_failed(ctx, mail, true, false, "no memory for another scan");
        return;
    }
    struct ry_str json = {order->job.p, order->job.n};
    int rc = scan_job_parse(json, order->type, order->local_media, &scan->job, &why);
    if (rc != RY_OK) {
        answer_failed(ctx, mail, ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY, false, why.text);
        free(scan);
        return;
    }
    if (scan->job.type == SCAN_JOB_BATCH && !scan->job.direction_told)
        scan->job.forward = self->forward;
    scan->scanner = self;
    scan->mail = mail;
    scan->arena = ry_arena_make(ARENA_MAX_BYTES);
    scan->read_id = scan->job.threads != NULL ? ry_json_str(ry_json_at(scan->job.threads, 0)) : scan->job.channel_id;
    for (size_t i = 0; i < SCAN_LOOKUPS_MAX; i++)
        scan->calls[i].scan = scan;
    if (scan->job.limit_asked > SCAN_JOB_LIMIT_MAX)
        RY_LOG(RY_WARNING, "limit_cut", "job=%.*s limit=%llu to=%llu", RY_STR_ARG(order->job_id),
               (unsigned long long)scan->job.limit_asked, (unsigned long long)SCAN_JOB_LIMIT_MAX);
    ry_mail_keep(ctx, mail);
    LIST_INSERT_HEAD(&self->scans, scan, link);
    scan_run(scan, first_step(&scan->job));
}

/* The answer that each step waits for. */
static const enum ry_tag AWAITED[SCAN_STEP_COUNT] = {
    [SCAN_SETTINGS] = RY_TAG_settings_got,    [SCAN_PLACE_WRITE] = RY_TAG_batch_written,
    [SCAN_BEGIN] = RY_TAG_scan_begun,         [SCAN_END] = RY_TAG_scan_ended,
    [SCAN_KNOWN] = RY_TAG_known_got,          [SCAN_DAYS] = RY_TAG_days_got,
    [SCAN_WRITE] = RY_TAG_batch_written,      [SCAN_RETRY_CLIPS] = RY_TAG_failed_retried,
    [SCAN_STALE_CLIPS] = RY_TAG_clips_staled, [SCAN_PURGE] = RY_TAG_purged,
};

/* The scan that waits for this answer to that message, which is then no longer under way; NULL: an answer that nobody
 * waits for (any more). */
static struct scan *take_asked(struct scanner *self, uint64_t id, enum ry_tag tag)
{
    struct scan *scan = NULL;
    LIST_FOREACH(scan, &self->scans, link)
    if (id != 0 && scan->asked == id && (tag == RY_TAG_undeliverable || AWAITED[scan->step] == tag)) {
        scan->asked = 0;
        return scan;
    }
    return NULL;
}

static enum scan_step scan_on_undeliverable(struct scan *scan, const struct ry_undeliverable *lost)
{
    /* A full writer waits for its database. A mail that died may be what kills writers: its job is not tried for ever.
     */
    if (lost->cause == RY_UNDELIVERABLE_FULL || lost->cause == RY_UNDELIVERABLE_EXPIRED)
        return scan_hold(scan, "asking the writer", lost->reason);
    return scan_fail(scan, true, "the writer could not be asked: %.*s", RY_STR_ARG(lost->reason));
}

static void scanner_on_answer(struct scanner *self, const struct ry_mail *mail)
{
    bool lost = mail->envelope.tag == RY_TAG_undeliverable;
    uint64_t asked = lost ? RY_BODY(mail, undeliverable)->id : mail->envelope.correlation;
    struct scan *scan = take_asked(self, asked, (enum ry_tag)mail->envelope.tag);
    if (scan == NULL)
        return;
    enum scan_step step = SCAN_WAIT;
    switch (mail->envelope.tag) {
    case RY_TAG_settings_got: step = scan_on_settings_got(scan, RY_BODY(mail, settings_got)); break;
    case RY_TAG_scan_begun: step = scan_on_scan_begun(scan, RY_BODY(mail, scan_begun)); break;
    case RY_TAG_scan_ended: step = scan_on_scan_ended(scan, RY_BODY(mail, scan_ended)); break;
    case RY_TAG_known_got: step = scan_on_known_got(scan, RY_BODY(mail, known_got)); break;
    case RY_TAG_days_got: step = scan_on_days_got(scan, RY_BODY(mail, days_got)); break;
    case RY_TAG_batch_written: step = scan_on_batch_written(scan, RY_BODY(mail, batch_written)); break;
    case RY_TAG_failed_retried: step = scan_on_failed_retried(scan, RY_BODY(mail, failed_retried)); break;
    case RY_TAG_clips_staled: step = scan_on_clips_staled(scan, RY_BODY(mail, clips_staled)); break;
    case RY_TAG_purged: step = scan_on_purged(scan, RY_BODY(mail, purged)); break;
    default: step = scan_on_undeliverable(scan, RY_BODY(mail, undeliverable)); break;
    }
    scan_run(scan, step);
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

static int open_discord(struct scanner *self, struct ry_ctx *ctx, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    const struct ry_discord_options options = {
        .clock = ry_ctx_clock(ctx),
        .rng = ry_ctx_rng(ctx),
        .base = ry_config_str(config, RY_OPT_discord_api),
        .token = ry_config_str(config, RY_OPT_bot_token),
        .connect_timeout_ms = 10000,
        .answer_timeout_ms = ry_config_int(config, RY_OPT_discord_timeout) * 1000,
    };
    return ry_discord_new(&self->discord, &options, err);
}

static int scanner_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct scanner *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the scanner");
    LIST_INIT(&self->scans);
    LIST_INIT(&self->refreshes);
    const struct ry_config *config = ry_ctx_config(ctx);
    self->batch_limit = (uint64_t)ry_config_int(config, RY_OPT_default_batch_limit);
    if (self->batch_limit > SCAN_JOB_LIMIT_MAX)
        self->batch_limit = SCAN_JOB_LIMIT_MAX;
    self->forward = strcmp(ry_config_str(config, RY_OPT_default_scan_direction), "forward") == 0;
    self->purge_cooldown_ms = ry_config_int(config, RY_OPT_purge_cooldown_minutes) * 60000;
    self->cache = settings_cache_new(ry_config_int(config, RY_OPT_settings_cache_ttl) * 1000);
    self->parents = thread_parents_new(ry_config_int(config, RY_OPT_settings_cache_ttl) * 1000);
    if (self->cache == NULL || self->parents == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the scanner");
    int rc = text_searcher_new(&self->searcher, text_clock_thread(), err);
    if (rc == RY_OK)
        rc = scan_defaults_load(ry_config_str(config, RY_OPT_settings_path), &self->defaults, err);
    return rc == RY_OK ? open_discord(self, ctx, err) : rc;
}

static void scanner_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct scanner *self = arg;
    self->ctx = ctx;
    switch (mail->envelope.tag) {
    case RY_TAG_job_run: scanner_on_job_run(self, ctx, mail); break;
    case RY_TAG_urls_refresh: scanner_on_urls_refresh(self, ctx, mail); break;
    case RY_TAG_settings_got:
    case RY_TAG_scan_begun:
    case RY_TAG_scan_ended:
    case RY_TAG_known_got:
    case RY_TAG_days_got:
    case RY_TAG_batch_written:
    case RY_TAG_failed_retried:
    case RY_TAG_clips_staled:
    case RY_TAG_purged:
    case RY_TAG_undeliverable: scanner_on_answer(self, mail); break;
    default: RY_LOG(RY_WARNING, "mail_unexpected", "message=%s", mail->descriptor->record.name);
    }
    self->ctx = NULL;
}

static int scanner_engine_fd(void *arg)
{
    const struct scanner *self = arg;
    return ry_discord_fd(self->discord);
}

static void scanner_ready(void *arg, struct ry_ctx *ctx)
{
    struct scanner *self = arg;
    self->ctx = ctx;
    ry_discord_ready(self->discord);
    self->ctx = NULL;
}

static void scanner_close(void **out)
{
    struct scanner *self = *out;
    *out = NULL;
    if (self == NULL)
        return;
    while (!LIST_EMPTY(&self->scans)) {
        struct scan *scan = LIST_FIRST(&self->scans);
        LIST_REMOVE(scan, link);
        scan_free(scan);
    }
    scanner_end_refreshes(self);
    ry_discord_free(&self->discord);
    settings_cache_free(&self->cache);
    thread_parents_free(&self->parents);
    text_searcher_free(&self->searcher);
    scan_defaults_free(&self->defaults);
    free(self);
}

const struct ry_actor_spec ry_scanner_spec = {
    .role = RY_ROLE_SCANNER,
    .capacity = CAPACITY,
    .threads = 1,
    .open = scanner_open,
    .receive = scanner_receive,
    .engine_fd = scanner_engine_fd,
    .ready = scanner_ready,
    .close = scanner_close,
};

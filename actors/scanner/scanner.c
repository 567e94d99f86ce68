/* scanner.c: the scanner. It turns jobs into rows.
 *
 * Owns the course of each scan: which of a job's messages count, which of their attachments are clips, and what is
 * written about them. Nothing of it outlives a crash; the job does, in the ingester's lease and the router's custody,
 * and doing it again gives the same rows under the same keys.
 *
 * Accepts job_run from the ingester, up to CAPACITY at a time. A scan is a small state machine:
 *
 *   settings ──> select ──> write ──┐──> done
 *                             ^     │
 *                             └─────┘ while rows are left, one batch_write under way at a time
 *
 * settings  asks the writer for the channel's flags and settings (settings_get), or takes them from its cache: only for
 *           jobs of this node's own queue, because for others the flags decide and must be fresh
 * select    looks at every message; what is bad is put aside alone, counted, and told in the log
 * write     sends the rows (batch_write) and waits for batch_written
 * done      answers job_done or job_failed, and ends the custody of job_run
 *
 * Promises: job_done only after the writer has committed everything; job_failed(retry) when something was away or busy;
 * job_failed(for good) when the job or the settings are bad, with the field that is. */
#include "actors/scanner/scanner.h"

#include "actors/scanner/job.h"
#include "actors/scanner/rows.h"
#include "actors/scanner/settings_cache.h"
#include "runtime/base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/queue.h>

#define CAPACITY 8

/* Rows and bytes of one batch_write: large enough for a cheap transaction, far below RY_ENVELOPE_MAX_BYTES. */
#define PART_ROWS_MAX  ((size_t)2000)
#define PART_BYTES_MAX ((size_t)1 << 20)

#define LOG_BURST     20
#define LOG_PERIOD_MS 10000

enum scan_step { SCAN_SETTINGS, SCAN_SELECT, SCAN_WRITE, SCAN_DONE, SCAN_WAIT };

struct scan {
    LIST_ENTRY(scan) link;
    struct ry_mail *mail; /* the job_run, kept */
    enum scan_step step;
    uint64_t asked; /* id of the ask under way; 0: none */
    struct scan_job job;
    struct scan_settings *settings;
    struct scan_rows *rows; /* from select on */
    size_t next_row;        /* first message that is not yet sent */
    /* For job_done. */
    uint64_t messages;
    uint64_t clips;
    uint64_t rejected;
};

struct scanner {
    struct scan_defaults defaults;
    struct settings_cache *cache;
    LIST_HEAD(, scan) scans;
    struct ry_log_limit message_log; /* of messages put aside */
    struct ry_log_limit row_log;     /* of rows refused */
};

/* ---- ending a scan ----------------------------------------------------------------------------------------------- */

static const struct ry_job_run *scan_order(const struct scan *scan)
{
    return RY_BODY(scan->mail, job_run);
}

static void scan_free(struct scan *scan)
{
    scan_job_free(&scan->job);
    scan_settings_unref(&scan->settings);
    scan_rows_free(&scan->rows);
    free(scan);
}

static void scan_end(struct ry_ctx *ctx, struct scan *scan)
{
    LIST_REMOVE(scan, link);
    ry_mail_done(ctx, scan->mail);
    scan_free(scan);
}

static void scan_finish(struct ry_ctx *ctx, struct scan *scan)
{
    struct ry_job_done done = {.job_id = scan_order(scan)->job_id,
                               .messages = scan->messages,
                               .clips = scan->clips,
                               .rejected = scan->rejected};
    RY_ANSWER(ctx, scan->mail, job_done, &done);
    scan_end(ctx, scan);
}

static void answer_failed(struct ry_ctx *ctx, const struct ry_mail *mail, bool retry, const char *reason)
{
    struct ry_job_failed failed = {
        .job_id = RY_BODY(mail, job_run)->job_id, .retry = retry, .reason = ry_str_of(reason)};
    RY_ANSWER(ctx, mail, job_failed, &failed);
}

/* Answers job_failed and returns the step for a handler to return: there is none, the scan is gone. */
static enum scan_step scan_fail(struct ry_ctx *ctx, struct scan *scan, bool retry, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static enum scan_step scan_fail(struct ry_ctx *ctx, struct scan *scan, bool retry, const char *format, ...)
{
    struct ry_error why;
    va_list args;
    va_start(args, format);
    ry_vfail(&why, retry ? RY_EAWAY : RY_EINVAL, format, args);
    va_end(args);
    answer_failed(ctx, scan->mail, retry, why.text);
    scan_end(ctx, scan);
    return SCAN_WAIT;
}

/* ---- steps: each acts and returns the next; SCAN_WAIT means that an answer, or nothing more, is awaited ---------- */

static enum scan_step scan_step_settings(struct scanner *self, struct ry_ctx *ctx, struct scan *scan)
{
    bool rows_come_along = scan->job.brings_guild && scan->job.brings_channel;
    if (scan_order(scan)->local_media && rows_come_along) {
        scan->settings =
            settings_cache_get(self->cache, scan->job.guild_id, scan->job.channel_id, ry_mono_ms(ry_ctx_clock(ctx)));
        ry_count(ctx, scan->settings ? RY_COUNTER_settings_cache_hits : RY_COUNTER_settings_cache_misses, 1);
        if (scan->settings != NULL)
            return SCAN_SELECT;
    }
    struct ry_settings_get get = {.guild_id = scan->job.guild_id, .channel_id = scan->job.channel_id};
    struct ry_send send = ry_send_from(scan->mail);
    scan->asked = RY_TELL(ctx, settings_get, &get, &send);
    return SCAN_WAIT;
}

struct put_aside_arg {
    struct scanner *self;
    struct ry_ctx *ctx;
    struct scan *scan;
};

static void scanner_on_message_put_aside(void *arg, struct ry_str message_id, const char *reason)
{
    struct put_aside_arg *to = arg;
    to->scan->rejected++;
    ry_count(to->ctx, RY_COUNTER_messages_rejected, 1);
    unsigned held_back = 0;
    if (ry_log_allowed(&to->self->message_log, LOG_BURST, LOG_PERIOD_MS, &held_back))
        RY_LOG(RY_WARNING, "message_rejected", "job=%.*s message=%.*s reason=%s held_back=%u",
               RY_STR_ARG(scan_order(to->scan)->job_id), RY_STR_ARG(message_id), reason, held_back);
}

static enum scan_step scan_step_select(struct scanner *self, struct ry_ctx *ctx, struct scan *scan)
{
    struct put_aside_arg put_aside = {self, ctx, scan};
    bool local = scan_order(scan)->local_media;
    struct scan_rows_context context = {.guild_id = scan->job.guild_id,
                                        .channel_id = scan->job.channel_id,
                                        .settings = scan->settings,
                                        .given_urls = local,
                                        .file_urls = local && scan->job.media_root.p != NULL,
                                        .now_wall_ms = ry_wall_ms(ry_ctx_clock(ctx)),
                                        .put_aside = scanner_on_message_put_aside,
                                        .put_aside_arg = &put_aside};
    size_t n = json_object_array_length(scan->job.messages);
    scan->rows = scan_rows_new(n);
    if (scan->rows == NULL)
        return scan_fail(ctx, scan, true, "no memory for the rows of %zu messages", n);
    struct ry_error why;
    for (size_t i = 0; i < n; i++)
        if (scan_rows_add(scan->rows, &context, json_object_array_get_idx(scan->job.messages, i), &why) != RY_OK)
            return scan_fail(ctx, scan, true, "%s", why.text);
    scan_job_drop_messages(&scan->job);
    scan->messages = n;
    scan->clips = scan_rows_clips(scan->rows);
    ry_count(ctx, RY_COUNTER_messages_scanned, n);
    ry_count(ctx, RY_COUNTER_clips_found, scan->clips);
    return scan->clips > 0 ? SCAN_WRITE : SCAN_DONE;
}

static enum scan_step scan_step_write(struct scanner *self, struct ry_ctx *ctx, struct scan *scan)
{
    (void)self;
    struct ry_batch_write batch = {.job_id = scan_order(scan)->job_id,
                                   .token = scan_order(scan)->token,
                                   .guild_id = scan->job.guild_id,
                                   .channel_id = scan->job.channel_id,
                                   .media_root = scan->job.media_root};
    size_t next = scan_rows_part(scan->rows, scan->next_row, PART_ROWS_MAX, PART_BYTES_MAX, &batch);
    if (next == scan->next_row)
        return SCAN_DONE;
    if (scan->job.brings_guild) {
        batch.guilds.items = &scan->job.guild;
        batch.guilds.n = 1;
    }
    if (scan->job.brings_channel) {
        batch.channels.items = &scan->job.channel;
        batch.channels.n = 1;
    }
    struct ry_send send = ry_send_from(scan->mail);
    scan->asked = RY_TELL(ctx, batch_write, &batch, &send);
    scan->next_row = next;
    return SCAN_WAIT;
}

/* The one place where a scan moves on. */
static void scan_run(struct scanner *self, struct ry_ctx *ctx, struct scan *scan, enum scan_step step)
{
    while (step != SCAN_WAIT) {
        assert(scan->asked == 0);
        scan->step = step;
        switch (step) {
        case SCAN_SETTINGS: step = scan_step_settings(self, ctx, scan); break;
        case SCAN_SELECT: step = scan_step_select(self, ctx, scan); break;
        case SCAN_WRITE: step = scan_step_write(self, ctx, scan); break;
        case SCAN_DONE: scan_finish(ctx, scan); return;
        case SCAN_WAIT: break;
        }
    }
}

/* ---- what comes in ----------------------------------------------------------------------------------------------- */

static const char *refuse_type(struct ry_str type)
{
    static const char *const KNOWN[] = {"batch",           "message",           "rescan",
                                        "thumbnail_retry", "thumbnail_cleanup", "message_deletion",
                                        "purge_channel",   "purge_guild"};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (ry_str_is(type, KNOWN[i]))
            return "this node cannot do jobs of this type yet";
    return "there is no such type of job";
}

static void scanner_on_job_run(struct scanner *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    const struct ry_job_run *order = RY_BODY(mail, job_run);
    struct ry_error why;
    if (!ry_str_is(order->type, "messages")) {
        ry_fail(&why, RY_EUNSUPPORTED, "type '%.*s': %s", RY_STR_ARG(order->type), refuse_type(order->type));
        answer_failed(ctx, mail, false, why.text);
        return;
    }
    struct scan *scan = calloc(1, sizeof *scan);
    if (scan == NULL) {
        answer_failed(ctx, mail, true, "no memory for another scan");
        return;
    }
    int rc = scan_job_parse((struct ry_str){order->job.p, order->job.n}, order->local_media, &scan->job, &why);
    if (rc != RY_OK) {
        answer_failed(ctx, mail, ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY, why.text);
        free(scan);
        return;
    }
    scan->mail = mail;
    ry_mail_keep(ctx, mail);
    LIST_INSERT_HEAD(&self->scans, scan, link);
    scan_run(self, ctx, scan, SCAN_SETTINGS);
}

/* The scan that waits in this step for the answer to this message, which is then no longer under way; NULL: an answer
 * that nobody waits for (any more). */
static struct scan *take_asked(struct scanner *self, uint64_t id, enum scan_step step)
{
    struct scan *scan = NULL;
    LIST_FOREACH(scan, &self->scans, link)
    if (scan->asked == id && scan->step == step) {
        scan->asked = 0;
        return scan;
    }
    return NULL;
}

/* Whether the channel is to be scanned at all. Jobs of this node's own queue are their operator's own act. */
static const char *refuse_channel(const struct scan *scan, const struct ry_settings_got *got)
{
    if (!got->guild_exists || !got->channel_exists)
        return "Guild or channel not found in database";
    if (!got->guild_enabled)
        return "Guild scanning disabled";
    if (!got->channel_enabled)
        return "Channel scanning disabled for this channel";
    if (ry_str_is(got->channel_type, "category"))
        return "Cannot scan category channels";
    if (got->nsfw && scan->settings->ignore_nsfw_channels)
        return "Channel is NSFW and ignore_nsfw_channels setting is enabled";
    return NULL;
}

static enum scan_step judge_channel(struct ry_ctx *ctx, struct scan *scan, const struct ry_settings_got *got)
{
    if (scan_order(scan)->local_media) {
        if (!got->guild_exists && !scan->job.brings_guild)
            return scan_fail(ctx, scan, false, "guild %.*s is not in the database, and the job has no guild object",
                             RY_STR_ARG(scan->job.guild_id));
        if (!got->channel_exists && !scan->job.brings_channel)
            return scan_fail(ctx, scan, false, "channel %.*s is not in the database, and the job has no channel object",
                             RY_STR_ARG(scan->job.channel_id));
        return SCAN_SELECT;
    }
    const char *why = refuse_channel(scan, got);
    if (why == NULL)
        return SCAN_SELECT;
    ry_count(ctx, RY_COUNTER_jobs_skipped, 1);
    RY_LOG(RY_INFO, "job_skipped", "job=%.*s channel=%.*s reason=%s", RY_STR_ARG(scan_order(scan)->job_id),
           RY_STR_ARG(scan->job.channel_id), why);
    return SCAN_DONE;
}

static void scanner_on_settings_got(struct scanner *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_settings_got *got = RY_BODY(mail, settings_got);
    struct scan *scan = take_asked(self, mail->envelope.correlation, SCAN_SETTINGS);
    if (scan == NULL)
        return;
    if (got->error.n > 0) {
        scan_fail(ctx, scan, true, "settings: %.*s", RY_STR_ARG(got->error));
        return;
    }
    struct scan_layers layers = {got->guild_default_channel_settings, got->guild_settings, got->channel_settings};
    struct ry_error why;
    int rc = scan_settings_resolve(&self->defaults, &layers, &scan->settings, &why);
    if (rc != RY_OK) {
        scan_fail(ctx, scan, ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY,
                  "the settings of channel %.*s are bad: %s", RY_STR_ARG(scan->job.channel_id), why.text);
        return;
    }
    settings_cache_put(self->cache, scan->job.guild_id, scan->job.channel_id, scan->settings,
                       ry_mono_ms(ry_ctx_clock(ctx)));
    scan_run(self, ctx, scan, judge_channel(ctx, scan, got));
}

static void scanner_on_batch_written(struct scanner *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_batch_written *written = RY_BODY(mail, batch_written);
    struct scan *scan = take_asked(self, mail->envelope.correlation, SCAN_WRITE);
    if (scan == NULL)
        return;
    if (written->fenced) {
        RY_LOG(RY_WARNING, "job_fenced", "job=%.*s", RY_STR_ARG(scan_order(scan)->job_id));
        scan_fail(ctx, scan, true, "another worker has taken the job over");
        return;
    }
    if (written->error.n > 0) {
        scan_fail(ctx, scan, true, "writing: %.*s", RY_STR_ARG(written->error));
        return;
    }
    for (size_t i = 0; i < written->failures.n; i++) {
        const struct ry_row_failure *failure = &written->failures.items[i];
        unsigned held_back = 0;
        if (ry_log_allowed(&self->row_log, LOG_BURST, LOG_PERIOD_MS, &held_back))
            RY_LOG(RY_WARNING, "row_refused", "job=%.*s table=%.*s key=%.*s reason=%.*s held_back=%u",
                   RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(failure->table), RY_STR_ARG(failure->key),
                   RY_STR_ARG(failure->reason), held_back);
    }
    scan->rejected += written->failures.n;
    scan_run(self, ctx, scan, SCAN_WRITE);
}

static void scanner_on_undeliverable(struct scanner *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_undeliverable *lost = RY_BODY(mail, undeliverable);
    struct scan *scan = take_asked(self, lost->id, lost->tag == RY_TAG_settings_get ? SCAN_SETTINGS : SCAN_WRITE);
    if (scan != NULL)
        scan_fail(ctx, scan, true, "the writer could not be asked: %.*s", RY_STR_ARG(lost->reason));
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

static int scanner_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct scanner *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the scanner");
    LIST_INIT(&self->scans);
    const struct ry_config *config = ry_ctx_config(ctx);
    self->cache = settings_cache_new(ry_config_int(config, RY_OPT_settings_cache_ttl) * 1000);
    if (self->cache == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the scanner");
    return scan_defaults_load(ry_config_str(config, RY_OPT_settings_path), &self->defaults, err);
}

static void scanner_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct scanner *self = arg;
    switch (mail->envelope.tag) {
    case RY_TAG_job_run: scanner_on_job_run(self, ctx, mail); break;
    case RY_TAG_settings_got: scanner_on_settings_got(self, ctx, mail); break;
    case RY_TAG_batch_written: scanner_on_batch_written(self, ctx, mail); break;
    case RY_TAG_undeliverable: scanner_on_undeliverable(self, ctx, mail); break;
    default: RY_LOG(RY_WARNING, "mail_unexpected", "message=%s", mail->descriptor->record.name);
    }
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
    settings_cache_free(&self->cache);
    scan_defaults_free(&self->defaults);
    free(self);
}

const struct ry_actor_spec ry_scanner_spec = {
    .role = RY_ROLE_SCANNER,
    .capacity = CAPACITY,
    .threads = 1,
    .open = scanner_open,
    .receive = scanner_receive,
    .close = scanner_close,
};

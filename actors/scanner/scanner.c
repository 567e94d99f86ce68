/* scanner.c: the scanner. It turns jobs into rows.
 *
 * Owns the course of each job: what it reads (Discord's history, messages by their ids, messages inline), which of
 * these messages count, which of their attachments are clips, and what is written about them; and Discord's API with
 * its rate limits. Nothing of it outlives a crash; the job does, in the ingester's lease and the router's custody, and
 * doing it again gives the same rows under the same keys.
 *
 * Accepts job_run from the ingester, up to CAPACITY at a time, and urls_refresh from the scheduler. This file is the
 * wiring; a job moves by scan_run (scan.c) through the steps of these files:
 *   scan_settings.c   settings and flags of the channel
 *   scan_parent.c     the channel of a live thread
 *   scan_place.c      rows of guild and channel that only Discord can tell
 *   scan_status.c     the scan's status: begun, refused, ended
 *   scan_fetch.c      what is read, made into rows
 *   scan_known.c      what is known already; members
 *   scan_days.c       the channel's limit of clips a day
 *   scan_threads.c    the list of the channel's threads
 *   scan_write.c      batch_write, with the scan's progress
 *   scan_next.c       job_done, with the job that goes on
 *   scan_chores.c     thumbnails to try again, clips that are stuck, deletions
 * refresh.c makes fresh URLs.
 *
 * Promises: job_done only after the writer has committed everything; job_failed(retry) when something was away or busy;
 * job_failed(for good) when the job or the settings are bad, with the field that is. While Discord is down or limits
 * the bot, a job waits here, with its lease renewed by the ingester, instead of failing. */
#include "actors/scanner/scanner.h"

#include <stdlib.h>

#include "actors/scanner/refresh.h"
#include "actors/scanner/scan_steps.h"
#include "actors/scanner/scanner_internal.h"
#include "runtime/base/assert.h"

#define CAPACITY 8

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
    struct ry_str json = {order->job.p, order->job.n};
    struct scan_job job;
    struct ry_error why;
    int rc = scan_job_parse(json, order->type, order->local_media, &job, &why);
    if (rc != RY_OK) {
        scan_answer_failed(ctx, mail, ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY, false, why.text);
        return;
    }
    if (job.type == SCAN_JOB_BATCH && !job.direction_told)
        job.forward = self->forward;
    if (job.limit_asked > SCAN_JOB_LIMIT_MAX)
        RY_LOG(RY_WARNING, "limit_cut", "job=%.*s limit=%llu to=%llu", RY_STR_ARG(order->job_id),
               (unsigned long long)job.limit_asked, (unsigned long long)SCAN_JOB_LIMIT_MAX);
    struct scan *scan = scan_new(self, mail, &job);
    if (scan == NULL) {
        scan_job_free(&job);
        scan_answer_failed(ctx, mail, true, false, "no memory for another scan");
        return;
    }
    scan_run(scan, first_step(&scan->job));
}

/* The scan that waits for this answer to that message, which is then no longer under way; NULL: an answer that nobody
 * waits for (any more). */
static struct scan *take_asked(struct scanner *self, uint64_t id, enum ry_tag tag)
{
    struct scan *scan = NULL;
    LIST_FOREACH(scan, &self->scans, link)
    if (id != 0 && scan->asked == id && (tag == RY_TAG_undeliverable || self->steps[scan->step]->awaited == tag)) {
        scan->asked = 0;
        return scan;
    }
    return NULL;
}

static void scanner_on_undeliverable(struct scanner *self, const struct ry_undeliverable *lost)
{
    struct scan *scan = take_asked(self, lost->id, RY_TAG_undeliverable);
    if (scan == NULL)
        return;
    /* A full writer waits for its database. A mail that died may be what kills writers: its job is not tried for ever.
     */
    if (lost->cause == RY_UNDELIVERABLE_FULL || lost->cause == RY_UNDELIVERABLE_EXPIRED)
        (void)scan_hold(scan, "asking the writer", lost->reason);
    else
        (void)scan_fail(scan, true, "the writer could not be asked: %.*s", RY_STR_ARG(lost->reason));
}

static void scanner_on_answer(struct scanner *self, const struct ry_mail *mail)
{
    struct scan *scan = take_asked(self, mail->envelope.correlation, (enum ry_tag)mail->envelope.tag);
    if (scan != NULL)
        scan_run(scan, self->steps[scan->step]->on_answer(scan, mail));
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

/* The steps of all files, each at its place. */
static void put_steps(const struct scan_step_spec *steps[SCAN_STEP_COUNT])
{
    const struct scan_steps *const files[] = {
        &scan_settings_steps, &scan_parent_steps, &scan_place_steps, &scan_status_steps,
        &scan_fetch_steps,    &scan_known_steps,  &scan_days_steps,  &scan_threads_steps,
        &scan_write_steps,    &scan_chores_steps, &scan_next_steps,
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t k = 0; k < files[i]->n; k++) {
            const struct scan_step_spec *spec = &files[i]->specs[k];
            RY_ASSERT(steps[spec->step] == NULL, "step %d has two functions", (int)spec->step);
            steps[spec->step] = spec;
        }
    for (int step = 0; step < SCAN_STEP_COUNT; step++)
        RY_ASSERT(steps[step] != NULL, "step %d has no function", step);
}

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
    self->magic = SCANNER_MAGIC;
    put_steps(self->steps);
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

/* Whether some step waits for this answer. */
static bool is_awaited(const struct scanner *self, enum ry_tag tag)
{
    for (int step = 0; step < SCAN_STEP_COUNT; step++)
        if (self->steps[step]->awaited == tag)
            return true;
    return false;
}

static struct scanner *scanner_of(void *arg)
{
    struct scanner *self = arg;
    RY_ASSERT(self->magic == SCANNER_MAGIC);
    return self;
}

static void scanner_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct scanner *self = scanner_of(arg);
    enum ry_tag tag = (enum ry_tag)mail->envelope.tag;
    self->ctx = ctx;
    if (tag == RY_TAG_job_run)
        scanner_on_job_run(self, ctx, mail);
    else if (tag == RY_TAG_urls_refresh)
        refresh_begin(self, ctx, mail);
    else if (tag == RY_TAG_undeliverable)
        scanner_on_undeliverable(self, RY_BODY(mail, undeliverable));
    else if (is_awaited(self, tag))
        scanner_on_answer(self, mail);
    else
        RY_LOG(RY_WARNING, "mail_unexpected", "message=%s", mail->descriptor->record.name);
    self->ctx = NULL;
}

static int scanner_engine_fd(void *arg)
{
    return ry_discord_fd(scanner_of(arg)->discord);
}

static void scanner_ready(void *arg, struct ry_ctx *ctx)
{
    struct scanner *self = scanner_of(arg);
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
    while (!LIST_EMPTY(&self->scans))
        scan_free(LIST_FIRST(&self->scans));
    refresh_end_all(self);
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

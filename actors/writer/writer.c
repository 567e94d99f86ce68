/* writer.c: the one who speaks to the database.
 *
 * Owns      the archive: guilds, channels, authors, messages, clips, thumbnails, failures and leases of clips, scans,
 *           and the list of files to delete.
 * Accepts   batch_write (rows of a scan), scan_begin, scan_end, purge; clip_completed and clip_failed (what became of a
 *           clip), clips_claim, clips_renew, failed_retry, clips_stale, clips_archive, scans_stale, files_forget,
 * urls_store; and questions: settings_get, known_get, days_get, gallery_get, archive_get, failed_get, refused_get,
 * scan_get, scans_open_get, files_doomed_get. Sends     one answer to each, clip_settled to the origin of an outcome,
 * and clips_pending and files_doomed (hints to the scheduler). It sends no requests, so it can always be given mail.
 * Promises  what it has answered is committed. Every write bears being repeated, and one that changes nothing writes
 * nothing. Bad rows fail alone. A worker that lost its lease writes nothing.
 *
 * Mails are gathered for a moment and written in one transaction, a turn: first the rows of all batches, table by
 * table, then the other works in the order in which they came. A turn that meets data which break a rule, or a batch
 * that may not be written, is done once more carefully, work by work, which leaves out what will not go in. One that
 * meets a passing trouble (lock, full disk) is rolled back and tried again by timer, after a growing wait; after a few
 * tries askers are told, who ask again later, while outcomes of clips, which nobody would repeat, are kept until they
 * can be written. What a schema refuses that is not as it should be is told to askers at once, or put aside; it never
 * counts as written, and the archive's state says so until it goes in. Questions are answered at once, outside of any
 * transaction. Now and then the database is asked for a
 * sign of life, so that its trouble is told before somebody needs it.
 *
 * When it crashes, the transaction is gone as a whole; its mails are still in the router's custody and come again. A
 * damaged database ends it. */
#include "actors/writer/writer.h"
#include "actors/writer/damaged.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <time.h>

#include "actors/writer/engine_open.h"
#include "actors/writer/work.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

enum timer { TIMER_TURN, TIMER_PRUNE, TIMER_PING, TIMER_STALLED, TIMER_REVIEW };

/* Mails held at a time. While the database is away the outcomes of all clips in the works stay here (clip_window of
 * them), and questions must still get in. */
#define CAPACITY 256

#define JITTER_PERCENT    25
#define PRUNE_PERIOD_MS   60000
#define PRUNE_ROWS        5000
#define REVIEW_ROWS       500
#define REVIEW_PAUSE_MS   50
#define VERSIONS_MAX      16
#define VERSIONS_A_DAY    4
#define DAY_MS            (INT64_C(24) * 3600 * 1000)
#define VERSION_BYTES     101 /* with its NUL */
#define FENCE_KEPT_MS     (INT64_C(24) * 3600 * 1000)
#define ARENA_MAX_BYTES   ((size_t)128 << 20)
#define TROUBLE_PERIOD_MS 30000
#define PINGS_FAILED_MAX  3

struct writer {
    struct writer_engine *engine;
    struct writer_work works[CAPACITY]; /* gathered, in order of arrival */
    size_t works_n;
    size_t rows; /* of works */
    struct writer_work
        stalled[CAPACITY]; /* put aside: the schema does not let them be written, and nobody repeats them */
    size_t stalled_n;
    unsigned stalls;              /* turns in a row of which some were put aside */
    struct ry_error schema_error; /* of the last work that the schema refused; text "": none since */
    enum ry_tag schema_tag;       /* its message: the error is over when one of this kind is written */
    bool waiting;                 /* TIMER_TURN is set, for more mails or for the next try */
    bool ended;                   /* the database is unusable: nothing more is tried */
    unsigned troubles;            /* turns in a row that met a passing trouble */

    size_t batch_rows;
    int64_t batch_wait_ms;
    unsigned tries_max;
    int64_t retry_base_ms;
    int64_t retry_max_ms;
    int64_t ping_period_ms;
    unsigned pings_failed; /* in a row */
    struct ry_error ping_error;
    struct ry_arena turn; /* outcomes of the transaction under way */
    struct ry_arena look; /* the answer to a question */
    struct ry_log_limit trouble_log;
    struct ry_log_limit damage_log;             /* of rows that no message can carry */
    struct writer_review review;                /* how far the permanent failures were looked at */
    char versions[VERSIONS_MAX][VERSION_BYTES]; /* of encoders, that were heard of last */
    size_t versions_n;                          /* in all */
    unsigned versions_today;                    /* since day_mono_ms */
    int64_t day_mono_ms;
};

/* Of this machine, for people to look at; nothing is decided by it. */
static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void writer_end(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    self->ended = true;
    RY_LOG(RY_CRITICAL, "database_unusable", "reason=%s", why->text);
    ry_ctx_exit(ctx, why);
}

static int64_t writer_wait_ms(const struct writer *self, struct ry_ctx *ctx, unsigned tries)
{
    return ry_backoff_doubling_ms(ry_ctx_rng(ctx), self->retry_base_ms, self->retry_max_ms, tries, JITTER_PERCENT);
}

/* ---- a turn -------------------------------------------------------------------------------------------------- */

static void writer_on_schema_refused(struct writer *self, struct ry_ctx *ctx, enum ry_tag tag,
                                     const struct ry_error *why)
{
    unsigned held_back = 0;
    ry_count(ctx, RY_COUNTER_schema_refusals, 1);
    if (ry_log_allowed(&self->trouble_log, 2, TROUBLE_PERIOD_MS, &held_back))
        RY_LOG(RY_ERROR, "schema_refused", "message=%s reason=%s held_back=%u", ry_descriptor(tag)->record.name,
               why->text, held_back);
    self->schema_error = *why;
    self->schema_tag = tag;
}

/* Tells an asker, who comes again; what nobody would repeat waits here until a person has mended the schema. */
static void writer_on_stalled(struct writer *self, struct ry_ctx *ctx, struct writer_work *work)
{
    writer_on_schema_refused(self, ctx, work->mail->envelope.tag, &work->error);
    if (!writer_work_give_up(work, ctx, &work->error))
        self->stalled[self->stalled_n++] = *work;
}

static int writer_fail_clip(struct writer *self, const struct ry_clip_work *clip, struct ry_error *err)
{
    const struct ry_clips_claimed one = {.clips = {(struct ry_clip_work *)clip, 1}};
    struct ry_error why = {0};
    struct ry_error reason;
    (void)ry_check(RY_TAG_clips_claimed, &one, &why);
    (void)ry_fail(&reason, RY_EDATA, "its row in the database cannot be used: %.300s", why.text);
    RY_LOG(RY_ERROR, "clip_unusable", "clip=%.*s reason=%s", RY_STR_ARG(clip->clip_id), why.text);
    const struct ry_clip_failed failed = {
        .clip_id = clip->clip_id, .reason = ry_str_of(reason.text), .class = RY_FAILURE_PERMANENT};
    struct ry_clip_settled settled;
    bool found = false;
    return self->engine->ops->clip_failed(self->engine, &failed, &found, &settled, err);
}

/* Claimed clips that nobody can be told of fail here, for good: else they would be claimed again for ever. In trouble
 * they are, when their lease ends. */
static void writer_on_unusable(struct writer *self, struct ry_ctx *ctx, const struct ry_clips_claimed *unusable)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    struct ry_error err;
    int rc = ops->begin(self->engine, &err);
    for (size_t i = 0; rc == RY_OK && i < unusable->clips.n; i++)
        rc = writer_fail_clip(self, &unusable->clips.items[i], &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc == RY_OK) {
        ry_count(ctx, RY_COUNTER_clips_failed, unusable->clips.n);
        return;
    }
    ops->rollback(self->engine);
    RY_LOG(RY_WARNING, "clips_unusable_kept", "clips=%zu reason=%s", unusable->clips.n, err.text);
}

/* Begins a walk over the permanent failures when a version comes that was not heard of since the start, in a claim or
 * with a verdict. An encoder that was taken over can say any; so only a few new ones a day are believed. */
static void writer_on_version(struct writer *self, struct ry_ctx *ctx, struct ry_str version)
{
    for (size_t i = 0; i < self->versions_n && i < VERSIONS_MAX; i++)
        if (ry_str_is(version, self->versions[i]))
            return;
    if (!ry_encoder_is_known(version))
        return;
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    if (self->versions_today == 0 || now_mono_ms - self->day_mono_ms >= DAY_MS) {
        self->day_mono_ms = now_mono_ms;
        self->versions_today = 0;
    }
    if (self->versions_today == VERSIONS_A_DAY)
        return;
    self->versions_today++;
    (void)snprintf(self->versions[self->versions_n++ % VERSIONS_MAX], VERSION_BYTES, "%.*s", RY_STR_ARG(version));
    self->review.after[0] = '\0';
    ry_timer(ctx, TIMER_REVIEW, REVIEW_PAUSE_MS);
}

static void writer_on_written(struct writer *self, struct ry_ctx *ctx, struct writer_work *work,
                              struct writer_hints *hints)
{
    if (self->schema_error.text[0] != '\0' && !work->refused && work->mail->envelope.tag == self->schema_tag) {
        RY_LOG(RY_INFO, "schema_takes_again", "message=%s", ry_descriptor(self->schema_tag)->record.name);
        self->schema_error = (struct ry_error){0};
    }
    struct ry_clips_claimed unusable;
    if (writer_work_unusable(work, &unusable))
        writer_on_unusable(self, ctx, &unusable);
    if (work->mail->envelope.tag == RY_TAG_clips_claim)
        writer_on_version(self, ctx, RY_BODY(work->mail, clips_claim)->encoder);
    else if (work->mail->envelope.tag == RY_TAG_clip_failed)
        writer_on_version(self, ctx, RY_BODY(work->mail, clip_failed)->encoder);
    writer_work_tell(work, ctx, hints);
}

static void writer_on_committed(struct writer *self, struct ry_ctx *ctx, int64_t took_us)
{
    ry_count(ctx, RY_COUNTER_db_transactions, 1);
    ry_observe(ctx, RY_HISTOGRAM_db_transaction, (double)took_us / 1e6);
    ry_observe(ctx, RY_HISTOGRAM_db_batch, (double)self->rows);
    if (self->troubles > 0)
        RY_LOG(RY_INFO, "database_answers_again", "tries=%u", self->troubles);
    self->troubles = 0;
    struct writer_hints hints = {0};
    for (size_t i = 0; i < self->works_n; i++) {
        if (self->works[i].stalled)
            writer_on_stalled(self, ctx, &self->works[i]);
        else
            writer_on_written(self, ctx, &self->works[i], &hints);
    }
    self->works_n = 0;
    self->rows = 0;
    self->stalls = self->stalled_n > 0 ? self->stalls + 1 : 0;
    if (self->stalled_n > 0)
        ry_timer(ctx, TIMER_STALLED, writer_wait_ms(self, ctx, self->stalls - 1));
    const struct ry_send send = {.priority = RY_PRIORITY_CONTROL};
    if (hints.clips_pending > 0)
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = hints.clips_pending}, &send);
    if (hints.files_doomed > 0)
        RY_TELL(ctx, files_doomed, &(struct ry_files_doomed){.count = hints.files_doomed}, &send);
}

/* Tells askers whose tries are used up; keeps all others for the next try. */
static void writer_give_up(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    size_t kept = 0;
    self->rows = 0;
    for (size_t i = 0; i < self->works_n; i++) {
        struct writer_work *work = &self->works[i];
        work->tries++;
        if (work->tries >= self->tries_max && writer_work_give_up(work, ctx, why))
            continue;
        self->rows += work->rows;
        self->works[kept++] = *work;
    }
    self->works_n = kept;
}

static void writer_on_trouble(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    int64_t wait_ms = writer_wait_ms(self, ctx, self->troubles);
    if (why->code == RY_ESCHEMA) /* of the commit itself */
        writer_on_schema_refused(self, ctx, self->works[0].mail->envelope.tag, why);
    self->troubles++;
    ry_count(ctx, RY_COUNTER_db_errors, 1);
    unsigned held_back = 0;
    if (ry_log_allowed(&self->trouble_log, 2, TROUBLE_PERIOD_MS, &held_back))
        RY_LOG(RY_ERROR, "database_trouble", "reason=%s mails=%zu retry_ms=%" PRId64 " held_back=%u", why->text,
               self->works_n, wait_ms, held_back);
    writer_give_up(self, ctx, why);
    if (self->works_n == 0)
        return;
    ry_count(ctx, RY_COUNTER_db_retries, 1);
    self->waiting = true;
    ry_timer(ctx, TIMER_TURN, wait_ms);
}

/* What was put aside is tried with the next turn. */
static void writer_take_stalled(struct writer *self)
{
    for (size_t i = 0; i < self->stalled_n; i++) {
        self->rows += self->stalled[i].rows;
        self->works[self->works_n++] = self->stalled[i];
    }
    self->stalled_n = 0;
}

static void writer_turn(struct writer *self, struct ry_ctx *ctx)
{
    ry_timer_cancel(ctx, TIMER_TURN);
    self->waiting = false;
    if (self->works_n == 0 || self->ended)
        return;
    struct ry_error err;
    int64_t began_us = now_us();
    int rc = writer_works_commit(self->works, self->works_n, self->engine, false, &self->turn, &err);
    if (rc != RY_OK && (ry_err_class(err.code) == RY_CLASS_REJECT || err.code == RY_ESCHEMA))
        rc = writer_works_commit(self->works, self->works_n, self->engine, true, &self->turn, &err);
    if (rc == RY_OK)
        writer_on_committed(self, ctx, now_us() - began_us);
    else if (ry_err_class(err.code) == RY_CLASS_DIE)
        writer_end(self, ctx, &err);
    else
        writer_on_trouble(self, ctx, &err);
}

/* Whether waiting for more mails would gain anything. */
static bool writer_is_due(const struct writer *self, struct ry_ctx *ctx)
{
    if (self->works_n + self->stalled_n == CAPACITY || self->rows >= self->batch_rows || self->batch_wait_ms == 0 ||
        ry_ctx_draining(ctx))
        return true;
    for (size_t i = 0; i < self->works_n; i++)
        if (!writer_work_is_urgent(&self->works[i]))
            return false;
    return true;
}

static void writer_on_work(struct writer *self, struct ry_ctx *ctx, const struct writer_work *work)
{
    if (self->works_n + self->stalled_n == CAPACITY) {
        ry_mail_fail(ctx, work->mail, true, "the database is away and the writer holds all it can");
        return;
    }
    ry_mail_keep(ctx, work->mail);
    self->works[self->works_n++] = *work;
    self->rows += work->rows;
    if (self->troubles > 0 && self->waiting)
        return;
    if (writer_is_due(self, ctx)) {
        writer_turn(self, ctx);
    } else if (!self->waiting) {
        self->waiting = true;
        ry_timer(ctx, TIMER_TURN, self->batch_wait_ms);
    }
}

/* ---- questions ----------------------------------------------------------------------------------------------- */

/* The text for the answer to a question that could not be answered. */
static struct ry_str writer_on_no_answer(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    unsigned held_back = 0;
    if (ry_log_allowed(&self->trouble_log, 2, TROUBLE_PERIOD_MS, &held_back))
        RY_LOG(RY_ERROR, "question_failed", "reason=%s held_back=%u", why->text, held_back);
    if (ry_err_class(why->code) == RY_CLASS_DIE && !self->ended)
        writer_end(self, ctx, why);
    return ry_str_of(why->text);
}

/* An answer that does not fit its message is made to: a row that somebody else damaged takes no other with it. */
static int writer_on_unfit(struct writer *self, enum ry_tag tag, void *answer, enum damaged_way way,
                           struct ry_error *err)
{
    struct ry_error why;
    unsigned held_back = 0;
    size_t rows = damaged_rows(tag, answer, way, &self->look, &why);
    if (rows > 0 && ry_log_allowed(&self->damage_log, 2, TROUBLE_PERIOD_MS, &held_back))
        RY_LOG(RY_WARNING, "rows_damaged", "rows=%zu reason=%s held_back=%u", rows, why.text, held_back);
    return ry_check(tag, answer, err);
}

/* writer_on_<name>: asks the engine, and answers with what it says or with its error. */
#define QUESTION(name, answer, damaged) \
    static void writer_on_##name(struct writer *self, struct ry_ctx *ctx, struct ry_mail *mail) \
    { \
        struct ry_##answer got; \
        struct ry_error err; \
        int rc = self->engine->ops->name(self->engine, RY_BODY(mail, name), &self->look, &got, &err); \
        if (rc == RY_OK) \
            rc = ry_check(RY_TAG_##answer, &got, &err); \
        if (rc == RY_EINVAL || rc == RY_ELIMIT) \
            rc = writer_on_unfit(self, RY_TAG_##answer, &got, DAMAGED_##damaged, &err); \
        if (rc != RY_OK) \
            got = (struct ry_##answer){.error = writer_on_no_answer(self, ctx, &err)}; \
        RY_ANSWER(ctx, mail, answer, &got); \
    }
QUESTION(settings_get, settings_got, REFUSED)
QUESTION(gallery_get, gallery_page, SHOWN)
QUESTION(failed_get, failed_page, SHOWN)
QUESTION(refused_get, refused_page, SHOWN)
QUESTION(known_get, known_got, LEFT_OUT)
QUESTION(days_get, days_got, LEFT_OUT)
QUESTION(scan_get, scan_got, REFUSED)
QUESTION(scans_open_get, scans_open_got, LEFT_OUT)
QUESTION(files_doomed_get, files_doomed_got, LEFT_OUT)
#undef QUESTION

static void writer_on_archive_get(struct writer *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_archive_state state;
    struct ry_error err;
    int64_t began_us = now_us();
    int rc = self->engine->ops->archive_get(self->engine, &state, &err);
    if (rc != RY_OK)
        state = (struct ry_archive_state){.engine = ry_str_of(self->engine->ops->name),
                                          .error = writer_on_no_answer(self, ctx, &err)};
    else if (self->pings_failed >= PINGS_FAILED_MAX)
        state.error = ry_str_of(self->ping_error.text);
    else if (self->schema_error.text[0] != '\0')
        state.error = ry_str_of(self->schema_error.text);
    state.ping_us = (uint64_t)(now_us() - began_us);
    RY_ANSWER(ctx, mail, archive_state, &state);
}

/* ---- handlers ------------------------------------------------------------------------------------------------ */

static void writer_receive(void *instance, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct writer *self = instance;
    if (self->ended) { /* kept, so that it goes to whoever comes next */
        ry_mail_keep(ctx, mail);
        return;
    }
    struct writer_work work;
    if (writer_work_init(&work, mail)) {
        writer_on_work(self, ctx, &work);
        return;
    }
    switch (mail->envelope.tag) {
    case RY_TAG_settings_get: writer_on_settings_get(self, ctx, mail); break;
    case RY_TAG_gallery_get: writer_on_gallery_get(self, ctx, mail); break;
    case RY_TAG_archive_get: writer_on_archive_get(self, ctx, mail); break;
    case RY_TAG_failed_get: writer_on_failed_get(self, ctx, mail); break;
    case RY_TAG_refused_get: writer_on_refused_get(self, ctx, mail); break;
    case RY_TAG_known_get: writer_on_known_get(self, ctx, mail); break;
    case RY_TAG_days_get: writer_on_days_get(self, ctx, mail); break;
    case RY_TAG_scan_get: writer_on_scan_get(self, ctx, mail); break;
    case RY_TAG_scans_open_get: writer_on_scans_open_get(self, ctx, mail); break;
    case RY_TAG_files_doomed_get: writer_on_files_doomed_get(self, ctx, mail); break;
    default: RY_LOG(RY_WARNING, "mail_unexpected", "message=%s", mail->descriptor->record.name); break;
    }
    ry_arena_reset(&self->look);
}

/* Asks the database for a sign of life. It is unwell after three that did not come; one that comes makes it well. */
static void writer_ping(struct writer *self, struct ry_ctx *ctx)
{
    ry_timer(ctx, TIMER_PING, self->ping_period_ms);
    struct ry_error err;
    int64_t began_us = now_us();
    int rc = self->engine->ops->ping(self->engine, &err);
    if (rc == RY_OK) {
        int64_t took_us = now_us() - began_us;
        ry_observe(ctx, RY_HISTOGRAM_db_ping, (double)took_us / 1e6);
        if (self->pings_failed >= PINGS_FAILED_MAX)
            RY_LOG(RY_INFO, "database_healthy", "engine=%s latency_ms=%" PRId64 " pings_failed=%u",
                   self->engine->ops->name, took_us / 1000, self->pings_failed);
        self->pings_failed = 0;
        return;
    }
    ry_count(ctx, RY_COUNTER_db_pings_failed, 1);
    self->ping_error = err;
    self->pings_failed++;
    if (ry_err_class(err.code) == RY_CLASS_DIE)
        writer_end(self, ctx, &err);
    else if (self->pings_failed == PINGS_FAILED_MAX)
        RY_LOG(RY_ERROR, "database_unhealthy", "engine=%s pings_failed=%u reason=%s", self->engine->ops->name,
               self->pings_failed, err.text);
}

/* Forgets fencing tokens and slices of jobs that ended long ago, and takes back what a wrong clock has put off. Trouble
 * is no matter: it is tried again in a minute. */
static void writer_prune(struct writer *self, struct ry_ctx *ctx)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    int64_t before_wall_ms = ry_wall_ms(ry_ctx_clock(ctx)) - FENCE_KEPT_MS;
    uint64_t corrected = 0;
    struct ry_error err;
    int rc = ops->begin(self->engine, &err);
    if (rc == RY_OK)
        rc = ops->fence_prune(self->engine, before_wall_ms, PRUNE_ROWS, &err);
    if (rc == RY_OK)
        rc = ops->clock_correct(self->engine, &corrected, &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc != RY_OK) {
        ops->rollback(self->engine);
        RY_LOG(RY_DEBUG, "prune_failed", "reason=%s", err.text);
    } else if (corrected > 0) {
        const struct ry_send send = {.priority = RY_PRIORITY_CONTROL};
        RY_LOG(RY_WARNING, "clock_was_ahead", "clips=%" PRIu64, corrected);
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = corrected}, &send);
    }
    ry_timer(ctx, TIMER_PRUNE, PRUNE_PERIOD_MS);
}

/* ---- another version of the encoder ------------------------------------------------------------------------------ */

/* A step of the walk, in a transaction of its own, so that no claim waits for more than that. */
static void writer_review(struct writer *self, struct ry_ctx *ctx)
{
    const struct writer_engine_ops *ops = self->engine->ops;
    struct writer_review step = self->review;
    struct ry_error err;
    step.max = REVIEW_ROWS;
    int rc = ops->begin(self->engine, &err);
    if (rc == RY_OK)
        rc = ops->verdicts_review(self->engine, &step, &err);
    if (rc == RY_OK)
        rc = ops->commit(self->engine, &err);
    if (rc != RY_OK) {
        ops->rollback(self->engine);
        RY_LOG(RY_DEBUG, "review_failed", "reason=%s", err.text);
        ry_timer(ctx, TIMER_REVIEW, PRUNE_PERIOD_MS);
        return;
    }
    self->review = step;
    if (step.due > 0)
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = step.due},
                &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    if (step.more)
        ry_timer(ctx, TIMER_REVIEW, REVIEW_PAUSE_MS);
}

static void writer_tick(void *instance, struct ry_ctx *ctx, unsigned timer)
{
    struct writer *self = instance;
    if (timer == TIMER_TURN)
        writer_turn(self, ctx);
    else if (self->ended)
        return;
    else if (timer == TIMER_STALLED) {
        writer_take_stalled(self);
        if (self->troubles == 0)
            writer_turn(self, ctx);
    } else if (timer == TIMER_PRUNE)
        writer_prune(self, ctx);
    else if (timer == TIMER_REVIEW)
        writer_review(self, ctx);
    else
        writer_ping(self, ctx);
}

static bool writer_drain(void *instance, struct ry_ctx *ctx)
{
    struct writer *self = instance;
    if (self->troubles == 0)
        writer_turn(self, ctx);
    return self->works_n + self->stalled_n == 0;
}

static int64_t seconds_to_ms(double seconds)
{
    return (int64_t)(seconds * 1000);
}

/* The archive's engine by the configuration. */
static int open_engine(struct ry_ctx *ctx, struct writer_engine **engine, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    if (ry_config_has_postgres(config)) {
        const struct writer_pg_options options = {.config = config, .clock = ry_ctx_clock(ctx)};
        return writer_engine_pg_open(&options, engine, err);
    }
    const struct writer_sqlite_options options = {.path = ry_config_str(config, RY_OPT_sqlite_path),
                                                  .clock = ry_ctx_clock(ctx),
                                                  .busy_ms = (int)ry_config_int(config, RY_OPT_db_lock_wait_ms),
                                                  .video_min_s = ry_config_real(config, RY_OPT_video_min_s)};
    return writer_engine_sqlite_open(&options, engine, err);
}

static int writer_open(void **instance, struct ry_ctx *ctx, struct ry_error *err)
{
    struct writer *self = calloc(1, sizeof *self);
    *instance = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    const struct ry_config *config = ry_ctx_config(ctx);
    self->batch_rows = (size_t)ry_config_int(config, RY_OPT_batch_rows);
    self->batch_wait_ms = ry_config_int(config, RY_OPT_batch_wait_ms);
    self->tries_max = (unsigned)ry_config_int(config, RY_OPT_db_retry_attempts);
    self->retry_base_ms = seconds_to_ms(ry_config_real(config, RY_OPT_db_retry_base_delay));
    self->retry_max_ms = seconds_to_ms(ry_config_real(config, RY_OPT_db_retry_max_delay));
    self->turn = ry_arena_make(ARENA_MAX_BYTES);
    self->look = ry_arena_make(ARENA_MAX_BYTES);
    self->ping_period_ms = ry_config_int(config, RY_OPT_db_health_check_interval) * 1000;
    ry_timer(ctx, TIMER_PRUNE, PRUNE_PERIOD_MS);
    ry_timer(ctx, TIMER_PING, self->ping_period_ms);
    return open_engine(ctx, &self->engine, err);
}

static void writer_close(void **instance)
{
    struct writer *self = *instance;
    *instance = NULL;
    if (self == NULL)
        return;
    writer_engine_close(&self->engine);
    ry_arena_free(&self->turn);
    ry_arena_free(&self->look);
    free(self);
}

const struct ry_actor_spec ry_writer_spec = {
    .role = RY_ROLE_WRITER,
    .capacity = CAPACITY,
    .threads = 1,
    .open = writer_open,
    .receive = writer_receive,
    .tick = writer_tick,
    .drain = writer_drain,
    .close = writer_close,
};

/* transaction.c: gathers write operations for a moment and commits them in one transaction.
 *
 * Owns the operations in flight and the stalled ones. A transaction does first the rows of all batches, table by table,
 * then the other operations in the order in which they came. One that meets data which break a rule, or a batch that
 * may not be written, is done once more carefully, operation by operation, which leaves out what cannot be written. One
 * that meets a transient error (lock, full disk) is rolled back and tried again by timer, after a growing wait; after a
 * few tries the senders of ASKs get the error and ask again later, while outcomes of clips, which nobody would repeat,
 * are kept until they can be written. What a schema rejects is answered with the error at once, or stalled; it never
 * counts as written, and the archive's state says so until it is. When the commit itself is rejected (deferred
 * constraints), each operation is committed alone, and only the one at fault fails.
 *
 * When it crashes, the transaction is rolled back as a whole; its mails are still in the router's custody and come
 * again. */
#include "actors/writer/transaction.h"

#include <inttypes.h>

#include "actors/writer/verdict_review.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define JITTER_PERCENT 25

static int64_t writer_wait_ms(const struct writer *self, struct ry_ctx *ctx, unsigned tries)
{
    return ry_backoff_doubling_ms(ry_ctx_rng(ctx), self->retry_base_ms, self->retry_max_ms, tries, JITTER_PERCENT);
}

static void writer_on_schema_refused(struct writer *self, struct ry_ctx *ctx, enum ry_tag tag,
                                     const struct ry_error *why)
{
    unsigned suppressed = 0;
    ry_count(ctx, RY_COUNTER_schema_refusals, 1);
    if (ry_log_allowed(&self->trouble_log, 2, WRITER_TROUBLE_LOG_MS, &suppressed))
        RY_LOG(RY_ERROR, "schema_refused", "message=%s reason=%s held_back=%u", ry_descriptor(tag)->record.name,
               why->text, suppressed);
    self->schema_error = *why;
    self->schema_tag = tag;
}

/* Tells an asker, who comes again; what nobody would repeat waits here until a person has repaired the schema. */
static void writer_on_stalled(struct writer *self, struct ry_ctx *ctx, struct write_op *op)
{
    writer_on_schema_refused(self, ctx, op->mail->envelope.tag, &op->error);
    RY_ASSERT(self->stalled_n < WRITER_CAPACITY);
    if (!write_op_give_up(op, ctx, &op->error))
        self->stalled[self->stalled_n++] = *op;
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
    const struct retry_waits none = {.n = 1}; /* it is permanent */
    struct ry_clip_settled settled;
    bool found = false;
    return self->engine->ops->clip_failed(self->engine, &failed, &none, &found, &settled, err);
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

static void writer_on_written(struct writer *self, struct ry_ctx *ctx, struct write_op *op, struct writer_hints *hints)
{
    if (self->schema_error.text[0] != '\0' && !op->refused && op->mail->envelope.tag == self->schema_tag) {
        RY_LOG(RY_INFO, "schema_takes_again", "message=%s", ry_descriptor(self->schema_tag)->record.name);
        self->schema_error = (struct ry_error){0};
    }
    struct ry_clips_claimed unusable;
    if (write_op_unusable(op, &unusable))
        writer_on_unusable(self, ctx, &unusable);
    if (op->mail->envelope.tag == RY_TAG_clips_claim)
        writer_version_seen(self, ctx, RY_BODY(op->mail, clips_claim)->encoder);
    else if (op->mail->envelope.tag == RY_TAG_clip_failed)
        writer_version_seen(self, ctx, RY_BODY(op->mail, clip_failed)->encoder);
    write_op_tell(op, ctx, hints);
}

static void writer_observe(struct ry_ctx *ctx, size_t rows, int64_t began_us)
{
    ry_count(ctx, RY_COUNTER_db_transactions, 1);
    ry_observe(ctx, RY_HISTOGRAM_db_transaction, (double)(writer_now_us() - began_us) / 1e6);
    ry_observe(ctx, RY_HISTOGRAM_db_batch, (double)rows);
}

/* Tells the outcomes of the first n operations in flight, which are committed, and takes them out. */
static void writer_on_ended(struct writer *self, struct ry_ctx *ctx, size_t n, struct writer_hints *hints)
{
    RY_ASSERT(n <= self->in_flight_n, "%zu of %zu in flight", n, self->in_flight_n);
    for (size_t i = 0; i < n; i++) {
        self->rows -= self->in_flight[i].rows;
        if (self->in_flight[i].stalled)
            writer_on_stalled(self, ctx, &self->in_flight[i]);
        else
            writer_on_written(self, ctx, &self->in_flight[i], hints);
    }
    self->in_flight_n -= n;
    memmove(self->in_flight, self->in_flight + n, self->in_flight_n * sizeof *self->in_flight);
}

static void writer_on_committed(struct writer *self, struct ry_ctx *ctx, const struct writer_hints *hints)
{
    self->stalls = self->stalled_n > 0 ? self->stalls + 1 : 0;
    if (self->stalled_n > 0)
        ry_timer(ctx, WRITER_TIMER_STALLED, writer_wait_ms(self, ctx, self->stalls - 1));
    const struct ry_send send = {.priority = RY_PRIORITY_CONTROL};
    if (hints->clips_pending > 0)
        RY_TELL(ctx, clips_pending, &(struct ry_clips_pending){.count = hints->clips_pending}, &send);
    if (hints->pending_deletes > 0)
        RY_TELL(ctx, files_doomed, &(struct ry_files_doomed){.count = hints->pending_deletes}, &send);
}

/* All in one transaction. */
static int writer_commit_together(struct writer *self, struct ry_ctx *ctx, struct writer_hints *hints,
                                  struct ry_error *err)
{
    int64_t began_us = writer_now_us();
    int rc = write_ops_commit(self->in_flight, self->in_flight_n, self->engine, WRITER_BRISK, &self->transaction, err);
    if (rc != RY_OK && write_op_is_refusal(err))
        rc =
            write_ops_commit(self->in_flight, self->in_flight_n, self->engine, WRITER_CAREFUL, &self->transaction, err);
    if (rc != RY_OK)
        return rc;
    writer_observe(ctx, self->rows, began_us);
    writer_on_ended(self, ctx, self->in_flight_n, hints);
    return RY_OK;
}

/* One transaction each. What a database checks at the commit only (deferred constraints) is checked behind all
 * savepoints, so this alone shows which operation is at fault. After an error, those that are not done stay in flight.
 */
static int writer_commit_singly(struct writer *self, struct ry_ctx *ctx, struct writer_hints *hints,
                                struct ry_error *err)
{
    while (self->in_flight_n > 0) {
        int64_t began_us = writer_now_us();
        size_t rows = self->in_flight[0].rows;
        int rc = write_op_commit(&self->in_flight[0], self->engine, &self->transaction, err);
        if (rc != RY_OK)
            return rc;
        writer_observe(ctx, rows, began_us);
        writer_on_ended(self, ctx, 1, hints);
    }
    return RY_OK;
}

/* Tells askers whose tries are used up; keeps all others for the next try. */
static void writer_give_up(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    size_t kept = 0;
    self->rows = 0;
    for (size_t i = 0; i < self->in_flight_n; i++) {
        struct write_op *op = &self->in_flight[i];
        op->tries++;
        if (op->tries >= self->tries_max && write_op_give_up(op, ctx, why))
            continue;
        self->rows += op->rows;
        self->in_flight[kept++] = *op;
    }
    self->in_flight_n = kept;
}

static void writer_on_trouble(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    RY_ASSERT(self->in_flight_n > 0, "trouble with nothing in flight: %s", why->text);
    int64_t wait_ms = writer_wait_ms(self, ctx, self->troubles);
    self->troubles++;
    ry_count(ctx, RY_COUNTER_db_errors, 1);
    unsigned suppressed = 0;
    if (ry_log_allowed(&self->trouble_log, 2, WRITER_TROUBLE_LOG_MS, &suppressed))
        RY_LOG(RY_ERROR, "database_trouble", "reason=%s mails=%zu retry_ms=%" PRId64 " held_back=%u", why->text,
               self->in_flight_n, wait_ms, suppressed);
    writer_give_up(self, ctx, why);
    if (self->in_flight_n == 0)
        return;
    ry_count(ctx, RY_COUNTER_db_retries, 1);
    self->waiting = true;
    ry_timer(ctx, WRITER_TIMER_TRANSACTION, wait_ms);
}

void writer_transaction(struct writer *self, struct ry_ctx *ctx)
{
    ry_timer_cancel(ctx, WRITER_TIMER_TRANSACTION);
    self->waiting = false;
    if (self->in_flight_n == 0 || self->ended)
        return;
    RY_ASSERT(self->in_flight_n <= WRITER_CAPACITY, "in flight %zu", self->in_flight_n);
    struct ry_error err;
    struct writer_hints hints = {0};
    const size_t before = self->in_flight_n;
    int rc = writer_commit_together(self, ctx, &hints, &err);
    if (rc != RY_OK && write_op_is_refusal(&err))
        rc = writer_commit_singly(self, ctx, &hints, &err);
    if (self->in_flight_n < before)
        writer_on_committed(self, ctx, &hints);
    if (rc == RY_OK && self->troubles > 0) {
        RY_LOG(RY_INFO, "database_answers_again", "tries=%u", self->troubles);
        self->troubles = 0;
    }
    if (rc == RY_OK)
        return;
    if (ry_err_class(err.code) == RY_CLASS_DIE)
        writer_end(self, ctx, &err);
    else
        writer_on_trouble(self, ctx, &err);
}

/* Whether waiting for more mails would gain anything. */
static bool writer_is_due(const struct writer *self, struct ry_ctx *ctx)
{
    if (self->in_flight_n + self->stalled_n == WRITER_CAPACITY || self->rows >= self->batch_rows ||
        self->batch_wait_ms == 0 || ry_ctx_draining(ctx))
        return true;
    for (size_t i = 0; i < self->in_flight_n; i++)
        if (!write_op_is_urgent(&self->in_flight[i]))
            return false;
    return true;
}

void writer_take_op(struct writer *self, struct ry_ctx *ctx, const struct write_op *op)
{
    if (self->in_flight_n + self->stalled_n == WRITER_CAPACITY) {
        ry_mail_fail(ctx, op->mail, true, "the database is away and the writer holds all it can");
        return;
    }
    ry_mail_keep(ctx, op->mail);
    self->in_flight[self->in_flight_n++] = *op;
    self->rows += op->rows;
    if (self->troubles > 0 && self->waiting)
        return;
    if (writer_is_due(self, ctx)) {
        writer_transaction(self, ctx);
    } else if (!self->waiting) {
        self->waiting = true;
        ry_timer(ctx, WRITER_TIMER_TRANSACTION, self->batch_wait_ms);
    }
}

void writer_retry_stalled(struct writer *self, struct ry_ctx *ctx)
{
    RY_ASSERT(self->in_flight_n + self->stalled_n <= WRITER_CAPACITY, "in flight %zu, stalled %zu", self->in_flight_n,
              self->stalled_n);
    for (size_t i = 0; i < self->stalled_n; i++) {
        self->rows += self->stalled[i].rows;
        self->in_flight[self->in_flight_n++] = self->stalled[i];
    }
    self->stalled_n = 0;
    if (self->troubles == 0)
        writer_transaction(self, ctx);
}

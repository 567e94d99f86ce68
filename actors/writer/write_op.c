/* write_op.c: one mail's part in a transaction.
 *
 * A table by message: how large the operation is, how it is done, how its outcome is sent. Nothing is told before the
 * commit; done again after a rollback, each starts from nothing. A batch_write has no step of its own: the batches of a
 * transaction are written together, table by table (batch.c). */
#include "actors/writer/write_op.h"

#include "proto/sheet_layout.h"
#include "proto/store_name.h"
#include "proto/video_facts.h"
#include "actors/writer/search_index.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

struct write_op_kind {
    enum ry_tag tag;
    bool urgent;
    int (*run)(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena,
               struct ry_error *err); /* NULL: a batch */
    void (*tell)(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints);
    /* Answers an ASK with an error; NULL: nobody waits for an answer. refused: by the data, so it would be again. */
    void (*answer_error)(struct write_op *op, struct ry_ctx *ctx, struct ry_str error, bool refused);
};

/* How it is done: one operation of the engine on its mail's body, `asked`. */
#define RUN(name, call) \
    static int name##_run(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena, \
                          struct ry_error *err) \
    { \
        (void)arena; \
        const struct ry_##name *asked = RY_BODY(op->mail, name); \
        return engine->ops->call; \
    }

/* How an ASK is told of trouble: all answers have an `error`, and those that a job depends on say whether it is its own
 * fault. */
#define ANSWER_ERROR(name, answer) \
    static void name##_answer_error(struct write_op *op, struct ry_ctx *ctx, struct ry_str error, bool refused) \
    { \
        (void)refused; \
        RY_ANSWER(ctx, op->mail, answer, &(struct ry_##answer){.error = error}); \
    }
#define ANSWER_JOB_ERROR(name, answer) \
    static void name##_answer_error(struct write_op *op, struct ry_ctx *ctx, struct ry_str error, bool refused) \
    { \
        const struct ry_##answer told = {.error = error, .refused = refused}; \
        RY_ANSWER(ctx, op->mail, answer, &told); \
    }

/* One whose outcome is its answer and no more. */
#define ASKED(name, answer, call) \
    ANSWER_ERROR(name, answer) \
    PLAIN_TELL(name, answer, call)
#define ASKED_BY_JOB(name, answer, call) \
    ANSWER_JOB_ERROR(name, answer) \
    PLAIN_TELL(name, answer, call)
#define PLAIN_TELL(name, answer, call) \
    RUN(name, call) \
    static void name##_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints) \
    { \
        (void)hints; \
        RY_ANSWER(ctx, op->mail, answer, &op->outcome.answer); \
    }

/* ---- batch_write --------------------------------------------------------------------------------------------- */

ANSWER_ERROR(batch_write, batch_written)

static void batch_write_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    struct writer_batch *batch = &op->outcome.batch;
    writer_batch_sum(batch);
    const struct ry_batch_written *written = &batch->written;
    ry_count(ctx, RY_COUNTER_rows_written, written->changed);
    ry_count(ctx, RY_COUNTER_rows_unchanged, written->succeeded - written->changed);
    ry_count(ctx, RY_COUNTER_rows_failed, written->failures.n);
    ry_count(ctx, RY_COUNTER_values_cut, batch->tally.cut);
    hints->clips_pending += written->pending;
    RY_ANSWER(ctx, op->mail, batch_written, written);
}

/* ---- clip_completed, clip_failed ----------------------------------------------------------------------------- */

/* A row that named a file of another clip would have that one deleted with its own. */
static int clip_completed_run(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena,
                              struct ry_error *err)
{
    (void)arena;
    const struct ry_clip_completed *asked = RY_BODY(op->mail, clip_completed);
    for (size_t i = 0; i < asked->thumbnails.n; i++) {
        const struct ry_thumbnail_row *row = &asked->thumbnails.items[i];
        if (!ry_store_name_is_thumbnail_of(row->storage_path, asked->clip_id, row->size_type))
            return ry_fail(err, RY_EDATA, "'%.*s' is not the name of the %.*s image of clip %.*s",
                           RY_STR_ARG(row->storage_path), RY_STR_ARG(row->size_type), RY_STR_ARG(asked->clip_id));
    }
    int rc = ry_video_facts_check(&asked->facts.items[0], err);
    if (rc == RY_OK)
        rc = engine->ops->clip_completed(engine, asked, &op->clip_found, &op->outcome.clip_settled, err);
    if (rc == RY_OK && op->keeps)
        rc = engine->ops->clip_want(engine, asked->clip_id, err);
    return rc == RY_OK && op->wants_sheet ? engine->ops->sheet_want(engine, asked->clip_id, err) : rc;
}

static int clip_failed_run(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena,
                           struct ry_error *err)
{
    (void)arena;
    const struct ry_clip_failed *asked = RY_BODY(op->mail, clip_failed);
    int rc = engine->ops->clip_failed(engine, asked, &op->waits, &op->clip_found, &op->outcome.clip_settled, err);
    return rc == RY_OK && op->keeps ? engine->ops->clip_want(engine, asked->clip_id, err) : rc;
}

static void tell_settled(struct write_op *op, struct ry_ctx *ctx, struct ry_str outcome)
{
    const struct ry_clip_settled *settled = &op->outcome.clip_settled;
    if (!op->clip_found) {
        ry_count(ctx, RY_COUNTER_clips_gone, 1);
        RY_LOG(RY_WARNING, "clip_gone", "clip=%.*s outcome=%.*s", RY_STR_ARG(settled->clip_id), RY_STR_ARG(outcome));
    }
    RY_ANSWER_ORIGIN(ctx, op->mail, clip_settled, settled);
}

static void clip_completed_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    ry_count(ctx, RY_COUNTER_clips_completed, op->clip_found);
    if (!op->clip_found)
        hints->pending_deletes += RY_BODY(op->mail, clip_completed)->thumbnails.n;
    tell_settled(op, ctx, RY_STR("completed, its files are to be deleted"));
}

static void clip_failed_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    const struct ry_clip_failed *failed = RY_BODY(op->mail, clip_failed);
    if (!failed->release)
        ry_count(ctx, RY_COUNTER_clips_failed, 1);
    tell_settled(op, ctx, failed->release ? RY_STR("given back") : RY_STR("failed"));
}

/* ---- clips_claim --------------------------------------------------------------------------------------------- */

RUN(clips_claim, clips_claim(engine, asked, arena, &op->outcome.clips_claimed, err))
ANSWER_ERROR(clips_claim, clips_claimed)

bool write_op_unusable(struct write_op *op, struct ry_clips_claimed *unusable)
{
    *unusable = (struct ry_clips_claimed){0};
    if (op->kind->tag != RY_TAG_clips_claim || op->refused)
        return false;
    struct ry_clips_claimed *claimed = &op->outcome.clips_claimed;
    size_t kept = 0;
    for (size_t i = 0; i < claimed->clips.n; i++) {
        struct ry_clip_work clip = claimed->clips.items[i];
        struct ry_clips_claimed one = {.clips = {&clip, 1}};
        if (ry_check(RY_TAG_clips_claimed, &one, NULL) != RY_OK)
            continue;
        claimed->clips.items[i] = claimed->clips.items[kept];
        claimed->clips.items[kept++] = clip;
    }
    unusable->clips.items = claimed->clips.items + kept;
    unusable->clips.n = claimed->clips.n - kept;
    claimed->clips.n = kept;
    return unusable->clips.n > 0;
}

static void clips_claim_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    ry_count(ctx, RY_COUNTER_clips_claimed, op->outcome.clips_claimed.clips.n);
    RY_ANSWER(ctx, op->mail, clips_claimed, &op->outcome.clips_claimed);
}

/* ---- storyboards ----------------------------------------------------------------------------------------------- */

RUN(sheets_claim, sheets_claim(engine, asked, arena, &op->outcome.sheets_claimed, err))
ANSWER_ERROR(sheets_claim, sheets_claimed)

/* Clips that no message can carry, because somebody else wrote their rows, have no storyboard: their tries run out. */
static void sheets_claim_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    struct ry_sheets_claimed *claimed = &op->outcome.sheets_claimed;
    size_t kept = 0;
    for (size_t i = 0; i < claimed->clips.n; i++) {
        struct ry_clip_work clip = claimed->clips.items[i];
        struct ry_sheets_claimed one = {.clips = {&clip, 1}};
        if (ry_check(RY_TAG_sheets_claimed, &one, NULL) == RY_OK)
            claimed->clips.items[kept++] = clip;
    }
    claimed->clips.n = kept;
    RY_ANSWER(ctx, op->mail, sheets_claimed, claimed);
}

/* A row that named a file of another clip would have that one deleted with its own. */
static int sheet_made_run(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena,
                          struct ry_error *err)
{
    (void)arena;
    const struct ry_sheet_made *asked = RY_BODY(op->mail, sheet_made);
    if (!ry_store_name_is_sheet_of(asked->storage_path, asked->clip_id))
        return ry_fail(err, RY_EDATA, "'%.*s' is not the name of the storyboard of clip %.*s",
                       RY_STR_ARG(asked->storage_path), RY_STR_ARG(asked->clip_id));
    int rc = ry_sheet_check(&asked->sheets.items[0], err);
    return rc == RY_OK ? engine->ops->sheet_made(engine, asked, &op->clip_found, err) : rc;
}

static void sheet_made_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    const struct ry_sheet_made *made = RY_BODY(op->mail, sheet_made);
    const struct ry_sheet_settled settled = {.clip_id = made->clip_id, .made = op->clip_found};
    ry_count(ctx, RY_COUNTER_sheets_made, op->clip_found);
    hints->pending_deletes += !op->clip_found;
    RY_ANSWER_ORIGIN(ctx, op->mail, sheet_settled, &settled);
}

RUN(sheet_failed, sheet_failed(engine, asked, err))

static void sheet_failed_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    const struct ry_sheet_failed *failed = RY_BODY(op->mail, sheet_failed);
    const struct ry_sheet_settled settled = {.clip_id = failed->clip_id};
    ry_count(ctx, RY_COUNTER_sheets_failed, !failed->release);
    RY_ANSWER_ORIGIN(ctx, op->mail, sheet_settled, &settled);
}

/* ---- those with a hint ---------------------------------------------------------------------------------------- */

RUN(failed_retry, failed_retry(engine, asked, &op->outcome.failed_retried, err))
ANSWER_JOB_ERROR(failed_retry, failed_retried)

static void failed_retry_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    hints->clips_pending += op->outcome.failed_retried.count;
    RY_ANSWER(ctx, op->mail, failed_retried, &op->outcome.failed_retried);
}

/* Marked clips are due at once. */
RUN(clips_stale, clips_stale(engine, asked, &op->outcome.clips_staled, err))
ANSWER_JOB_ERROR(clips_stale, clips_staled)

static void clips_stale_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    hints->clips_pending += op->outcome.clips_staled.count;
    RY_ANSWER(ctx, op->mail, clips_staled, &op->outcome.clips_staled);
}

RUN(purge, purge(engine, asked, &op->outcome.purged, err))
ANSWER_JOB_ERROR(purge, purged)

static void purge_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    hints->pending_deletes += op->outcome.purged.files;
    RY_ANSWER(ctx, op->mail, purged, &op->outcome.purged);
}

/* ---- the others ---------------------------------------------------------------------------------------------- */

ASKED(clips_renew, clips_renewed, clips_renew(engine, asked, &op->outcome.clips_renewed, err))
ASKED_BY_JOB(scan_begin, scan_begun, scan_begin(engine, asked, arena, &op->outcome.scan_begun, err))
ASKED_BY_JOB(scan_end, scan_ended, scan_end(engine, asked, &op->outcome.scan_ended, err))
ASKED(files_forget, files_forgotten, files_forget(engine, asked, err))
ASKED(scans_stale, scans_staled, scans_stale(engine, asked, &op->outcome.scans_staled, err))
ASKED(clips_archive, clips_archived, clips_archive(engine, asked, arena, &op->outcome.clips_archived, err))
ASKED(urls_store, urls_stored, urls_store(engine, asked, err))

/* ---- keeping originals --------------------------------------------------------------------------------------- */

RUN(keep_want, keep_want(engine, asked, arena, &op->outcome.keep_wanted, err))
ANSWER_ERROR(keep_want, keep_wanted)

/* Clips that are to be kept are work for the scheduler like others. */
static void keep_want_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    hints->clips_pending += op->outcome.keep_wanted.count;
    RY_ANSWER(ctx, op->mail, keep_wanted, &op->outcome.keep_wanted);
}

ASKED(keep_renew, keep_renewed, keep_renew(engine, asked, &op->outcome.keep_renewed, err))
RUN(clip_keep_failed, clip_keep_failed(engine, asked, &op->waits, &op->outcome.keep_settled, err))
RUN(keep_claim, keep_claim(engine, asked, arena, &op->outcome.keep_claimed, err))
ANSWER_ERROR(keep_claim, keep_claimed)
RUN(files_claim, files_claim(engine, asked, arena, &op->outcome.files_claimed, err))
ANSWER_ERROR(files_claim, files_claimed)

/* Clips that no message can carry are left out: their leases end, and they count as tried. */
static void keep_claim_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    struct ry_keep_claimed *claimed = &op->outcome.keep_claimed;
    size_t fit = 0;
    for (size_t i = 0; i < claimed->clips.n; i++) {
        struct ry_clip_work clip = claimed->clips.items[i];
        struct ry_error why;
        const struct ry_keep_claimed one = {.clips = {&clip, 1}};
        if (ry_check(RY_TAG_keep_claimed, &one, &why) == RY_OK)
            claimed->clips.items[fit++] = clip;
        else
            RY_LOG(RY_WARNING, "clip_not_keepable", "clip=%.*s reason=%s", RY_STR_ARG(clip.clip_id), why.text);
    }
    claimed->clips.n = fit;
    RY_ANSWER(ctx, op->mail, keep_claimed, claimed);
}

/* A row that named a file of other content would be played as what it is not. */
static int clip_kept_run(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena,
                         struct ry_error *err)
{
    (void)arena;
    const struct ry_clip_kept *asked = RY_BODY(op->mail, clip_kept);
    char sha256[RY_STORE_SHA256_BYTES];
    if (ry_store_name_check(asked->kept_path, NULL) != RY_STORE_MEDIA ||
        !ry_store_name_sha256(asked->kept_path, sha256) || !ry_str_is(asked->sha256, sha256))
        return ry_fail(err, RY_EDATA, "'%.*s' is not the name of the original with the SHA-256 %.*s",
                       RY_STR_ARG(asked->kept_path), RY_STR_ARG(asked->sha256));
    return engine->ops->clip_kept(engine, asked, &op->outcome.keep_settled, err);
}

static void clip_kept_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    ry_count(ctx, RY_COUNTER_clips_kept, op->outcome.keep_settled.kept);
    RY_ANSWER_ORIGIN(ctx, op->mail, keep_settled, &op->outcome.keep_settled);
}

static void clip_keep_failed_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    (void)hints;
    if (!RY_BODY(op->mail, clip_keep_failed)->release)
        ry_count(ctx, RY_COUNTER_clips_keep_failed, 1);
    RY_ANSWER_ORIGIN(ctx, op->mail, keep_settled, &op->outcome.keep_settled);
}

static void files_claim_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    if (RY_BODY(op->mail, files_claim)->doom)
        hints->pending_deletes += op->outcome.files_claimed.paths.n;
    RY_ANSWER(ctx, op->mail, files_claimed, &op->outcome.files_claimed);
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

#define KIND(name, urgent, answer_error) \
    { \
        RY_TAG_##name, urgent, name##_run, name##_tell, answer_error \
    }

static const struct write_op_kind kinds[] = {
    {RY_TAG_batch_write, false, NULL, batch_write_tell, batch_write_answer_error},
    KIND(clip_completed, false, NULL),
    KIND(clip_failed, false, NULL),
    KIND(clips_claim, true, clips_claim_answer_error),
    KIND(clips_renew, true, clips_renew_answer_error),
    KIND(sheets_claim, true, sheets_claim_answer_error),
    KIND(sheet_made, false, NULL),
    KIND(sheet_failed, false, NULL),
    KIND(failed_retry, true, failed_retry_answer_error),
    KIND(scan_begin, false, scan_begin_answer_error),
    KIND(scan_end, false, scan_end_answer_error),
    KIND(purge, true, purge_answer_error),
    KIND(files_forget, false, files_forget_answer_error),
    KIND(clips_stale, true, clips_stale_answer_error),
    KIND(scans_stale, true, scans_stale_answer_error),
    KIND(clips_archive, true, clips_archive_answer_error),
    KIND(urls_store, false, urls_store_answer_error),
    KIND(keep_want, true, keep_want_answer_error),
    KIND(keep_claim, true, keep_claim_answer_error),
    KIND(keep_renew, true, keep_renew_answer_error),
    KIND(clip_kept, false, NULL),
    KIND(clip_keep_failed, false, NULL),
    KIND(files_claim, true, files_claim_answer_error),
};

/* About how many rows a mail writes, for the wait for more. */
static size_t count_rows(const struct ry_mail *mail)
{
    switch (mail->envelope.tag) {
    case RY_TAG_batch_write: return writer_batch_rows(RY_BODY(mail, batch_write));
    case RY_TAG_purge: return RY_BODY(mail, purge)->limit;
    case RY_TAG_files_forget: return RY_BODY(mail, files_forget)->paths.n;
    case RY_TAG_clips_archive: return RY_BODY(mail, clips_archive)->limit;
    case RY_TAG_keep_want: return RY_BODY(mail, keep_want)->limit;
    case RY_TAG_files_claim: return RY_BODY(mail, files_claim)->paths.n;
    case RY_TAG_urls_store: return RY_BODY(mail, urls_store)->urls.n;
    default: return 1;
    }
}

bool write_op_init(struct write_op *op, struct ry_mail *mail, const struct retry_list *list, struct ry_rng *rng)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].tag != mail->envelope.tag)
            continue;
        *op = (struct write_op){.kind = &kinds[i], .mail = mail, .rows = count_rows(mail)};
        if (mail->envelope.tag == RY_TAG_clip_failed)
            retry_waits_draw(list, rng, RY_BODY(mail, clip_failed)->next_retry_ms, &op->waits);
        else if (mail->envelope.tag == RY_TAG_clip_keep_failed)
            retry_waits_draw(list, rng, RY_BODY(mail, clip_keep_failed)->next_retry_ms, &op->waits);
        return true;
    }
    return false;
}

bool write_op_is_urgent(const struct write_op *op)
{
    return op->kind->urgent;
}

/* ---- in the transaction -------------------------------------------------------------------------------------- */

static void begin_anew(struct write_op *op)
{
    RY_ASSERT(op->kind != NULL && op->mail != NULL && op->mail->envelope.tag == op->kind->tag);
    op->refused = op->stalled = false;
    memset(&op->outcome, 0, sizeof op->outcome);
    if (op->kind->run == NULL)
        op->outcome.batch.write = RY_BODY(op->mail, batch_write);
}

static int run_briskly(struct write_op *ops, size_t n, struct writer_engine *engine, struct ry_arena *arena,
                       struct ry_error *err)
{
    struct writer_batch **batches = ry_arena_array(arena, n, sizeof(struct writer_batch *));
    if (batches == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a transaction of %zu mails", n);
    size_t batch_count = 0;
    for (size_t i = 0; i < n; i++)
        if (ops[i].kind->run == NULL)
            batches[batch_count++] = &ops[i].outcome.batch;
    int rc = batch_count > 0 ? writer_batches_write(engine, batches, batch_count, arena, err) : RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        if (ops[i].kind->run != NULL)
            rc = ops[i].kind->run(&ops[i], engine, arena, err);
    return rc;
}

/* Behind a savepoint, and synced before the next, so that what it cannot write is its own trouble. */
static int run_alone(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena, struct ry_error *err)
{
    int rc = engine->ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    rc = op->kind->run(op, engine, arena, &op->error);
    if (rc == RY_OK)
        rc = engine->ops->sync(engine, &op->error);
    if (rc == RY_OK)
        return engine->ops->release(engine, err);
    op->refused = ry_err_class(op->error.code) == RY_CLASS_REJECT;
    op->stalled = op->error.code == RY_ESCHEMA;
    if (!op->refused && !op->stalled) {
        *err = op->error;
        return rc;
    }
    return engine->ops->rollback_to(engine, err);
}

static int run_carefully(struct write_op *ops, size_t n, struct writer_engine *engine, enum writer_care care,
                         struct ry_arena *arena, struct ry_error *err)
{
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        if (ops[i].kind->run == NULL) {
            rc = writer_batch_write_carefully(engine, &ops[i].outcome.batch, care, arena, err);
            ops[i].stalled = rc == RY_OK && ops[i].outcome.batch.schema_refused;
            if (ops[i].stalled)
                (void)ry_fail(&ops[i].error, RY_ESCHEMA, "%.*s", RY_STR_ARG(ops[i].outcome.batch.written.error));
        }
    for (size_t i = 0; rc == RY_OK && i < n; i++)
        if (ops[i].kind->run != NULL)
            rc = run_alone(&ops[i], engine, arena, err);
    return rc;
}

bool write_op_is_refusal(const struct ry_error *err)
{
    return ry_err_class(err->code) == RY_CLASS_REJECT || err->code == RY_ESCHEMA;
}

/* No operation is at fault when a transaction cannot be begun, whatever the server calls it. */
static int begin(struct writer_engine *engine, struct ry_error *err)
{
    struct ry_error why;
    int rc = engine->ops->begin(engine, &why);
    if (rc == RY_OK)
        return rc;
    return ry_fail(err, write_op_is_refusal(&why) ? RY_EAWAY : why.code, "%s", why.text);
}

int write_ops_commit(struct write_op *ops, size_t n, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err)
{
    ry_arena_reset(arena);
    for (size_t i = 0; i < n; i++)
        begin_anew(&ops[i]);
    int rc = begin(engine, err);
    if (rc != RY_OK)
        return rc;
    rc = care == WRITER_BRISK ? run_briskly(ops, n, engine, arena, err)
                              : run_carefully(ops, n, engine, care, arena, err);
    if (rc == RY_OK)
        rc = search_index_write(engine, care, err);
    if (rc == RY_OK)
        rc = engine->ops->commit(engine, err);
    if (rc != RY_OK)
        engine->ops->rollback(engine);
    return rc;
}

int write_op_commit(struct write_op *op, struct writer_engine *engine, struct ry_arena *arena, struct ry_error *err)
{
    int rc = write_ops_commit(op, 1, engine, WRITER_CAREFUL, arena, err);
    if (rc != RY_OK && write_op_is_refusal(err) && op->kind->run == NULL)
        rc = write_ops_commit(op, 1, engine, WRITER_STRICT, arena, err);
    if (rc == RY_OK || !write_op_is_refusal(err))
        return rc;
    op->stalled = err->code == RY_ESCHEMA;
    op->refused = !op->stalled;
    op->error = *err;
    return RY_OK;
}

/* ---- after it ------------------------------------------------------------------------------------------------ */

void write_op_tell(struct write_op *op, struct ry_ctx *ctx, struct writer_hints *hints)
{
    RY_ASSERT(op->mail != NULL, "a second outcome of one mail");
    if (!op->refused) {
        op->kind->tell(op, ctx, hints);
        ry_mail_done(ctx, op->mail);
    } else if (op->kind->answer_error != NULL) {
        op->kind->answer_error(op, ctx, ry_str_of(op->error.text), true);
        ry_mail_done(ctx, op->mail);
    } else {
        ry_mail_fail(ctx, op->mail, false, op->error.text);
    }
    op->mail = NULL;
}

bool write_op_give_up(struct write_op *op, struct ry_ctx *ctx, const struct ry_error *why)
{
    RY_ASSERT(op->mail != NULL, "a second outcome of one mail");
    if (op->kind->answer_error == NULL)
        return false;
    op->kind->answer_error(op, ctx, ry_str_of(why->text), false);
    ry_mail_done(ctx, op->mail);
    op->mail = NULL;
    return true;
}

/* work.c: one mail's part in a transaction.
 *
 * A table by message: how large the work is, how it is done, how its outcome is told. Nothing is told before the
 * commit; done again after a rollback, each starts from nothing. */
#include "actors/writer/work.h"

#include "runtime/base/log.h"

struct writer_work_kind {
    enum ry_tag tag;
    bool urgent;
    size_t (*rows)(const struct ry_mail *mail);
    int (*run)(struct writer_work *work, struct writer_engine *engine, enum writer_care care, struct ry_arena *arena,
               struct ry_error *err);
    uint64_t (*tell)(struct writer_work *work, struct ry_ctx *ctx);
    /* Answers an ASK with an error; NULL: nobody waits for an answer. */
    void (*answer_error)(struct writer_work *work, struct ry_ctx *ctx, struct ry_str error);
};

/* ---- batch_write --------------------------------------------------------------------------------------------- */

static size_t batch_rows(const struct ry_mail *mail)
{
    return writer_batch_rows(RY_BODY(mail, batch_write));
}

static int batch_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err)
{
    return writer_batch_run(engine, RY_BODY(work->mail, batch_write), care, arena, &work->outcome.batch, &work->tally,
                            err);
}

static uint64_t batch_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    const struct ry_batch_written *written = &work->outcome.batch;
    ry_count(ctx, RY_COUNTER_rows_written, written->changed);
    ry_count(ctx, RY_COUNTER_rows_unchanged, written->succeeded - written->changed);
    ry_count(ctx, RY_COUNTER_rows_failed, written->failures.n);
    ry_count(ctx, RY_COUNTER_values_cut, work->tally.cut);
    RY_ANSWER(ctx, work->mail, batch_written, written);
    return written->pending;
}

static void batch_answer_error(struct writer_work *work, struct ry_ctx *ctx, struct ry_str error)
{
    RY_ANSWER(ctx, work->mail, batch_written, &(struct ry_batch_written){.error = error});
}

/* ---- clip_completed, clip_failed ----------------------------------------------------------------------------- */

static size_t one_row(const struct ry_mail *mail)
{
    (void)mail;
    return 1;
}

static int completed_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                         struct ry_arena *arena, struct ry_error *err)
{
    (void)care;
    (void)arena;
    return engine->ops->clip_completed(engine, RY_BODY(work->mail, clip_completed), &work->clip_found,
                                       &work->outcome.settled, err);
}

static void tell_settled(struct writer_work *work, struct ry_ctx *ctx, struct ry_str guess)
{
    const struct ry_clip_settled *settled = &work->outcome.settled;
    if (!work->clip_found) {
        ry_count(ctx, RY_COUNTER_clips_gone, 1);
        RY_LOG(RY_WARNING, "clip_gone", "clip=%.*s outcome=%.*s", RY_STR_ARG(settled->clip_id), RY_STR_ARG(guess));
    }
    RY_ANSWER_ORIGIN(ctx, work->mail, clip_settled, settled);
}

static uint64_t completed_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    ry_count(ctx, RY_COUNTER_clips_completed, work->clip_found);
    tell_settled(work, ctx, RY_STR("completed, its files belong to no row"));
    return 0;
}

static int failed_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                      struct ry_arena *arena, struct ry_error *err)
{
    (void)care;
    (void)arena;
    return engine->ops->clip_failed(engine, RY_BODY(work->mail, clip_failed), &work->clip_found, &work->outcome.settled,
                                    err);
}

static uint64_t failed_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    const struct ry_clip_failed *failed = RY_BODY(work->mail, clip_failed);
    if (!failed->release)
        ry_count(ctx, RY_COUNTER_clips_failed, 1);
    tell_settled(work, ctx, failed->release ? RY_STR("given back") : RY_STR("failed"));
    return 0;
}

/* ---- clips_claim --------------------------------------------------------------------------------------------- */

static int claim_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err)
{
    (void)care;
    return engine->ops->clips_claim(engine, RY_BODY(work->mail, clips_claim), arena, &work->outcome.claimed, err);
}

/* Leaves out clips that no message can carry: somebody else wrote them into the database. They come again when their
 * lease ends, and until then are in nobody's way. */
static void drop_unsayable(struct ry_clips_claimed *claimed)
{
    size_t kept = 0;
    for (size_t i = 0; i < claimed->clips.n; i++) {
        struct ry_clips_claimed one = {.clips = {&claimed->clips.items[i], 1}};
        struct ry_error why;
        if (ry_check(RY_TAG_clips_claimed, &one, &why) == RY_OK)
            claimed->clips.items[kept++] = claimed->clips.items[i];
        else
            RY_LOG(RY_ERROR, "clip_unusable", "clip=%.*s reason=%s", RY_STR_ARG(claimed->clips.items[i].clip_id),
                   why.text);
    }
    claimed->clips.n = kept;
}

static uint64_t claim_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    drop_unsayable(&work->outcome.claimed);
    ry_count(ctx, RY_COUNTER_clips_claimed, work->outcome.claimed.clips.n);
    RY_ANSWER(ctx, work->mail, clips_claimed, &work->outcome.claimed);
    return 0;
}

static void claim_answer_error(struct writer_work *work, struct ry_ctx *ctx, struct ry_str error)
{
    RY_ANSWER(ctx, work->mail, clips_claimed, &(struct ry_clips_claimed){.error = error});
}

/* ---- clips_renew --------------------------------------------------------------------------------------------- */

static int renew_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err)
{
    (void)care;
    (void)arena;
    return engine->ops->clips_renew(engine, RY_BODY(work->mail, clips_renew), &work->outcome.renewed, err);
}

static uint64_t renew_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    RY_ANSWER(ctx, work->mail, clips_renewed, &work->outcome.renewed);
    return 0;
}

static void renew_answer_error(struct writer_work *work, struct ry_ctx *ctx, struct ry_str error)
{
    RY_ANSWER(ctx, work->mail, clips_renewed, &(struct ry_clips_renewed){.error = error});
}

/* ---- failed_retry -------------------------------------------------------------------------------------------- */

static int retry_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                     struct ry_arena *arena, struct ry_error *err)
{
    (void)care;
    (void)arena;
    return engine->ops->failed_retry(engine, RY_BODY(work->mail, failed_retry), &work->outcome.retried, err);
}

static uint64_t retry_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    RY_ANSWER(ctx, work->mail, failed_retried, &work->outcome.retried);
    return work->outcome.retried.count;
}

static void retry_answer_error(struct writer_work *work, struct ry_ctx *ctx, struct ry_str error)
{
    RY_ANSWER(ctx, work->mail, failed_retried, &(struct ry_failed_retried){.error = error});
}

/* ---- the table ----------------------------------------------------------------------------------------------- */

static const struct writer_work_kind kinds[] = {
    {RY_TAG_batch_write, false, batch_rows, batch_run, batch_tell, batch_answer_error},
    {RY_TAG_clip_completed, false, one_row, completed_run, completed_tell, NULL},
    {RY_TAG_clip_failed, false, one_row, failed_run, failed_tell, NULL},
    {RY_TAG_clips_claim, true, one_row, claim_run, claim_tell, claim_answer_error},
    {RY_TAG_clips_renew, true, one_row, renew_run, renew_tell, renew_answer_error},
    {RY_TAG_failed_retry, true, one_row, retry_run, retry_tell, retry_answer_error},
};

bool writer_work_init(struct writer_work *work, struct ry_mail *mail)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].tag != mail->envelope.tag)
            continue;
        *work = (struct writer_work){.kind = &kinds[i], .mail = mail, .rows = kinds[i].rows(mail)};
        return true;
    }
    return false;
}

bool writer_work_is_urgent(const struct writer_work *work)
{
    return work->kind->urgent;
}

int writer_work_run(struct writer_work *work, struct writer_engine *engine, enum writer_care care,
                    struct ry_arena *arena, struct ry_error *err)
{
    work->refused = false;
    if (care == WRITER_BRISK)
        return work->kind->run(work, engine, care, arena, err);
    int rc = engine->ops->mark(engine, err);
    if (rc != RY_OK)
        return rc;
    rc = work->kind->run(work, engine, care, arena, &work->error);
    if (rc == RY_OK)
        return engine->ops->keep(engine, err);
    if (ry_err_class(work->error.code) != RY_CLASS_REJECT) {
        *err = work->error;
        return rc;
    }
    work->refused = true;
    return engine->ops->undo(engine, err);
}

uint64_t writer_work_tell(struct writer_work *work, struct ry_ctx *ctx)
{
    uint64_t pending = 0;
    if (!work->refused) {
        pending = work->kind->tell(work, ctx);
        ry_mail_done(ctx, work->mail);
    } else if (work->kind->answer_error != NULL) {
        work->kind->answer_error(work, ctx, ry_str_of(work->error.text));
        ry_mail_done(ctx, work->mail);
    } else {
        ry_mail_fail(ctx, work->mail, false, work->error.text);
    }
    work->mail = NULL;
    return pending;
}

bool writer_work_give_up(struct writer_work *work, struct ry_ctx *ctx, const struct ry_error *why)
{
    if (work->kind->answer_error == NULL)
        return false;
    work->kind->answer_error(work, ctx, ry_str_of(why->text));
    ry_mail_done(ctx, work->mail);
    work->mail = NULL;
    return true;
}

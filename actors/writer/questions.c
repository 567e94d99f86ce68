/* questions.c: one answer to each question, from one consistent look outside of any transaction.
 *
 * Which questions there are stands in engine_ops.def. A question that the database does not answer is answered with the
 * error; rows that no message can carry, because somebody else damaged them, are shown, left out or reported, as the
 * question's declaration says (damaged.h). Owns nothing; a crash loses a question, which its sender asks again. */
#include "actors/writer/questions.h"

#include "actors/writer/damaged.h"

/* The text for the answer to a question that could not be answered. */
static struct ry_str writer_on_no_answer(struct writer *self, struct ry_ctx *ctx, const struct ry_error *why)
{
    unsigned suppressed = 0;
    if (ry_log_allowed(&self->trouble_log, 2, WRITER_TROUBLE_LOG_MS, &suppressed))
        RY_LOG(RY_ERROR, "question_failed", "reason=%s held_back=%u", why->text, suppressed);
    if (ry_err_class(why->code) == RY_CLASS_DIE && !self->ended)
        writer_end(self, ctx, why);
    return ry_str_of(why->text);
}

/* An answer that does not fit its message is made to: a row that somebody else damaged takes no other with it. */
static int writer_on_unfit(struct writer *self, enum ry_tag tag, void *answer, enum damaged_way way,
                           struct ry_error *err)
{
    struct ry_error why;
    unsigned suppressed = 0;
    size_t rows = damaged_rows(tag, answer, way, &self->look, &why);
    if (rows > 0 && ry_log_allowed(&self->damage_log, 2, WRITER_TROUBLE_LOG_MS, &suppressed))
        RY_LOG(RY_WARNING, "rows_damaged", "rows=%zu reason=%s held_back=%u", rows, why.text, suppressed);
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
#include "actors/writer/engine_ops.def"

static void writer_on_archive_get(struct writer *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_archive_state state;
    struct ry_error err;
    int64_t began_us = writer_now_us();
    int rc = self->engine->ops->archive_get(self->engine, &state, &err);
    if (rc != RY_OK)
        state = (struct ry_archive_state){.engine = ry_str_of(self->engine->ops->name),
                                          .error = writer_on_no_answer(self, ctx, &err)};
    else if (self->pings_failed >= WRITER_PINGS_FAILED_MAX)
        state.error = ry_str_of(self->ping_error.text);
    else if (self->schema_error.text[0] != '\0')
        state.error = ry_str_of(self->schema_error.text);
    state.ping_us = (uint64_t)(writer_now_us() - began_us);
    RY_ANSWER(ctx, mail, archive_state, &state);
}

bool writer_answer(struct writer *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    bool answered = true;
    switch (mail->envelope.tag) {
#define QUESTION(name, answer, damaged) \
    case RY_TAG_##name: \
        writer_on_##name(self, ctx, mail); \
        break;
#include "actors/writer/engine_ops.def"
    case RY_TAG_archive_get: writer_on_archive_get(self, ctx, mail); break;
    default: answered = false; break;
    }
    ry_arena_reset(&self->look);
    return answered;
}

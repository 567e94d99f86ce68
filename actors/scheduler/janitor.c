/* janitor.c: list, delete, take off the list; and again when there is more.
 *
 * An error of any step ends the round and the next one comes later, ever later while errors go on. While the node
 * drains no step is begun: what is not taken off the list is found on it by the next start. */
#include "actors/scheduler/janitor.h"

#include <inttypes.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define FILES_A_ROUND   1000
#define ROUND_MS        300000 /* the list is looked at without a hint: hints may be dropped */
#define BACKOFF_BASE_MS 1000
#define BACKOFF_MAX_MS  300000
#define JITTER_PERCENT  10

static const struct ry_send in_background = {.priority = RY_PRIORITY_DELETE};

static void janitor_begin(struct janitor *janitor, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx) || janitor->asking != 0)
        return;
    janitor->hinted = false;
    janitor->left = false;
    struct ry_files_doomed_get get = {.limit = FILES_A_ROUND};
    janitor->asking = RY_TELL(ctx, files_doomed_get, &get, &in_background);
}

static void janitor_fail(struct janitor *janitor, struct ry_ctx *ctx, struct ry_str reason)
{
    janitor->asking = 0;
    int64_t wait_ms =
        ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, BACKOFF_MAX_MS, janitor->errors, JITTER_PERCENT);
    janitor->errors++;
    RY_LOG(RY_WARNING, "files_delete_failed", "reason=%.*s retry_ms=%" PRId64, RY_STR_ARG(reason), wait_ms);
    ry_timer(ctx, janitor->timer, wait_ms);
}

static void janitor_end(struct janitor *janitor, struct ry_ctx *ctx)
{
    RY_ASSERT(janitor->asking != 0);
    janitor->asking = 0;
    janitor->errors = 0;
    if (janitor->full || janitor->hinted)
        janitor_begin(janitor, ctx);
    else
        ry_timer(ctx, janitor->timer, ROUND_MS);
}

void janitor_open(struct janitor *janitor, struct ry_ctx *ctx, unsigned timer)
{
    *janitor = (struct janitor){.timer = timer};
    ry_timer(ctx, timer, ROUND_MS);
}

void janitor_hint(struct janitor *janitor, struct ry_ctx *ctx)
{
    if (janitor->asking != 0)
        janitor->hinted = true;
    else if (janitor->errors == 0) /* else the timer is set, and a hint is no reason to hurry */
        janitor_begin(janitor, ctx);
}

void janitor_tick(struct janitor *janitor, struct ry_ctx *ctx)
{
    janitor_begin(janitor, ctx);
}

static void on_got(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_files_doomed_got *got)
{
    if (got->error.p != NULL) {
        janitor_fail(janitor, ctx, got->error);
        return;
    }
    janitor->full = got->paths.n == FILES_A_ROUND;
    if (got->paths.n == 0 || ry_ctx_draining(ctx)) {
        janitor_end(janitor, ctx);
        return;
    }
    struct ry_files_delete message = {.paths = got->paths};
    janitor->asking = RY_TELL(ctx, files_delete, &message, &in_background);
}

static void on_deleted(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_files_deleted *deleted)
{
    janitor->left = deleted->error.p != NULL;
    if (deleted->paths.n == 0 || ry_ctx_draining(ctx)) {
        janitor_fail(janitor, ctx, janitor->left ? deleted->error : RY_STR("the node is stopping"));
        return;
    }
    if (janitor->left)
        RY_LOG(RY_WARNING, "files_left", "reason=%.*s", RY_STR_ARG(deleted->error));
    struct ry_files_forget message = {.paths = deleted->paths};
    janitor->asking = RY_TELL(ctx, files_forget, &message, &in_background);
}

static void on_forgotten(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_files_forgotten *forgotten)
{
    if (forgotten->error.p != NULL)
        janitor_fail(janitor, ctx, forgotten->error);
    else if (janitor->left)
        janitor_fail(janitor, ctx, RY_STR("some files could not be deleted yet"));
    else
        janitor_end(janitor, ctx);
}

void janitor_answer(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    if (janitor->asking == 0 || mail->envelope.correlation != janitor->asking)
        return;
    switch (mail->envelope.tag) {
    case RY_TAG_files_doomed_got: on_got(janitor, ctx, RY_BODY(mail, files_doomed_got)); break;
    case RY_TAG_files_deleted: on_deleted(janitor, ctx, RY_BODY(mail, files_deleted)); break;
    case RY_TAG_files_forgotten: on_forgotten(janitor, ctx, RY_BODY(mail, files_forgotten)); break;
    default: break;
    }
}

bool janitor_lost(struct janitor *janitor, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (janitor->asking == 0 || lost->id != janitor->asking)
        return false;
    janitor_fail(janitor, ctx, lost->reason);
    return true;
}

/* previewer.c: claims, and sends what was claimed to the downloader; see previewer.h.
 *
 * A clip that ends in no way is forgotten after LATE_MS; its lease ends by then, and it is claimed again. What is lost
 * on its way failed for a while, or for good if it killed its decoders; the writer counts the tries. */
#include "actors/scheduler/previewer.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define LEASE_MS        ((int64_t)2 * 3600 * 1000)
#define LATE_MS         LEASE_MS
#define LOOK_CLIPS      500
#define ROUND_MS        15000
#define BUSY_MS         2000 /* looks again whether thumbnails are done */
#define BACKOFF_BASE_MS 1000
#define BACKOFF_MAX_MS  60000
#define JITTER_PERCENT  10

static void on_refreshed(void *me, struct ry_ctx *ctx, const struct ry_clip_work *work, struct ry_str failure,
                         enum ry_failure_class class);

void previewer_open(struct previewer *self, struct ry_ctx *ctx, unsigned timer)
{
    *self = (struct previewer){.timer = timer};
    self->on = strcmp(ry_config_str(ry_ctx_config(ctx), RY_OPT_preview), "on") == 0;
    refresher_open(&self->refresher, on_refreshed, self);
    if (self->on)
        ry_timer(ctx, timer, BUSY_MS);
}

void previewer_close(struct previewer *self)
{
    refresher_close(&self->refresher);
}

static size_t count_under_way(const struct previewer *self)
{
    size_t n = self->refreshing;
    for (size_t i = 0; i < PREVIEWER_MAX; i++)
        n += self->under_way[i].origin != 0;
    return n;
}

static struct preview *find(struct previewer *self, uint64_t origin)
{
    for (size_t i = 0; i < PREVIEWER_MAX; i++)
        if (self->under_way[i].origin == origin)
            return &self->under_way[i];
    return NULL;
}

/* ---- making -------------------------------------------------------------------------------------------------------- */

static void send_failed(struct ry_ctx *ctx, struct ry_str clip_id, uint64_t origin, struct ry_str reason, bool release,
                        enum ry_failure_class class)
{
    const struct ry_sheet_failed failed = {.clip_id = clip_id, .reason = reason, .release = release, .class = class};
    RY_TELL(ctx, sheet_failed, &failed, &(struct ry_send){.correlation = origin, .priority = RY_PRIORITY_RETRY});
}

static void make(struct previewer *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    struct preview *preview = find(self, 0);
    if (preview == NULL || ry_ctx_draining(ctx)) {
        send_failed(ctx, work->clip_id, 0, RY_STR("its turn comes later"), true, RY_FAILURE_PASSING);
        return;
    }
    struct ry_clip_work item = *work;
    struct ry_sheet_make message = {.clips = {&item, 1}};
    uint64_t guild = 0;
    (void)ry_str_u64(work->guild_id, &guild);
    preview->origin =
        RY_TELL(ctx, sheet_make, &message, &(struct ry_send){.tenant = guild, .priority = RY_PRIORITY_BACKFILL});
    preview->since_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    (void)snprintf(preview->clip_id, sizeof preview->clip_id, "%.*s", RY_STR_ARG(work->clip_id));
}

static void on_refreshed(void *me, struct ry_ctx *ctx, const struct ry_clip_work *work, struct ry_str failure,
                         enum ry_failure_class class)
{
    struct previewer *self = me;
    RY_ASSERT(self->refreshing > 0);
    self->refreshing--;
    if (failure.p == NULL)
        make(self, ctx, work);
    else
        send_failed(ctx, work->clip_id, 0, failure, ry_ctx_draining(ctx), class);
}

static void begin(struct previewer *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    if (refresher_wants(work, ry_wall_ms(ry_ctx_clock(ctx))) && count_under_way(self) < PREVIEWER_MAX &&
        refresher_take(&self->refresher, ctx, work) == RY_OK)
        self->refreshing++;
    else
        make(self, ctx, work);
}

/* ---- claiming ------------------------------------------------------------------------------------------------------ */

static void claim(struct previewer *self, struct ry_ctx *ctx)
{
    const struct ry_sheets_claim message = {
        .owner = ry_str_of(ry_ctx_owner(ctx)),
        .limit = PREVIEWER_MAX - count_under_way(self),
        .lease_ms = (uint64_t)LEASE_MS,
        .first = !self->claimed_once,
        .after = self->looked ? (struct ry_str){0} : ry_str_of(self->after),
        .look = self->looked ? 0 : LOOK_CLIPS,
    };
    self->asking = RY_TELL(ctx, sheets_claim, &message, &(struct ry_send){.priority = RY_PRIORITY_RETRY});
}

static void forget_late(struct previewer *self, struct ry_ctx *ctx)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    for (size_t i = 0; i < PREVIEWER_MAX; i++)
        if (self->under_way[i].origin != 0 && now_mono_ms - self->under_way[i].since_mono_ms >= LATE_MS) {
            RY_LOG(RY_WARNING, "sheet_outcome_lost", "clip=%s", self->under_way[i].clip_id);
            self->under_way[i].origin = 0;
        }
}

void previewer_tick(struct previewer *self, struct ry_ctx *ctx, bool idle)
{
    if (!self->on || ry_ctx_draining(ctx))
        return;
    forget_late(self, ctx);
    if (!idle)
        ry_timer(ctx, self->timer, BUSY_MS);
    else if (self->asking == 0 && count_under_way(self) < PREVIEWER_MAX)
        claim(self, ctx);
}

static void claim_failed(struct previewer *self, struct ry_ctx *ctx, struct ry_str reason)
{
    int64_t wait_ms =
        ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, BACKOFF_MAX_MS, self->errors, JITTER_PERCENT);
    self->asking = 0;
    self->errors++;
    RY_LOG(RY_WARNING, "sheets_claim_failed", "reason=%.*s retry_ms=%" PRId64, RY_STR_ARG(reason), wait_ms);
    ry_timer(ctx, self->timer, wait_ms);
}

static void on_claimed(struct previewer *self, struct ry_ctx *ctx, const struct ry_mail *mail, bool idle)
{
    const struct ry_sheets_claimed *claimed = RY_BODY(mail, sheets_claimed);
    if (self->asking == 0 || mail->envelope.correlation != self->asking)
        return;
    if (claimed->error.p != NULL) {
        claim_failed(self, ctx, claimed->error);
        return;
    }
    self->asking = 0;
    self->errors = 0;
    self->claimed_once = true;
    if (!self->looked) {
        self->looked = claimed->next.p == NULL;
        (void)snprintf(self->after, sizeof self->after, "%.*s", RY_STR_ARG(claimed->next));
    }
    for (size_t i = 0; i < claimed->clips.n; i++)
        begin(self, ctx, &claimed->clips.items[i]);
    int64_t wait_ms = claimed->next_due_ms < ROUND_MS ? (int64_t)claimed->next_due_ms : ROUND_MS;
    if (claimed->clips.n > 0 || !self->looked)
        previewer_tick(self, ctx, idle);
    else
        ry_timer(ctx, self->timer, wait_ms > BUSY_MS ? wait_ms : BUSY_MS);
}

/* ---- ends ---------------------------------------------------------------------------------------------------------- */

static void on_settled(struct previewer *self, struct ry_ctx *ctx, const struct ry_mail *mail, bool idle)
{
    struct preview *preview = mail->envelope.correlation != 0 ? find(self, mail->envelope.correlation) : NULL;
    if (preview == NULL)
        return;
    preview->origin = 0;
    previewer_tick(self, ctx, idle);
}

void previewer_answer(struct previewer *self, struct ry_ctx *ctx, const struct ry_mail *mail, bool idle)
{
    switch (mail->envelope.tag) {
    case RY_TAG_sheets_claimed: on_claimed(self, ctx, mail, idle); break;
    case RY_TAG_sheet_settled: on_settled(self, ctx, mail, idle); break;
    default: refresher_answer(&self->refresher, ctx, mail); break;
    }
}

bool previewer_lost(struct previewer *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (self->asking != 0 && lost->id == self->asking) {
        claim_failed(self, ctx, lost->reason);
        return true;
    }
    if (refresher_lost(&self->refresher, ctx, lost))
        return true;
    struct preview *preview = lost->origin != 0 ? find(self, lost->origin) : NULL;
    if (preview == NULL)
        return false;
    if (lost->tag == RY_TAG_sheet_failed) { /* not even that could be recorded: its lease ends */
        preview->origin = 0;
        return true;
    }
    bool not_begun = lost->tag == RY_TAG_sheet_make && lost->cause == RY_UNDELIVERABLE_FULL;
    send_failed(ctx, ry_str_of(preview->clip_id), preview->origin, lost->reason, not_begun,
                (enum ry_failure_class)lost->class);
    return true;
}

/* keeper.c: see keeper.h.
 *
 * With REELYARD_KEEP=all the writer marks each clip as wanted when its thumbnails are settled; what was there before,
 * or was settled by another program, is found by a round through the archive at the start and every hour (keep_want), a
 * step at a time. A store without room is tried again after waits that grow. */
#include "actors/scheduler/keeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define ROUND_MS        15000
#define WAIT_MS         1000 /* thumbnails come first: looked at again */
#define FULL_WAIT_MS    1000
#define BACKOFF_BASE_MS 1000
#define BACKOFF_MAX_MS  60000
#define JITTER_PERCENT  10
#define WALK_STEP       2000
#define WALK_STEP_MS    200
#define WALK_ROUND_MS   (INT64_C(3600) * 1000)
/* Longer than a downloader works on one. */
#define CLIP_MS_MAX (INT64_C(8) * 3600 * 1000)

static const struct ry_send in_background = {.priority = RY_PRIORITY_BACKFILL};

static int64_t now_mono_ms(struct ry_ctx *ctx)
{
    return ry_mono_ms(ry_ctx_clock(ctx));
}

static size_t in_progress(const struct keeper *self)
{
    size_t n = refresher_clip_count(&self->refresher);
    for (size_t i = 0; i < KEEPER_MAX; i++)
        n += self->clips[i].origin != 0;
    return n;
}

static struct keeper_clip *find(struct keeper *self, uint64_t origin)
{
    for (size_t i = 0; i < KEEPER_MAX; i++)
        if (self->clips[i].origin == origin && origin != 0)
            return &self->clips[i];
    return NULL;
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void send_end(struct ry_ctx *ctx, struct ry_str clip_id, uint64_t origin, struct ry_clip_keep_failed failed)
{
    failed.clip_id = clip_id;
    RY_TELL(ctx, clip_keep_failed, &failed, &(struct ry_send){.correlation = origin, .priority = RY_PRIORITY_RETRY});
}

static void end(struct keeper_clip *clip, struct ry_ctx *ctx, struct ry_clip_keep_failed failed)
{
    if (clip->failing)
        return;
    clip->failing = true;
    send_end(ctx, ry_str_of(clip->clip_id), clip->origin, failed);
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static void claim(struct keeper *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx))
        return;
    if (self->claiming != 0) {
        self->hinted = true;
        return;
    }
    size_t n = in_progress(self);
    int64_t early_ms = self->not_before_mono_ms - now_mono_ms(ctx);
    if (n >= KEEPER_MAX || early_ms > 0 || self->waits) {
        ry_timer(ctx, self->timer, early_ms > 0 ? early_ms : WAIT_MS);
        return;
    }
    const struct ry_keep_claim message = {.owner = ry_str_of(ry_ctx_owner(ctx)),
                                          .limit = KEEPER_MAX - n,
                                          .lease_ms = (uint64_t)self->lease_ms,
                                          .first = !self->claimed_once};
    self->hinted = false;
    self->claiming = RY_TELL(ctx, keep_claim, &message, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

static void claim_failed(struct keeper *self, struct ry_ctx *ctx, struct ry_str reason)
{
    self->claiming = 0;
    int64_t wait_ms =
        ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, BACKOFF_MAX_MS, self->errors++, JITTER_PERCENT);
    RY_LOG(RY_WARNING, "keep_claim_failed", "reason=%.*s retry_ms=%" PRId64, RY_STR_ARG(reason), wait_ms);
    self->not_before_mono_ms = now_mono_ms(ctx) + wait_ms;
    ry_timer(ctx, self->timer, wait_ms);
}

static void make(struct keeper *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    size_t i = 0;
    while (i < KEEPER_MAX && self->clips[i].origin != 0)
        i++;
    if (i == KEEPER_MAX || ry_ctx_draining(ctx)) {
        send_end(ctx, work->clip_id, 0,
                 (struct ry_clip_keep_failed){.release = true, .reason = RY_STR("its turn comes later")});
        return;
    }
    struct keeper_clip *clip = &self->clips[i];
    struct ry_clip_work item = *work;
    const struct ry_media_keep message = {.clips = {&item, 1}};
    uint64_t guild = 0;
    (void)ry_str_u64(work->guild_id, &guild);
    clip->origin =
        RY_TELL(ctx, media_keep, &message, &(struct ry_send){.tenant = guild, .priority = RY_PRIORITY_BACKFILL});
    (void)snprintf(clip->clip_id, sizeof clip->clip_id, "%.*s", RY_STR_ARG(work->clip_id));
    clip->since_mono_ms = now_mono_ms(ctx);
    clip->failing = false;
}

/* The refresher's answer. */
static void on_refreshed(void *me, struct ry_ctx *ctx, const struct ry_clip_work *work, struct ry_str failure,
                         enum ry_failure_class class)
{
    struct keeper *self = me;
    if (failure.p == NULL)
        make(self, ctx, work);
    else
        send_end(ctx, work->clip_id, 0,
                 (struct ry_clip_keep_failed){.reason = failure,
                                              .class = class,
                                              .gone = class == RY_FAILURE_PERMANENT,
                                              .release = ry_ctx_draining(ctx)});
}

static void on_claimed(struct keeper *self, struct ry_ctx *ctx, const struct ry_keep_claimed *claimed)
{
    if (claimed->error.p != NULL) {
        claim_failed(self, ctx, claimed->error);
        return;
    }
    self->claiming = 0;
    self->claimed_once = true;
    self->errors = 0;
    for (size_t i = 0; i < claimed->clips.n; i++) {
        const struct ry_clip_work *work = &claimed->clips.items[i];
        bool expired = refresher_wants(work, ry_wall_ms(ry_ctx_clock(ctx)));
        if (!expired || refresher_take(&self->refresher, ctx, work) != RY_OK)
            make(self, ctx, work);
    }
    if (claimed->clips.n > 0 || self->hinted) {
        claim(self, ctx);
        return;
    }
    int64_t wait_ms = claimed->next_due_ms < ROUND_MS ? (int64_t)claimed->next_due_ms : ROUND_MS;
    ry_timer(ctx, self->timer, wait_ms > 0 ? wait_ms : 1);
}

static void on_settled(struct keeper *self, struct ry_ctx *ctx, uint64_t origin, const struct ry_keep_settled *settled)
{
    struct keeper_clip *clip = find(self, origin);
    if (clip == NULL)
        return;
    *clip = (struct keeper_clip){0};
    if (settled->away) {
        int64_t wait_ms =
            ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, BACKOFF_MAX_MS, self->away++, JITTER_PERCENT);
        self->not_before_mono_ms = now_mono_ms(ctx) + wait_ms;
    } else if (settled->kept) {
        self->away = 0;
    }
    claim(self, ctx);
}

/* ---- the round through the archive ------------------------------------------------------------------------------- */

static void walk(struct keeper *self, struct ry_ctx *ctx)
{
    if (!self->all || self->wanting != 0 || ry_ctx_draining(ctx) || now_mono_ms(ctx) < self->walk_mono_ms)
        return;
    const struct ry_keep_want want = {.after_id = self->after[0] ? ry_str_of(self->after) : (struct ry_str){0},
                                      .limit = WALK_STEP};
    self->wanting = RY_TELL(ctx, keep_want, &want, &in_background);
}

static void on_wanted(struct keeper *self, struct ry_ctx *ctx, const struct ry_keep_wanted *wanted)
{
    self->wanting = 0;
    int64_t wait_ms = wanted->error.p != NULL ? ROUND_MS : wanted->more ? WALK_STEP_MS : WALK_ROUND_MS;
    self->walk_mono_ms = now_mono_ms(ctx) + wait_ms;
    if (wanted->error.p != NULL)
        return;
    (void)snprintf(self->after, sizeof self->after, "%.*s", wanted->more ? (int)wanted->next_id.n : 0,
                   wanted->more ? wanted->next_id.p : "");
    if (wanted->more)
        ry_timer(ctx, self->timer, wait_ms);
    if (wanted->count > 0)
        claim(self, ctx);
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

void keeper_open(struct keeper *self, struct ry_ctx *ctx, unsigned timer, int64_t lease_ms)
{
    *self = (struct keeper){.timer = timer, .lease_ms = lease_ms};
    self->all = strcmp(ry_config_str(ry_ctx_config(ctx), RY_OPT_keep), "all") == 0;
    refresher_open(&self->refresher, on_refreshed, self);
    ry_timer(ctx, timer, 0);
}

void keeper_close(struct keeper *self)
{
    refresher_close(&self->refresher);
}

void keeper_hint(struct keeper *self, struct ry_ctx *ctx)
{
    if (self->errors == 0)
        claim(self, ctx);
}

void keeper_tick(struct keeper *self, struct ry_ctx *ctx)
{
    walk(self, ctx);
    claim(self, ctx);
}

void keeper_renew(struct keeper *self, struct ry_ctx *ctx)
{
    struct ry_str ids[2 * KEEPER_MAX];
    size_t n = 0;
    for (size_t i = 0; i < KEEPER_MAX; i++) {
        struct keeper_clip *clip = &self->clips[i];
        if (clip->origin == 0)
            continue;
        if (now_mono_ms(ctx) - clip->since_mono_ms > CLIP_MS_MAX) {
            RY_LOG(RY_ERROR, "keep_outcome_lost", "clip=%s reason=%s", clip->clip_id, "nobody says how it ended");
            *clip = (struct keeper_clip){0};
            continue;
        }
        ids[n++] = ry_str_of(clip->clip_id);
    }
    if (refresher_clip_count(&self->refresher) <= KEEPER_MAX)
        n += refresher_clip_ids(&self->refresher, ids + n);
    if (n == 0)
        return;
    const struct ry_keep_renew renew = {
        .owner = ry_str_of(ry_ctx_owner(ctx)), .lease_ms = (uint64_t)self->lease_ms, .clip_ids = {ids, n}};
    RY_TELL(ctx, keep_renew, &renew, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

void keeper_answer(struct keeper *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    uint64_t id = mail->envelope.correlation;
    switch (mail->envelope.tag) {
    case RY_TAG_keep_claimed:
        if (id == self->claiming && id != 0)
            on_claimed(self, ctx, RY_BODY(mail, keep_claimed));
        break;
    case RY_TAG_keep_wanted:
        if (id == self->wanting && id != 0)
            on_wanted(self, ctx, RY_BODY(mail, keep_wanted));
        break;
    case RY_TAG_keep_settled: on_settled(self, ctx, id, RY_BODY(mail, keep_settled)); break;
    case RY_TAG_keep_renewed:
        if (RY_BODY(mail, keep_renewed)->error.p != NULL)
            RY_LOG(RY_WARNING, "keep_renew_failed", "reason=%.*s", RY_STR_ARG(RY_BODY(mail, keep_renewed)->error));
        break;
    case RY_TAG_urls_refreshed:
    case RY_TAG_urls_stored:
        refresher_answer(&self->refresher, ctx, mail);
        if (in_progress(self) < KEEPER_MAX)
            claim(self, ctx);
        break;
    default: break;
    }
}

bool keeper_lost(struct keeper *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (lost->id == self->claiming && lost->id != 0) {
        claim_failed(self, ctx, lost->reason);
        return true;
    }
    if (lost->id == self->wanting && lost->id != 0) {
        self->wanting = 0;
        self->walk_mono_ms = now_mono_ms(ctx) + ROUND_MS;
        return true;
    }
    if (refresher_lost(&self->refresher, ctx, lost))
        return true;
    struct keeper_clip *clip = find(self, lost->origin);
    if (clip == NULL)
        return false;
    if (clip->failing) { /* not even its failure could be recorded: when the lease ends it is claimed again */
        RY_LOG(RY_ERROR, "keep_outcome_lost", "clip=%s reason=%.*s", clip->clip_id, RY_STR_ARG(lost->reason));
        *clip = (struct keeper_clip){0};
        return true;
    }
    bool not_begun = lost->tag == RY_TAG_media_keep;
    if (not_begun)
        self->not_before_mono_ms = now_mono_ms(ctx) + FULL_WAIT_MS;
    end(clip, ctx,
        (struct ry_clip_keep_failed){
            .reason = lost->reason, .release = not_begun, .away = not_begun, .class = lost->class});
    return true;
}

void keeper_leave(struct keeper *self, struct ry_ctx *ctx)
{
    for (size_t i = 0; i < KEEPER_MAX; i++)
        if (self->clips[i].origin != 0)
            end(&self->clips[i], ctx,
                (struct ry_clip_keep_failed){.release = true, .reason = RY_STR("the node is stopping")});
}

bool keeper_is_idle(const struct keeper *self)
{
    for (size_t i = 0; i < KEEPER_MAX; i++)
        if (self->clips[i].origin != 0)
            return false;
    return true;
}

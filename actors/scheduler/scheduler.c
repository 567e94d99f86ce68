/* scheduler.c: which clip is next, and how many are in flight.
 *
 * Owns      the window: the clips that are being worked on (in_flight.h), as many as the downloaders ask
 *           for (window.h) and at most clip_window.
 * Accepts   clips_pending (a hint to look), clips_claimed and clips_renewed (the writer's answers), clip_settled (a
 *           clip's outcome is committed), download_pace, undeliverable. What the janitor, the refresher, the reconciler and the
 *           archivist asked for goes to them (janitor.h, refresher.h, reconciler.h, archivist.h, keeper.h, previewer.h).
 * Sends     clips_claim, clips_renew and clip_failed to the writer, thumbnail_make to the downloader.
 * Promises  never more clips in flight than the window; none of them longer than two hours; a clip that waits is
 * claimed as soon as there is room, whether or not its hint arrived; a claimed clip's lease is renewed until its
 * outcome is known.
 *
 * The database is the truth: what to work on always comes from a claim, never from a message. When this actor or the
 * whole node dies, the claims it held are void at the next start (`first`) or when their lease ends, and the clips are
 * claimed again.
 *
 * A clip that was in flight when its node died is a suspect: maybe it was the one that killed a decoder. Claims
 * bring suspects last; they then run one at a time, so that a deadly video counts only its own deaths and is given up
 * after clip_attempts_max of them, and its neighbours are not. */
#include "actors/scheduler/scheduler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/scheduler/archivist.h"
#include "actors/scheduler/in_flight.h"
#include "actors/scheduler/janitor.h"
#include "actors/scheduler/keeper.h"
#include "actors/scheduler/previewer.h"
#include "actors/scheduler/reconciler.h"
#include "actors/scheduler/refresher.h"
#include "actors/scheduler/window.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

enum timer {
    TIMER_CLAIM,
    TIMER_RENEW,
    TIMER_JANITOR,
    TIMER_RECONCILER,
    TIMER_ARCHIVIST,
    TIMER_LEAVE,
    TIMER_KEEPER,
    TIMER_PREVIEWER
};

/* A round without any hint or known due time: what other nodes or people changed in the database is found by it. */
#define ROUND_MS              15000
#define CLAIM_BACKOFF_BASE_MS 1000
#define CLAIM_BACKOFF_MAX_MS  30000
#define FULL_WAIT_MS          1000
#define JITTER_PERCENT        10
#define ENCODER_BYTES         101 /* encoder_here.version's limit, and a NUL */

#define SCHEDULER_MAGIC 0x73636865u

struct scheduler {
    unsigned magic;
    struct in_flight in_flight;
    struct window window; /* of in_flight, as it should be */

    uint64_t claiming;          /* id of the clips_claim under way; 0: none */
    bool claimed_once;          /* the leases of this node's previous incarnation are void */
    bool hinted;                /* look again when the claim under way is answered */
    bool suspects_next;         /* the last claim had nothing but suspects: claim one at a time */
    unsigned errors;            /* claims that failed in a row */
    int64_t not_before_mono_ms; /* no claim before: the downloader had no room */

    char encoder[ENCODER_BYTES];         /* the version that an encoder said last; "": none has */
    char encoder_telling[ENCODER_BYTES]; /* what the writer knows once it answers the claim under way */
    char encoder_told[ENCODER_BYTES];    /* what it knows */

    int64_t lease_ms;
    int64_t drain_ms;
    bool leaving; /* drain was asked, and TIMER_LEAVE is set */
    uint64_t attempts_max;
    struct ry_log_limit claim_log;
    struct janitor janitor;
    struct refresher refresher;
    struct reconciler reconciler;
    struct archivist archivist;
    struct keeper keeper;
    struct previewer previewer;
};

static struct scheduler *scheduler_of(void *instance)
{
    struct scheduler *self = instance;
    RY_ASSERT(self->magic == SCHEDULER_MAGIC);
    RY_ASSERT(self->in_flight.n <= self->window.max && self->in_flight.suspects <= self->in_flight.n,
              "%zu in flight of %zu, %zu suspects", self->in_flight.n, self->window.max, self->in_flight.suspects);
    return self;
}

/* ---- claiming ---------------------------------------------------------------------------------------------------- */

/* How many clips to claim now; 0: wait. Claims come in handfuls, so that one query serves several clips. */
static size_t scheduler_claim_size(const struct scheduler *self)
{
    size_t window = self->in_flight.window;
    if (self->in_flight.suspects > 0)
        return 0;
    if (self->suspects_next)
        return self->in_flight.n == 0 ? 1 : 0;
    if (self->in_flight.n >= window)
        return 0; /* it has shrunk */
    size_t room = window - self->in_flight.n;
    size_t handful = window < 4 ? 1 : window / 4;
    return room >= handful ? room : 0;
}

static void scheduler_claim(struct scheduler *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx))
        return;
    if (self->claiming != 0) {
        self->hinted = true;
        return;
    }
    self->in_flight.window = window_size(&self->window, ry_mono_ms(ry_ctx_clock(ctx)));
    size_t limit = scheduler_claim_size(self);
    if (limit == 0)
        return;
    int64_t early_ms = self->not_before_mono_ms - ry_mono_ms(ry_ctx_clock(ctx));
    if (early_ms > 0) {
        ry_timer(ctx, TIMER_CLAIM, early_ms);
        return;
    }
    struct ry_clips_claim claim = {.owner = ry_str_of(ry_ctx_owner(ctx)),
                                   .limit = limit,
                                   .lease_ms = (uint64_t)self->lease_ms,
                                   .first = !self->claimed_once};
    if (strcmp(self->encoder, self->encoder_told) != 0)
        claim.encoder = ry_str_of(self->encoder);
    (void)snprintf(self->encoder_telling, sizeof self->encoder_telling, "%s", self->encoder);
    self->hinted = false;
    self->claiming = RY_TELL(ctx, clips_claim, &claim, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
}

static void scheduler_claim_failed(struct scheduler *self, struct ry_ctx *ctx, struct ry_str reason)
{
    self->claiming = 0;
    int64_t wait_ms = ry_backoff_doubling_ms(ry_ctx_rng(ctx), CLAIM_BACKOFF_BASE_MS, CLAIM_BACKOFF_MAX_MS, self->errors,
                                             JITTER_PERCENT);
    self->errors++;
    unsigned suppressed = 0;
    if (ry_log_allowed(&self->claim_log, 1, CLAIM_BACKOFF_MAX_MS, &suppressed))
        RY_LOG(RY_WARNING, "clips_claim_failed", "reason=%.*s retry_ms=%" PRId64 " held_back=%u", RY_STR_ARG(reason),
               wait_ms, suppressed);
    ry_timer(ctx, TIMER_CLAIM, wait_ms);
}

/* ---- originals --------------------------------------------------------------------------------------------------- */

/* Thumbnails come first: while they take half of the window, no original is begun. */
static void scheduler_keep(struct scheduler *self, struct ry_ctx *ctx)
{
    self->keeper.waits = self->in_flight.n * 2 >= self->in_flight.window;
    keeper_hint(&self->keeper, ctx);
}

/* ---- the clips in flight -------------------------------------------------------------------------------------- */

/* The refresher's answer. */
static void scheduler_on_refreshed(void *me, struct ry_ctx *ctx, const struct ry_clip_work *work, struct ry_str failure,
                                   enum ry_failure_class class)
{
    struct scheduler *self = scheduler_of(me);
    if (failure.p == NULL && !ry_ctx_draining(ctx)) {
        in_flight_make(&self->in_flight, ctx, work);
        return;
    }
    in_flight_leave(&self->in_flight, in_flight_is_suspect(work));
    const struct in_flight_end end = {.reason = failure.p != NULL ? failure : RY_STR("the node is stopping"),
                                      .release = ry_ctx_draining(ctx),
                                      .class = class};
    in_flight_send_end(ctx, work->clip_id, 0, &end);
}

static void scheduler_begin(struct scheduler *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    in_flight_enter(&self->in_flight, work);
    bool expired = refresher_wants(work, ry_wall_ms(ry_ctx_clock(ctx)));
    if (!expired || refresher_take(&self->refresher, ctx, work) != RY_OK)
        in_flight_make(&self->in_flight, ctx, work); /* without memory for a refresh the old URL is tried */
}

/* Takes one clip of a claim: begins it, gives it up, or gives it back for later. */
static void scheduler_place(struct scheduler *self, struct ry_ctx *ctx, const struct ry_clip_work *work)
{
    if (work->attempts > self->attempts_max) {
        char reason[160];
        (void)snprintf(reason, sizeof reason,
                       "reelyard ended abnormally %" PRIu64 " times while this video was being worked on",
                       work->attempts - 1);
        in_flight_send_end(ctx, work->clip_id, 0, &(struct in_flight_end){.reason = ry_str_of(reason)});
        return;
    }
    /* A writer that gives more than it was asked for gets it back. */
    const struct in_flight *in_flight = &self->in_flight;
    bool later = ry_ctx_draining(ctx) || in_flight->n >= in_flight->window || in_flight->suspects > 0 ||
                 (in_flight_is_suspect(work) && in_flight->n > 0);
    if (later)
        in_flight_send_end(ctx, work->clip_id, 0,
                           &(struct in_flight_end){.release = true, .reason = RY_STR("its turn comes later")});
    else
        scheduler_begin(self, ctx, work);
}

static void scheduler_on_claimed(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_clips_claimed *answer = RY_BODY(mail, clips_claimed);
    if (mail->envelope.correlation != self->claiming)
        return;
    if (answer->error.p != NULL) {
        scheduler_claim_failed(self, ctx, answer->error);
        return;
    }
    self->claiming = 0;
    self->claimed_once = true;
    (void)snprintf(self->encoder_told, sizeof self->encoder_told, "%s", self->encoder_telling);
    self->errors = 0;
    /* Suspects come last in a claim, so the first clip tells of what kind the rest is. */
    self->suspects_next = answer->clips.n > 0 && answer->clips.items[0].attempts > 1;
    for (size_t i = 0; i < answer->clips.n; i++)
        scheduler_place(self, ctx, &answer->clips.items[i]);
    if (answer->clips.n > 0 || self->hinted) {
        scheduler_claim(self, ctx);
        return;
    }
    int64_t wait_ms = answer->next_due_ms < ROUND_MS ? (int64_t)answer->next_due_ms : ROUND_MS;
    ry_timer(ctx, TIMER_CLAIM, wait_ms > 0 ? wait_ms : 1);
}

static void scheduler_on_settled(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct in_flight_clip *clip = in_flight_find(&self->in_flight, mail->envelope.correlation);
    if (clip == NULL)
        return;
    ry_observe(ctx, RY_HISTOGRAM_clip, (double)(ry_mono_ms(ry_ctx_clock(ctx)) - clip->since_mono_ms) / 1000.0);
    in_flight_forget(&self->in_flight, clip);
    scheduler_claim(self, ctx);
    if (self->keeper.all)
        scheduler_keep(self, ctx);
}

/* The writer is told of a version that is new to it, so that it may have clips tried again. */
static void scheduler_on_encoder_here(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    (void)snprintf(self->encoder, sizeof self->encoder, "%.*s", RY_STR_ARG(RY_BODY(mail, encoder_here)->version));
    if (strcmp(self->encoder, self->encoder_told) != 0)
        scheduler_claim(self, ctx);
}

/* How many clips a downloader should have, as it has measured. */
static void scheduler_on_pace(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_download_pace *pace = RY_BODY(mail, download_pace);
    window_hear(&self->window, pace->owner, pace->clips, ry_mono_ms(ry_ctx_clock(ctx)));
    scheduler_claim(self, ctx);
}

/* ---- leases ------------------------------------------------------------------------------------------------------ */

static void scheduler_renew(struct scheduler *self, struct ry_ctx *ctx)
{
    ry_timer(ctx, TIMER_RENEW, self->lease_ms / 3);
    in_flight_end_late(&self->in_flight, ctx);
    keeper_renew(&self->keeper, ctx);
    size_t all = self->in_flight.n;
    if (all == 0)
        return;
    RY_ASSERT(HASH_COUNT(self->in_flight.clips) + refresher_clip_count(&self->refresher) == all, "%zu in flight", all);
    struct ry_str *ids = calloc(all, sizeof *ids);
    if (ids == NULL)
        return; /* two more rounds come before a lease ends */
    size_t n = in_flight_clip_ids(&self->in_flight, ids);
    n += refresher_clip_ids(&self->refresher, ids + n);
    struct ry_clips_renew renew = {
        .owner = ry_str_of(ry_ctx_owner(ctx)), .lease_ms = (uint64_t)self->lease_ms, .clip_ids = {ids, n}};
    RY_TELL(ctx, clips_renew, &renew, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    free(ids);
}

/* Half of the time to drain is over: what is still in flight goes back to the clips that wait, so that another node
 * takes it at once. The other half is for the writer to say so. Should it be made here after all, that is the same. */
static void scheduler_leave(struct scheduler *self, struct ry_ctx *ctx)
{
    in_flight_give_back(&self->in_flight, ctx, RY_STR("the node is stopping"));
}

static void scheduler_on_renewed(const struct ry_mail *mail)
{
    const struct ry_clips_renewed *answer = RY_BODY(mail, clips_renewed);
    if (answer->error.p != NULL)
        RY_LOG(RY_WARNING, "clips_renew_failed", "reason=%.*s", RY_STR_ARG(answer->error));
}

/* ---- what will not be delivered ---------------------------------------------------------------------------------- */

/* Whether no thumbnail is being made, and none waits that is known of. */
static bool scheduler_is_idle(const struct scheduler *self)
{
    return self->claimed_once && self->in_flight.n == 0 && !self->hinted;
}

/* A mail about a clip in flight is lost: its thumbnail_make, or what an actor further on made of it. */
static void scheduler_on_clip_lost(struct scheduler *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    struct in_flight_clip *clip = in_flight_find(&self->in_flight, lost->origin);
    if (clip == NULL)
        return;
    if (clip->failing) {
        /* Not even its failure could be recorded: when the lease ends it is claimed again. */
        RY_LOG(RY_ERROR, "clip_outcome_lost", "clip=%s reason=%.*s", clip->clip_id, RY_STR_ARG(lost->reason));
        in_flight_forget(&self->in_flight, clip);
        scheduler_claim(self, ctx);
        return;
    }
    bool not_begun = lost->tag == RY_TAG_thumbnail_make && lost->cause == RY_UNDELIVERABLE_FULL;
    if (not_begun)
        self->not_before_mono_ms = ry_mono_ms(ry_ctx_clock(ctx)) + FULL_WAIT_MS;
    in_flight_end(clip, ctx,
                  &(struct in_flight_end){
                      .reason = lost->reason, .release = not_begun, .class = (enum ry_failure_class)lost->class});
}

static void scheduler_on_undeliverable(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_undeliverable *lost = RY_BODY(mail, undeliverable);
    if (lost->id == self->claiming)
        scheduler_claim_failed(self, ctx, lost->reason);
    else if (!janitor_lost(&self->janitor, ctx, lost) && !refresher_lost(&self->refresher, ctx, lost) &&
             !reconciler_lost(&self->reconciler, ctx, lost) && !archivist_lost(&self->archivist, ctx, lost) &&
             !keeper_lost(&self->keeper, ctx, lost) && !previewer_lost(&self->previewer, ctx, lost))
        scheduler_on_clip_lost(self, ctx, lost);
}

static void scheduler_on_refresh_answer(struct scheduler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    refresher_answer(&self->refresher, ctx, mail);
    previewer_answer(&self->previewer, ctx, mail, scheduler_is_idle(self));
    scheduler_claim(self, ctx); /* clips that have no fresh URL left room */
    keeper_answer(&self->keeper, ctx, mail);
}

/* ---- wiring ------------------------------------------------------------------------------------------------------ */

static int scheduler_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct scheduler *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    *out = self;
    self->magic = SCHEDULER_MAGIC;
    const struct ry_config *config = ry_ctx_config(ctx);
    /* Never more than a mailbox takes, so that a claim is not refused for want of room. */
    int64_t window = ry_config_int(config, RY_OPT_clip_window);
    int64_t mailbox = ry_config_int(config, RY_OPT_mailbox);
    window_open(&self->window, (size_t)(window < mailbox ? window : mailbox));
    self->in_flight.window = window_size(&self->window, ry_mono_ms(ry_ctx_clock(ctx)));
    self->lease_ms = ry_config_int(config, RY_OPT_clip_lease_seconds) * 1000;
    self->drain_ms = ry_config_int(config, RY_OPT_drain_seconds) * 1000;
    self->attempts_max = (uint64_t)ry_config_int(config, RY_OPT_clip_attempts_max);
    ry_timer(ctx, TIMER_CLAIM, 0);
    ry_timer(ctx, TIMER_RENEW, self->lease_ms / 3);
    janitor_open(&self->janitor, ctx, TIMER_JANITOR);
    refresher_open(&self->refresher, scheduler_on_refreshed, self);
    reconciler_open(&self->reconciler, ctx, TIMER_RECONCILER);
    keeper_open(&self->keeper, ctx, TIMER_KEEPER, self->lease_ms);
    previewer_open(&self->previewer, ctx, TIMER_PREVIEWER);
    return archivist_open(&self->archivist, ctx, TIMER_ARCHIVIST, err);
}

static void scheduler_receive(void *me, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct scheduler *self = scheduler_of(me);
    switch (mail->envelope.tag) {
    case RY_TAG_clips_pending:
        scheduler_claim(self, ctx);
        scheduler_keep(self, ctx);
        break;
    case RY_TAG_keep_claimed:
    case RY_TAG_keep_renewed:
    case RY_TAG_keep_wanted:
    case RY_TAG_keep_settled:
        self->keeper.waits = self->in_flight.n * 2 >= self->in_flight.window;
        keeper_answer(&self->keeper, ctx, mail);
        break;
    case RY_TAG_clips_claimed: scheduler_on_claimed(self, ctx, mail); break;
    case RY_TAG_clips_renewed: scheduler_on_renewed(mail); break;
    case RY_TAG_encoder_here: scheduler_on_encoder_here(self, ctx, mail); break;
    case RY_TAG_download_pace: scheduler_on_pace(self, ctx, mail); break;
    case RY_TAG_clip_settled: scheduler_on_settled(self, ctx, mail); break;
    case RY_TAG_files_doomed: janitor_hint(&self->janitor, ctx); break;
    case RY_TAG_files_doomed_got:
    case RY_TAG_files_deleted:
    case RY_TAG_files_forgotten: janitor_answer(&self->janitor, ctx, mail); break;
    case RY_TAG_urls_refreshed:
    case RY_TAG_urls_stored: scheduler_on_refresh_answer(self, ctx, mail); break;
    case RY_TAG_scans_open_got:
    case RY_TAG_jobs_found:
    case RY_TAG_jobs_pushed:
    case RY_TAG_scans_staled: reconciler_answer(&self->reconciler, ctx, mail); break;
    case RY_TAG_sheets_claimed:
    case RY_TAG_sheet_settled: previewer_answer(&self->previewer, ctx, mail, scheduler_is_idle(self)); break;
    case RY_TAG_clips_archived: archivist_answer(&self->archivist, ctx, mail); break;
    case RY_TAG_undeliverable: scheduler_on_undeliverable(self, ctx, mail); break;
    default: break;
    }
}

static void scheduler_tick(void *me, struct ry_ctx *ctx, unsigned timer)
{
    struct scheduler *self = scheduler_of(me);
    switch (timer) {
    case TIMER_CLAIM: scheduler_claim(self, ctx); break;
    case TIMER_RENEW: scheduler_renew(self, ctx); break;
    case TIMER_LEAVE: scheduler_leave(self, ctx); break;
    case TIMER_JANITOR: janitor_tick(&self->janitor, ctx); break;
    case TIMER_PREVIEWER: previewer_tick(&self->previewer, ctx, scheduler_is_idle(self)); break;
    case TIMER_ARCHIVIST: archivist_tick(&self->archivist, ctx); break;
    case TIMER_KEEPER:
        self->keeper.waits = self->in_flight.n * 2 >= self->in_flight.window;
        keeper_tick(&self->keeper, ctx);
        break;
    default: reconciler_tick(&self->reconciler, ctx); break;
    }
}

static bool scheduler_drain(void *me, struct ry_ctx *ctx)
{
    struct scheduler *self = scheduler_of(me);
    if (!self->leaving) {
        self->leaving = true;
        keeper_leave(&self->keeper, ctx);
        ry_timer(ctx, TIMER_LEAVE, self->drain_ms / 2);
    }
    return self->in_flight.n == 0 && self->claiming == 0 && keeper_is_idle(&self->keeper);
}

static void scheduler_close(void **me)
{
    if (*me == NULL)
        return;
    struct scheduler *self = scheduler_of(*me);
    in_flight_free(&self->in_flight);
    refresher_close(&self->refresher);
    reconciler_close(&self->reconciler);
    archivist_close(&self->archivist);
    keeper_close(&self->keeper);
    previewer_close(&self->previewer);
    self->magic = 0;
    free(self);
    *me = NULL;
}

const struct ry_actor_spec ry_scheduler_spec = {
    .role = RY_ROLE_SCHEDULER,
    .capacity = 16,
    .threads = 1,
    .open = scheduler_open,
    .receive = scheduler_receive,
    .tick = scheduler_tick,
    .drain = scheduler_drain,
    .close = scheduler_close,
};

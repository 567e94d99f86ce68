/* reconciler.c: page by page: the open scans, which of them have no job, the jobs to queue again, the scans to cancel.
 *
 * Every step is idempotent: a job that is queued already is not queued again, and a slice that was committed
 * under a job id is not scanned again under it. So an answer that is lost, or two nodes that compare at the same time,
 * cost another round and nothing else. While the node drains no step is begun. */
#include "actors/scheduler/reconciler.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/json/read.h"

#define SCANS_A_PAGE    100
#define UNTOUCHED_MS    60000 /* younger ones may be between two jobs of their scan */
#define FIRST_FRACTION  30
#define PAGE_BYTES      ((size_t)SCANS_A_PAGE * 80 * 1024)
#define REQUEUED_MAX    10000
#define JOB_ID_BYTES    65
#define LOG_BURST       10
#define BACKOFF_BASE_MS 5000
#define JITTER_PERCENT  10

struct reconciler_requeued {
    char job_id[JOB_ID_BYTES];
    UT_hash_handle hh;
};

static const struct ry_send in_background = {.priority = RY_PRIORITY_RETRY};

/* ---- jobs that were queued again --------------------------------------------------------------------------------- */

static bool was_requeued(const struct reconciler *self, struct ry_str job_id)
{
    struct reconciler_requeued *found = NULL;
    HASH_FIND(hh, self->requeued, job_id.p, job_id.n, found);
    return found != NULL;
}

static void forget_requeued(struct reconciler *self)
{
    struct reconciler_requeued *item = NULL;
    struct reconciler_requeued *next = NULL;
    HASH_ITER(hh, self->requeued, item, next)
    {
        HASH_DELETE(hh, self->requeued, item);
        free(item);
    }
    self->requeued_count = 0;
}

/* Without memory it is not noted, and may be requeued once more. */
static void note_requeued(struct reconciler *self, struct ry_str job_id)
{
    if (self->requeued_count == REQUEUED_MAX)
        forget_requeued(self);
    struct reconciler_requeued *item = calloc(1, sizeof *item);
    if (item == NULL || job_id.n >= sizeof item->job_id) {
        free(item);
        return;
    }
    memcpy(item->job_id, job_id.p, job_id.n);
    HASH_ADD_KEYPTR(hh, self->requeued, item->job_id, job_id.n, item);
    self->requeued_count++;
}

/* ---- a round ----------------------------------------------------------------------------------------------------- */

void reconciler_open(struct reconciler *self, struct ry_ctx *ctx, unsigned timer)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    *self = (struct reconciler){
        .timer = timer,
        .period_ms = ry_config_int(config, RY_OPT_stale_scan_interval) * 1000,
        .stale_ms = (uint64_t)ry_config_int(config, RY_OPT_stale_scan_minutes) * 60000,
        .arena = ry_arena_make(PAGE_BYTES),
        .place = ry_arena_make(PAGE_BYTES),
    };
    ry_timer(ctx, timer, self->period_ms / FIRST_FRACTION);
}

void reconciler_close(struct reconciler *self)
{
    forget_requeued(self);
    ry_arena_free(&self->arena);
    ry_arena_free(&self->place);
}

static void end_round(struct reconciler *self, struct ry_ctx *ctx)
{
    self->asking = 0;
    self->errors = 0;
    self->after = (struct ry_str){0};
    ry_arena_reset(&self->arena);
    ry_arena_reset(&self->place);
    ry_timer(ctx, self->timer, self->period_ms);
}

/* The round ends with an error; the next one begins at the first page, ever later while errors go on. */
static void fail_round(struct reconciler *self, struct ry_ctx *ctx, struct ry_str reason)
{
    unsigned errors = self->errors;
    end_round(self, ctx);
    int64_t wait_ms = ry_backoff_doubling_ms(ry_ctx_rng(ctx), BACKOFF_BASE_MS, self->period_ms, errors, JITTER_PERCENT);
    self->errors = errors + 1;
    RY_LOG(RY_WARNING, "reconcile_failed", "reason=%.*s retry_ms=%" PRId64, RY_STR_ARG(reason), wait_ms);
    ry_timer(ctx, self->timer, wait_ms);
}

static void ask_page(struct reconciler *self, struct ry_ctx *ctx)
{
    if (ry_ctx_draining(ctx)) {
        end_round(self, ctx);
        return;
    }
    struct ry_scans_open_get get = {.older_ms = UNTOUCHED_MS, .after_channel_id = self->after, .limit = SCANS_A_PAGE};
    self->asking = RY_TELL(ctx, scans_open_get, &get, &in_background);
}

static void next_page(struct reconciler *self, struct ry_ctx *ctx)
{
    RY_ASSERT(self->count > 0 && self->count <= SCANS_A_PAGE, "%zu scans", self->count);
    if (!self->more) {
        end_round(self, ctx);
        return;
    }
    ry_arena_reset(&self->place);
    self->after = ry_arena_str(&self->place, self->scans[self->count - 1].channel_id);
    ry_arena_reset(&self->arena);
    ask_page(self, ctx);
}

void reconciler_tick(struct reconciler *self, struct ry_ctx *ctx)
{
    if (self->asking == 0)
        ask_page(self, ctx);
}

/* ---- a page ------------------------------------------------------------------------------------------------------ */

static bool copy_page(struct reconciler *self, const struct ry_scans_open_got *got)
{
    /* More than were asked for are left to the next page. */
    self->count = got->scans.n < SCANS_A_PAGE ? got->scans.n : SCANS_A_PAGE;
    self->more = got->more || got->scans.n > SCANS_A_PAGE;
    self->scans = ry_arena_array(&self->arena, self->count, sizeof *self->scans);
    bool good = self->scans != NULL;
    for (size_t i = 0; good && i < self->count; i++) {
        const struct ry_scan_row *from = &got->scans.items[i];
        struct ry_scan_row *to = &self->scans[i];
        *to = (struct ry_scan_row){.updated_wall_ms = from->updated_wall_ms,
                                   .guild_id = ry_arena_str(&self->arena, from->guild_id),
                                   .channel_id = ry_arena_str(&self->arena, from->channel_id)};
        if (from->next.p != NULL)
            to->next = ry_arena_str(&self->arena, from->next);
        good = to->guild_id.p != NULL && to->channel_id.p != NULL && (to->next.p != NULL || from->next.p == NULL);
    }
    return good;
}

static void on_open_got(struct reconciler *self, struct ry_ctx *ctx, const struct ry_scans_open_got *got)
{
    if (got->error.p != NULL) {
        fail_round(self, ctx, got->error);
        return;
    }
    if (got->scans.n == 0 || ry_ctx_draining(ctx)) {
        end_round(self, ctx);
        return;
    }
    if (!copy_page(self, got)) {
        fail_round(self, ctx, RY_STR("out of memory for a page of scans"));
        return;
    }
    struct ry_channel_ref refs[SCANS_A_PAGE];
    struct ry_jobs_find find = {.channels = {refs, 0}};
    for (size_t i = 0; i < self->count; i++)
        refs[find.channels.n++] =
            (struct ry_channel_ref){.guild_id = self->scans[i].guild_id, .channel_id = self->scans[i].channel_id};
    self->asking = RY_TELL(ctx, jobs_find, &find, &in_background);
}

/* ---- scans without a job ----------------------------------------------------------------------------------------- */

/* The job that goes on with a scan, as this program wrote it in the slice before. False: there is none to be queued. */
static bool read_next(struct reconciler *self, const struct ry_scan_row *scan, struct ry_job_spec *spec)
{
    RY_JSON_AUTO *doc = NULL;
    const struct ry_json *job = NULL;
    *spec = (struct ry_job_spec){.guild_id = scan->guild_id, .channel_id = scan->channel_id, .json = scan->next};
    const struct ry_json_want wants[] = {{"job_id", &spec->job_id, true}, {"type", &spec->type, true}};
    if (ry_json_read_text(scan->next, "the next job", RY_JSON_MAX_BYTES, wants, 2, &doc, &job, NULL) != RY_OK)
        return false;
    spec->job_id = ry_arena_str(&self->arena, spec->job_id); /* longer than the document */
    spec->type = ry_arena_str(&self->arena, spec->type);
    /* Another hand may have written the row. */
    const struct ry_jobs_push push = {.jobs = {spec, 1}};
    return spec->job_id.n < JOB_ID_BYTES && ry_check(RY_TAG_jobs_push, &push, NULL) == RY_OK &&
           !was_requeued(self, spec->job_id);
}

static void report(const struct ry_scan_row *scan, int64_t untouched_ms, size_t nth)
{
    if (nth < LOG_BURST)
        RY_LOG(RY_WARNING, "scan_without_job", "guild=%.*s channel=%.*s untouched_s=%" PRId64,
               RY_STR_ARG(scan->guild_id), RY_STR_ARG(scan->channel_id), untouched_ms / 1000);
}

static void cancel_stale(struct reconciler *self, struct ry_ctx *ctx)
{
    if (self->stale.n == 0 || ry_ctx_draining(ctx)) {
        next_page(self, ctx);
        return;
    }
    char reason[120];
    (void)snprintf(reason, sizeof reason, "No worker went on with this scan for %" PRIu64 " minutes",
                   self->stale_ms / 60000);
    struct ry_scans_stale stale = {.older_ms = self->stale_ms, .reason = ry_str_of(reason), .channel_ids = self->stale};
    self->asking = RY_TELL(ctx, scans_stale, &stale, &in_background);
}

static bool is_without(const struct ry_jobs_found *found, const struct ry_scan_row *scan)
{
    for (size_t k = 0; k < found->without.n; k++)
        if (ry_str_eq(found->without.items[k].channel_id, scan->channel_id))
            return true;
    return false;
}

/* Parts the scans without a job: jobs to queue again, channels whose scan is stale, and others, which are reported. */
static void sort_page(struct reconciler *self, struct ry_ctx *ctx, const struct ry_jobs_found *found,
                      struct ry_jobs_push *push)
{
    RY_ASSERT(self->count <= SCANS_A_PAGE, "%zu scans", self->count);
    int64_t now = ry_wall_ms(ry_ctx_clock(ctx));
    size_t reported = 0;
    for (size_t i = 0; i < self->count; i++) {
        const struct ry_scan_row *scan = &self->scans[i];
        int64_t untouched_ms = now - scan->updated_wall_ms;
        if (!is_without(found, scan))
            continue;
        if (read_next(self, scan, &push->jobs.items[push->jobs.n]))
            self->pushed.items[self->pushed.n++] = push->jobs.items[push->jobs.n++].job_id;
        else if (untouched_ms >= (int64_t)self->stale_ms)
            self->stale.items[self->stale.n++] = scan->channel_id;
        else
            report(scan, untouched_ms, reported++);
    }
}

static void on_found(struct reconciler *self, struct ry_ctx *ctx, const struct ry_jobs_found *found)
{
    if (found->error.p != NULL) {
        fail_round(self, ctx, found->error);
        return;
    }
    struct ry_job_spec specs[SCANS_A_PAGE];
    struct ry_jobs_push push = {.jobs = {specs, 0}};
    self->stale = (struct ry_strs){ry_arena_array(&self->arena, SCANS_A_PAGE, sizeof(struct ry_str)), 0};
    self->pushed = (struct ry_strs){ry_arena_array(&self->arena, SCANS_A_PAGE, sizeof(struct ry_str)), 0};
    if (self->stale.items == NULL || self->pushed.items == NULL) {
        fail_round(self, ctx, RY_STR("out of memory for a page of scans"));
        return;
    }
    sort_page(self, ctx, found, &push);
    if (push.jobs.n == 0 || ry_ctx_draining(ctx))
        cancel_stale(self, ctx);
    else
        self->asking = RY_TELL(ctx, jobs_push, &push, &in_background);
}

static void on_pushed(struct reconciler *self, struct ry_ctx *ctx, const struct ry_jobs_pushed *pushed)
{
    if (pushed->error.p != NULL) {
        fail_round(self, ctx, pushed->error);
        return;
    }
    for (size_t i = 0; i < self->pushed.n; i++)
        note_requeued(self, self->pushed.items[i]);
    ry_count(ctx, RY_COUNTER_scans_mended, pushed->accepted);
    RY_LOG(RY_WARNING, "scans_mended", "jobs=%" PRIu64, pushed->accepted);
    cancel_stale(self, ctx);
}

static void on_staled(struct reconciler *self, struct ry_ctx *ctx, const struct ry_scans_staled *staled)
{
    if (staled->error.p != NULL) {
        fail_round(self, ctx, staled->error);
        return;
    }
    ry_count(ctx, RY_COUNTER_scans_cancelled, staled->count);
    if (staled->count > 0)
        RY_LOG(RY_WARNING, "scans_cancelled", "scans=%" PRIu64 " untouched_minutes=%" PRIu64, staled->count,
               self->stale_ms / 60000);
    next_page(self, ctx);
}

void reconciler_answer(struct reconciler *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    if (self->asking == 0 || mail->envelope.correlation != self->asking)
        return;
    switch (mail->envelope.tag) {
    case RY_TAG_scans_open_got: on_open_got(self, ctx, RY_BODY(mail, scans_open_got)); break;
    case RY_TAG_jobs_found: on_found(self, ctx, RY_BODY(mail, jobs_found)); break;
    case RY_TAG_jobs_pushed: on_pushed(self, ctx, RY_BODY(mail, jobs_pushed)); break;
    case RY_TAG_scans_staled: on_staled(self, ctx, RY_BODY(mail, scans_staled)); break;
    default: break;
    }
}

bool reconciler_lost(struct reconciler *self, struct ry_ctx *ctx, const struct ry_undeliverable *lost)
{
    if (self->asking == 0 || lost->id != self->asking)
        return false;
    fail_round(self, ctx, lost->reason);
    return true;
}

/* putting.c: gathers mails, puts them together, tries again what the store did not take; see putting.h.
 *
 * Owns the mails from putting_receive until they are done or have failed. A group is begun when enough mails are in
 * hand, when none has come for some times the usual gap, or when the first has waited for GATHER_MAX_MS: under load a
 * barrier is shared by many clips, and a single clip waits for hardly longer than its barrier takes. */
#include "actors/storage/putting.h"

#include <stdlib.h>

#include "actors/storage/put_mail.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"

#define STORE_TRIES    5
#define RETRY_BASE_MS  1000
#define RETRY_MAX_MS   30000
#define JITTER_PERCENT 20

#define GATHER_MAX_MS 100
#define GAP_MAX_MS    20 /* of two mails; a longer one says nothing about the next */
#define GAP_WEIGHT    8  /* the average moves by an eighth of what differs */
#define QUIET_GAPS    4  /* no mail for so many gaps: no more is expected soon */
#define QUIET_MIN_MS  2
#define GAP_UNITS_MS  16 /* gaps are reckoned in sixteenths of a millisecond */

enum clip_state { CLIP_FREE, CLIP_GATHERED, CLIP_ON_THE_WAY, CLIP_WAITING };

struct clip {
    enum clip_state state;
    struct ry_mail *mail;
    struct store_file files[PUT_MAIL_FILES_MAX];
    size_t files_count;
    unsigned tries;
    int64_t since_mono_ms; /* gathered */
    int64_t due_mono_ms;   /* waiting: when it is tried again */
};

/* Clips that are put together; the worker's while it is on the way. */
struct group {
    struct work work; /* first, so that it leads to the rest */
    bool on_the_way;
    size_t n;
    struct store_put puts[PUTTING_CLIPS_MAX];
    struct clip *clips[PUTTING_CLIPS_MAX];
};

#define PUTTING_MAGIC 0x70757474u

struct putting {
    unsigned magic;
    struct putting_options options;
    struct clip clips[PUTTING_CLIPS_MAX];
    struct group groups[PUTTING_GROUPS_MAX];
    int64_t gap_units; /* between mails, on average */
    int64_t last_mono_ms;
};

static size_t count_of(const struct putting *self, enum clip_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < PUTTING_CLIPS_MAX; i++)
        count += self->clips[i].state == state;
    return count;
}

static struct clip *free_clip(struct putting *self)
{
    RY_ASSERT(self->magic == PUTTING_MAGIC);
    for (size_t i = 0; i < PUTTING_CLIPS_MAX; i++)
        if (self->clips[i].state == CLIP_FREE)
            return &self->clips[i];
    return NULL;
}

/* ---- groups ------------------------------------------------------------------------------------------------------ */

static void run_group(struct work *work, struct store *store)
{
    struct group *group = (struct group *)work;
    store->ops->put_group(store, group->puts, group->n);
}

static struct group *free_group(struct putting *self)
{
    for (size_t i = 0; i < self->options.groups; i++)
        if (!self->groups[i].on_the_way)
            return &self->groups[i];
    return NULL;
}

/* Sends clips that are gathered on their way: all, or one where none waits for others. */
static void begin_group(struct putting *self, struct group *group)
{
    size_t most = self->options.group_full > 1 ? PUTTING_CLIPS_MAX : 1;
    group->n = 0;
    for (size_t i = 0; i < PUTTING_CLIPS_MAX && group->n < most; i++) {
        struct clip *clip = &self->clips[i];
        if (clip->state != CLIP_GATHERED)
            continue;
        clip->state = CLIP_ON_THE_WAY;
        group->clips[group->n] = clip;
        group->puts[group->n++] = (struct store_put){.files = clip->files, .n = clip->files_count};
    }
    RY_ASSERT(group->n > 0);
    group->work = (struct work){.run = run_group};
    group->on_the_way = true;
    workers_submit(self->options.workers, &group->work);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When the clips that are gathered are not kept waiting any more; INT64_MAX: there are none. */
static int64_t group_due_mono_ms(const struct putting *self)
{
    int64_t first_mono_ms = INT64_MAX;
    size_t gathered = 0;
    for (size_t i = 0; i < PUTTING_CLIPS_MAX; i++) {
        if (self->clips[i].state != CLIP_GATHERED)
            continue;
        first_mono_ms = least(first_mono_ms, self->clips[i].since_mono_ms);
        gathered++;
    }
    if (gathered == 0)
        return INT64_MAX;
    if (gathered >= self->options.group_full)
        return 0;
    int64_t quiet_ms = (self->gap_units * QUIET_GAPS + GAP_UNITS_MS - 1) / GAP_UNITS_MS;
    if (quiet_ms < QUIET_MIN_MS)
        quiet_ms = QUIET_MIN_MS;
    return least(first_mono_ms + GATHER_MAX_MS, self->last_mono_ms + quiet_ms);
}

/* Begins what is due, and sets the timer for the rest. */
static void go_on(struct putting *self, struct ry_ctx *ctx)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    int64_t due_mono_ms = INT64_MAX;
    for (size_t i = 0; i < PUTTING_CLIPS_MAX; i++) {
        struct clip *clip = &self->clips[i];
        if (clip->state == CLIP_WAITING && clip->due_mono_ms <= now_mono_ms) {
            clip->state = CLIP_GATHERED;
            clip->since_mono_ms = now_mono_ms;
        } else if (clip->state == CLIP_WAITING) {
            due_mono_ms = least(due_mono_ms, clip->due_mono_ms);
        }
    }
    struct group *group;
    int64_t group_mono_ms;
    while ((group_mono_ms = group_due_mono_ms(self)) != INT64_MAX && (group = free_group(self)) != NULL &&
           (group_mono_ms <= now_mono_ms || ry_ctx_draining(ctx)))
        begin_group(self, group);
    if (free_group(self) != NULL)
        due_mono_ms = least(due_mono_ms, group_mono_ms);
    if (due_mono_ms != INT64_MAX)
        ry_timer(ctx, self->options.timer, due_mono_ms > now_mono_ms ? due_mono_ms - now_mono_ms : 0);
}

/* ---- mails ------------------------------------------------------------------------------------------------------- */

static void note_gap(struct putting *self, int64_t now_mono_ms)
{
    int64_t gap_ms = least(now_mono_ms - self->last_mono_ms, GAP_MAX_MS);
    self->gap_units += (gap_ms * GAP_UNITS_MS - self->gap_units) / GAP_WEIGHT;
    self->last_mono_ms = now_mono_ms;
}

void putting_receive(struct putting *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_error err = {0};
    struct clip *clip = free_clip(self);
    if (clip == NULL) { /* more than the credit that was announced */
        ry_mail_fail(ctx, mail, true, "storage has no room for another mail");
        return;
    }
    if (put_mail_files(mail, &self->options.small, &self->options.large, clip->files, &clip->files_count, &err) !=
        RY_OK) {
        ry_mail_fail(ctx, mail, false, err.text);
        return;
    }
    ry_mail_keep(ctx, mail);
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    note_gap(self, now_mono_ms);
    clip->state = CLIP_GATHERED;
    clip->mail = mail;
    clip->tries = 0;
    clip->since_mono_ms = now_mono_ms;
    go_on(self, ctx);
}

/* A store that is full, read-only, gone or failing is waited for however long it takes: the mails that wait use up this
 * actor's credit, so the encoders and all before them wait too, and nothing is given up that needs only a repair. */
static bool may_try_again(int rc, unsigned tries)
{
    RY_ASSERT(rc != RY_OK);
    return rc == RY_EFULL || rc == RY_EAWAY || (ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY && tries < STORE_TRIES);
}

static void end_put(struct putting *self, struct ry_ctx *ctx, struct clip *clip, const struct store_put *put)
{
    ry_count(ctx, RY_COUNTER_storage_files, put->written.files);
    ry_count(ctx, RY_COUNTER_storage_bytes, put->written.bytes);
    if (put->rc != RY_OK)
        ry_count(ctx, RY_COUNTER_storage_errors, 1);
    self->options.on_outcome(self->options.arg, ctx, put->rc, &put->err);
    clip->tries++;
    if (put->rc != RY_OK && may_try_again(put->rc, clip->tries)) {
        clip->state = CLIP_WAITING;
        clip->due_mono_ms =
            ry_mono_ms(ry_ctx_clock(ctx)) +
            ry_backoff_doubling_ms(ry_ctx_rng(ctx), RETRY_BASE_MS, RETRY_MAX_MS, clip->tries - 1, JITTER_PERCENT);
        return;
    }
    struct ry_mail *mail = clip->mail;
    if (put->rc == RY_OK) {
        put_mail_tell(ctx, mail, clip->files);
        ry_mail_done(ctx, mail);
    } else {
        ry_mail_fail(ctx, mail, false, put->err.text);
    }
    clip->state = CLIP_FREE;
}

bool putting_done(struct putting *self, struct ry_ctx *ctx, struct work *work)
{
    for (size_t i = 0; i < PUTTING_GROUPS_MAX; i++) {
        struct group *group = &self->groups[i];
        if (&group->work != work)
            continue;
        RY_ASSERT(group->on_the_way);
        group->on_the_way = false;
        ry_count(ctx, RY_COUNTER_storage_groups, 1);
        for (size_t k = 0; k < group->n; k++)
            end_put(self, ctx, group->clips[k], &group->puts[k]);
        go_on(self, ctx);
        return true;
    }
    return false;
}

void putting_tick(struct putting *self, struct ry_ctx *ctx)
{
    go_on(self, ctx);
}

bool putting_drain(struct putting *self, struct ry_ctx *ctx)
{
    go_on(self, ctx);
    return count_of(self, CLIP_GATHERED) == 0 && count_of(self, CLIP_ON_THE_WAY) == 0;
}

size_t putting_waiting(const struct putting *self)
{
    return count_of(self, CLIP_WAITING);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int putting_open(struct putting **out, const struct putting_options *options, struct ry_error *err)
{
    RY_ASSERT(options->groups > 0 && options->groups <= PUTTING_GROUPS_MAX && options->group_full > 0);
    struct putting *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the storage");
    self->magic = PUTTING_MAGIC;
    self->options = *options;
    return RY_OK;
}

void putting_close(struct putting **out)
{
    if (*out == NULL)
        return;
    RY_ASSERT((*out)->magic == PUTTING_MAGIC);
    (*out)->magic = 0;
    free(*out);
    *out = NULL;
}

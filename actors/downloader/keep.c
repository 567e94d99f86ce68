/* keep.c: the conversation about one original, as a state machine.
 *
 *   FIRST      the first window is under way: it tells size, validator, and whether the server has ranges -> BEGINNING
 *   BEGINNING  a media_begin is out: storage tells how much is there -> STREAMING
 *   STREAMING  up to KEEP_PARALLEL windows are under way or here, one media_write is out; all written -> COMMITTING
 *   COMMITTING a media_commit is out -> the end
 *   COPYING    a media_copy is out, for a file of this host; more -> COPYING, else the end
 *   PAUSED     waits for the timer, then goes back to where it came from
 *
 * It ends by clip_kept, which storage sends, or by clip_keep_failed; then the mail's custody ends. Memory: the windows.
 * A crash loses the windows only: storage has what was written, and the next media_begin goes on there, if the server
 * still has the same content by a strong validator; else it begins anew.
 *
 * Limits: KEEP_TRIES passing troubles without a byte in between, KEEP_MS_MAX in all, one new beginning. */
#include "actors/downloader/keep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"
#include "runtime/base/utf8.h"

#define KEEP_MAGIC       0x6b656570u
#define KEEP_WINDOW      ((uint64_t)256 << 10)
#define KEEP_PARALLEL    4
#define KEEP_TRIES       4
#define KEEP_MS_MAX      ((int64_t)6 * 3600 * 1000)
#define KEEP_BEGINS_MAX  2
#define PAUSE_BASE_MS    500
#define PAUSE_MAX_MS     10000
#define PAUSE_FULL_MS    1000
#define PAUSE_JITTER     25
#define NAME_SHOWN_BYTES 100
/* Clocks differ, and a file's later ranges are asked for long after its first one. */
#define EXPIRY_DOUBT_MS ((int64_t)15 * 60 * 1000)

enum keep_step { KEEP_FIRST, KEEP_BEGINNING, KEEP_STREAMING, KEEP_COMMITTING, KEEP_COPYING, KEEP_PAUSED };

enum slot_state { SLOT_FREE, SLOT_UNDER_WAY, SLOT_HERE };

struct slot {
    enum slot_state state;
    bool stale; /* UNDER_WAY: nobody wants it any more */
    uint64_t offset;
    uint64_t length;
    struct ry_frame *frame; /* HERE */
};

struct keep {
    unsigned magic; /* KEEP_MAGIC */
    struct keep_world *world;
    struct keep *next;
    struct ry_mail *mail;
    const struct ry_clip_work *work; /* in mail */
    struct source *source;           /* NULL: a file of this host */

    enum keep_step step;
    enum keep_step resume; /* PAUSED: where it goes back to */
    int64_t due_mono_ms;   /* PAUSED: when */
    int64_t begun_mono_ms;
    uint64_t ask; /* id of the question to storage that is out; 0: none */

    struct slot slots[KEEP_PARALLEL];
    unsigned under_way;
    uint64_t written; /* bytes that storage has */
    uint64_t next_at; /* of the window that is fetched next */
    unsigned begins;  /* how often it was begun */
    unsigned tries;   /* troubles since the last byte */
    bool advancing;   /* results that come now are looked at by keep_advance */
    bool changed;     /* the trouble is that it is another video now */
    struct ry_error trouble;
    int64_t retry_after_ms; /* what the server asked for; -1: nothing */
};

static source_on_result on_result;
static void keep_advance(struct keep *keep);

static int64_t now_mono_ms(const struct keep *keep)
{
    return ry_mono_ms(ry_ctx_clock(keep->world->ctx));
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void drop_windows(struct keep *keep)
{
    for (size_t i = 0; i < KEEP_PARALLEL; i++) {
        struct slot *slot = &keep->slots[i];
        ry_frame_unref(slot->frame);
        slot->frame = NULL;
        if (slot->state == SLOT_HERE)
            slot->state = SLOT_FREE;
        slot->stale = slot->state == SLOT_UNDER_WAY;
    }
}

static void keep_free(struct keep *keep)
{
    RY_ASSERT(keep->magic == KEEP_MAGIC);
    struct keep **at = &keep->world->keeps;
    while (*at != keep)
        at = &(*at)->next;
    *at = keep->next;
    source_close(&keep->source);
    drop_windows(keep);
    keep->magic = 0;
    free(keep);
}

/* Frees it, then ends the mail's custody: what was sent before leaves first. */
static void keep_end(struct keep *keep)
{
    struct ry_ctx *ctx = keep->world->ctx;
    struct ry_mail *mail = keep->mail;
    keep_free(keep);
    ry_mail_done(ctx, mail);
}

/* Ends it with a sentence that begins with the file's name and goes on with the predicate. */
static void keep_fail(struct keep *keep, const char *predicate, struct ry_clip_keep_failed failed)
{
    struct ry_error reason;
    struct ry_str name = ry_utf8_head(keep->work->filename, NAME_SHOWN_BYTES);
    (void)ry_fail(&reason, RY_EDATA, "%.*s %s", RY_STR_ARG(name), predicate);
    failed.clip_id = keep->work->clip_id;
    failed.reason = ry_str_of(reason.text);
    failed.next_retry_ms = keep->retry_after_ms > 0 ? (uint64_t)keep->retry_after_ms : 0;
    struct ry_send send = ry_send_from(keep->mail);
    (void)RY_TELL(keep->world->ctx, clip_keep_failed, &failed, &send);
    keep_end(keep);
}

static void keep_give_back(struct keep *keep, const char *predicate)
{
    keep_fail(keep, predicate, (struct ry_clip_keep_failed){.release = true});
}

/* Storage said no: the store's trouble gives the clip back, that of the file itself is its failure. */
static void keep_refused(struct keep *keep, struct ry_str error, bool away, uint64_t class, bool gone)
{
    struct ry_error text;
    (void)ry_fail(&text, RY_EIO, "%.*s", RY_STR_ARG(error));
    keep_fail(keep, text.text,
              (struct ry_clip_keep_failed){.release = away, .away = away, .class = away ? 0 : class, .gone = gone});
}

/* ---- pauses ------------------------------------------------------------------------------------------------------ */

static void arm_timer(struct keep_world *world)
{
    int64_t due = INT64_MAX;
    for (const struct keep *keep = world->keeps; keep != NULL; keep = keep->next)
        if (keep->step == KEEP_PAUSED && keep->due_mono_ms < due)
            due = keep->due_mono_ms;
    int64_t wait_ms = due - ry_mono_ms(ry_ctx_clock(world->ctx));
    if (due == INT64_MAX)
        ry_timer_cancel(world->ctx, KEEP_TIMER);
    else
        ry_timer(world->ctx, KEEP_TIMER, wait_ms > 0 ? wait_ms : 0);
}

static void keep_pause(struct keep *keep, enum keep_step resume, int64_t wait_ms)
{
    RY_ASSERT(keep->step != KEEP_PAUSED && wait_ms >= 0, "step %d, %lld ms", (int)keep->step, (long long)wait_ms);
    keep->step = KEEP_PAUSED;
    keep->resume = resume;
    keep->due_mono_ms = now_mono_ms(keep) + wait_ms;
    arm_timer(keep->world);
}

/* ---- questions to storage ---------------------------------------------------------------------------------------- */

static void send_begin(struct keep *keep)
{
    const struct ry_media_begin begin = {
        .clip_id = keep->work->clip_id, .total = keep->source->total, .validator = ry_str_of(keep->source->validator)};
    struct ry_send send = ry_send_from(keep->mail);
    keep->step = KEEP_BEGINNING;
    keep->ask = RY_TELL(keep->world->ctx, media_begin, &begin, &send);
}

static void send_commit(struct keep *keep)
{
    const struct ry_media_commit commit = {.clip_id = keep->work->clip_id, .filename = keep->work->filename};
    struct ry_send send = ry_send_from(keep->mail);
    keep->step = KEEP_COMMITTING;
    keep->ask = RY_TELL(keep->world->ctx, media_commit, &commit, &send);
}

static void send_copy(struct keep *keep)
{
    const struct ry_media_copy copy = {.clip_id = keep->work->clip_id,
                                       .filename = keep->work->filename,
                                       .url = keep->work->url,
                                       .media_root = keep->work->media_root};
    struct ry_send send = ry_send_from(keep->mail);
    keep->step = KEEP_COPYING;
    keep->ask = RY_TELL(keep->world->ctx, media_copy, &copy, &send);
}

/* Sends the window that comes next, if it is here. */
static void write_next(struct keep *keep)
{
    for (size_t i = 0; i < KEEP_PARALLEL && keep->ask == 0; i++) {
        struct slot *slot = &keep->slots[i];
        if (slot->state != SLOT_HERE || slot->offset != keep->written)
            continue;
        const struct ry_media_write write = {
            .clip_id = keep->work->clip_id, .offset = slot->offset, .bytes = {.frame = slot->frame}};
        struct ry_send send = ry_send_from(keep->mail);
        keep->ask = RY_TELL(keep->world->ctx, media_write, &write, &send);
        ry_frame_unref(slot->frame);
        *slot = (struct slot){0};
    }
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

static void fetch(struct keep *keep, unsigned at, uint64_t offset, uint64_t length, int64_t time_ms)
{
    struct slot *slot = &keep->slots[at];
    RY_ASSERT(slot->state == SLOT_FREE && length > 0, "state %d", (int)slot->state);
    *slot = (struct slot){.state = SLOT_UNDER_WAY, .offset = offset, .length = length};
    keep->under_way++;
    keep->source->deadline_mono_ms = now_mono_ms(keep) + time_ms;
    ry_count(keep->world->ctx, RY_COUNTER_download_requests, 1);
    keep->source->ops->fetch(keep->source, at, offset, length);
}

/* The first window is alone, and may bring the whole file with it, from a server without ranges. */
static void fetch_first(struct keep *keep)
{
    keep->step = KEEP_FIRST;
    keep->begins++;
    keep->advancing = true;
    fetch(keep, 0, 0, KEEP_WINDOW, KEEP_MS_MAX);
    keep->advancing = false;
    keep_advance(keep);
}

static void open_source(struct keep *keep)
{
    struct ry_error err;
    source_close(&keep->source);
    if (source_http_open(&keep->source, keep->world->sources, keep->work->url, on_result, keep, &err) != RY_OK) {
        keep_fail(keep, err.text, (struct ry_clip_keep_failed){0});
        return;
    }
    fetch_first(keep);
}

/* Fetches what there is room for. */
static void fetch_more(struct keep *keep)
{
    for (unsigned i = 0; i < KEEP_PARALLEL && keep->next_at < keep->source->total; i++) {
        if (keep->slots[i].state != SLOT_FREE || keep->trouble.code != RY_OK)
            continue;
        uint64_t left = keep->source->total - keep->next_at;
        uint64_t length = left < KEEP_WINDOW ? left : KEEP_WINDOW;
        uint64_t at = keep->next_at;
        keep->next_at += length;
        fetch(keep, i, at, length, keep->world->fetch_ms_max);
    }
}

static void take_frame(struct keep *keep, struct slot *slot, struct ry_frame *frame)
{
    size_t n = frame != NULL ? ry_frame_size(frame) : 0;
    ry_count(keep->world->ctx, RY_COUNTER_download_bytes, n);
    if (n == 0) {
        (void)ry_fail(&keep->trouble, RY_EDATA, "ends before its announced size");
        keep->changed = true;
        *slot = (struct slot){0};
        return;
    }
    slot->state = SLOT_HERE;
    slot->frame = ry_frame_ref(frame);
    bool ends = keep->source->total_known && slot->offset + n >= keep->source->total;
    if (n < slot->length && !ends && keep->step == KEEP_STREAMING) { /* what follows is fetched from there again */
        uint64_t from = slot->offset + n;
        for (size_t i = 0; i < KEEP_PARALLEL; i++) {
            struct slot *other = &keep->slots[i];
            if (other->state == SLOT_FREE || other->offset < from)
                continue;
            ry_frame_unref(other->frame);
            other->frame = NULL;
            if (other->state == SLOT_HERE)
                *other = (struct slot){0};
            else
                other->stale = true;
        }
        keep->next_at = from;
    }
    slot->length = n;
}

static void on_result(void *arg, const struct source_result *result)
{
    struct keep *keep = arg;
    RY_ASSERT(keep->magic == KEEP_MAGIC && result->slot < KEEP_PARALLEL && keep->under_way > 0, "slot %u",
              result->slot);
    struct slot *slot = &keep->slots[result->slot];
    RY_ASSERT(slot->state == SLOT_UNDER_WAY, "a second result of one fetch");
    keep->under_way--;
    if (slot->stale) {
        *slot = (struct slot){0};
    } else if (result->code == RY_OK) {
        take_frame(keep, slot, result->frame);
    } else {
        ry_count(keep->world->ctx, RY_COUNTER_download_errors, 1);
        *slot = (struct slot){0};
        keep->trouble = result->error;
        keep->retry_after_ms = result->retry_after_ms;
        keep->changed = keep->changed || result->changed;
    }
    if (!keep->advancing)
        keep_advance(keep);
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* A server answers 404 for what was deleted and for a URL that has expired; near its end, a fresh URL will tell. */
static bool is_gone(const struct keep *keep)
{
    int64_t expires_wall_ms = keep->work->expires_wall_ms;
    bool expired =
        expires_wall_ms > 0 && expires_wall_ms <= ry_wall_ms(ry_ctx_clock(keep->world->ctx)) + EXPIRY_DOUBT_MS;
    return keep->trouble.code == RY_ENOENT && !expired;
}

static void begin_anew(struct keep *keep)
{
    drop_windows(keep);
    for (size_t i = 0; i < KEEP_PARALLEL; i++)
        keep->slots[i] = (struct slot){0};
    keep->under_way = 0;
    keep->ask = 0;
    keep->written = keep->next_at = 0;
    keep->changed = false;
    keep->trouble = (struct ry_error){0};
    open_source(keep);
}

static void keep_on_trouble(struct keep *keep)
{
    if (keep->changed && keep->begins < KEEP_BEGINS_MAX) {
        begin_anew(keep);
        return;
    }
    bool passing = ry_err_class(keep->trouble.code) == RY_CLASS_RETRY;
    bool late = now_mono_ms(keep) - keep->begun_mono_ms > KEEP_MS_MAX;
    if (!passing || late || keep->tries >= KEEP_TRIES || keep->retry_after_ms > PAUSE_MAX_MS) {
        struct ry_error why = keep->trouble;
        bool gone = is_gone(keep);
        bool final = gone || why.code == RY_ELIMIT || (why.code == RY_EDATA && !keep->changed);
        keep_fail(
            keep, why.text,
            (struct ry_clip_keep_failed){.class = final ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING, .gone = gone});
        return;
    }
    int64_t wait_ms =
        ry_backoff_doubling_ms(ry_ctx_rng(keep->world->ctx), PAUSE_BASE_MS, PAUSE_MAX_MS, keep->tries++, PAUSE_JITTER);
    if (keep->retry_after_ms > wait_ms)
        wait_ms = keep->retry_after_ms;
    keep->trouble = (struct ry_error){0};
    keep->retry_after_ms = -1;
    drop_windows(keep);
    keep->next_at = keep->written;
    keep_pause(keep, keep->step == KEEP_STREAMING ? KEEP_STREAMING : KEEP_FIRST, wait_ms);
}

/* Begins what can be begun, and goes on to the next step. Only in FIRST and STREAMING. */
static void keep_advance(struct keep *keep)
{
    if ((keep->step != KEEP_FIRST && keep->step != KEEP_STREAMING) || keep->advancing)
        return;
    if (keep->trouble.code != RY_OK) {
        bool hopeless = keep->changed || ry_err_class(keep->trouble.code) != RY_CLASS_RETRY;
        if ((keep->under_way == 0 && keep->ask == 0) || hopeless)
            keep_on_trouble(keep);
        return;
    }
    if (keep->step == KEEP_FIRST) {
        if (keep->under_way > 0)
            return;
        if (!keep->source->total_known)
            keep_fail(keep, "could not be downloaded: its server does not tell its size",
                      (struct ry_clip_keep_failed){0});
        else
            send_begin(keep);
        return;
    }
    keep->advancing = true;
    fetch_more(keep);
    keep->advancing = false;
    if (keep->trouble.code != RY_OK && keep->under_way == 0 && keep->ask == 0) {
        keep_on_trouble(keep);
        return;
    }
    if (keep->ask == 0 && keep->written == keep->source->total)
        send_commit(keep);
    else
        write_next(keep);
}

void keep_begin(struct keep_world *world, struct ry_mail *mail)
{
    struct keep *keep = calloc(1, sizeof *keep);
    if (keep == NULL) {
        ry_mail_fail(world->ctx, mail, true, "the downloader has no memory for another original");
        return;
    }
    ry_mail_keep(world->ctx, mail);
    *keep = (struct keep){.magic = KEEP_MAGIC,
                          .world = world,
                          .next = world->keeps,
                          .mail = mail,
                          .work = &RY_BODY(mail, media_keep)->clips.items[0],
                          .retry_after_ms = -1};
    world->keeps = keep;
    keep->begun_mono_ms = now_mono_ms(keep);
    if (keep->work->url.n >= 5 && strncasecmp(keep->work->url.p, "file:", 5) == 0)
        send_copy(keep);
    else
        open_source(keep);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void on_begun(struct keep *keep, const struct ry_media_begun *begun)
{
    if (begun->error.p != NULL) {
        keep_refused(keep, begun->error, begun->away, RY_FAILURE_PASSING, false);
        return;
    }
    struct slot *first = &keep->slots[0];
    RY_ASSERT(first->state == SLOT_HERE && keep->under_way == 0, "state %d", (int)first->state);
    keep->step = KEEP_STREAMING;
    keep->written = begun->offset;
    keep->next_at = begun->offset > 0 ? begun->offset : first->length;
    if (begun->offset > 0) {
        RY_LOG(RY_INFO, "keep_goes_on", "clip=%.*s offset=%" PRIu64 " total=%" PRIu64, RY_STR_ARG(keep->work->clip_id),
               begun->offset, keep->source->total);
        ry_frame_unref(first->frame);
        *first = (struct slot){0};
    }
    keep_advance(keep);
}

static void on_written(struct keep *keep, const struct ry_media_written *written)
{
    if (written->error.p != NULL) {
        keep_refused(keep, written->error, written->away, RY_FAILURE_PASSING, false);
        return;
    }
    if (written->offset <= keep->written) { /* what storage had is gone */
        keep_give_back(keep, "was put aside while it was being kept");
        return;
    }
    keep->written = written->offset;
    keep->tries = 0;
    keep_advance(keep);
}

static void on_copied(struct keep *keep, const struct ry_media_copied *copied)
{
    bool late = now_mono_ms(keep) - keep->begun_mono_ms > KEEP_MS_MAX;
    if (copied->error.p != NULL)
        keep_refused(keep, copied->error, copied->away, copied->class, copied->gone);
    else if (copied->more && (ry_ctx_draining(keep->world->ctx) || late))
        keep_give_back(keep, late ? "takes too long to copy" : "waits: the node is stopping");
    else if (copied->more)
        send_copy(keep);
    else
        keep_end(keep);
}

static void on_lost(struct keep *keep, const struct ry_undeliverable *lost)
{
    bool full = lost->cause == RY_UNDELIVERABLE_FULL || lost->cause == RY_UNDELIVERABLE_EXPIRED;
    if (!full || keep->step == KEEP_COMMITTING) {
        keep_refused(keep, lost->reason, true, 0, false); /* nobody to keep it here, or a storage that died of it */
        return;
    }
    enum keep_step resume = keep->step == KEEP_COPYING ? KEEP_COPYING : KEEP_FIRST;
    int64_t wait_ms = ry_rng_jitter(ry_ctx_rng(keep->world->ctx), PAUSE_FULL_MS, PAUSE_JITTER);
    keep_pause(keep, resume, wait_ms);
}

bool keeps_answer(struct keep_world *world, const struct ry_mail *mail)
{
    enum ry_tag tag = mail->descriptor->tag;
    uint64_t id = tag == RY_TAG_undeliverable ? RY_BODY(mail, undeliverable)->id : mail->envelope.correlation;
    struct keep *keep = world->keeps;
    while (keep != NULL && (keep->ask != id || id == 0))
        keep = keep->next;
    if (keep == NULL)
        return false;
    keep->ask = 0;
    switch (tag) {
    case RY_TAG_media_begun: on_begun(keep, RY_BODY(mail, media_begun)); break;
    case RY_TAG_media_written: on_written(keep, RY_BODY(mail, media_written)); break;
    case RY_TAG_media_copied: on_copied(keep, RY_BODY(mail, media_copied)); break;
    case RY_TAG_media_committed: {
        const struct ry_media_committed *committed = RY_BODY(mail, media_committed);
        if (committed->error.p != NULL)
            keep_refused(keep, committed->error, committed->away, committed->class, false);
        else
            keep_end(keep);
        break;
    }
    default: on_lost(keep, RY_BODY(mail, undeliverable)); break;
    }
    return true;
}

/* ---- the rest of life -------------------------------------------------------------------------------------------- */

static void keep_resume(struct keep *keep)
{
    enum keep_step resume = keep->resume;
    keep->step = resume;
    if (resume == KEEP_COPYING) {
        send_copy(keep);
    } else if (resume == KEEP_STREAMING) {
        keep_advance(keep);
    } else {
        keep->begins = 0;
        begin_anew(keep);
    }
}

void keeps_on_timer(struct keep_world *world)
{
    int64_t now = ry_mono_ms(ry_ctx_clock(world->ctx));
    struct keep *next;
    for (struct keep *keep = world->keeps; keep != NULL; keep = next) {
        next = keep->next; /* going on ends no other */
        if (keep->step == KEEP_PAUSED && keep->due_mono_ms <= now)
            keep_resume(keep);
    }
    arm_timer(world);
}

void keeps_drain(struct keep_world *world)
{
    struct keep *next;
    for (struct keep *keep = world->keeps; keep != NULL; keep = next) {
        next = keep->next;
        if (keep->step != KEEP_COMMITTING && keep->step != KEEP_COPYING)
            keep_give_back(keep, "waits: the node is stopping");
    }
}

void keeps_free(struct keep_world *world)
{
    while (world->keeps != NULL)
        keep_free(world->keeps);
}

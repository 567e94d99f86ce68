/* clip.c: the conversation about one clip, as a state machine.
 *
 *   FETCHING   ranges are under way from the source; when all are here -> ENCODING; a passing trouble -> PAUSED
 *   ENCODING   an encode_run is out; needs -> FETCHING, done and failed -> the end, undeliverable(full) -> PAUSED
 *   PAUSED     waits for the timer, then goes back to where it came from
 *
 * It ends by clip_failed to the writer, or by encode_done (storage and writer carry on from there), and then the mail's
 * custody ends (clip_end.c). Results of a source may come inside the call that asks for them, so on_result only takes
 * notes, and clip_advance alone decides.
 *
 * Limits: ROUNDS_MAX rounds with the encoder and BYTE_RANGES_MAX_BYTES, then the encoder is told that it was the last;
 * FETCH_TRIES passing troubles; fetch_ms_max of fetching in all, pauses and the encoder's time not counted;
 * ENCODE_MS_MAX for an answer of the encoders, waiting for one of them included. A clip that turns into another video
 * while it is read begins anew once.
 *
 * Owns the clips of its world. Nothing of them outlives a crash: the mail comes again and the clip begins anew. */
#include "actors/downloader/clip_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

#define ROUNDS_MAX    24
#define FETCH_TRIES   3
#define PAUSE_BASE_MS 500
#define PAUSE_MAX_MS  10000
#define PAUSE_FULL_MS 1000
/* All clips of an instance hold at most ELDERS * BYTE_RANGES_MAX_BYTES + CLAIMED_MANY_BYTES: 1 GiB. */
#define ELDERS             12
#define CLAIMED_MANY_BYTES ((uint64_t)256 << 20)
#define PAUSE_CLAIM_MS     250
/* The scheduler forgets a pace that is not repeated. */
#define PACE_TELL_MS 10000
/* Far beyond what a queue before the encoders takes, unless nothing moves behind them either. */
#define ENCODE_MS_MAX        ((int64_t)3600 * 1000)
#define PAUSE_JITTER_PERCENT 25
/* Whose verdict a failure is: no encoder's, or one's that did not say its version. */
#define NOBODY       ((struct ry_str){NULL, 0})
#define SOME_ENCODER RY_STR(RY_ENCODER_UNKNOWN)

static void clip_advance(struct clip *clip);
static source_on_result on_result;
static void clip_pause(struct clip *clip, enum step resume, int64_t wait_ms);

static int64_t now_mono_ms(const struct clip *clip)
{
    return ry_mono_ms(ry_ctx_clock(clip->world->ctx));
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static bool is_local(const struct ry_clip_work *work)
{
    return work->url.n >= 5 && strncasecmp(work->url.p, "file:", 5) == 0;
}

static int open_source(struct clip *clip, struct ry_error *err)
{
    const struct ry_clip_work *work = clip->work;
    if (is_local(work))
        return source_file_open(&clip->source, &clip->world->sources.roots, work->url, work->media_root, on_result,
                                clip, err);
    int64_t now_wall_ms = ry_wall_ms(ry_ctx_clock(clip->world->ctx));
    if (work->expires_wall_ms > 0 && work->expires_wall_ms <= now_wall_ms) {
        char when[RY_TIME_TEXT_BYTES];
        ry_time_format(work->expires_wall_ms, when);
        return ry_fail(
            err, RY_EACCES,
            "could not be downloaded: its URL has expired at %s; export or scan its channel again for a new one", when);
    }
    return source_http_open(&clip->source, &clip->world->sources, work->url, on_result, clip, err);
}

/* Whether a clip may hold so many bytes. The oldest always may, up to their own limit, so that they come to an end; the
 * others only while all together hold little. */
static bool may_claim(const struct clip *clip, uint64_t bytes)
{
    if (clip->world->claimed_bytes - clip->claimed_bytes + bytes <= CLAIMED_MANY_BYTES)
        return true;
    size_t older = 0;
    for (const struct clip *other = clip->next; other; other = other->next)
        older++;
    return older < ELDERS;
}

static void clip_claim(struct clip *clip, uint64_t bytes)
{
    RY_ASSERT(clip->world->claimed_bytes >= clip->claimed_bytes, "%" PRIu64 " of %" PRIu64 " bytes",
              clip->claimed_bytes, clip->world->claimed_bytes);
    clip->world->claimed_bytes += bytes - clip->claimed_bytes;
    clip->claimed_bytes = bytes;
}

static void clip_fetch(struct clip *clip)
{
    RY_ASSERT(clip->source != NULL && clip->under_way == 0, "%u under way", clip->under_way);
    clip->step = CLIP_FETCHING;
    uint64_t bytes = clip->held.bytes;
    for (size_t i = 0; i < clip->wanted_n; i++)
        bytes += clip->wanted[i].state == WANTED_HERE ? 0 : clip->wanted[i].span.length;
    if (!may_claim(clip, bytes)) {
        clip_pause(clip, CLIP_FETCHING, PAUSE_CLAIM_MS);
        return;
    }
    clip_claim(clip, bytes);
    clip->fetch_since_mono_ms = now_mono_ms(clip);
    clip->source->deadline_mono_ms = clip->fetch_since_mono_ms + clip->fetch_ms_left;
    clip_advance(clip);
}

/* Opens the source and fetches the first window (all of it, if the video is shorter). */
static void clip_open(struct clip *clip)
{
    struct ry_error err;
    if (open_source(clip, &err) != RY_OK) {
        ry_count(clip->world->ctx, RY_COUNTER_download_errors, 1);
        clip_fail(clip, err.text, clip_class_of(err.code), NOBODY);
        return;
    }
    RY_ASSERT(clip->source != NULL);
    clip->wanted[0] = (struct wanted){.span = {0, clip->world->window_bytes}};
    clip->wanted_n = 1;
    clip_fetch(clip);
}

void clip_begin(struct clip_world *world, struct ry_mail *mail)
{
    struct clip *clip = calloc(1, sizeof *clip);
    if (!clip) {
        ry_mail_fail(world->ctx, mail, true, "the downloader has no memory for another clip");
        return;
    }
    ry_mail_keep(world->ctx, mail);
    bool sheet = mail->descriptor->tag == RY_TAG_sheet_make;
    *clip = (struct clip){.magic = CLIP_MAGIC,
                          .world = world,
                          .next = world->clips,
                          .mail = mail,
                          .work = sheet ? &RY_BODY(mail, sheet_make)->clips.items[0]
                                        : &RY_BODY(mail, thumbnail_make)->clips.items[0],
                          .sheet = sheet,
                          .retry_after_ms = -1,
                          .fetch_ms_left = world->fetch_ms_max};
    world->clips = clip;
    world->clip_count++;
    pace_on_active(&world->pace, (unsigned)world->clip_count);
    clip_open(clip);
}

/* ---- pauses ------------------------------------------------------------------------------------------------------ */

static void arm_timer(struct clip_world *world)
{
    int64_t due = INT64_MAX;
    for (const struct clip *clip = world->clips; clip; clip = clip->next)
        if (clip->step != CLIP_FETCHING && clip->due_mono_ms < due)
            due = clip->due_mono_ms;
    int64_t wait_ms = due - ry_mono_ms(ry_ctx_clock(world->ctx));
    if (due == INT64_MAX)
        ry_timer_cancel(world->ctx, CLIP_TIMER);
    else
        ry_timer(world->ctx, CLIP_TIMER, wait_ms > 0 ? wait_ms : 0);
}

static void clip_pause(struct clip *clip, enum step resume, int64_t wait_ms)
{
    RY_ASSERT(clip->step != CLIP_PAUSED && wait_ms >= 0, "step %d, %lld ms", (int)clip->step, (long long)wait_ms);
    clip->step = CLIP_PAUSED;
    clip->resume = resume;
    clip->due_mono_ms = now_mono_ms(clip) + wait_ms;
    arm_timer(clip->world);
}

/* ---- encoding ---------------------------------------------------------------------------------------------------- */

static uint64_t tell_sheet_run(const struct clip *clip, struct ry_window *windows, const struct ry_send *send)
{
    const struct ry_clip_work *work = clip->work;
    const struct ry_sheet_run run = {.clip_id = work->clip_id,
                                     .guild_id = work->guild_id,
                                     .filename = work->filename,
                                     .total_bytes = clip->source->total_known ? clip->source->total : 0,
                                     .windows = {windows, clip->held.n},
                                     .quality = clip->world->quality,
                                     .last_round = clip->last_round};
    return RY_TELL(clip->world->ctx, sheet_run, &run, send);
}

static uint64_t tell_encode_run(const struct clip *clip, struct ry_window *windows, const struct ry_send *send)
{
    const struct clip_world *world = clip->world;
    const struct ry_clip_work *work = clip->work;
    const struct ry_encode_run run = {.clip_id = work->clip_id,
                                      .guild_id = work->guild_id,
                                      .filename = work->filename,
                                      .total_bytes = clip->source->total_known ? clip->source->total : 0,
                                      .windows = {windows, clip->held.n},
                                      .wished_s = world->wished_s,
                                      .frame = world->frame,
                                      .small_width = world->small_width,
                                      .small_height = world->small_height,
                                      .large_width = world->large_width,
                                      .large_height = world->large_height,
                                      .quality = world->quality,
                                      .last_round = clip->last_round};
    return RY_TELL(world->ctx, encode_run, &run, send);
}

/* Sends all windows to the encoder. The run has no deadline: what is begun is brought to an end. */
static void send_encode_run(struct clip *clip)
{
    RY_ASSERT(clip->step != CLIP_ENCODING && clip->encode_id == 0, "step %d", (int)clip->step);
    RY_ASSERT(clip->held.n <= BYTE_RANGES_MAX, "%zu ranges", clip->held.n);
    struct ry_window windows[BYTE_RANGES_MAX];
    for (size_t i = 0; i < clip->held.n; i++)
        windows[i] =
            (struct ry_window){.offset = clip->held.items[i].offset, .bytes = {.frame = clip->held.items[i].frame}};
    struct ry_send send = ry_send_from(clip->mail);
    send.deadline_wall_ms = 0;
    clip->step = CLIP_ENCODING;
    clip->encode_id = clip->sheet ? tell_sheet_run(clip, windows, &send) : tell_encode_run(clip, windows, &send);
    clip->encode_since_mono_ms = now_mono_ms(clip);
    clip->due_mono_ms = clip->encode_since_mono_ms + ENCODE_MS_MAX;
    arm_timer(clip->world);
}

static bool is_whole(const struct clip *clip)
{
    return clip->source->total_known && byte_ranges_cover(&clip->held, clip->source->total);
}

static void clip_encode(struct clip *clip)
{
    RY_ASSERT(clip->step == CLIP_FETCHING && clip->under_way == 0, "step %d, %u under way", (int)clip->step,
              clip->under_way);
    clip->rounds++;
    bool no_news = clip->held.bytes == clip->encoded_bytes; /* there is nothing where the encoder looks */
    clip->encoded_bytes = clip->held.bytes;
    clip->last_round = no_news || clip->exhausted || is_whole(clip) || clip->rounds >= ROUNDS_MAX ||
                       clip->held.bytes >= BYTE_RANGES_MAX_BYTES || clip->held.n >= BYTE_RANGES_MAX;
    send_encode_run(clip);
}

struct clip *clip_of_encode(struct clip_world *world, uint64_t encode_id)
{
    for (struct clip *clip = world->clips; clip; clip = clip->next) {
        RY_ASSERT(clip->magic == CLIP_MAGIC);
        if (clip->step == CLIP_ENCODING && clip->encode_id == encode_id)
            return clip;
    }
    return NULL;
}

static void note_encoder(const struct clip *clip, uint64_t busy_us)
{
    RY_ASSERT(clip->step == CLIP_ENCODING, "step %d", (int)clip->step);
    if (clip->sheet) /* made when there is nothing to hurry for */
        return;
    pace_on_encoded(&clip->world->pace, (now_mono_ms(clip) - clip->encode_since_mono_ms) * 1000, busy_us);
}

void clip_on_encode_needs(struct clip *clip, const struct ry_encode_needs *needs)
{
    note_encoder(clip, needs->busy_us);
    clip->encode_id = 0;
    if (clip->last_round) {
        char text[200];
        (void)snprintf(text, sizeof text,
                       "shows no picture within %u rounds of reading (%" PRIu64 " bytes of it); it may be damaged",
                       clip->rounds, clip->held.bytes);
        clip_fail(clip, is_whole(clip) ? "ends before a picture comes; it seems to be cut off" : text,
                  RY_FAILURE_PERMANENT, SOME_ENCODER);
        return;
    }
    struct span spans[SPANS_MAX];
    uint64_t total = clip->source->total_known ? clip->source->total : UINT64_MAX;
    clip->wanted_n = byte_ranges_plan(&clip->held, needs->ranges.items, needs->ranges.n, total, spans);
    for (size_t i = 0; i < clip->wanted_n; i++)
        clip->wanted[i] = (struct wanted){.span = spans[i]};
    clip_fetch(clip);
}

static const char *product_of(const struct clip *clip)
{
    return clip->sheet ? "storyboard" : "thumbnail";
}

void clip_on_sheet_done(struct clip *clip)
{
    RY_ASSERT(clip->step == CLIP_ENCODING && clip->sheet, "step %d", (int)clip->step);
    clip_end(clip);
}

void clip_on_encode_done(struct clip *clip, const struct ry_encode_done *done)
{
    note_encoder(clip, done->busy_us);
    clip_end(clip);
}

void clip_on_encode_failed(struct clip *clip, const struct ry_encode_failed *failed)
{
    note_encoder(clip, failed->busy_us);
    struct ry_error text;
    ry_fail(&text, RY_EDATA, "gives no %s: %.*s", product_of(clip), RY_STR_ARG(failed->reason));
    clip_fail(clip, text.text, (enum ry_failure_class)failed->class, failed->encoder);
}

void clip_on_undeliverable(struct clip *clip, const struct ry_undeliverable *undeliverable)
{
    RY_ASSERT(clip->step == CLIP_ENCODING, "step %d", (int)clip->step);
    clip->encode_id = 0;
    if (undeliverable->cause == RY_UNDELIVERABLE_FULL || undeliverable->cause == RY_UNDELIVERABLE_EXPIRED) {
        int64_t wait_ms = ry_rng_jitter(ry_ctx_rng(clip->world->ctx), PAUSE_FULL_MS, PAUSE_JITTER_PERCENT);
        clip_pause(clip, CLIP_ENCODING, wait_ms);
        return;
    }
    struct ry_error text;
    bool permanent = undeliverable->class == RY_FAILURE_PERMANENT;
    if (permanent)
        ry_fail(&text, RY_EDATA, "gives no %s: %.*s", product_of(clip), RY_STR_ARG(undeliverable->reason));
    else
        ry_fail(&text, RY_EDATA, "could not be decoded: %.*s", RY_STR_ARG(undeliverable->reason));
    clip_fail(clip, text.text, (enum ry_failure_class)undeliverable->class, permanent ? SOME_ENCODER : NOBODY);
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */

/* Takes what came of a range. A server may send less of it than asked for; then the rest is asked for again. */
static void take_frame(struct clip *clip, struct wanted *wanted, struct ry_frame *frame)
{
    wanted->state = WANTED_HERE;
    if (!frame)
        return; /* the video ends before it */
    uint64_t n = ry_frame_size(frame);
    RY_ASSERT(n > 0 && n <= wanted->span.length, "%" PRIu64 " bytes of %" PRIu64, n, wanted->span.length);
    ry_count(clip->world->ctx, RY_COUNTER_download_bytes, n);
    if (!byte_ranges_add(&clip->held, wanted->span.offset, frame)) {
        clip->exhausted = true;
        return;
    }
    wanted->span.offset += n;
    wanted->span.length -= n;
    bool ends = clip->source->total_known && wanted->span.offset >= clip->source->total;
    if (wanted->span.length > 0 && !ends && !clip->exhausted)
        wanted->state = WANTED_TODO;
}

/* Tells the pace how a server did: a round trip is measured by the first range, which is of the same size for all. */
static void note_server(const struct clip *clip, enum ry_err code)
{
    if (is_local(clip->work))
        return;
    bool first = clip->rounds == 0 && clip->tries == 0;
    if (code == RY_EBUSY || code == RY_EAWAY || code == RY_ETIMEOUT)
        pace_on_trouble(&clip->world->pace);
    else if (code == RY_OK && first)
        pace_on_range(&clip->world->pace, now_mono_ms(clip) - clip->fetch_since_mono_ms);
}

static void on_result(void *arg, const struct source_result *result)
{
    struct clip *clip = arg;
    RY_ASSERT(clip->magic == CLIP_MAGIC);
    RY_ASSERT(result->slot < clip->wanted_n && clip->under_way > 0, "range %u of %zu, %u under way", result->slot,
              clip->wanted_n, clip->under_way);
    struct wanted *wanted = &clip->wanted[result->slot];
    RY_ASSERT(wanted->state == WANTED_UNDER_WAY, "a second result of one fetch");
    clip->under_way--;
    note_server(clip, result->code);
    if (result->code == RY_OK) {
        take_frame(clip, wanted, result->frame);
    } else {
        ry_count(clip->world->ctx, RY_COUNTER_download_errors, 1);
        wanted->state = WANTED_TODO;
        clip->trouble = result->error;
        clip->retry_after_ms = result->retry_after_ms;
        clip->changed = clip->changed || result->changed;
    }
    if (!clip->advancing)
        clip_advance(clip);
}

static void fetch_one(struct clip *clip, size_t slot)
{
    struct wanted *wanted = &clip->wanted[slot];
    RY_ASSERT(wanted->state == WANTED_TODO && wanted->span.length > 0, "state %d", (int)wanted->state);
    wanted->state = WANTED_UNDER_WAY;
    clip->under_way++;
    ry_count(clip->world->ctx, RY_COUNTER_download_requests, 1);
    clip->source->ops->fetch(clip->source, (unsigned)slot, wanted->span.offset, wanted->span.length);
}

/* Forgets everything that was fetched and begins with the first window again. */
static void clip_begin_anew(struct clip *clip)
{
    source_close(&clip->source);
    clip_claim(clip, 0);
    byte_ranges_clear(&clip->held);
    clip->under_way = 0;
    clip->trouble = (struct ry_error){0};
    clip->changed = false;
    clip->exhausted = false;
    clip->begun_anew = true;
    clip->rounds = 0;
    clip->encoded_bytes = 0;
    clip_open(clip);
}

static void clip_on_trouble(struct clip *clip)
{
    RY_ASSERT(clip->step == CLIP_FETCHING && clip->trouble.code != RY_OK, "step %d", (int)clip->step);
    if (clip->changed && !clip->begun_anew) {
        clip_begin_anew(clip);
        return;
    }
    bool passing = ry_err_class(clip->trouble.code) == RY_CLASS_RETRY;
    if (!passing || clip->tries >= FETCH_TRIES || clip->fetch_ms_left <= 0 || clip->retry_after_ms > PAUSE_MAX_MS) {
        struct ry_error why = clip->trouble;
        clip_fail(clip, why.text, clip_class_of_trouble(clip), NOBODY);
        return;
    }
    int64_t wait_ms = ry_backoff_doubling_ms(ry_ctx_rng(clip->world->ctx), PAUSE_BASE_MS, PAUSE_MAX_MS, clip->tries++,
                                             PAUSE_JITTER_PERCENT);
    if (clip->retry_after_ms > wait_ms)
        wait_ms = clip->retry_after_ms;
    clip->trouble = (struct ry_error){0};
    clip->retry_after_ms = -1;
    clip_pause(clip, CLIP_FETCHING, wait_ms);
}

/* The time since fetching began is used up. */
static void stop_fetch_time(struct clip *clip)
{
    int64_t now = now_mono_ms(clip);
    RY_ASSERT(now >= clip->fetch_since_mono_ms, "time went back by %" PRId64 " ms", clip->fetch_since_mono_ms - now);
    clip->fetch_ms_left -= now - clip->fetch_since_mono_ms;
    clip->fetch_since_mono_ms = now;
}

/* Begins what can be begun; when nothing is under way any more, goes on to the next step. */
static void clip_advance(struct clip *clip)
{
    RY_ASSERT(clip->step == CLIP_FETCHING && !clip->advancing, "step %d", (int)clip->step);
    clip->advancing = true;
    for (size_t i = 0; i < clip->wanted_n; i++)
        while (clip->wanted[i].state == WANTED_TODO && clip->under_way < SOURCE_PARALLEL && !clip->exhausted &&
               clip->trouble.code == RY_OK)
            fetch_one(clip, i);
    clip->advancing = false;
    bool hopeless = clip->trouble.code != RY_OK && ry_err_class(clip->trouble.code) != RY_CLASS_RETRY;
    if (clip->under_way > 0 && !hopeless && !clip->changed)
        return;
    stop_fetch_time(clip);
    if (clip->trouble.code != RY_OK)
        clip_on_trouble(clip);
    else
        clip_encode(clip);
}

unsigned clips_pace(struct clip_world *world)
{
    int64_t now = ry_mono_ms(ry_ctx_clock(world->ctx));
    bool changed = pace_turn(&world->pace, now);
    bool repeat =
        world->clip_count > 0 && world->pace.window != PACE_BASE && now - world->pace_told_mono_ms >= PACE_TELL_MS;
    if (!changed && !repeat)
        return world->pace.window;
    RY_LOG(RY_DEBUG, "download_pace", "clips=%u", world->pace.window);
    world->pace_told_mono_ms = now;
    const struct ry_download_pace pace = {.owner = ry_str_of(ry_ctx_owner(world->ctx)), .clips = world->pace.window};
    RY_TELL(world->ctx, download_pace, &pace, &(struct ry_send){.priority = RY_PRIORITY_CONTROL});
    return world->pace.window;
}

void clips_on_timer(struct clip_world *world)
{
    int64_t now = ry_mono_ms(ry_ctx_clock(world->ctx));
    struct clip *next;
    for (struct clip *clip = world->clips; clip; clip = next) {
        next = clip->next; /* going on ends no clip but itself */
        if (clip->step == CLIP_FETCHING || clip->due_mono_ms > now)
            continue;
        if (clip->step == CLIP_ENCODING)
            clip_give_back(clip, RY_STR("no encoder answered within an hour"));
        else if (clip->resume == CLIP_ENCODING)
            send_encode_run(clip);
        else
            clip_fetch(clip);
    }
    arm_timer(world);
}

void clips_free(struct clip_world *world)
{
    struct clip *next;
    for (struct clip *clip = world->clips; clip; clip = next) {
        next = clip->next;
        clip_free(clip);
    }
}

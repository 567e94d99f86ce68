/* encoder.c: the encoder actor: bytes of a video in, two images or a storyboard out.
 *
 * Owns     nothing: no file, no connection, no state between two mails. It may run anywhere.
 * Accepts  encode_run: windows of a video and what is requested of its picture; sheet_run: windows of a video of which a
 *          storyboard is to be made.
 * Sends    exactly one answer to the downloader: encode_needs (ranges to fetch; it asks again with all windows),
 *          encode_failed (a reason for people), or encode_done or sheet_done, before which thumbnail_store or
 *          sheet_store has gone to storage under the correlation of the mail, which is the clip's origin; encoder_here
 *          to the scheduler, now and then.
 * Promises that no file makes it fail otherwise, that the same bytes give the same images, and an end after
 *          ENGINE_CPU_MS of CPU time and one picture.
 * A crash  (a bug in a decoder) loses nothing: the router gives the mail to another instance, a few times, and then
 *          notifies the downloader. Images stored twice are the same file twice. */
#include "actors/encoder/encoder.h"

#include <time.h>

#include "actors/encoder/engine.h"
#include "actors/encoder/sheet.h"
#include "proto/sheet_layout.h"
#include "runtime/base/assert.h"

/* The largest pictures need some hundred megabytes for each that the decoder remembers. */
#define MEMORY_MAX_BYTES ((size_t)4 << 30)
/* Two attempts within ENGINE_CPU_MS, one picture that is not interrupted, and its images. */
#define MAIL_CPU_MAX_S (ENGINE_CPU_MS / 1000 + 40)

/* encoder_here is said at the start, after 4 s, 8 s more, and so on, at last about hourly. */
#define HERE_FIRST_MS   2000
#define HERE_TIMER_LAST 11

/* encode_run.filename's limit, and a NUL. */
#define FILENAME_BYTES 1025

static int encoder_open(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)err;
    *self = NULL;
    engine_set_up();
    ry_timer(ctx, 0, 0);
    return RY_OK;
}

/* The n windows of a mail into *windows, which knows of the video already. */
static bool read_windows(const struct ry_window *items, size_t n, struct window_io *windows)
{
    for (size_t i = 0; i < n; i++) {
        const struct ry_window *window = &items[i];
        if (!window_io_place(windows, window->offset, window->bytes.p, window->bytes.n))
            return false;
    }
    return true;
}

static void read_filename(struct ry_str name, char filename[FILENAME_BYTES])
{
    size_t n = name.n < FILENAME_BYTES ? name.n : FILENAME_BYTES - 1;
    memcpy(filename, name.p, n);
    filename[n] = '\0';
}

static struct engine_request read_request(const struct ry_encode_run *run, char filename[FILENAME_BYTES])
{
    read_filename(run->filename, filename);
    return (struct engine_request){
        .filename = filename,
        .wished_s = run->wished_s,
        .mode = (enum ry_frame_mode)run->frame,
        .small = {(int)run->small_width, (int)run->small_height},
        .large = {(int)run->large_width, (int)run->large_height},
        .quality = (float)run->quality,
    };
}

static double clock_s(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Time since the handler began, for the downloader, which so knows how long the mail waited. */
static uint64_t busy_us(double begin_s)
{
    return (uint64_t)((clock_s(CLOCK_MONOTONIC) - begin_s) * 1e6);
}

static void send_needs(struct ry_ctx *ctx, struct ry_mail *mail, const struct window_io *windows, double begin_s)
{
    struct ry_byte_range ranges[WINDOW_IO_NEEDS_MAX];
    RY_ASSERT(windows->need_count > 0 && windows->need_count <= WINDOW_IO_NEEDS_MAX && !windows->last_round,
              "%zu ranges", windows->need_count);
    for (size_t i = 0; i < windows->need_count; i++)
        ranges[i] = (struct ry_byte_range){.offset = windows->needs[i].offset, .length = windows->needs[i].length};
    RY_ANSWER(ctx, mail, encode_needs,
              (&(struct ry_encode_needs){.ranges = {.items = ranges, .n = windows->need_count},
                                         .busy_us = busy_us(begin_s)}));
}

/* A code that says REJECT is the video's own fault: it fails for good. */
static void send_failed(struct ry_ctx *ctx, struct ry_mail *mail, const struct ry_error *why, double begin_s)
{
    bool permanent = ry_err_class(why->code) == RY_CLASS_REJECT;
    char version[ENGINE_VERSION_BYTES];
    engine_version(version);
    ry_count(ctx, RY_COUNTER_encode_failed, 1);
    RY_ANSWER(ctx, mail, encode_failed,
              (&(struct ry_encode_failed){.reason = ry_str_of(why->text),
                                          .class = permanent ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING,
                                          .encoder = ry_str_of(version),
                                          .busy_us = busy_us(begin_s)}));
}

static struct ry_image image_of(const char *size_type, const struct engine_image *image)
{
    return (struct ry_image){
        .size_type = ry_str_of(size_type),
        .width = (uint64_t)image->size.width,
        .height = (uint64_t)image->size.height,
        .webp = {.p = ry_frame_data(image->webp), .n = ry_frame_size(image->webp), .frame = image->webp}};
}

/* Absent where there is nothing to say. */
static struct ry_str said(const char *text)
{
    return text[0] != '\0' ? ry_str_of(text) : (struct ry_str){.p = NULL};
}

static struct ry_video_facts facts_of(const struct engine_result *result)
{
    const struct media_facts *facts = &result->facts;
    return (struct ry_video_facts){.duration_s = facts->duration_s,
                                   .width = (uint64_t)facts->shown.width,
                                   .height = (uint64_t)facts->shown.height,
                                   .mime_type = ry_str_of(facts->mime_type),
                                   .container = ry_str_of(facts->container),
                                   .video_codec = said(facts->video_codec),
                                   .audio_codec = said(facts->audio_codec),
                                   .fps = facts->fps,
                                   .bitrate = facts->bitrate,
                                   .rotation = facts->rotation,
                                   .has_audio = facts->has_audio,
                                   .frame_time_s = facts->frame_time_s,
                                   .thumbhash = ry_str_of(result->thumbhash)};
}

static void send_images(struct ry_ctx *ctx, struct ry_mail *mail, const struct window_io *windows,
                        const struct engine_result *result, double begin_s)
{
    const struct ry_encode_run *run = RY_BODY(mail, encode_run);
    struct ry_image images[2] = {image_of("small", &result->small), image_of("large", &result->large)};
    struct ry_video_facts facts = facts_of(result);
    struct ry_thumbnail_store store = {.clip_id = run->clip_id,
                                       .guild_id = run->guild_id,
                                       .images = {.items = images, .n = 2},
                                       .facts = {.items = &facts, .n = 1},
                                       .bytes_read = window_io_bytes(windows)};
    struct ry_error why;
    if (ry_check(RY_TAG_thumbnail_store, &store, &why) != RY_OK) {
        send_failed(ctx, mail, &why, begin_s);
        return;
    }
    struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, thumbnail_store, &store, &send);
    ry_count(ctx, RY_COUNTER_encode_done, 1);
    RY_ANSWER(ctx, mail, encode_done, (&(struct ry_encode_done){.busy_us = busy_us(begin_s)}));
}

static void send_bad_windows(struct ry_ctx *ctx, struct ry_mail *mail, double begin_s)
{
    struct ry_error why;
    ry_fail(&why, RY_EBUG, "the windows of the video overlap or reach past its end");
    send_failed(ctx, mail, &why, begin_s);
}

static void send_sheet(struct ry_ctx *ctx, struct ry_mail *mail, const struct window_io *windows,
                       const struct sheet_result *result, double begin_s)
{
    const struct ry_sheet_run *run = RY_BODY(mail, sheet_run);
    struct ry_sheet sheet = {.columns = result->columns,
                             .rows = result->rows,
                             .count = result->count,
                             .step_s = result->step_s,
                             .width = (uint64_t)result->image.size.width,
                             .height = (uint64_t)result->image.size.height};
    struct ry_frame *webp = result->image.webp;
    struct ry_sheet_store store = {.clip_id = run->clip_id,
                                   .guild_id = run->guild_id,
                                   .sheets = {.items = &sheet, .n = 1},
                                   .webp = {.p = ry_frame_data(webp), .n = ry_frame_size(webp), .frame = webp},
                                   .bytes_read = window_io_bytes(windows)};
    struct ry_error why;
    if (ry_check(RY_TAG_sheet_store, &store, &why) != RY_OK) {
        send_failed(ctx, mail, &why, begin_s);
        return;
    }
    struct ry_send send = ry_send_from(mail);
    RY_TELL(ctx, sheet_store, &store, &send);
    RY_ANSWER(ctx, mail, sheet_done, (&(struct ry_sheet_done){.end_ = 0}));
}

static void encoder_on_sheet_run(struct ry_ctx *ctx, struct ry_mail *mail)
{
    const struct ry_sheet_run *run = RY_BODY(mail, sheet_run);
    char filename[FILENAME_BYTES];
    struct window_io windows = {.total_bytes = run->total_bytes, .last_round = run->last_round};
    struct sheet_result result;
    double begin_s = clock_s(CLOCK_MONOTONIC);
    if (!read_windows(run->windows.items, run->windows.n, &windows)) {
        send_bad_windows(ctx, mail, begin_s);
        return;
    }
    read_filename(run->filename, filename);
    const struct sheet_request request = {
        .filename = filename, .tile = {RY_SHEET_TILE_MAX, RY_SHEET_TILE_MAX}, .quality = (float)run->quality};
    switch (sheet_run(&windows, &request, &result)) {
    case ENGINE_DONE: send_sheet(ctx, mail, &windows, &result, begin_s); break;
    case ENGINE_NEEDS: send_needs(ctx, mail, &windows, begin_s); break;
    case ENGINE_FAILED: send_failed(ctx, mail, &result.error, begin_s); break;
    }
    sheet_result_free(&result);
}

static void encoder_on_run(struct ry_ctx *ctx, struct ry_mail *mail)
{
    const struct ry_encode_run *run = RY_BODY(mail, encode_run);
    char filename[FILENAME_BYTES];
    struct window_io windows = {.total_bytes = run->total_bytes, .last_round = run->last_round};
    struct engine_result result;
    double begin_s = clock_s(CLOCK_MONOTONIC);
    ry_count(ctx, RY_COUNTER_encode_rounds, 1);
    if (!read_windows(run->windows.items, run->windows.n, &windows)) {
        send_bad_windows(ctx, mail, begin_s);
        return;
    }
    double begin_cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    struct engine_request request = read_request(run, filename);
    switch (engine_run(&windows, &request, &result)) {
    case ENGINE_DONE: send_images(ctx, mail, &windows, &result, begin_s); break;
    case ENGINE_NEEDS: send_needs(ctx, mail, &windows, begin_s); break;
    case ENGINE_FAILED: send_failed(ctx, mail, &result.error, begin_s); break;
    }
    engine_result_free(&result);
    ry_observe(ctx, RY_HISTOGRAM_encode, clock_s(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_s);
}

static void encoder_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag == RY_TAG_encode_run)
        encoder_on_run(ctx, mail);
    else if (mail->envelope.tag == RY_TAG_sheet_run)
        encoder_on_sheet_run(ctx, mail);
}

/* Says which version is here: soon, for a scheduler that has just started, and less and less often. The timer's number
 * is how often it was said. */
static void encoder_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    char version[ENGINE_VERSION_BYTES];
    engine_version(version);
    RY_TELL(ctx, encoder_here, (&(struct ry_encoder_here){.version = ry_str_of(version)}), &(struct ry_send){0});
    RY_ASSERT(timer <= HERE_TIMER_LAST, "timer %u", timer);
    unsigned next = timer < HERE_TIMER_LAST ? timer + 1 : timer;
    ry_timer(ctx, next, (int64_t)HERE_FIRST_MS << next);
}

static void encoder_version(char version[RY_VERSION_BYTES])
{
    engine_version(version);
}

static void encoder_close(void **self)
{
    *self = NULL;
}

const struct ry_actor_spec ry_encoder_spec = {
    .role = RY_ROLE_ENCODER,
    /* One at a time: when a video kills its decoder, no other mail is held that would count it as a try. */
    .capacity = 1,
    .threads = 2,
    .confinement = {.needed = true,
                    .memory_max_bytes = MEMORY_MAX_BYTES,
                    .mail_cpu_max_s = MAIL_CPU_MAX_S,
                    .work = "decoding"},
    .version = encoder_version,
    .open = encoder_open,
    .receive = encoder_receive,
    .tick = encoder_tick,
    .close = encoder_close,
};

/* downloader.c: the downloader, owner of the bytes of videos.
 *
 * It accepts thumbnail_make from the scheduler and holds it while it carries the clip's bytes to the encoder: the first
 * window, then what the encoder says it needs (encode_run, encode_needs), until the encoder has made the images
 * (encode_done) or the clip has failed (clip_failed to the writer, with a reason for people and how long the server
 * asks to be left alone). Bytes come from files below a registered folder, or by HTTP ranges from hosts on the list; a
 * whole video is fetched only if its server has no ranges.
 *
 * It accepts media_keep too, and brings the whole file to storage (keep.h). A sheet_make is treated as a thumbnail_make
 * is (sheet_run, sheet_done, sheet_failed).
 *
 * It promises that every thumbnail_make and sheet_make ends in exactly one of the two, and that nothing outside the registered folders
 * and the allowed hosts is touched, whatever a URL says. It holds nothing that matters: after a crash the mail comes
 * again and the clip begins anew; the spool's files have no name and go with the process.
 *
 * Asked to drain, it brings the clips that it holds to their end. */
#include "actors/downloader/downloader.h"

#include <stdlib.h>

#include "actors/downloader/clip.h"
#include "actors/downloader/keep.h"
#include "runtime/base/assert.h"

#define DOWNLOADER_MAGIC 0x646f776eu
/* Clips at a time. How many the scheduler gives follows the pace; what they hold together is bounded (clip.c). */
#define CAPACITY         (PACE_MAX + 16)
#define CONNECTIONS_BASE 8 /* per host, while the pace is the usual one; with HTTP/2 one serves all */
#define LOW_SPEED_MS     15000
#define MS_PER_SECOND    1000

struct downloader {
    unsigned magic;
    struct ry_http *http;
    struct clip_world world;
    struct keep_world keeping;
};

static struct downloader *downloader_of(void *self)
{
    struct downloader *downloader = self;
    RY_ASSERT(downloader->magic == DOWNLOADER_MAGIC);
    return downloader;
}

/* After each event: how many clips there should be, and connections to carry them. */
static void downloader_pace(struct downloader *self)
{
    unsigned clips = clips_pace(&self->world);
    ry_http_limit(self->http, clips > PACE_BASE ? clips : CONNECTIONS_BASE);
}

static void downloader_on_make(struct downloader *self, struct ry_mail *mail)
{
    clip_begin(&self->world, mail);
}

/* An answer to an encode_run, or the news that there will be none. One to a run of the past is of no use to anybody. */
static void downloader_on_answer(struct downloader *self, struct ry_mail *mail)
{
    enum ry_tag tag = mail->descriptor->tag;
    uint64_t encode_id = tag == RY_TAG_undeliverable ? RY_BODY(mail, undeliverable)->id : mail->envelope.correlation;
    struct clip *clip = clip_of_encode(&self->world, encode_id);
    if (!clip)
        return;
    if (tag == RY_TAG_encode_needs)
        clip_on_encode_needs(clip, RY_BODY(mail, encode_needs));
    else if (tag == RY_TAG_encode_done)
        clip_on_encode_done(clip, RY_BODY(mail, encode_done));
    else if (tag == RY_TAG_sheet_done)
        clip_on_sheet_done(clip);
    else if (tag == RY_TAG_encode_failed)
        clip_on_encode_failed(clip, RY_BODY(mail, encode_failed));
    else if (tag == RY_TAG_undeliverable)
        clip_on_undeliverable(clip, RY_BODY(mail, undeliverable));
}

static void downloader_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)ctx;
    struct downloader *downloader = downloader_of(self);
    if (mail->descriptor->tag == RY_TAG_thumbnail_make || mail->descriptor->tag == RY_TAG_sheet_make)
        downloader_on_make(downloader, mail);
    else if (mail->descriptor->tag == RY_TAG_media_keep)
        keep_begin(&downloader->keeping, mail);
    else if (!keeps_answer(&downloader->keeping, mail))
        downloader_on_answer(downloader, mail);
    downloader_pace(downloader_of(self));
}

static void downloader_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)ctx;
    if (timer == CLIP_TIMER)
        clips_on_timer(&downloader_of(self)->world);
    else if (timer == KEEP_TIMER)
        keeps_on_timer(&downloader_of(self)->keeping);
    downloader_pace(downloader_of(self));
}

static void downloader_ready(void *self, struct ry_ctx *ctx)
{
    (void)ctx;
    ry_http_ready(downloader_of(self)->http);
    downloader_pace(downloader_of(self));
}

static int downloader_engine_fd(void *self)
{
    return ry_http_fd(downloader_of(self)->http);
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static int open_http(struct downloader *self, struct ry_ctx *ctx, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    struct ry_http_options options = {.clock = ry_ctx_clock(ctx),
                                      .connect_timeout_ms =
                                          ry_config_int(config, RY_OPT_download_connect_timeout) * MS_PER_SECOND,
                                      .low_speed_bytes = ry_config_int(config, RY_OPT_download_low_speed),
                                      .low_speed_ms = LOW_SPEED_MS,
                                      .connections_max = CONNECTIONS_BASE};
    int code = ry_hosts_parse(&options.hosts, ry_config_str(config, RY_OPT_allowed_hosts), err);
    return code == RY_OK ? ry_http_new(&self->http, &options, err) : code;
}

static enum ry_frame_mode frame_mode(const char *name)
{
    if (strcmp(name, "exact") == 0)
        return RY_FRAME_EXACT;
    return strcmp(name, "keyframe") == 0 ? RY_FRAME_KEYFRAME : RY_FRAME_SMART;
}

static uint64_t option_u64(const struct ry_config *config, enum ry_option option)
{
    return (uint64_t)ry_config_int(config, option); /* options read so have no negative values */
}

static void configure(struct clip_world *world, struct ry_ctx *ctx)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    world->ctx = ctx;
    pace_open(&world->pace, ry_mono_ms(ry_ctx_clock(ctx)));
    world->sources.ctx = ctx;
    world->sources.spool_path = ry_config_str(config, RY_OPT_spool_path);
    world->sources.spool_max_bytes = option_u64(config, RY_OPT_download_max_bytes);
    world->sources.disk_reserve_bytes = option_u64(config, RY_OPT_disk_reserve);
    world->window_bytes = option_u64(config, RY_OPT_download_window);
    world->fetch_ms_max = ry_config_int(config, RY_OPT_download_timeout) * MS_PER_SECOND;
    world->wished_s = ry_config_real(config, RY_OPT_thumbnail_timestamp);
    world->frame = frame_mode(ry_config_str(config, RY_OPT_frame));
    world->small_width = option_u64(config, RY_OPT_thumbnail_small_width);
    world->small_height = option_u64(config, RY_OPT_thumbnail_small_height);
    world->large_width = option_u64(config, RY_OPT_thumbnail_large_width);
    world->large_height = option_u64(config, RY_OPT_thumbnail_large_height);
    world->quality = option_u64(config, RY_OPT_thumbnail_quality);
}

static int downloader_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct downloader *self = calloc(1, sizeof *self);
    if (!self)
        return ry_fail(err, RY_ENOMEM, "there is no memory for the downloader");
    self->magic = DOWNLOADER_MAGIC;
    *out = self;
    configure(&self->world, ctx);
    int code = open_http(self, ctx, err);
    self->world.sources.http = self->http;
    self->keeping =
        (struct keep_world){.ctx = ctx, .sources = &self->world.sources, .fetch_ms_max = self->world.fetch_ms_max};
    return code;
}

/* Originals are given back at once, since they may take hours; thumbnails are brought to their end. */
static bool downloader_drain(void *self, struct ry_ctx *ctx)
{
    keeps_drain(&downloader_of(self)->keeping);
    return ry_mail_kept(ctx) == 0;
}

static void downloader_close(void **pointer)
{
    if (!*pointer)
        return;
    struct downloader *self = downloader_of(*pointer);
    *pointer = NULL;
    clips_free(&self->world);
    keeps_free(&self->keeping);
    ry_http_free(&self->http);
    self->magic = 0;
    free(self);
}

const struct ry_actor_spec ry_downloader_spec = {
    .role = RY_ROLE_DOWNLOADER,
    .capacity = CAPACITY,
    .threads = 1,
    .open = downloader_open,
    .receive = downloader_receive,
    .tick = downloader_tick,
    .ready = downloader_ready,
    .engine_fd = downloader_engine_fd,
    .drain = downloader_drain,
    .close = downloader_close,
};

/* pick.c: see pick.h.
 *
 * A key frame can be decoded alone: one packet, then a flush, gives its picture at once. That is all that an ordinary
 * video costs. When the picture is no picture (the file lied about the key frame, or it is damaged), others are tried;
 * when it is blank, something to see is looked for
 *   1. in the group of pictures that it begins, as far as that is at hand and cheap,
 *   2. in the key frames 1, 2, 4, 8, 16 and 30 s behind the requested time, and the first one,
 *   3. in the group again, now at any price up to DECODE_ON_PIXELS_MAX, and with more bytes.
 * What may be spent is counted in pixels, not in time: the same bytes shall give the same picture everywhere. */
#include "actors/encoder/pick.h"

#include <math.h>

#include "actors/encoder/blank.h"
#include "actors/encoder/decode.h"
#include "actors/encoder/duration.h"
#include "actors/encoder/keys.h"

/* How far behind the requested time something is looked for, seconds. */
static const double steps_s[] = {1, 2, 4, 8, 16, 30};
#define STEPS (sizeof steps_s / sizeof steps_s[0])

/* Key frames tried behind one that is damaged: the next two, then ever further away. */
#define DAMAGED_TRIES 9

/* Pictures decoded behind a blank key frame, in pixels: about what the images cost, and at most. */
#define DECODE_ON_PIXELS_CHEAP ((int64_t)48 << 20)
#define DECODE_ON_PIXELS_ALL   ((int64_t)8 << 20) /* instead, where none can be passed over */
#define DECODE_ON_PIXELS_MAX   ((int64_t)4 << 30)

/* A picture that shows so much is good enough; one that shows less, too, if as many pictures behind it show no more. */
#define CONTRAST_GOOD  20.0
#define WORSE_PICTURES 6

/* A picture shows more if its contrast is that much larger. */
#define RISING 1.02

/* Packets read from one that is no key frame to one that is, and of those decoded where a decoder recovers without. */
#define LOOK_ON_PACKETS 600
#define REFRESH_PACKETS 300

/* Starts before the target from which an exact picture is tried, where decoders show nothing at first. */
#define EXACT_STARTS 4

/* Packets that a lenient decoder is given before it has shown a picture. */
#define LENIENT_PACKETS_MAX 600

enum effort { EFFORT_CHEAP, EFFORT_SPARING, EFFORT_FULL };

struct picker {
    struct media *media;
    struct keys keys;
    AVCodecContext *decoder;
    AVFrame *frame;       /* the decoder's latest */
    AVFrame *best;        /* what will be given */
    double best_contrast; /* below -1: there is none yet */
    double target_s;
    bool broken;  /* exact: what the decoder shows is made of a damaged picture */
    bool spoiled; /* the decoder was given something damaged: its headers may be wrong */
    struct ry_error *err;
};

static bool stopped(const struct picker *picker)
{
    return picker->media->windows->need_count > 0 || picker->media->windows->spent;
}

/* ---- one key frame -------------------------------------------------------------------------------------------- */

/* A decoder that knows of nothing before. */
static bool fresh_decoder(struct picker *picker)
{
    if (picker->decoder && !picker->spoiled && decode_restart(picker->decoder))
        return true;
    picker->spoiled = false;
    avcodec_free_context(&picker->decoder);
    return media_decoder(picker->media, false, &picker->decoder, picker->err) == RY_OK;
}

/* Takes the decoder's picture if it shows more than the best one. */
static double offer(struct picker *picker, bool careful)
{
    double contrast = careful ? blank_contrast(picker->frame) : 0;
    if (contrast > picker->best_contrast) {
        av_frame_unref(picker->best);
        av_frame_move_ref(picker->best, picker->frame);
        picker->best_contrast = contrast;
    }
    av_frame_unref(picker->frame);
    return contrast;
}

enum key { KEY_TAKEN, KEY_DAMAGED, KEY_NOTHING };

/* Decodes the packet alone: KEY_NOTHING if it gives no picture, or one that is no key frame's. */
static enum key try_key(struct picker *picker, bool careful)
{
    if (!fresh_decoder(picker))
        return KEY_NOTHING;
    picker->spoiled = true;
    if (avcodec_send_packet(picker->decoder, picker->keys.packet) < 0)
        return KEY_DAMAGED;
    if (avcodec_send_packet(picker->decoder, NULL) < 0 || avcodec_receive_frame(picker->decoder, picker->frame) < 0)
        return KEY_NOTHING;
    enum key key = !decode_is_intra(picker->decoder, picker->frame) ? KEY_NOTHING
                   : !decode_is_sound(picker->frame)                ? KEY_DAMAGED
                                                                    : KEY_TAKEN;
    picker->spoiled = key != KEY_TAKEN;
    if (key == KEY_TAKEN)
        offer(picker, careful);
    av_frame_unref(picker->frame);
    return key;
}

/* ---- no key frame --------------------------------------------------------------------------------------------- */

/* From a packet that begins an intra refresh: the first picture that the decoder says is whole. */
static bool decode_refresh(struct picker *picker, bool careful)
{
    if (!fresh_decoder(picker))
        return false;
    picker->spoiled = true;
    for (int i = 0; i < REFRESH_PACKETS && !stopped(picker); i++) {
        if (avcodec_send_packet(picker->decoder, picker->keys.packet) >= 0 &&
            avcodec_receive_frame(picker->decoder, picker->frame) >= 0 && decode_is_sound(picker->frame)) {
            offer(picker, careful);
            return true;
        }
        av_frame_unref(picker->frame);
        if (!keys_read(&picker->keys))
            return false;
    }
    return false;
}

/* The packet reached gives no picture: reads on to one that does. */
static bool look_on(struct picker *picker, bool careful)
{
    struct keys *keys = &picker->keys;
    picker->media->windows->ahead = WINDOW_IO_STREAM;
    if (keys_is_key(keys) && picker->media->video->codecpar->codec_id == AV_CODEC_ID_H264)
        return decode_refresh(picker, careful);
    for (int i = 0; i < LOOK_ON_PACKETS && !stopped(picker) && keys_read(keys); i++) {
        if (keys_is_key(keys) && try_key(picker, careful) == KEY_TAKEN)
            return true;
    }
    return !stopped(picker) && keys_rewind(keys) && keys_read(keys) && try_key(picker, careful) == KEY_TAKEN;
}

/* The key frame reached is damaged: one behind it, the first ones near, the others far. */
static bool skip_damage(struct picker *picker, bool careful)
{
    struct keys *keys = &picker->keys;
    double reach_s = 0.5;
    for (int i = 0; i < DAMAGED_TRIES && !stopped(picker); i++, reach_s *= 2) {
        keys->hole = false;
        bool there = i >= 2 && keys_advance(keys, picker->target_s + reach_s);
        if (!there && !keys->hole && !stopped(picker))
            there = keys_follow(keys);
        if (!there && !keys->hole)
            return false;
        if (there && try_key(picker, careful) == KEY_TAKEN)
            return true;
    }
    return false;
}

/* ---- a blank key frame ---------------------------------------------------------------------------------------- */

/* Takes all pictures that the decoder has ready. True once there is no need for more, or nothing good can come. */
static bool take_shown(struct picker *picker, enum effort effort, int *worse)
{
    /* B-frames are made of two pictures, of which one may have been passed over. */
    bool mixed = effort != EFFORT_FULL && decode_bears_gaps(picker->decoder->codec_id);
    while (avcodec_receive_frame(picker->decoder, picker->frame) >= 0) {
        double before = picker->best_contrast;
        if (mixed && picker->frame->pict_type == AV_PICTURE_TYPE_B) {
            av_frame_unref(picker->frame);
            continue;
        }
        if (!decode_is_sound(picker->frame)) {
            picker->spoiled = true;
            return true;
        }
        bool more = offer(picker, true) > before * RISING;
        *worse = more ? 0 : *worse + 1;
        if (!more &&
            (picker->best_contrast >= CONTRAST_GOOD || (!blank_is(picker->best_contrast) && *worse >= WORSE_PICTURES)))
            return true;
    }
    return false;
}

static bool shows(const struct picker *picker)
{
    return picker->best_contrast < -1 ? false : !blank_is(picker->best_contrast);
}

/* Whether the group is decoded no further than to the packet. */
static bool ends_group(const struct picker *picker, enum effort effort)
{
    const AVPacket *packet = picker->keys.packet;
    /* The rest of a sample that ends outside what is at hand is not there. */
    if (packet->flags & AV_PKT_FLAG_CORRUPT)
        return true;
    /* Other key frames are tried by themselves. */
    if (effort == EFFORT_CHEAP && picker->keys.by_index && (packet->flags & AV_PKT_FLAG_KEY))
        return true;
    return media_seconds(picker->media, packet->dts) > picker->target_s + steps_s[STEPS - 1];
}

static int64_t pixels_cheap(const struct picker *picker)
{
    /* VP8's headers are read of all pictures. */
    return picker->media->video->codecpar->codec_id == AV_CODEC_ID_H264 ? DECODE_ON_PIXELS_CHEAP : DECODE_ON_PIXELS_ALL;
}

/* Whether one of the samples that a cheap look would decode says more than 'as before'. */
static bool is_worth_a_look(struct picker *picker)
{
    const AVFrame *blank = picker->best;
    int64_t pixels = (int64_t)blank->width * blank->height;
    bool gaps = decode_bears_gaps(picker->media->video->codecpar->codec_id);
    int64_t samples = gaps || pixels == 0 ? INT64_MAX : pixels_cheap(picker) / pixels + 1;
    return keys_show_more(&picker->keys, decode_idle_bytes(pixels), samples);
}

/* Decodes the group from its key frame (the packet) on, until something shows and shows no more clearly, or enough
 * pixels are decoded. Samples that say 'as before' are passed over but with full effort. True if something was decoded
 * behind one that was passed over: then more may be seen with full effort. */
static bool decode_on(struct picker *picker, enum effort effort)
{
    struct keys *keys = &picker->keys;
    int64_t pixels_max = effort == EFFORT_CHEAP ? pixels_cheap(picker) : DECODE_ON_PIXELS_MAX;
    int worse = 0;
    bool enough = false, more = fresh_decoder(picker), first = true, passed_over = false, doubtful = false;
    if (more)
        picker->decoder->skip_frame = AVDISCARD_NONREF; /* nothing behind them needs them */
    for (int64_t pixels = 0; more && !enough && pixels < pixels_max; first = false) {
        if (!first && effort != EFFORT_FULL && !shows(picker) && decode_pass_over(picker->decoder, keys->packet)) {
            passed_over = true;
        } else {
            doubtful |= passed_over && !(keys->packet->flags & AV_PKT_FLAG_KEY);
            if (avcodec_send_packet(picker->decoder, keys->packet) >= 0)
                enough = take_shown(picker, effort, &worse);
            pixels += (int64_t)picker->decoder->width * picker->decoder->height;
        }
        more = !enough && !stopped(picker) && keys_read(keys) && !ends_group(picker, effort);
    }
    if (picker->decoder && !enough && !stopped(picker) && avcodec_send_packet(picker->decoder, NULL) >= 0)
        take_shown(picker, effort, &worse);
    return doubtful;
}

/* The key frames behind, ever further away; then the very first one. */
static void try_others(struct picker *picker, int64_t blank_entry)
{
    struct keys *keys = &picker->keys;
    for (size_t i = 0; i < STEPS && !shows(picker) && !stopped(picker); i++)
        if (keys_advance(keys, picker->target_s + steps_s[i]) && !stopped(picker))
            (void)try_key(picker, true);
    if (!shows(picker) && !stopped(picker) && keys_rewind(keys) && keys->entry_time != blank_entry && keys_read(keys))
        try_key(picker, true);
}

/* The key frame in the packet is blank: looks for something to see. */
static void look_for_more(struct picker *picker)
{
    struct keys *keys = &picker->keys;
    int64_t entry = keys->entry_time;
    picker->media->windows->ahead = WINDOW_IO_CLOSED;
    if (keys->by_index && is_worth_a_look(picker))
        (void)decode_on(picker, EFFORT_CHEAP);
    if (!shows(picker) && !stopped(picker) && keys->by_index)
        try_others(picker, entry);
    bool again = true;
    for (enum effort effort = EFFORT_SPARING; effort <= EFFORT_FULL && again; effort++) {
        if (shows(picker) || stopped(picker) || !keys_return_to_growth(keys, entry))
            break;
        again = decode_on(picker, effort);
    }
}

/* The key frame reached, or others if it is damaged or (when `careful`) blank. */
static bool pick_key_frame(struct picker *picker, bool careful)
{
    bool reached = keys_reach(&picker->keys, picker->target_s);
    enum key key = KEY_DAMAGED;
    if (stopped(picker) || (!reached && !picker->keys.hole))
        return false;
    if (reached)
        key = try_key(picker, careful);
    if (key == KEY_DAMAGED && reached && !keys_is_key(&picker->keys))
        key = KEY_NOTHING;
    if (key == KEY_NOTHING && picker->decoder && look_on(picker, careful))
        key = KEY_TAKEN;
    if (key != KEY_TAKEN && !stopped(picker) && (!reached || picker->decoder))
        skip_damage(picker, careful);
    if (careful && picker->best_contrast > -2 && !shows(picker))
        look_for_more(picker);
    return picker->best_contrast > -2;
}

/* ---- the exact picture ---------------------------------------------------------------------------------------- */

/* Takes what the decoder shows: the last picture that begins at or before the target, else the first behind it. True
 * once no better one can come. */
static bool take_exact(struct picker *picker)
{
    const struct media *media = picker->media;
    AVFrame *frame = picker->frame, *best = picker->best;
    /* Times are rounded to the stream's ticks. */
    double tick_s = av_q2d(media->video->time_base);
    while (avcodec_receive_frame(picker->decoder, frame) >= 0) {
        double at_s = media_seconds(media, frame->best_effort_timestamp);
        picker->broken = !decode_is_sound(frame) || (picker->broken && !decode_is_intra(picker->decoder, frame));
        if (!picker->broken && (!best->buf[0] || at_s <= picker->target_s + tick_s / 2)) {
            av_frame_unref(best);
            av_frame_move_ref(best, frame);
        }
        av_frame_unref(frame);
        if (at_s >= picker->target_s - tick_s / 2)
            return true;
    }
    return false;
}

/* Decodes from where the reading position is. */
static void decode_to_target(struct picker *picker)
{
    bool found = false;
    picker->broken = false;
    av_frame_unref(picker->best);
    avcodec_free_context(&picker->decoder);
    while (!found && !stopped(picker) && media_read(picker->media, picker->keys.packet)) {
        if (!picker->decoder && !fresh_decoder(picker))
            return;
        /* A damaged packet is no reason to stop: the next one may decode. */
        if (avcodec_send_packet(picker->decoder, picker->keys.packet) >= 0)
            found = take_exact(picker);
    }
    if (!found && picker->decoder && !stopped(picker) && avcodec_send_packet(picker->decoder, NULL) >= 0)
        take_exact(picker);
}

/* Whether the picture is shown later than the target: what comes before could not be decoded. */
static bool is_late(const struct picker *picker)
{
    double tick_s = av_q2d(picker->media->video->time_base);
    return !picker->best->buf[0] ||
           media_seconds(picker->media, picker->best->best_effort_timestamp) > picker->target_s + tick_s;
}

static bool pick_exact(struct picker *picker)
{
    struct keys *keys = &picker->keys;
    double from_s = picker->target_s;
    int64_t time = 0;
    for (int start = 0; start < EXACT_STARTS; start++) {
        bool sought = start < EXACT_STARTS - 1 ? keys_seek(keys, from_s) : keys_rewind(keys);
        if (start > 0 && (!sought || keys->entry_time >= time))
            break;
        time = keys->entry_time;
        if (sought && !keys_want_until(keys, media_time(picker->media, picker->target_s)))
            return false;
        picker->media->windows->ahead = WINDOW_IO_STREAM;
        decode_to_target(picker);
        if (stopped(picker) || !sought || !is_late(picker))
            break;
        /* Where key frames begin to be whole only later, one before it will do. */
        from_s = media_seconds(picker->media, time) - av_q2d(picker->media->video->time_base);
    }
    return picker->best->buf[0] != NULL;
}

/* ---- from outside --------------------------------------------------------------------------------------------- */

static int picker_open(struct picker *picker, struct media *media, double target_s, AVFrame **frame,
                       struct ry_error *err)
{
    *picker = (struct picker){.media = media, .best_contrast = -2, .target_s = target_s, .err = err};
    picker->frame = av_frame_alloc();
    *frame = picker->best = av_frame_alloc();
    if (keys_open(&picker->keys, media, err) != RY_OK)
        return RY_ENOMEM;
    return picker->frame && picker->best ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for a picture");
}

/* Ends it; a frame without a picture becomes an error that says why. */
static int picker_close(struct picker *picker, AVFrame **frame, bool picked)
{
    struct media *media = picker->media;
    int rc = RY_OK;
    if (!picked) {
        av_frame_free(frame);
        rc = picker->err->code != RY_OK ? (int)picker->err->code : media_explain(media, picker->err);
    }
    if (picked && picker->decoder) {
        media->profile = picker->decoder->profile;
        media->level = picker->decoder->level;
    }
    avcodec_free_context(&picker->decoder);
    av_frame_free(&picker->frame);
    keys_close(&picker->keys);
    return rc;
}

int pick_frame(struct media *media, double wished_s, enum ry_frame_mode mode, AVFrame **frame, struct ry_error *err)
{
    struct picker picker;
    double duration_s = duration_of(media);
    *err = (struct ry_error){.code = RY_OK};
    bool picked = false;
    if (picker_open(&picker, media, duration_s > 0 ? fmin(wished_s, duration_s) : wished_s, frame, err) == RY_OK)
        picked = mode == RY_FRAME_EXACT ? pick_exact(&picker) : pick_key_frame(&picker, mode == RY_FRAME_SMART);
    return picker_close(&picker, frame, picked);
}

/* Takes the first of the lenient decoder's pictures that is one. */
static bool take_lenient(struct picker *picker)
{
    while (avcodec_receive_frame(picker->decoder, picker->frame) >= 0) {
        if (decode_is_bearable(picker->frame)) {
            av_frame_move_ref(picker->best, picker->frame);
            return true;
        }
        av_frame_unref(picker->frame);
    }
    return false;
}

int pick_any_frame(struct media *media, AVFrame **frame, struct ry_error *err)
{
    struct picker picker;
    *err = (struct ry_error){.code = RY_OK};
    bool picked = false;
    int rc = picker_open(&picker, media, 0, frame, err);
    media->windows->ahead = WINDOW_IO_STREAM;
    for (int i = 0; rc == RY_OK && !picked && i < LENIENT_PACKETS_MAX && media_read(media, picker.keys.packet); i++) {
        if (!picker.decoder && media_decoder(media, true, &picker.decoder, err) != RY_OK)
            break;
        if (!decode_is_hollow(picker.keys.packet) && avcodec_send_packet(picker.decoder, picker.keys.packet) >= 0)
            picked = take_lenient(&picker);
    }
    if (!picked && picker.decoder && avcodec_send_packet(picker.decoder, NULL) >= 0)
        picked = take_lenient(&picker);
    return picker_close(&picker, frame, picked);
}

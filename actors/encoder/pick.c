/* pick.c: see pick.h.
 *
 * A key frame can be decoded alone: one packet, then a flush, gives its picture at once. Where it lies is told by the
 * index (`indexed`: seek there, ask for just its bytes), or found by reading from the start up to the wished time. The
 * latter can mean most of a file, so once there is a key frame to show, the search settles for what is at hand
 * (SETTLE_*). */
#include "actors/encoder/pick.h"

#include <math.h>

#include "actors/encoder/blank.h"
#include "actors/encoder/duration.h"

/* Key frames looked at behind the first while all are blank, and behind one that does not decode. */
#define BLANK_TRIES   4
#define DAMAGED_TRIES 8

/* A search without an index ends here when it has a key frame: with this share of the video at hand, but no less than
 * the first number and no more than the second. */
#define SETTLE_SHARE_OF_ALL 25
#define SETTLE_MIN_BYTES    ((uint64_t)256 << 10)
#define SETTLE_MAX_BYTES    ((uint64_t)1 << 20)
#define SETTLE_WINDOWS      4

/* Packets that a lenient decoder is given before it has shown a picture. */
#define LENIENT_PACKETS_MAX 600

struct picker {
    struct media *media;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVPacket *kept;     /* the best key frame so far of a search without an index */
    int64_t entry_time; /* of the index entry that the packet is of, in the stream's time base */
    bool by_index;      /* the media is indexed, and seeking in it works */
    double target_s;
    struct ry_error *err;
};

static bool stopped(const struct picker *picker)
{
    return picker->media->windows->need_count > 0 || picker->media->windows->spent;
}

/* ---- decoding ------------------------------------------------------------------------------------------------- */

/* A decoder that knows of nothing before. */
static int need_decoder(struct picker *picker)
{
    if (picker->decoder) {
        avcodec_flush_buffers(picker->decoder);
        return RY_OK;
    }
    return media_decoder(picker->media, false, &picker->decoder, picker->err);
}

/* Decodes one key packet by itself. False if it shows nothing. */
static bool decode_alone(struct picker *picker, const AVPacket *packet, AVFrame *frame)
{
    if (need_decoder(picker) != RY_OK)
        return false;
    return avcodec_send_packet(picker->decoder, packet) >= 0 && avcodec_send_packet(picker->decoder, NULL) >= 0 &&
           avcodec_receive_frame(picker->decoder, frame) >= 0;
}

/* ---- finding key frames --------------------------------------------------------------------------------------- */

static bool read_key_packet(struct picker *picker)
{
    while (media_read(picker->media, picker->packet)) {
        if (picker->packet->flags & AV_PKT_FLAG_KEY)
            return true;
        picker->media->windows->ahead = WINDOWS_STREAM; /* not where the index said: how far it is, nobody knows */
    }
    return false;
}

static bool seek_to(struct picker *picker, int64_t time)
{
    struct media *media = picker->media;
    /* Matroska's seek reads clusters to their end when the time is behind the last cue: not beyond what is there. */
    media->windows->ahead = WINDOWS_CLOSED;
    int rc = av_seek_frame(media->format, media->video->index, time, AVSEEK_FLAG_BACKWARD);
    media->windows->ahead = WINDOWS_EXACT;
    return rc >= 0;
}

/* Puts the key frame at or before the target into the packet, by the index. */
static bool reach_by_index(struct picker *picker)
{
    struct media *media = picker->media;
    AVStream *video = media->video;
    int64_t time = media_time(picker->media, picker->target_s);
    if (!seek_to(picker, time))
        return false;
    const AVIndexEntry *entry = avformat_index_get_entry_from_timestamp(video, time, AVSEEK_FLAG_BACKWARD);
    picker->entry_time = entry ? entry->timestamp : INT64_MIN;
    picker->by_index = true;
    return read_key_packet(picker);
}

/* A search that has something to show does not ask for much more. */
static void settle(struct picker *picker)
{
    struct windows *windows = picker->media->windows;
    uint64_t enough = windows->total_bytes / SETTLE_SHARE_OF_ALL;
    enough = enough < SETTLE_MIN_BYTES ? SETTLE_MIN_BYTES : enough < SETTLE_MAX_BYTES ? enough : SETTLE_MAX_BYTES;
    /* The next request would bring as much again. */
    if (windows_bytes(windows) >= enough * 2 / 3 || windows->count >= SETTLE_WINDOWS)
        windows->ahead = WINDOWS_CLOSED;
}

/* The same without an index: reads on and keeps the last key frame at or before the target, or else the first. */
static bool reach_by_reading(struct picker *picker)
{
    picker->media->windows->ahead = WINDOWS_STREAM;
    bool found = false;
    while (media_read(picker->media, picker->packet)) {
        const AVPacket *packet = picker->packet;
        double at_s = media_seconds(picker->media, packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
        bool behind = at_s > picker->target_s;
        if ((packet->flags & AV_PKT_FLAG_KEY) && (!found || !behind)) {
            av_packet_unref(picker->kept);
            av_packet_move_ref(picker->kept, picker->packet);
            found = true;
            settle(picker);
        }
        if (found && (behind || isnan(at_s)))
            break;
    }
    av_packet_unref(picker->packet);
    av_packet_move_ref(picker->packet, picker->kept);
    return found && !stopped(picker);
}

/* Whether what is indexed of a fragmented MP4, its first fragment, ends before the target. */
static bool ends_before_target(const struct media *media, double target_s)
{
    if (!media->fragmented)
        return false;
    int count = avformat_index_get_entries_count(media->video);
    if (count == 0)
        return true;
    const AVIndexEntry *last = avformat_index_get_entry(media->video, count - 1);
    return media_seconds(media, last->timestamp) < target_s;
}

static bool reach(struct picker *picker)
{
    struct media *media = picker->media;
    if (media->video && media->indexed) {
        if (!ends_before_target(media, picker->target_s))
            return reach_by_index(picker);
        /* Only key frames are read of the fragments on the way. */
        media->video->discard = AVDISCARD_NONKEY;
    }
    return reach_by_reading(picker);
}

/* A time that a backward seek takes to the key frame of this entry: just before the next one. The entry's own time
 * would not do: it tells when to decode, and libavformat goes one key frame back when the picture is shown later. */
static int64_t time_to_reach(AVStream *video, int entry_number)
{
    int count = avformat_index_get_entries_count(video);
    int64_t last = INT64_MIN;
    for (int i = entry_number; i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, i);
        last = entry->timestamp;
        if (i > entry_number && (entry->flags & AVINDEX_KEYFRAME))
            return last - 1;
    }
    return last;
}

/* Puts the next key frame into the packet. */
static bool advance(struct picker *picker)
{
    AVStream *video = picker->media->video;
    if (!picker->by_index)
        return read_key_packet(picker);
    int count = avformat_index_get_entries_count(video);
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, i);
        if ((entry->flags & AVINDEX_KEYFRAME) && entry->timestamp > picker->entry_time) {
            picker->entry_time = entry->timestamp;
            return seek_to(picker, time_to_reach(video, i)) && read_key_packet(picker);
        }
    }
    return false;
}

/* ---- choosing ------------------------------------------------------------------------------------------------- */

/* The key frame reached, or one behind it if it is damaged or (when `careful`) blank. */
static bool pick_key_frame(struct picker *picker, bool careful, AVFrame *best)
{
    AVFrame *frame = av_frame_alloc();
    double best_contrast = -2;
    int blank = 0, damaged = 0;
    bool more = frame && reach(picker);
    while (more && !stopped(picker)) {
        if (decode_alone(picker, picker->packet, frame)) {
            double contrast = careful ? blank_contrast(frame) : 0;
            if (contrast > best_contrast) {
                av_frame_unref(best);
                av_frame_move_ref(best, frame);
                best_contrast = contrast;
            }
            av_frame_unref(frame);
            if (!careful || !blank_is(contrast) || ++blank > BLANK_TRIES)
                break;
        } else if (!picker->decoder || ++damaged > DAMAGED_TRIES) {
            break;
        }
        settle(picker); /* by the index the next one is asked for all the same */
        more = advance(picker);
    }
    av_frame_free(&frame);
    return best_contrast > -2;
}

/* Asks at once for all samples from the key frame's to the one shown at the target, where the index tells both. */
static void want_samples(struct picker *picker, int64_t time)
{
    AVStream *video = picker->media->video;
    int count = avformat_index_get_entries_count(video);
    int64_t begin = INT64_MAX, end = 0;
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, i);
        if (entry->timestamp < picker->entry_time)
            continue;
        begin = entry->pos < begin ? entry->pos : begin;
        end = entry->pos + entry->size > end ? entry->pos + entry->size : end;
        if (entry->timestamp > time)
            break;
    }
    if (begin >= 0 && begin < end)
        windows_want(picker->media->windows, (uint64_t)begin, (uint64_t)(end - begin));
}

/* Goes to the key frame before the target; false: decoding begins at the start of the video. */
static bool start_exact(struct picker *picker)
{
    struct media *media = picker->media;
    if (!media->video || !media->indexed || ends_before_target(media, picker->target_s))
        return false;
    int64_t time = media_time(picker->media, picker->target_s);
    if (!seek_to(picker, time))
        return false;
    const AVIndexEntry *entry = avformat_index_get_entry_from_timestamp(media->video, time, AVSEEK_FLAG_BACKWARD);
    if (entry) {
        picker->entry_time = entry->timestamp;
        want_samples(picker, time);
    }
    return true;
}

/* Takes what the decoder shows: the last picture that begins at or before the target, else the first behind it. True
 * once no better one can come. */
static bool take_frames(struct picker *picker, AVFrame *frame, AVFrame *best)
{
    const struct media *media = picker->media;
    /* Times are rounded to the stream's ticks. */
    double tick_s = av_q2d(media->video->time_base);
    while (avcodec_receive_frame(picker->decoder, frame) >= 0) {
        double at_s = media_seconds(media, frame->best_effort_timestamp);
        if (!best->buf[0] || at_s <= picker->target_s + tick_s / 2) {
            av_frame_unref(best);
            av_frame_move_ref(best, frame);
        }
        av_frame_unref(frame);
        if (at_s >= picker->target_s - tick_s / 2)
            return true;
    }
    return false;
}

static bool pick_exact(struct picker *picker, AVFrame *best)
{
    AVFrame *frame = av_frame_alloc();
    bool found = false;
    start_exact(picker);
    picker->media->windows->ahead = WINDOWS_STREAM;
    while (frame && !found && !stopped(picker) && media_read(picker->media, picker->packet)) {
        if (!picker->decoder && need_decoder(picker) != RY_OK)
            break;
        /* A damaged packet is no reason to stop: the next one may decode. */
        if (avcodec_send_packet(picker->decoder, picker->packet) >= 0)
            found = take_frames(picker, frame, best);
    }
    if (frame && !found && picker->decoder && !stopped(picker) && avcodec_send_packet(picker->decoder, NULL) >= 0)
        take_frames(picker, frame, best);
    av_frame_free(&frame);
    return best->buf[0] != NULL;
}

/* ---- from outside --------------------------------------------------------------------------------------------- */

static int picker_open(struct picker *picker, struct media *media, double target_s, AVFrame **frame,
                       struct ry_error *err)
{
    *picker = (struct picker){.media = media, .entry_time = INT64_MIN, .target_s = target_s, .err = err};
    picker->packet = av_packet_alloc();
    picker->kept = av_packet_alloc();
    *frame = av_frame_alloc();
    return picker->packet && picker->kept && *frame ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for a picture");
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
    avcodec_free_context(&picker->decoder);
    av_packet_free(&picker->kept);
    av_packet_free(&picker->packet);
    return rc;
}

int pick_frame(struct media *media, double wished_s, enum ry_frame_mode mode, AVFrame **frame, struct ry_error *err)
{
    struct picker picker;
    double duration_s = duration_of(media);
    *err = (struct ry_error){.code = RY_OK};
    bool picked = false;
    if (picker_open(&picker, media, duration_s > 0 ? fmin(wished_s, duration_s) : wished_s, frame, err) == RY_OK)
        picked = mode == RY_FRAME_EXACT ? pick_exact(&picker, *frame)
                                        : pick_key_frame(&picker, mode == RY_FRAME_SMART, *frame);
    return picker_close(&picker, frame, picked);
}

int pick_any_frame(struct media *media, AVFrame **frame, struct ry_error *err)
{
    struct picker picker;
    *err = (struct ry_error){.code = RY_OK};
    bool picked = false;
    int rc = picker_open(&picker, media, 0, frame, err);
    media->windows->ahead = WINDOWS_STREAM;
    for (int i = 0; rc == RY_OK && !picked && i < LENIENT_PACKETS_MAX && media_read(media, picker.packet); i++) {
        if (!picker.decoder && media_decoder(media, true, &picker.decoder, err) != RY_OK)
            break;
        if (avcodec_send_packet(picker.decoder, picker.packet) >= 0)
            picked = avcodec_receive_frame(picker.decoder, *frame) >= 0;
    }
    if (!picked && picker.decoder && avcodec_send_packet(picker.decoder, NULL) >= 0)
        picked = avcodec_receive_frame(picker.decoder, *frame) >= 0;
    return picker_close(&picker, frame, picked);
}

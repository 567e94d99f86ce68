/* keys.c: see keys.h.
 *
 * Where a key frame lies is told by the index (`indexed`: seek there, ask for just its bytes), or found by reading from
 * the start up to the requested time. The latter can mean most of a file, so once there is a key frame to show, the search
 * settles for what is at hand (SETTLE_*), and it ends (STREAM_BYTES_MAX) where nothing is found at all: a hole, noise.
 */
#include "actors/encoder/keys.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "actors/encoder/duration.h"
#include "actors/encoder/growth.h"
#include "runtime/base/assert.h"

/* A search without an index ends here when it has a key frame: with this share of the video at hand, but no less than
 * the first number and no more than the second. */
#define SETTLE_SHARE_OF_ALL 25
#define SETTLE_MIN_BYTES    ((uint64_t)256 << 10)
#define SETTLE_MAX_BYTES    ((uint64_t)1 << 20)
#define SETTLE_WINDOWS      4
#define SETTLE_REACH_S      1.0 /* key frames are seldom nearer to each other */

#define HOLE_BYTES 32

/* Packets kept for being decoded again. */
#define TRAIL_MAX 4000

/* Behind a blank key frame: how far away samples are asked for. */
#define GROWTH_MAX_BYTES ((int64_t)2 << 20)

int keys_open(struct keys *keys, struct media *media, struct ry_error *err)
{
    *keys = (struct keys){.media = media, .entry_time = INT64_MIN};
    keys->packet = av_packet_alloc();
    return keys->packet ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for a packet");
}

static void drop_trail(struct keys *keys)
{
    for (size_t i = 0; i < keys->trail_count; i++)
        av_packet_free(&keys->trail[i]);
    keys->trail_count = keys->trail_next = 0;
}

void keys_close(struct keys *keys)
{
    drop_trail(keys);
    free(keys->trail);
    av_parser_close(keys->parser);
    avcodec_free_context(&keys->parser_of);
    av_packet_free(&keys->packet);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* Adds the packet to the trail. */
static bool keep(struct keys *keys)
{
    if (!keys->trail)
        keys->trail = calloc(TRAIL_MAX, sizeof *keys->trail);
    if (!keys->trail || keys->trail_count == TRAIL_MAX)
        return false;
    AVPacket *copy = av_packet_clone(keys->packet);
    if (!copy)
        return false;
    keys->trail[keys->trail_count++] = copy;
    keys->trail_next = keys->trail_count;
    return true;
}

bool keys_read(struct keys *keys)
{
    RY_ASSERT(keys->trail_next <= keys->trail_count && keys->trail_count <= TRAIL_MAX, "%zu of %zu packets",
              keys->trail_next, keys->trail_count);
    if (keys->by_index)
        return media_read(keys->media, keys->packet);
    if (keys->trail_next < keys->trail_count) {
        av_packet_unref(keys->packet);
        return av_packet_ref(keys->packet, keys->trail[keys->trail_next++]) >= 0;
    }
    return media_read(keys->media, keys->packet) && keep(keys);
}

/* To the next packet that is said to be a key frame. */
static bool read_key(struct keys *keys)
{
    while (keys_read(keys)) {
        if (keys->packet->flags & AV_PKT_FLAG_KEY)
            return true;
        if (keys->media->windows->ahead == WINDOW_IO_EXACT)
            keys->media->windows->ahead = WINDOW_IO_STREAM; /* not where it was said to be: how far, nobody knows */
    }
    return false;
}

/* clang-format off */
/* The parameter of av_parser_init was an int before it became the enum. */
#define PARSER_ID(id) _Generic(&av_parser_init, AVCodecParserContext *(*)(int): (int)(id), default: (id))
/* clang-format on */

/* A parser reads what kind of picture a packet has without decoding it. */
static bool open_parser(struct keys *keys)
{
    const AVCodecParameters *parameters = keys->media->video->codecpar;
    if (keys->parser)
        return true;
    if (!keys->parser_of) {
        keys->parser_of = avcodec_alloc_context3(NULL);
        if (!keys->parser_of || avcodec_parameters_to_context(keys->parser_of, parameters) < 0)
            return false;
    }
    keys->parser = av_parser_init(PARSER_ID(parameters->codec_id));
    if (keys->parser)
        keys->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    return keys->parser != NULL;
}

bool keys_is_key(struct keys *keys)
{
    const AVPacket *packet = keys->packet;
    bool said = (packet->flags & AV_PKT_FLAG_KEY) != 0;
    uint8_t *out = NULL;
    int out_size = 0;
    if (!open_parser(keys))
        return said;
    av_parser_parse2(keys->parser, keys->parser_of, &out, &out_size, packet->data, packet->size, packet->pts,
                     packet->dts, packet->pos);
    bool intra = keys->parser->pict_type == AV_PICTURE_TYPE_I;
    if (keys->parser->key_frame >= 0)
        return keys->parser->key_frame == 1 || (said && intra);
    return intra || (said && keys->parser->pict_type == AV_PICTURE_TYPE_NONE);
}

/* ---- by the index --------------------------------------------------------------------------------------------- */

static bool seek_to(struct keys *keys, int64_t time)
{
    struct media *media = keys->media;
    /* Matroska's seek reads clusters to their end when the time is behind the last cue: not beyond what is there. */
    media->windows->ahead = WINDOW_IO_CLOSED;
    int rc = av_seek_frame(media->format, media->video->index, time, AVSEEK_FLAG_BACKWARD);
    media->windows->ahead = WINDOW_IO_EXACT;
    return rc >= 0;
}

/* Whether what is indexed of a fragmented MP4, its first fragment, ends before the target. */
static bool ends_before(const struct media *media, double target_s)
{
    if (!media->fragmented)
        return false;
    int count = avformat_index_get_entries_count(media->video);
    if (count == 0)
        return true;
    const AVIndexEntry *last = avformat_index_get_entry(media->video, count - 1);
    return media_seconds(media, last->timestamp) < target_s;
}

bool keys_seek(struct keys *keys, double target_s)
{
    struct media *media = keys->media;
    if (!media->video || !media->indexed || ends_before(media, target_s))
        return false;
    int64_t time = media_time(media, target_s);
    if (!seek_to(keys, time))
        return false;
    const AVIndexEntry *entry = avformat_index_get_entry_from_timestamp(media->video, time, AVSEEK_FLAG_BACKWARD);
    keys->entry_time = entry ? entry->timestamp : INT64_MIN;
    keys->by_index = true;
    return true;
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

/* Whether zeros stand at a place in the file: no sample, cluster or chunk begins with so many. An interrupted download
 * leaves them, and demuxers would read through them for megabytes. */
static bool hole_at(const struct window_io *windows, int64_t offset)
{
    static const uint8_t zeros[HOLE_BYTES];
    uint8_t bytes[HOLE_BYTES];
    return offset >= 0 && window_io_copy(windows, (uint64_t)offset, bytes, sizeof bytes) &&
           memcmp(bytes, zeros, sizeof bytes) == 0;
}

/* Reads what the entry names, key frame or not; what it is not is found out by decoding it. */
static bool read_here(struct keys *keys, const AVIndexEntry *entry)
{
    keys->hole = entry && hole_at(keys->media->windows, entry->pos);
    return !keys->hole && keys_read(keys);
}

static bool read_entry(struct keys *keys, int number)
{
    const AVIndexEntry *entry = avformat_index_get_entry(keys->media->video, number);
    keys->entry_time = entry->timestamp;
    return seek_to(keys, time_to_reach(keys->media->video, number)) && read_here(keys, entry);
}

/* The number of the last key frame's entry behind entry_time that is at or before the time; -1: none. */
static int entry_behind(struct keys *keys, int64_t time)
{
    AVStream *video = keys->media->video;
    int count = avformat_index_get_entries_count(video), found = -1;
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, i);
        if (entry->timestamp > time)
            break;
        if ((entry->flags & AVINDEX_KEYFRAME) && entry->timestamp > keys->entry_time)
            found = i;
    }
    return found;
}

bool keys_advance(struct keys *keys, double target_s)
{
    if (!keys->by_index)
        return false;
    int number = entry_behind(keys, media_time(keys->media, target_s));
    if (number >= 0)
        return read_entry(keys, number);
    if (!ends_before(keys->media, target_s))
        return false;
    keys->media->video->discard = AVDISCARD_NONKEY;
    return read_key(keys);
}

bool keys_follow(struct keys *keys)
{
    AVStream *video = keys->media->video;
    int count = keys->by_index ? avformat_index_get_entries_count(video) : 0;
    for (int i = 0; i < count; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, i);
        if ((entry->flags & AVINDEX_KEYFRAME) && entry->timestamp > keys->entry_time)
            return read_entry(keys, i);
    }
    return (!keys->by_index || keys->media->fragmented) && read_key(keys);
}

bool keys_return(struct keys *keys, int64_t entry_time)
{
    if (!keys->by_index && keys->media->fragmented && keys->trail_count > 0) {
        /* The trail has nothing but key frames. */
        int64_t time = keys->trail[0]->dts;
        drop_trail(keys);
        keys->media->video->discard = AVDISCARD_DEFAULT;
        return seek_to(keys, time) && keys_read(keys);
    }
    if (!keys->by_index) {
        keys->trail_next = 0;
        return keys->trail_count > 0 && keys_read(keys);
    }
    int count = avformat_index_get_entries_count(keys->media->video);
    for (int i = 0; i < count; i++)
        if (avformat_index_get_entry(keys->media->video, i)->timestamp == entry_time)
            return read_entry(keys, i);
    return false;
}

bool keys_rewind(struct keys *keys)
{
    AVStream *video = keys->media->video;
    if (!keys->by_index || avformat_index_get_entries_count(video) == 0)
        return false;
    keys->entry_time = avformat_index_get_entry(video, 0)->timestamp;
    return seek_to(keys, time_to_reach(video, 0));
}

/* Asks for the samples of entries first to last. */
static bool want_entries(struct keys *keys, int first, int last)
{
    int64_t begin = INT64_MAX, end = 0;
    for (int i = first; i <= last; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(keys->media->video, i);
        begin = entry->pos < begin ? entry->pos : begin;
        end = entry->pos + entry->size > end ? entry->pos + entry->size : end;
    }
    if (begin < 0 || begin >= end)
        return true;
    return window_io_want(keys->media->windows, (uint64_t)begin, (uint64_t)(end - begin));
}

/* The first entry that is not before a time. */
static int entry_from(AVStream *video, int64_t time)
{
    int count = avformat_index_get_entries_count(video), i = 0;
    while (i < count && avformat_index_get_entry(video, i)->timestamp < time)
        i++;
    return i;
}

bool keys_want_until(struct keys *keys, int64_t time)
{
    AVStream *video = keys->media->video;
    int count = avformat_index_get_entries_count(video), first = entry_from(video, keys->entry_time);
    /* The entry behind the time, too: pictures may be shown in another order than they are stored in. */
    int last = time < INT64_MAX ? entry_from(video, time + 1) : count;
    return first >= count || want_entries(keys, first, last < count ? last : count - 1);
}

/* Asks for the samples up to the growth and behind it. True if they are at hand. */
static bool want_growth(struct keys *keys, int first)
{
    AVStream *video = keys->media->video;
    int count = avformat_index_get_entries_count(video), last = first + 1;
    const AVIndexEntry *key = avformat_index_get_entry(video, first);
    struct growth growth = growth_from(key->size);
    for (; last < count && !growth_count(&growth, avformat_index_get_entry(video, last)->size); last++)
        if (growth.behind < 0 && avformat_index_get_entry(video, last)->pos - key->pos > GROWTH_MAX_BYTES)
            return true;
    last = last < count ? last : count - 1;
    while (last > first && avformat_index_get_entry(video, last)->pos - key->pos > GROWTH_MAX_BYTES)
        last--;
    return want_entries(keys, first, last);
}

/* Reads on to the growth, without decoding: what is missing is asked for before time is spent on what will not do. */
static bool read_growth(struct keys *keys)
{
    struct growth growth = growth_from(keys->packet->size);
    bool enough = false;
    while (!enough && !growth_is_slow(&growth) && keys_read(keys))
        enough = growth_count(&growth, keys->packet->size);
    return keys->media->windows->need_count == 0 && !keys->media->windows->spent;
}

static bool return_to_read(struct keys *keys, int64_t entry_time)
{
    if (!keys_return(keys, entry_time))
        return false;
    keys->media->windows->ahead = WINDOW_IO_STREAM;
    keys->media->video->discard = AVDISCARD_DEFAULT;
    return true;
}

bool keys_return_to_growth(struct keys *keys, int64_t entry_time)
{
    if (!return_to_read(keys, entry_time))
        return false;
    int first = keys->by_index ? entry_from(keys->media->video, entry_time) : INT_MAX;
    int count = avformat_index_get_entries_count(keys->media->video);
    if (first < count && avformat_index_get_entry(keys->media->video, first)->size > 0)
        return want_growth(keys, first);
    return read_growth(keys) && return_to_read(keys, entry_time);
}

bool keys_show_more(const struct keys *keys, int bytes, int64_t samples)
{
    AVStream *video = keys->media->video;
    int count = avformat_index_get_entries_count(video), at = entry_from(video, keys->entry_time);
    /* Matroska's cues name nothing but key frames, without their sizes. */
    if (at >= count || avformat_index_get_entry(video, at)->size == 0)
        return true;
    while (++at < count && samples-- > 0) {
        const AVIndexEntry *entry = avformat_index_get_entry(video, at);
        if ((entry->flags & AVINDEX_KEYFRAME) || entry->pos < 0 ||
            window_io_run(keys->media->windows, (uint64_t)entry->pos) < (uint64_t)entry->size)
            return false;
        if (entry->size > bytes)
            return true;
    }
    return false;
}

/* ---- reaching ------------------------------------------------------------------------------------------------- */

/* What a search reads that has something to show. */
static uint64_t settle_bytes(const struct window_io *windows)
{
    uint64_t enough = windows->total_bytes / SETTLE_SHARE_OF_ALL;
    return enough < SETTLE_MIN_BYTES ? SETTLE_MIN_BYTES : enough < SETTLE_MAX_BYTES ? enough : SETTLE_MAX_BYTES;
}

/* Whether so many bytes reach to the target or at least SETTLE_REACH_S far: then they may bring another key frame. */
static bool is_in_reach(const struct media *media, uint64_t bytes, double target_s)
{
    double duration_s = duration_of(media);
    if (duration_s <= 0 || media->windows->total_bytes == 0)
        return true;
    return (double)bytes / (double)media->windows->total_bytes * duration_s >= fmin(target_s, SETTLE_REACH_S);
}

/* A search that has something to show does not ask for much more: no more at all where that would be in vain. */
static void settle(struct keys *keys, double target_s)
{
    struct window_io *windows = keys->media->windows;
    uint64_t enough = settle_bytes(windows);
    /* The next request would bring as much again. */
    if (window_io_bytes(windows) >= enough * 2 / 3 || windows->count >= SETTLE_WINDOWS ||
        !is_in_reach(keys->media, enough, target_s))
        windows->ahead = WINDOW_IO_CLOSED;
}

/* Without an index: reads on and keeps the last key frame at or before the target, or else the first. */
static bool reach_by_reading(struct keys *keys, double target_s)
{
    struct media *media = keys->media;
    struct window_io *windows = media->windows;
    uint64_t largest = 0;
    bool found = false;
    windows->ahead = WINDOW_IO_STREAM;
    /* Once it has settled, it stops before it comes upon the end of what is at hand: demuxers would cut the last packet
     * there, and take it for the end of the file. */
    while ((windows->ahead != WINDOW_IO_CLOSED || window_io_run(windows, windows->position) > largest) &&
           media_read(media, keys->packet)) {
        const AVPacket *packet = keys->packet;
        double at_s = media_seconds(media, packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
        bool behind = at_s > target_s;
        if (found && windows->ahead == WINDOW_IO_CLOSED && (packet->flags & AV_PKT_FLAG_CORRUPT))
            break; /* its rest is not at hand */
        largest = (uint64_t)packet->size > largest ? (uint64_t)packet->size : largest;
        if ((packet->flags & AV_PKT_FLAG_KEY) && (!found || !behind)) {
            drop_trail(keys);
            found = true;
        }
        if (found && !keep(keys))
            break;
        if (found && (behind || isnan(at_s)))
            break;
        if (found)
            settle(keys, target_s);
    }
    keys->trail_next = 0;
    return found && windows->need_count == 0 && !windows->spent && keys_read(keys);
}

bool keys_reach(struct keys *keys, double target_s)
{
    struct media *media = keys->media;
    if (keys_seek(keys, target_s))
        return read_here(keys, avformat_index_get_entry_from_timestamp(media->video, keys->entry_time, 0));
    if (media->fragmented && media->video)
        media->video->discard = AVDISCARD_NONKEY; /* of the fragments on the way only key frames are read */
    return reach_by_reading(keys, target_s);
}

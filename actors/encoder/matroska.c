/* matroska.c: walks the head of a Matroska or WebM file; see matroska.h.
 *
 * Owns nothing. All numbers come from strangers: every walk is bounded, and nothing read here is believed for more than
 * where to look. A crash costs the clip one attempt. */
#include "actors/encoder/matroska.h"

#include <string.h>

/* Elements looked at before giving up. */
#define STEPS_MAX 4096

/* The first look at an element that is not at hand, and the largest one that is read as a whole. */
#define FIRST_LOOK_BYTES ((uint64_t)64 << 10)
#define WHOLE_MAX_BYTES  ((uint64_t)1 << 20)
#define TAIL_MAX_BYTES   ((uint64_t)1 << 20)

/* Attachments and tags are read all the same when they are no larger than this. */
#define PASS_MIN_BYTES ((uint64_t)16 << 10)

/* Where the last cluster is looked for: at first, then, and at last in a share of a large file. */
#define LAST_BYTES        ((uint64_t)64 << 10)
#define LAST_MORE_BYTES   ((uint64_t)256 << 10)
#define LAST_SHARE_OF_ALL 24
#define LAST_LOOKS        3

enum {
    ID_SEGMENT = 0x18538067,
    ID_SEEK_HEAD = 0x114D9B74,
    ID_SEEK = 0x4DBB,
    ID_SEEK_ID = 0x53AB,
    ID_SEEK_POSITION = 0x53AC,
    ID_INFO = 0x1549A966,
    ID_TIMESTAMP_SCALE = 0x2AD7B1,
    ID_DURATION = 0x4489,
    ID_TRACKS = 0x1654AE6B,
    ID_TRACK = 0xAE,
    ID_TRACK_NUMBER = 0xD7,
    ID_TRACK_TYPE = 0x83,
    ID_VIDEO = 0xE0,
    ID_CROP_BOTTOM = 0x54AA,
    ID_CROP_TOP = 0x54BB,
    ID_CROP_LEFT = 0x54CC,
    ID_CROP_RIGHT = 0x54DD,
    ID_DISPLAY_WIDTH = 0x54B0,
    ID_DISPLAY_HEIGHT = 0x54BA,
    ID_ENCODINGS = 0x6D80,
    ID_ENCODING = 0x6240,
    ID_ENCRYPTION = 0x5035,
    ID_ATTACHMENTS = 0x1941A469,
    ID_CHAPTERS = 0x1043A770,
    ID_TAGS = 0x1254C367,
    ID_CUES = 0x1C53BB6B,
    ID_CLUSTER = 0x1F43B675,
    ID_TIMESTAMP = 0xE7,
    ID_SIMPLE_BLOCK = 0xA3,
    ID_BLOCK_GROUP = 0xA0,
    ID_BLOCK = 0xA1
};

enum { TYPE_VIDEO = 1, TYPE_SOUND = 2 };

struct walk {
    struct window_io *windows;
    struct matroska *matroska;
    uint64_t segment; /* where the segment's parts begin */
    uint64_t cues;    /* offset; 0: not known */
};

/* ---- parts of the segment ------------------------------------------------------------------------------------- */

/* The head of a part that is not at hand: the tail of the file when that is short, else as much as a first look costs.
 */
static void want_head_at(struct window_io *windows, uint64_t offset)
{
    uint64_t end = window_io_end(windows);
    window_io_want(windows, offset, end > offset && end - offset <= TAIL_MAX_BYTES ? end - offset : FIRST_LOOK_BYTES);
}

/* Takes the place of the cues from a seek head; its entries for parts that nobody needs are passed over. */
static void read_seek_head(struct walk *walk, const struct element *head)
{
    struct element seek, id, position;
    uint64_t number, place;
    int steps = 0;
    for (uint64_t at = 0; steps < STEPS_MAX && ebml_next(walk->windows, head, &at, &seek); steps++) {
        if (seek.id != ID_SEEK || !ebml_find(walk->windows, &seek, ID_SEEK_ID, &id) ||
            !ebml_unsigned(walk->windows, &id, &number) ||
            !ebml_find(walk->windows, &seek, ID_SEEK_POSITION, &position) ||
            !ebml_unsigned(walk->windows, &position, &place) || place >= (uint64_t)INT64_MAX - walk->segment)
            continue;
        if (number == ID_CUES)
            walk->cues = walk->segment + place;
        if (number == ID_ATTACHMENTS || number == ID_CHAPTERS || number == ID_SEEK_HEAD)
            ebml_pass_over(walk->windows, &seek);
    }
}

/* The number of 4 or 8 bytes in floating point. */
static double read_float(const struct window_io *windows, const struct element *element)
{
    uint64_t bits;
    double wide = 0;
    float narrow = 0;
    if (!ebml_unsigned(windows, element, &bits))
        return 0;
    if (element->size == sizeof wide) {
        memcpy(&wide, &bits, sizeof wide);
    } else if (element->size == sizeof narrow) {
        uint32_t half = (uint32_t)bits;
        memcpy(&narrow, &half, sizeof narrow);
        wide = (double)narrow;
    }
    return wide > 0 && wide < 1e18 ? wide : 0;
}

static void read_info(struct walk *walk, const struct element *info)
{
    struct element part;
    uint64_t scale;
    if (ebml_find(walk->windows, info, ID_TIMESTAMP_SCALE, &part) && ebml_unsigned(walk->windows, &part, &scale) &&
        scale > 0)
        walk->matroska->tick_s = (double)scale / 1e9;
    if (ebml_find(walk->windows, info, ID_DURATION, &part))
        walk->matroska->duration_s = read_float(walk->windows, &part) * walk->matroska->tick_s;
}

/* Whether one of the encodings of a track is an encryption. */
static bool is_encrypted(const struct window_io *windows, const struct element *track)
{
    struct element encodings, encoding, encryption;
    if (!ebml_find(windows, track, ID_ENCODINGS, &encodings))
        return false;
    for (uint64_t at = 0; ebml_next(windows, &encodings, &at, &encoding);)
        if (encoding.id == ID_ENCODING && ebml_find(windows, &encoding, ID_ENCRYPTION, &encryption))
            return true;
    return false;
}

/* A number of a track's video settings, of at most 16 bits: 0 if it is not there or larger. */
static uint64_t video_number(const struct window_io *windows, const struct element *video, uint32_t id)
{
    struct element part;
    uint64_t value;
    return ebml_find(windows, video, id, &part) && ebml_unsigned(windows, &part, &value) && value <= UINT16_MAX ? value
                                                                                                                : 0;
}

static struct crop read_crop(const struct window_io *windows, const struct element *track)
{
    struct element video;
    if (!ebml_find(windows, track, ID_VIDEO, &video))
        return (struct crop){.left = 0};
    return (struct crop){.left = video_number(windows, &video, ID_CROP_LEFT),
                         .top = video_number(windows, &video, ID_CROP_TOP),
                         .right = video_number(windows, &video, ID_CROP_RIGHT),
                         .bottom = video_number(windows, &video, ID_CROP_BOTTOM),
                         .display_width = video_number(windows, &video, ID_DISPLAY_WIDTH),
                         .display_height = video_number(windows, &video, ID_DISPLAY_HEIGHT)};
}

static void read_tracks(struct walk *walk, const struct element *tracks)
{
    struct matroska *matroska = walk->matroska;
    struct element track, part;
    uint64_t type, number;
    for (uint64_t at = 0; ebml_next(walk->windows, tracks, &at, &track);) {
        if (track.id != ID_TRACK || !ebml_find(walk->windows, &track, ID_TRACK_TYPE, &part) ||
            !ebml_unsigned(walk->windows, &part, &type))
            continue;
        matroska->sounds += type == TYPE_SOUND;
        if (type != TYPE_VIDEO)
            continue;
        if (matroska->videos < MATROSKA_VIDEOS_MAX && ebml_find(walk->windows, &track, ID_TRACK_NUMBER, &part) &&
            ebml_unsigned(walk->windows, &part, &number)) {
            matroska->video_tracks[matroska->videos] = number;
            matroska->crops[matroska->videos] = read_crop(walk->windows, &track);
        }
        matroska->videos++;
        matroska->encrypted += is_encrypted(walk->windows, &track);
    }
}

/* A part before the first cluster. False if it is not at hand. */
static bool read_part(struct walk *walk, const struct element *part)
{
    bool needed = part->id == ID_SEEK_HEAD || part->id == ID_INFO || part->id == ID_TRACKS;
    if (needed && part->size <= WHOLE_MAX_BYTES && !window_io_want(walk->windows, part->data, part->size))
        return false;
    switch (part->id) {
    case ID_SEEK_HEAD: read_seek_head(walk, part); break;
    case ID_INFO: read_info(walk, part); break;
    case ID_TRACKS: read_tracks(walk, part); break;
    case ID_CUES: walk->cues = part->offset; break;
    case ID_ATTACHMENTS:
    case ID_CHAPTERS:
    case ID_TAGS:
        if (part->size > PASS_MIN_BYTES)
            ebml_pass_over(walk->windows, part);
        break;
    default: break;
    }
    return true;
}

/* Asks for the cues, of which the place is known. False if they are not at hand. */
static bool want_cues(struct walk *walk)
{
    struct element cues;
    uint64_t end = window_io_end(walk->windows);
    if (walk->cues == 0 || (end > 0 && walk->cues >= end))
        return true;
    if (!ebml_read(walk->windows, walk->cues, &cues)) {
        want_head_at(walk->windows, walk->cues);
        return walk->windows->need_count == 0;
    }
    if (cues.id != ID_CUES || cues.size == EBML_SIZE_UNKNOWN)
        return true;
    if (!window_io_want(walk->windows, cues.offset, cues.data - cues.offset + cues.size))
        return false;
    walk->matroska->has_cues = true;
    return true;
}

bool matroska_read(struct window_io *windows, struct matroska *matroska)
{
    struct walk walk = {.windows = windows, .matroska = matroska};
    uint64_t at = 0, end = window_io_end(windows);
    *matroska = (struct matroska){.tick_s = 1e-3};
    for (int i = 0; i < STEPS_MAX && (end == 0 || at < end); i++) {
        struct element part;
        if (!ebml_read(windows, at, &part)) {
            if (window_io_run(windows, at) < 12)
                want_head_at(windows, at);
            break;
        }
        if (part.id == ID_CLUSTER)
            matroska->clusters = at;
        if (part.id == ID_SEGMENT && part.size != EBML_SIZE_UNKNOWN && end > 0)
            matroska->cut_off = part.size > end - part.data;
        if (part.id == ID_SEGMENT)
            walk.segment = part.data;
        if (part.id == ID_CLUSTER || (part.id != ID_SEGMENT && part.size == EBML_SIZE_UNKNOWN))
            break;
        if (part.id != ID_SEGMENT && !read_part(&walk, &part))
            break;
        at = part.id == ID_SEGMENT ? part.data : part.data + part.size;
    }
    return want_cues(&walk) && windows->need_count == 0;
}

/* ---- times of blocks ------------------------------------------------------------------------------------------ */

/* The track and the time within its cluster of a block: track number, time (16 bits, signed). */
static bool read_block(const struct window_io *windows, const struct element *element, uint64_t *track, int64_t *time)
{
    struct element block = *element;
    uint8_t bytes[2];
    if (block.id == ID_BLOCK_GROUP && !ebml_find(windows, element, ID_BLOCK, &block))
        return false;
    if (block.id != ID_SIMPLE_BLOCK && block.id != ID_BLOCK)
        return false;
    size_t length = ebml_number(windows, block.data, track);
    if (length == 0 || !window_io_copy(windows, block.data + length, bytes, 2))
        return false;
    *time = (int16_t)(uint16_t)(bytes[0] << 8 | bytes[1]);
    return true;
}

/* The times of a track's blocks in a cluster, seconds, as far as they are at hand. */
struct times {
    double first_s, last_s, before_s; /* before_s: the last but one in rising order */
    unsigned n;
};

static void add_time(struct times *times, double at_s)
{
    if (times->n == 0 || at_s < times->first_s)
        times->first_s = at_s;
    if (times->n == 0 || at_s > times->last_s) {
        times->before_s = times->last_s;
        times->last_s = at_s;
    } else if (at_s < times->last_s && (at_s > times->before_s || times->n == 1)) {
        times->before_s = at_s;
    }
    times->n++;
}

/* Reads the cluster; false if it does not begin with its timestamp, as all do. */
static bool read_cluster(const struct window_io *windows, const struct element *cluster, double tick_s, uint64_t track,
                         unsigned blocks_max, struct times *times)
{
    struct element part;
    uint64_t base = 0, at = cluster->data;
    bool based = false;
    uint64_t end = cluster->size == EBML_SIZE_UNKNOWN ? INT64_MAX : cluster->data + cluster->size;
    while (at < end && times->n < blocks_max && ebml_read(windows, at, &part) && part.size != EBML_SIZE_UNKNOWN &&
           part.id != ID_CLUSTER && part.id != ID_CUES) {
        uint64_t number;
        int64_t time;
        if (part.id == ID_TIMESTAMP)
            based = ebml_unsigned(windows, &part, &base);
        else if (based && read_block(windows, &part, &number, &time) && number == track)
            add_time(times, ((double)base + (double)time) * tick_s);
        at = part.data + part.size;
    }
    return based;
}

bool matroska_first_s(const struct window_io *windows, const struct matroska *matroska, uint64_t track, double *first_s)
{
    struct element cluster;
    struct times times = {.n = 0};
    if (matroska->clusters == 0 || !ebml_read(windows, matroska->clusters, &cluster) ||
        !read_cluster(windows, &cluster, matroska->tick_s, track, 1, &times) || times.n == 0)
        return false;
    *first_s = times.first_s;
    return true;
}

/* The times of the last cluster that begins in [from, end) and has blocks of the track. */
static bool last_times(const struct window_io *windows, const struct matroska *matroska, uint64_t track, uint64_t from,
                       struct times *times)
{
    for (uint64_t at = windows->total_bytes; window_io_find_last(windows, from, at, ID_CLUSTER >> 24, &at);) {
        struct element cluster;
        *times = (struct times){.n = 0};
        if (ebml_read(windows, at, &cluster) && cluster.id == ID_CLUSTER &&
            read_cluster(windows, &cluster, matroska->tick_s, track, UINT32_MAX, times) && times->n > 0)
            return true;
    }
    return false;
}

bool matroska_last_s(struct window_io *windows, const struct matroska *matroska, uint64_t track, double *last_s)
{
    uint64_t end = windows->total_bytes, share = end / LAST_SHARE_OF_ALL;
    const uint64_t looks[LAST_LOOKS] = {LAST_BYTES, LAST_MORE_BYTES, share > LAST_MORE_BYTES ? share : LAST_MORE_BYTES};
    *last_s = 0;
    for (size_t i = 0; i < LAST_LOOKS && end > 0; i++) {
        struct times times;
        uint64_t from = end > looks[i] ? end - looks[i] : 0;
        if (!window_io_want_also(windows, from, end - from))
            return false;
        if (last_times(windows, matroska, track, from, &times)) {
            double frame_s = times.n > 1 ? times.last_s - times.before_s : 0;
            *last_s = times.last_s + frame_s;
            return true;
        }
    }
    return true;
}

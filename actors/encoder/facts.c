/* facts.c: see facts.h.
 *
 * Owns nothing. All of it comes from strangers' headers: what is out of any reason is left out, so that what is told
 * has the bounds of the message that carries it. */
#include "actors/encoder/facts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/display.h>
#include <libavutil/pixdesc.h>

#include "actors/encoder/duration.h"
#include "runtime/video/codecs.h"

#define BITRATE_MAX ((double)((uint64_t)1 << 40))

struct turn facts_turn(const struct media *media, const AVFrame *frame)
{
    const AVFrameSideData *of_frame = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    size_t size = 0;
    const uint8_t *matrix = codecs_side_data(media->video, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!matrix && of_frame) {
        matrix = of_frame->data;
        size = of_frame->size;
    }
    int32_t numbers[9];
    if (!matrix || size < sizeof numbers)
        return (struct turn){.transpose = false};
    memcpy(numbers, matrix, sizeof numbers);
    return geometry_turn(numbers);
}

struct extent facts_shown(const struct media *media, const AVFrame *frame, struct turn turn)
{
    AVRational sar = frame->sample_aspect_ratio;
    if (media->video->sample_aspect_ratio.num > 0)
        sar = media->video->sample_aspect_ratio;
    return geometry_shown((struct extent){frame->width, frame->height}, sar.num, sar.den, turn);
}

/* ---- the container -------------------------------------------------------------------------------------------- */

/* The kind of MP4 that its major brand tells (https://mp4ra.org/registered-types/brands), or WebM for Matroska. */
static void name_container(const struct media *media, struct media_facts *facts)
{
    static const struct {
        const char *brand, *mime_type, *container;
    } brands[] = {{"qt", "video/quicktime", "mov"},
                  {"M4V", "video/x-m4v", "m4v"},
                  {"3gp", "video/3gpp", "3gp"},
                  {"3g2", "video/3gpp2", "3g2"}};
    const struct container *container = media->container;
    const char *mime_type = container->mime_type, *name = container->name;
    const AVDictionaryEntry *brand = av_dict_get(media->format->metadata, "major_brand", NULL, 0);
    size_t n;
    const uint8_t *head = window_io_at(media->windows, 0, &n);
    for (size_t i = 0; brand && i < sizeof brands / sizeof brands[0]; i++)
        if (strncmp(brand->value, brands[i].brand, strlen(brands[i].brand)) == 0) {
            mime_type = brands[i].mime_type;
            name = brands[i].container;
            break;
        }
    /* EBML's DocType element: id 4282, length 4. */
    if (container->kind == CONTAINER_MATROSKA && head && memmem(head, n < 64 ? n : 64, "\x42\x82\x84webm", 7)) {
        mime_type = "video/webm";
        name = "webm";
    }
    (void)snprintf(facts->mime_type, sizeof facts->mime_type, "%s", mime_type);
    (void)snprintf(facts->container, sizeof facts->container, "%s", name);
}

/* ---- numbers -------------------------------------------------------------------------------------------------- */

static double in_bounds(double value, double most)
{
    return value > 0 && value <= most ? value : 0;
}

static double rate(AVRational rational)
{
    return rational.num > 0 && rational.den > 0 ? in_bounds(av_q2d(rational), FACTS_FPS_MAX) : 0;
}

/* Pictures a second: of an index that knows all of them, their number by the duration; else what the header says, or
 * the least time between two that were read. */
static double fps_of(const struct media *media, double duration_s)
{
    const AVStream *video = media->video;
    int samples = avformat_index_get_entries_count(video);
    double fps = 0;
    if (media->container->kind == CONTAINER_MP4 && !media->fragmented && samples > 1 && duration_s > 0)
        fps = in_bounds(samples / duration_s, FACTS_FPS_MAX);
    if (fps == 0)
        fps = rate(video->avg_frame_rate);
    if (fps == 0)
        fps = rate(video->r_frame_rate);
    if (fps == 0 && media->step > 0)
        fps = in_bounds(1 / (media->step * av_q2d(video->time_base)), FACTS_FPS_MAX);
    return fps;
}

static uint64_t bitrate_of(const struct media *media, double duration_s)
{
    double bits = duration_s > 0 ? (double)media->windows->total_bytes * 8 / duration_s : 0;
    if (bits <= 0)
        bits = (double)media->video->codecpar->bit_rate;
    return (uint64_t)in_bounds(bits, BITRATE_MAX);
}

static unsigned degrees(struct turn turn)
{
    if (turn.transpose)
        return turn.flip_x ? 90 : 270;
    return turn.flip_x && turn.flip_y ? 180 : 0;
}

static void name_codecs(const struct media *media, const AVFrame *frame, struct media_facts *facts)
{
    const AVCodecParameters *video = media->video->codecpar;
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const struct codec_hints hints = {.profile = video->profile >= 0 ? video->profile : media->profile,
                                      .level = video->level >= 0 ? video->level : media->level,
                                      .depth = format ? format->comp[0].depth : 0,
                                      .stored = {frame->width, frame->height},
                                      .fps = facts->fps};
    codec_string_of_video(video, &hints, facts->video_codec);
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        const AVCodecParameters *sound = media->format->streams[i]->codecpar;
        if (sound->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        facts->has_audio = true;
        if (sound->codec_id != AV_CODEC_ID_NONE && facts->audio_codec[0] == '\0')
            codec_string_of_audio(sound, facts->audio_codec);
    }
    facts->has_audio |= media->movie.sounds > 0 || media->matroska.sounds > 0;
}

void facts_read(const struct media *media, const AVFrame *frame, struct media_facts *facts)
{
    *facts = (struct media_facts){.duration_s = duration_of(media), .turn = facts_turn(media, frame)};
    facts->shown = facts_shown(media, frame, facts->turn);
    facts->rotation = degrees(facts->turn);
    facts->fps = fps_of(media, facts->duration_s);
    facts->bitrate = bitrate_of(media, facts->duration_s);
    double at_s = media_seconds(media, frame->best_effort_timestamp);
    facts->frame_time_s = isnan(at_s) ? 0 : in_bounds(at_s, FACTS_SECONDS_MAX);
    name_container(media, facts);
    name_codecs(media, frame, facts);
}

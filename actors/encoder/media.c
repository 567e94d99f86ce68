/* media.c: see media.h.
 *
 * avformat_find_stream_info is never called: it reads far into the file to learn what the first packet will tell. What
 * a decoder needs stands in the header (MP4, Matroska, AVI, ASF, Ogg) or is known when the first packet of the stream
 * has been read (MPEG, FLV). */
#include "actors/encoder/media.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "actors/encoder/decode.h"
#include "actors/encoder/duration.h"
#include "runtime/video/codecs.h"
#include "runtime/video/failures.h"
#include "runtime/video/sniff.h"

/* Streams of a file: what libavformat allows by itself. A file may have subtitles in all languages; its size and the
 * CPU limit bound what many streams cost. */
#define STREAMS_MAX "1000"

/* Packets of other streams read while the video stream has not been met. */
#define PACKETS_BEFORE_VIDEO_MAX 5000

/* Packets of another video after which the chosen one counts as empty. */
#define PACKETS_OF_OTHER_MAX 60

/* Bytes of zeros in a row that no encoder makes. */
#define HOLE_BYTES ((size_t)16 << 10)

/* ---- opening -------------------------------------------------------------------------------------------------- */

static int refuse_to_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

/* What the tracks of a file say before a demuxer is asked. */
static int judge_tracks(unsigned videos, unsigned sounds, unsigned encrypted, struct ry_error *err)
{
    if (videos > 0 && encrypted == videos)
        return ry_fail(err, RY_EDATA, FAILURE_ENCRYPTED);
    if (videos > 0)
        return RY_OK;
    return ry_fail(err, RY_EDATA, sounds > 0 ? FAILURE_SOUND_ONLY : FAILURE_NO_VIDEO);
}

static int locate_movie(struct media *media, struct ry_error *err)
{
    struct movie *movie = &media->movie;
    size_t n;
    if (!movie_read(media->windows, movie))
        return ry_fail(err, RY_EDATA, "the index is not at hand");
    media->indexed = true;
    media->fragmented = movie->fragmented;
    media->cut_off = movie->cut_off;
    if (movie->found && movie->videos == 0 && movie->cut_off)
        return ry_fail(err, RY_EDATA, FAILURE_INDEX_CUT_OFF);
    if (movie->found)
        return judge_tracks(movie->videos, movie->sounds, movie->encrypted, err);
    const uint8_t *head = window_io_at(media->windows, 0, &n);
    const char *image = head ? sniff_image_brand(head, n) : NULL;
    if (image)
        return ry_fail(err, RY_EDATA, FAILURE_NOT_VIDEO, image);
    if (movie->zeros)
        return ry_fail(err, RY_EDATA, FAILURE_HOLE);
    return ry_fail(err, RY_EDATA, movie->cut_off ? FAILURE_INDEX_CUT_OFF : FAILURE_INDEX_MISSING);
}

static int locate_clusters(struct media *media, struct ry_error *err)
{
    struct matroska *matroska = &media->matroska;
    if (!matroska_read(media->windows, matroska))
        return ry_fail(err, RY_EDATA, "the index is not at hand");
    media->indexed = matroska->has_cues;
    media->cut_off = matroska->cut_off;
    /* Without tracks it is damaged, which the demuxer finds out. */
    if (matroska->videos + matroska->sounds == 0)
        return RY_OK;
    return judge_tracks(matroska->videos, matroska->sounds, matroska->encrypted, err);
}

/* Finds the index by what the file says of itself. */
static int locate_index(struct media *media, struct ry_error *err)
{
    switch (media->container->kind) {
    case CONTAINER_MP4: return locate_movie(media, err);
    case CONTAINER_MATROSKA: return locate_clusters(media, err);
    case CONTAINER_IMAGE:
        if (!window_io_want(media->windows, 0, media->windows->total_bytes))
            return ry_fail(err, RY_EDATA, "the image is not at hand");
        return RY_OK;
    default: return RY_OK;
    }
}

static AVFormatContext *new_format(struct media *media)
{
    AVFormatContext *format = avformat_alloc_context();
    if (!format)
        return NULL;
    format->pb = media->io;
    /* Ogg's page checksums go wrong in direct mode (libavformat 59). */
    media->io->direct = strcmp(media->container->demuxer, "ogg") != 0;
    format->io_open = refuse_to_open;
    format->flags |= AVFMT_FLAG_CUSTOM_IO;
    /* Stop at the first fragment of a fragmented MP4 instead of walking all of them. */
    if (media->container->kind == CONTAINER_MP4)
        format->flags |= AVFMT_FLAG_IGNIDX;
    uint64_t run = window_io_run(media->windows, 0);
    run = run < FORMATS_PROBE_MAX_BYTES ? run : FORMATS_PROBE_MAX_BYTES;
    format->probesize = (int64_t)(run > FORMATS_PROBE_MIN_BYTES ? run : FORMATS_PROBE_MIN_BYTES);
    return format;
}

static bool is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
}

/* Whether the index, where there is one, knows pictures of it. */
static bool has_pictures(const struct media *media, const AVStream *stream)
{
    return !media->indexed || media->fragmented || avformat_index_get_entries_count(stream) > 0;
}

/* The best video stream of a header: one that can be decoded and has pictures, shown by default rather than not, large
 * rather than small, first rather than last. */
static AVStream *choose_stream(const struct media *media)
{
    AVStream *best = NULL;
    int64_t best_score = -1;
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        AVStream *stream = media->format->streams[i];
        if (!is_video(stream))
            continue;
        int64_t score = (int64_t)stream->codecpar->width * stream->codecpar->height;
        score = score < INT64_C(1) << 59 ? score : INT64_C(1) << 59;
        if (stream->disposition & AV_DISPOSITION_DEFAULT)
            score += INT64_C(1) << 60;
        if (codecs_find(stream) && has_pictures(media, stream))
            score += INT64_C(1) << 61;
        if (score > best_score) {
            best = stream;
            best_score = score;
        }
    }
    return best;
}

/* Times are a stranger's numbers: what does not fit counts as 0. */
static int64_t to_ticks(double time)
{
    return time > -9e18 && time < 9e18 ? (int64_t)time : 0;
}

static void use_stream(struct media *media, AVStream *video)
{
    double first_s;
    media->video = video;
    media->start = video->start_time;
    /* By the first cluster: the first packet read is not the first one when it was sought. */
    if (media->container->kind == CONTAINER_MATROSKA &&
        matroska_first_s(media->windows, &media->matroska, duration_matroska_track(media), &first_s))
        media->start = to_ticks(first_s / av_q2d(video->time_base));
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        AVStream *stream = media->format->streams[i];
        bool rival = is_video(stream) && codecs_find(stream);
        stream->discard = stream == video || rival ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
}

static int refuse_codec(const AVStream *video, struct ry_error *err)
{
    char name[CODECS_NAME_BYTES];
    codecs_name(video, name);
    return ry_fail(err, RY_EDATA, FAILURE_CODEC, name);
}

/* Takes the video stream of a header; formats without one tell their streams by their packets. */
static int take_stream(struct media *media, struct ry_error *err)
{
    AVStream *video = choose_stream(media);
    if (!video && !(media->format->ctx_flags & AVFMTCTX_NOHEADER))
        return media_explain(media, err);
    if (video && media->container->kind == CONTAINER_AVI)
        media->indexed = avformat_index_get_entries_count(video) > 0;
    if (video && !codecs_find(video) && video->codecpar->codec_id != AV_CODEC_ID_NONE)
        return refuse_codec(video, err);
    if (video)
        use_stream(media, video);
    duration_measure(media);
    return media->windows->need_count == 0 ? RY_OK : ry_fail(err, RY_EDATA, "the end is not at hand");
}

int media_open(struct media *media, struct window_io *windows, const char *filename, struct ry_error *err)
{
    const AVInputFormat *input = NULL;
    *media =
        (struct media){.windows = windows, .start = AV_NOPTS_VALUE, .time = AV_NOPTS_VALUE, .profile = -1, .level = -1};
    window_io_begin(windows);
    windows->ahead = WINDOW_IO_INDEX;
    int rc = formats_probe(windows, filename, &input, &media->container, err);
    if (rc == RY_OK)
        rc = locate_index(media, err);
    if (rc != RY_OK)
        return rc;
    AVDictionary *options = NULL;
    media->io = window_io_open(windows);
    media->format = media->io ? new_format(media) : NULL;
    if (!media->format || av_dict_set(&options, "max_streams", STREAMS_MAX, 0) < 0)
        return ry_fail(err, RY_ENOMEM, "no memory to open the file");
    int opened = avformat_open_input(&media->format, "", input, &options);
    av_dict_free(&options);
    if (opened < 0)
        return ry_fail(err, RY_EDATA, media->cut_off ? FAILURE_CUT_OFF : FAILURE_HEADER);
    return take_stream(media, err);
}

void media_close(struct media *media)
{
    avformat_close_input(&media->format);
    window_io_close(&media->io);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* Settles which stream is the video: the one chosen, unless others come and come and it does not. True if the packet is
 * the video's. */
static bool is_of_video(struct media *media, AVStream *stream, const AVPacket *packet)
{
    if (!is_video(stream) || packet->size == 0)
        return false;
    if (media->settled)
        return stream == media->video;
    if (!media->video || (stream != media->video && ++media->of_others > PACKETS_OF_OTHER_MAX))
        use_stream(media, stream);
    if (stream != media->video)
        return false;
    media->settled = true;
    if (!media->measured)
        duration_measure(media);
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        media->format->streams[i]->discard = media->format->streams[i] == stream ? stream->discard : AVDISCARD_ALL;
    return true;
}

/* The first time begins the video; the least step between two packets is one frame's. */
static void note_time(struct media *media, int64_t time)
{
    if (media->start == AV_NOPTS_VALUE)
        media->start = time;
    if (time == AV_NOPTS_VALUE)
        return;
    double step = fabs((double)time - (double)media->time);
    if (media->time != AV_NOPTS_VALUE && step > 0 && (media->step == 0 || step < media->step))
        media->step = step;
    media->time = time;
}

bool media_read(struct media *media, AVPacket *packet)
{
    for (int others = 0; others < PACKETS_BEFORE_VIDEO_MAX; others += media->video ? 0 : 1) {
        av_packet_unref(packet);
        if (av_read_frame(media->format, packet) < 0 || media->windows->need_count > 0 || media->windows->spent)
            return false;
        if (!is_of_video(media, media->format->streams[packet->stream_index], packet))
            continue;
        note_time(media, packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts);
        return true;
    }
    return false;
}

/* Whether what is at hand has a hole: zeros where bytes of the file were never written. */
static bool has_hole(const struct window_io *windows)
{
    for (size_t i = 0; i < windows->count; i++) {
        size_t zeros = 0;
        for (size_t k = 0; k < windows->items[i].n; k++) {
            zeros = windows->items[i].p[k] == 0 ? zeros + 1 : 0;
            if (zeros == HOLE_BYTES)
                return true;
        }
    }
    return false;
}

int media_explain(const struct media *media, struct ry_error *err)
{
    bool sound = false;
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        sound |= media->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    if (!media->video)
        return ry_fail(err, RY_EDATA, sound ? FAILURE_SOUND_ONLY : FAILURE_NO_VIDEO);
    if (has_hole(media->windows))
        return ry_fail(err, RY_EDATA, FAILURE_HOLE);
    if (media->cut_off && !media->settled)
        return ry_fail(err, RY_EDATA, FAILURE_CUT_OFF);
    if (!media->settled && media->windows->exhausted)
        return ry_fail(err, RY_EDATA, FAILURE_NOTHING_FOUND);
    if (!media->settled)
        return ry_fail(err, RY_EDATA,
                       media->movie.hidden > 0 && media->movie.hidden == media->movie.videos ? FAILURE_NOTHING_SHOWN
                                                                                             : FAILURE_NO_PICTURES);
    const char *codec = avcodec_get_name(media->video->codecpar->codec_id);
    return ry_fail(err, RY_EDATA, media->cut_off ? FAILURE_CUT_UNDECODABLE : FAILURE_UNDECODABLE, codec);
}

int media_decoder(const struct media *media, bool lenient, AVCodecContext **decoder, struct ry_error *err)
{
    const AVCodecParameters *parameters = media->video->codecpar;
    const AVCodec *codec = codecs_find(media->video);
    if (!codec)
        return refuse_codec(media->video, err);
    if ((int64_t)parameters->width * parameters->height > MEDIA_PIXELS_MAX)
        return ry_fail(err, RY_EDATA, FAILURE_TOO_LARGE, parameters->width, parameters->height);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context || avcodec_parameters_to_context(context, parameters) < 0) {
        avcodec_free_context(&context);
        return ry_fail(err, RY_ENOMEM, "no memory for a decoder");
    }
    context->thread_count = 1;
    context->max_pixels = MEDIA_PIXELS_MAX;
    context->pkt_timebase = media->video->time_base;
    /* Of the transforms that differ between machines and versions, the one that is the same in all. */
    if (parameters->codec_id == AV_CODEC_ID_MJPEG)
        context->idct_algo = FF_IDCT_SIMPLE;
    if (parameters->codec_id == AV_CODEC_ID_HEVC)
        context->get_buffer2 = decode_zeroed_buffer;
    if (lenient) {
        context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
        context->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
    }
    int rc = avcodec_open2(context, codec, NULL);
    if (rc < 0) {
        avcodec_free_context(&context);
        return ry_fail(err, RY_EDATA, FAILURE_CODEC_HEADER, avcodec_get_name(parameters->codec_id));
    }
    *decoder = context;
    return RY_OK;
}

/* ---- times ---------------------------------------------------------------------------------------------------- */

static double start_time(const struct media *media)
{
    return media->start != AV_NOPTS_VALUE ? (double)media->start : 0;
}

/* In floating point: times are a stranger's numbers, and their difference may overflow. */
double media_seconds(const struct media *media, int64_t time)
{
    return time == AV_NOPTS_VALUE ? NAN : ((double)time - start_time(media)) * av_q2d(media->video->time_base);
}

int64_t media_time(const struct media *media, double seconds)
{
    return to_ticks(start_time(media) + seconds / av_q2d(media->video->time_base));
}

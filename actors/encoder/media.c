/* media.c: see media.h.
 *
 * avformat_find_stream_info is never called: it reads far into the file to learn what the first packet will tell. What
 * a decoder needs stands in the header (MP4, Matroska, AVI, ASF, Ogg) or is known when the first packet of the stream
 * has been read (MPEG, FLV). */
#include "actors/encoder/media.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/display.h>

#include "actors/encoder/fragments.h"
#include "actors/encoder/layout.h"

/* Bytes looked at to find out what a file is: at first, and at most. */
#define PROBE_MIN_BYTES ((size_t)2048)
#define PROBE_MAX_BYTES ((size_t)1 << 20)

/* A score of 1 means that only the file's name speaks for the format. */
#define PROBE_SCORE_MIN 2

#define STREAMS_MAX "64"

/* Packets of other streams read while the video stream has not been met. */
#define PACKETS_BEFORE_VIDEO_MAX 5000

enum container_kind { CONTAINER_MP4, CONTAINER_MATROSKA, CONTAINER_AVI, CONTAINER_STREAM };

struct container {
    const char *demuxer;
    enum container_kind kind;
    const char *mime_type;
};

static const struct container containers[] = {
    {"mov,mp4,m4a,3gp,3g2,mj2", CONTAINER_MP4, "video/mp4"},
    {"matroska,webm", CONTAINER_MATROSKA, "video/x-matroska"},
    {"avi", CONTAINER_AVI, "video/x-msvideo"},
    {"flv", CONTAINER_STREAM, "video/x-flv"},
    {"live_flv", CONTAINER_STREAM, "video/x-flv"},
    {"mpegts", CONTAINER_STREAM, "video/mp2t"},
    {"mpeg", CONTAINER_STREAM, "video/mpeg"},
    {"asf", CONTAINER_STREAM, "video/x-ms-wmv"},
    {"ogg", CONTAINER_STREAM, "video/ogg"},
};

/* Formats that hold sound and nothing else, for a better reason than 'not a video'. */
static const char *const audio_demuxers[] = {"mp3", "wav", "flac", "aac", "aiff", "amr", "ac3", "eac3", "w64", "caf"};

/* Decoders by name where FFmpeg has several; NULL: its own. Hardware is never used. */
static const struct {
    enum AVCodecID id;
    const char *decoder;
} codecs[] = {
    {AV_CODEC_ID_H264, "h264"},
    {AV_CODEC_ID_HEVC, "hevc"},
    {AV_CODEC_ID_VP8, "vp8"},
    {AV_CODEC_ID_VP9, "vp9"},
    {AV_CODEC_ID_AV1, "libdav1d"},
    {AV_CODEC_ID_AV1, "libaom-av1"},
    {AV_CODEC_ID_MPEG4, "mpeg4"},
    {AV_CODEC_ID_MSMPEG4V1, "msmpeg4v1"},
    {AV_CODEC_ID_MSMPEG4V2, "msmpeg4v2"},
    {AV_CODEC_ID_MSMPEG4V3, "msmpeg4"},
    {AV_CODEC_ID_MPEG1VIDEO, "mpeg1video"},
    {AV_CODEC_ID_MPEG2VIDEO, "mpeg2video"},
    {AV_CODEC_ID_MJPEG, "mjpeg"},
    {AV_CODEC_ID_WMV1, "wmv1"},
    {AV_CODEC_ID_WMV2, "wmv2"},
    {AV_CODEC_ID_WMV3, "wmv3"},
    {AV_CODEC_ID_VC1, "vc1"},
    {AV_CODEC_ID_THEORA, "theora"},
    {AV_CODEC_ID_H263, "h263"},
    {AV_CODEC_ID_FLV1, "flv"},
    {AV_CODEC_ID_PRORES, "prores"},
};

/* ---- what it is ----------------------------------------------------------------------------------------------- */

static const struct container *find_container(const char *demuxer)
{
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        if (strcmp(containers[i].demuxer, demuxer) == 0)
            return &containers[i];
    return NULL;
}

static bool is_audio(const char *demuxer)
{
    for (size_t i = 0; i < sizeof audio_demuxers / sizeof audio_demuxers[0]; i++)
        if (strcmp(audio_demuxers[i], demuxer) == 0)
            return true;
    return false;
}

/* The format of the first n bytes by their content; NULL: not sure enough. */
static const AVInputFormat *guess(uint8_t *bytes, size_t n, const char *filename)
{
    const AVInputFormat *found = NULL;
    for (size_t size = PROBE_MIN_BYTES; !found; size *= 2) {
        size_t part = size < n ? size : n;
        uint8_t behind[AVPROBE_PADDING_SIZE]; /* probes may read so many zeros behind the bytes */
        memcpy(behind, bytes + part, sizeof behind);
        memset(bytes + part, 0, sizeof behind);
        AVProbeData data = {.filename = filename, .buf = bytes, .buf_size = (int)part};
        int score = part < n ? AVPROBE_SCORE_RETRY : PROBE_SCORE_MIN - 1;
        found = av_probe_input_format2(&data, 1, &score);
        memcpy(bytes + part, behind, sizeof behind);
        if (part == n)
            break;
    }
    return found;
}

static int probe(struct media *media, const char *filename, const AVInputFormat **format, struct ry_error *err)
{
    uint64_t run = windows_run(media->windows, 0);
    size_t n = run < PROBE_MAX_BYTES ? (size_t)run : PROBE_MAX_BYTES;
    uint8_t *bytes = av_mallocz(n + AVPROBE_PADDING_SIZE);
    if (!bytes)
        return ry_fail(err, RY_ENOMEM, "no memory to look at the file");
    windows_copy(media->windows, 0, bytes, n);
    *format = n > 0 ? guess(bytes, n, filename) : NULL;
    av_free(bytes);
    if (!*format) {
        windows_want(media->windows, 0, PROBE_MAX_BYTES);
        return ry_fail(err, RY_EDATA, n == 0 ? "the file is empty" : "not a video: the file's format is not known");
    }
    media->container = find_container((*format)->name);
    if (media->container)
        return RY_OK;
    if (is_audio((*format)->name))
        return ry_fail(err, RY_EDATA, "audio only: the file is %s", (*format)->long_name);
    return ry_fail(err, RY_EDATA, "not a video: the file looks like %s", (*format)->long_name);
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static int refuse_to_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags, AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EACCES);
}

/* Finds the index by what the file says of itself. */
static int locate_index(struct media *media, struct ry_error *err)
{
    struct layout_mp4 layout;
    switch (media->container->kind) {
    case CONTAINER_MP4:
        if (!layout_mp4_index(media->windows, &layout))
            return ry_fail(err, RY_EDATA, "the index is not at hand");
        media->indexed = true;
        media->fragmented = layout.fragmented;
        if (!layout.has_index)
            return ry_fail(err, RY_EDATA, "truncated before the first picture: its index (moov) is missing");
        if (layout.fragmented && !fragments_duration(media->windows, layout.index_offset, &media->fragments_s))
            return ry_fail(err, RY_EDATA, "the last fragment is not at hand");
        return RY_OK;
    case CONTAINER_MATROSKA:
        switch (layout_matroska_cues(media->windows)) {
        case LAYOUT_CUES_MISSING: return ry_fail(err, RY_EDATA, "the cues are not at hand");
        case LAYOUT_CUES: media->indexed = true; return RY_OK;
        default: return RY_OK;
        }
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
    uint64_t run = windows_run(media->windows, 0);
    format->probesize = run < PROBE_MAX_BYTES ? (run > PROBE_MIN_BYTES ? (int64_t)run : (int64_t)PROBE_MIN_BYTES)
                                              : (int64_t)PROBE_MAX_BYTES;
    return format;
}

/* The best video stream of a header: one that is no cover art, shown by default rather than not, large rather than
 * small, first rather than last. */
static AVStream *choose_stream(AVFormatContext *format)
{
    AVStream *best = NULL;
    int64_t best_score = -1;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO || (stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
            continue;
        int64_t score = (int64_t)stream->codecpar->width * stream->codecpar->height;
        if (stream->disposition & AV_DISPOSITION_DEFAULT)
            score += INT64_C(1) << 62;
        if (score > best_score) {
            best = stream;
            best_score = score;
        }
    }
    return best;
}

static void use_stream(struct media *media, AVStream *video)
{
    media->video = video;
    media->start = video->start_time;
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        media->format->streams[i]->discard = media->format->streams[i] == video ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    if (media->container->kind == CONTAINER_AVI)
        media->indexed = avformat_index_get_entries_count(video) > 0;
}

int media_open(struct media *media, struct windows *windows, const char *filename, struct ry_error *err)
{
    const AVInputFormat *input = NULL;
    *media = (struct media){.windows = windows, .start = AV_NOPTS_VALUE};
    windows->ahead = WINDOWS_INDEX;
    int rc = probe(media, filename, &input, err);
    if (rc == RY_OK)
        rc = locate_index(media, err);
    if (rc != RY_OK)
        return rc;
    AVDictionary *options = NULL;
    media->io = windows_io(windows);
    media->format = media->io ? new_format(media) : NULL;
    if (!media->format || av_dict_set(&options, "max_streams", STREAMS_MAX, 0) < 0)
        return ry_fail(err, RY_ENOMEM, "no memory to open the file");
    int opened = avformat_open_input(&media->format, "", input, &options);
    av_dict_free(&options);
    if (opened < 0)
        return ry_fail(err, RY_EDATA, "the file is damaged or truncated: its header cannot be read (%s)",
                       av_err2str(opened));
    AVStream *video = choose_stream(media->format);
    if (video)
        use_stream(media, video);
    else if (!(media->format->ctx_flags & AVFMTCTX_NOHEADER))
        return media_explain(media, err);
    return RY_OK;
}

void media_close(struct media *media)
{
    avformat_close_input(&media->format);
    windows_io_free(&media->io);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

bool media_read(struct media *media, AVPacket *packet)
{
    for (int others = 0; others < PACKETS_BEFORE_VIDEO_MAX; others += media->video ? 0 : 1) {
        av_packet_unref(packet);
        if (av_read_frame(media->format, packet) < 0 || media->windows->need_count > 0 || media->windows->spent)
            return false;
        AVStream *stream = media->format->streams[packet->stream_index];
        if (!media->video && stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
            !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
            use_stream(media, stream);
        if (stream != media->video || packet->size == 0)
            continue;
        if (media->start == AV_NOPTS_VALUE)
            media->start = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
        return true;
    }
    return false;
}

int media_explain(const struct media *media, struct ry_error *err)
{
    bool audio = false;
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        audio |= media->format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
    if (media->video)
        return ry_fail(err, RY_EDATA, "truncated before the first picture");
    return ry_fail(err, RY_EDATA,
                   audio ? "audio only: the file has no video" : "not a video: the file has no pictures");
}

int media_decoder(const struct media *media, bool lenient, AVCodecContext **decoder, struct ry_error *err)
{
    const AVCodecParameters *parameters = media->video->codecpar;
    const AVCodec *codec = NULL;
    for (size_t i = 0; !codec && i < sizeof codecs / sizeof codecs[0]; i++)
        if (codecs[i].id == parameters->codec_id)
            codec = avcodec_find_decoder_by_name(codecs[i].decoder);
    if (!codec) {
        bool named = parameters->codec_id != AV_CODEC_ID_NONE;
        return ry_fail(err, RY_EDATA, "codec %s is not supported",
                       named ? avcodec_get_name(parameters->codec_id) : av_fourcc2str(parameters->codec_tag));
    }
    if ((int64_t)parameters->width * parameters->height > MEDIA_PIXELS_MAX)
        return ry_fail(err, RY_EDATA, "a picture of %dx%d is larger than the limit", parameters->width,
                       parameters->height);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    if (!context || avcodec_parameters_to_context(context, parameters) < 0) {
        avcodec_free_context(&context);
        return ry_fail(err, RY_ENOMEM, "no memory for a decoder");
    }
    context->thread_count = 1;
    context->max_pixels = MEDIA_PIXELS_MAX;
    context->pkt_timebase = media->video->time_base;
    if (lenient) {
        context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
        context->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
    }
    int rc = avcodec_open2(context, codec, NULL);
    if (rc < 0) {
        avcodec_free_context(&context);
        return ry_fail(err, RY_EDATA, "the video is damaged: %s refuses its header (%s)", codec->name, av_err2str(rc));
    }
    *decoder = context;
    return RY_OK;
}

/* ---- facts ---------------------------------------------------------------------------------------------------- */

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
    double time = start_time(media) + seconds / av_q2d(media->video->time_base);
    return time > -9e18 && time < 9e18 ? (int64_t)time : 0;
}

double media_duration_s(const struct media *media)
{
    double longest_s = 0;
    if (media->fragmented)
        return media->fragments_s < 1.0e9 ? media->fragments_s : 0;
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        const AVStream *stream = media->format->streams[i];
        if (stream->duration == AV_NOPTS_VALUE || (stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
            continue;
        double stream_s = (double)stream->duration * av_q2d(stream->time_base);
        longest_s = stream_s > longest_s ? stream_s : longest_s;
    }
    if (longest_s <= 0 && media->format->duration != AV_NOPTS_VALUE)
        longest_s = (double)media->format->duration / AV_TIME_BASE;
    return longest_s > 0 && longest_s < 1.0e9 ? longest_s : 0;
}

/* Side data of the whole stream; NULL: none. FFmpeg 6.1 moved it from the stream to its codec parameters. */
static const uint8_t *stream_side_data(const AVStream *stream, enum AVPacketSideDataType type, size_t *size)
{
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 100)
    const AVPacketSideData *data =
        av_packet_side_data_get(stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, type);
    *size = data ? data->size : 0;
    return data ? data->data : NULL;
#else
    return av_stream_get_side_data(stream, type, size);
#endif
}

/* How the stream or its frame says it is to be turned. */
static struct turn media_turn(const struct media *media, const AVFrame *frame)
{
    const AVFrameSideData *of_frame = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    size_t size = 0;
    const uint8_t *matrix = stream_side_data(media->video, AV_PKT_DATA_DISPLAYMATRIX, &size);
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

/* The kind of MP4 that its major brand tells (https://mp4ra.org/registered-types/brands), or WebM for Matroska. */
static const char *refined_mime(const struct media *media)
{
    static const struct {
        const char *brand, *mime_type;
    } brands[] = {{"qt", "video/quicktime"}, {"M4V", "video/x-m4v"}, {"3gp", "video/3gpp"}, {"3g2", "video/3gpp2"}};
    const AVDictionaryEntry *brand = av_dict_get(media->format->metadata, "major_brand", NULL, 0);
    for (size_t i = 0; brand && i < sizeof brands / sizeof brands[0]; i++)
        if (strncmp(brand->value, brands[i].brand, strlen(brands[i].brand)) == 0)
            return brands[i].mime_type;
    size_t n;
    const uint8_t *head = windows_at(media->windows, 0, &n);
    /* EBML's DocType element: id 4282, length 4. */
    if (media->container->kind == CONTAINER_MATROSKA && memmem(head, n < 64 ? n : 64, "\x42\x82\x84webm", 7))
        return "video/webm";
    return media->container->mime_type;
}

void media_facts(const struct media *media, const AVFrame *frame, struct media_facts *facts)
{
    AVRational sar = frame->sample_aspect_ratio;
    if (media->video->sample_aspect_ratio.num > 0)
        sar = media->video->sample_aspect_ratio;
    facts->duration_s = media_duration_s(media);
    facts->turn = media_turn(media, frame);
    facts->shown = geometry_shown((struct extent){frame->width, frame->height}, sar.num, sar.den, facts->turn);
    snprintf(facts->mime_type, sizeof facts->mime_type, "%s", refined_mime(media));
}

/* formats.c: the allow-list of containers, and how a file's is found; see formats.h.
 *
 * Owns nothing. A demuxer that is not listed never opens a file: playlists would make it look elsewhere. The reason of
 * a refusal names what the file is. */
#include "runtime/video/formats.h"

#include <string.h>

#include <libavutil/mem.h>

#include "runtime/video/failures.h"
#include "runtime/video/sniff.h"

/* A score of 1 means that only the file's name speaks for the format. */
#define PROBE_SCORE_MIN 2

/* Looked at for the signatures of what is no video. */
#define SIGNATURE_BYTES ((size_t)4096)

static const struct container containers[] = {
    {"mov,mp4,m4a,3gp,3g2,mj2", CONTAINER_MP4, "video/mp4", "mp4"},
    {"matroska,webm", CONTAINER_MATROSKA, "video/x-matroska", "matroska"},
    {"avi", CONTAINER_AVI, "video/x-msvideo", "avi"},
    {"flv", CONTAINER_FLV, "video/x-flv", "flv"},
    {"live_flv", CONTAINER_FLV, "video/x-flv", "flv"},
    {"mpegts", CONTAINER_TRANSPORT, "video/mp2t", "mpegts"},
    {"mpeg", CONTAINER_PROGRAM, "video/mpeg", "mpeg"},
    {"asf", CONTAINER_STREAM, "video/x-ms-wmv", "asf"},
    {"ogg", CONTAINER_STREAM, "video/ogg", "ogg"},
    {"mxf", CONTAINER_STREAM, "application/mxf", "mxf"},
    {"gif", CONTAINER_IMAGE, "image/gif", "gif"},
    {"png_pipe", CONTAINER_IMAGE, "image/png", "png"},
    {"jpeg_pipe", CONTAINER_IMAGE, "image/jpeg", "jpeg"},
    {"webp_pipe", CONTAINER_IMAGE, "image/webp", "webp"},
};

/* Formats that are known and not opened, in words. */
static const struct {
    const char *demuxer, *name;
} sounds[] = {{"mp3", "an MP3 audio file"},  {"wav", "a WAV audio file"},    {"flac", "a FLAC audio file"},
              {"aac", "an AAC audio file"},  {"aiff", "an AIFF audio file"}, {"amr", "an AMR audio file"},
              {"ac3", "an AC-3 audio file"}, {"eac3", "an AC-3 audio file"}, {"w64", "a WAV audio file"},
              {"caf", "a CAF audio file"}},
  others[] = {{"rm", "RealMedia"},    {"nut", "NUT"},
              {"ivf", "IVF"},         {"dv", "raw DV"},
              {"h264", "raw H.264"},  {"hevc", "raw HEVC"},
              {"m4v", "raw MPEG-4"},  {"mpegvideo", "raw MPEG"},
              {"mjpeg", "raw MJPEG"}, {"yuv4mpegpipe", "raw YUV"},
              {"wtv", "WTV"},         {"bink", "Bink"},
              {"smk", "Smacker"},     {"swf", "Flash"}};

static const struct container *find_container(const char *demuxer)
{
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        if (strcmp(containers[i].demuxer, demuxer) == 0)
            return &containers[i];
    return NULL;
}

/* The demuxer of images that are shown. They are known by their signatures, because their names and those of several
 * demuxers would speak for others. */
static const AVInputFormat *image_format(const uint8_t *p, size_t n)
{
    static const struct {
        const char *signature;
        size_t n, offset;
        const char *demuxer;
    } images[] = {
        {"\x89PNG\r\n\x1A\n", 8, 0, "png_pipe"},
        {"\xFF\xD8\xFF", 3, 0, "jpeg_pipe"},
        {"GIF8", 4, 0, "gif"},
        {"WEBP", 4, 8, "webp_pipe"},
    };
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++)
        if (n >= 12 && memcmp(p + images[i].offset, images[i].signature, images[i].n) == 0)
            return av_find_input_format(images[i].demuxer);
    return NULL;
}

/* The format of the first n bytes by their content; NULL: not sure enough. */
static const AVInputFormat *guess(uint8_t *bytes, size_t n, const char *filename)
{
    const AVInputFormat *found = image_format(bytes, n);
    for (size_t size = FORMATS_PROBE_MIN_BYTES; !found; size *= 2) {
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

/* Says what a file is that no demuxer of the list opens. */
static int refuse(const AVInputFormat *format, struct ry_error *err)
{
    for (size_t i = 0; i < sizeof sounds / sizeof sounds[0]; i++)
        if (strcmp(sounds[i].demuxer, format->name) == 0)
            return ry_fail(err, RY_EDATA, FAILURE_NOT_VIDEO, sounds[i].name);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(others[i].demuxer, format->name) == 0)
            return ry_fail(err, RY_EDATA, FAILURE_UNSUPPORTED_FORMAT, others[i].name);
    return ry_fail(err, RY_EDATA, FAILURE_UNKNOWN_FORMAT);
}

int formats_probe(struct window_io *windows, const char *filename, const AVInputFormat **format,
                  const struct container **container, struct ry_error *err)
{
    uint64_t run = window_io_run(windows, 0);
    size_t n = run < FORMATS_PROBE_MAX_BYTES ? (size_t)run : FORMATS_PROBE_MAX_BYTES;
    if (n == 0) {
        window_io_want(windows, 0, SIGNATURE_BYTES);
        return ry_fail(err, RY_EDATA, FAILURE_EMPTY);
    }
    uint8_t *bytes = av_mallocz(n + AVPROBE_PADDING_SIZE);
    if (!bytes)
        return ry_fail(err, RY_ENOMEM, "no memory to look at the file");
    window_io_copy(windows, 0, bytes, n);
    const char *other = sniff_other(bytes, n < SIGNATURE_BYTES ? n : SIGNATURE_BYTES);
    bool zeros = sniff_is_zeros(bytes, n);
    *format = other || zeros ? NULL : guess(bytes, n, filename);
    av_free(bytes);
    if (other)
        return ry_fail(err, RY_EDATA, FAILURE_NOT_VIDEO, other);
    if (zeros)
        return ry_fail(err, RY_EDATA, FAILURE_ZEROS);
    if (!*format) {
        window_io_want(windows, 0, FORMATS_PROBE_MAX_BYTES);
        return ry_fail(err, RY_EDATA, FAILURE_UNKNOWN_FORMAT);
    }
    *container = find_container((*format)->name);
    return *container ? RY_OK : refuse(*format, err);
}

/* media.h: a video file as libavformat sees it through the windows: opened, its video stream chosen.
 *
 * Only formats and codecs of two allow-lists are tried; the file can open no other file, no protocol and no network.
 * Every function that reads may end with windows->need_count > 0: then whatever it returned is void, and the whole
 * attempt starts again once those ranges are there. */
#ifndef REELYARD_ACTORS_ENCODER_MEDIA_H
#define REELYARD_ACTORS_ENCODER_MEDIA_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include "runtime/video/formats.h"
#include "actors/encoder/geometry.h"
#include "actors/encoder/matroska.h"
#include "actors/encoder/movie.h"
#include "actors/encoder/tail.h"

/* Larger pictures are refused: no camera makes them, and decoding one takes gigabytes. */
#define MEDIA_PIXELS_MAX ((int64_t)64 << 20)

struct media {
    struct window_io *windows;
    const struct container *container;
    AVIOContext *io;
    AVFormatContext *format;
    AVStream *video;          /* NULL: not met yet (formats without a header) */
    bool indexed;             /* the place of a key frame is known by its time */
    bool fragmented;          /* an MP4 whose first fragment alone is known to libavformat */
    bool settled;             /* a packet of the video was read: it stays this stream */
    bool measured;            /* duration_measure was called */
    bool cut_off;             /* the file says that it is longer than it is */
    unsigned of_others;       /* packets of other videos, not settled yet */
    int64_t time;             /* of the last packet read, in video->time_base; AV_NOPTS_VALUE: none */
    double step;              /* the least one between the times of two packets; 0: not known */
    double fragments_s;       /* how long all of its fragments are; 0: not known */
    double last_s;            /* Matroska without a duration: when the video ends; 0: not known */
    struct tail_times tail;   /* MPEG streams, FLV: when the video ends */
    struct movie movie;       /* MP4 */
    struct matroska matroska; /* Matroska */
    int profile, level;       /* of the video as its decoder found them; below 0: not known */
    int64_t start;            /* of the video, in video->time_base; AV_NOPTS_VALUE: not known yet */
};

/* Opens the video. *media may be half open on error; media_close takes it all the same. RY_EDATA with a reason for
 * people. */
int media_open(struct media *media, struct window_io *windows, const char *filename, struct ry_error *err);
void media_close(struct media *media);

/* Reads the next packet of the video stream, choosing the stream when it is first met. False at the end of the data, or
 * on a miss. */
bool media_read(struct media *media, AVPacket *packet);

/* Why no packet of a video came: no video stream, audio only, truncated. */
int media_explain(const struct media *media, struct ry_error *err);

/* A decoder of the video stream with one thread and the limits set; lenient: it also shows damaged pictures. */
int media_decoder(const struct media *media, bool lenient, AVCodecContext **decoder, struct ry_error *err);

/* Seconds since the start of the video of a time in the stream's time base; NAN for AV_NOPTS_VALUE. And back. */
double media_seconds(const struct media *media, int64_t time);
int64_t media_time(const struct media *media, double seconds);

#endif

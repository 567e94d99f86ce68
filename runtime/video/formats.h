/* formats.h: which formats are opened at all, and which one a file is. */
#ifndef REELYARD_RUNTIME_VIDEO_FORMATS_H
#define REELYARD_RUNTIME_VIDEO_FORMATS_H

#include <libavformat/avformat.h>

#include "runtime/video/window_io.h"
#include "runtime/base/error.h"

/* Bytes that a demuxer looks at to find out what a file is: at first, and at most. */
#define FORMATS_PROBE_MIN_BYTES ((size_t)2048)
#define FORMATS_PROBE_MAX_BYTES ((size_t)1 << 20)

enum container_kind {
    CONTAINER_MP4,
    CONTAINER_MATROSKA,
    CONTAINER_AVI,
    CONTAINER_FLV,
    CONTAINER_TRANSPORT, /* MPEG-TS */
    CONTAINER_PROGRAM,   /* MPEG-PS */
    CONTAINER_STREAM,    /* others that are read from their beginning */
    CONTAINER_IMAGE      /* one picture, or an animation */
};

/* One row of the allow-list. */
struct container {
    const char *demuxer;
    enum container_kind kind;
    const char *mime_type;
    const char *name; /* in lower case letters and digits */
};

/* Finds out by content what the file is. RY_EDATA with a reason for people if it is nothing that is opened; see
 * windows->need_count. */
int formats_probe(struct window_io *windows, const char *filename, const AVInputFormat **format,
                  const struct container **container, struct ry_error *err);

#endif

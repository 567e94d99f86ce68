/* tail.h: when the video of a stream without an index ends, by the last bytes of the file.
 * Source: ISO/IEC 13818-1, 2.4.3 (transport stream, PES packets) and 2.5.3 (program stream); Adobe Flash Video File
 * Format Specification, annex E. */
#ifndef REELYARD_ACTORS_ENCODER_TAIL_H
#define REELYARD_ACTORS_ENCODER_TAIL_H

#include "runtime/video/window_io.h"

/* MPEG streams: the last presentation time of a video, units of 1/90000 s modulo TAIL_WRAP, that of the transport
 * stream's PID (pid < 0: of a program stream's first video). FLV: the last time of a video tag, milliseconds. */
#define TAIL_WRAP (INT64_C(1) << 33)

struct tail_times {
    int64_t last;
    int64_t frame; /* from the last but one to the last; 0: not known */
    unsigned n;    /* 0: there is none */
};

/* False if the end of the file is not at hand, which is then asked for or noted (window_io_want_also). */
bool tail_mpeg(struct window_io *windows, int pid, struct tail_times *times);
bool tail_flv(struct window_io *windows, struct tail_times *times);

/* Whether the metadata at the beginning of an FLV tells its duration. */
bool tail_flv_is_told(const struct window_io *windows);

#endif

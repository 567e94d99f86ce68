/* ffmpeg_log.c: passes lines of FFmpeg's log on; see ffmpeg_log.h.
 *
 * Owns the library's log callback, which is global to the process. Warnings and worse are logged at debug level, one
 * line of at most LINE_MAX_BYTES each. */
#include "runtime/video/ffmpeg_log.h"

#include <string.h>

#include <libavutil/log.h>

#include "runtime/base/log.h"

#define LINE_MAX_BYTES 512

static void on_line(void *object, int level, const char *format, va_list args)
{
    if (level > AV_LOG_WARNING || !ry_log_enabled(RY_DEBUG))
        return;
    char line[LINE_MAX_BYTES];
    int print_prefix = 1;
    av_log_format_line2(object, level, format, args, line, sizeof line, &print_prefix);
    line[strcspn(line, "\r\n")] = '\0';
    RY_LOG(RY_DEBUG, "ffmpeg", "text=%s", line);
}

void ffmpeg_log_set_up(void)
{
    av_log_set_level(AV_LOG_WARNING);
    av_log_set_callback(on_line);
}

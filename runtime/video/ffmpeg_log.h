/* ffmpeg_log.h: FFmpeg's log, as lines of ours at debug level: what it says of a stranger's file is no news. */
#ifndef REELYARD_RUNTIME_VIDEO_FFMPEG_LOG_H
#define REELYARD_RUNTIME_VIDEO_FFMPEG_LOG_H

/* For the whole process; idempotent. */
void ffmpeg_log_set_up(void);

#endif

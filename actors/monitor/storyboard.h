/* storyboard.h: the storyboard of a clip as WebVTT, whose cues name tiles of its sheet: what players show over their
 * time line. Pure. */
#ifndef REELYARD_ACTORS_MONITOR_STORYBOARD_H
#define REELYARD_ACTORS_MONITOR_STORYBOARD_H

#include <stdbool.h>

#include "proto/message.h"
#include "runtime/base/buf.h"

/* The path of the clip's sheet on this server, "/sheets/...", into out; false: it has none that can be shown. */
bool storyboard_path(const struct ry_gallery_clip *clip, struct ry_buf *out);

/* One cue for each picture, from its time to the next one's, the last one to the end of the clip, with a Media Fragment
 * (xywh, W3C Media Fragments URI 1.0, 4.2.2). False: the clip has no sheet, or one without times. */
bool storyboard_vtt(const struct ry_gallery_clip *clip, struct ry_buf *out);

#endif

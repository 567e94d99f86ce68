/* video_facts.h: whether what is told of a video is what an encoder may say.
 *
 * Lengths and ranges are checked with every message (proto/messages.def); this is the rest. An encoder reads files of
 * strangers and may have been taken over, and what it says stands in the database and on pages. Pure; any thread. */
#ifndef REELYARD_PROTO_VIDEO_FACTS_H
#define REELYARD_PROTO_VIDEO_FACTS_H

#include "proto/message.h"
#include "runtime/base/error.h"

/* RY_EDATA, with a reason for people: a codec or a container with characters that no name has, a rotation that is no
 * quarter turn, a ThumbHash that is none. Absent fields are right. */
int ry_video_facts_check(const struct ry_video_facts *facts, struct ry_error *err);

#endif

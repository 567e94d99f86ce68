/* pick.h: which picture of a video becomes the thumbnail. */
#ifndef REELYARD_ACTORS_ENCODER_PICK_H
#define REELYARD_ACTORS_ENCODER_PICK_H

#include "actors/encoder/media.h"
#include "proto/message.h"

/* Decodes one picture into *frame (new, the caller's):
 *   keyframe  the key frame at or before wished_s
 *   smart     that one, or if it is blank one that is not, of the 30 s behind it
 *   exact     the picture shown at wished_s
 * A time beyond the end counts as the end. When the requested picture cannot be had, any that can is taken; a damaged
 * one is none. A video that is blank throughout gives a blank picture.
 * RY_EDATA with a reason for people; see media.h for windows->need_count. */
int pick_frame(struct media *media, double wished_s, enum ry_frame_mode mode, AVFrame **frame, struct ry_error *err);

/* The first picture of a damaged video that a lenient decoder shows, from the packets as they come. */
int pick_any_frame(struct media *media, AVFrame **frame, struct ry_error *err);

#endif

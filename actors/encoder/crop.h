/* crop.h: the part of the pictures that is meant to be seen, where the container says that it is not all of them. */
#ifndef REELYARD_ACTORS_ENCODER_CROP_H
#define REELYARD_ACTORS_ENCODER_CROP_H

#include "actors/encoder/media.h"

/* Cuts the frame to that part (MP4: `clap`, ISO/IEC 14496-12, 12.1.4; Matroska: PixelCrop, RFC 9559, 5.1.4.1.28) and
 * tells the stream the sample aspect ratio of what is left. What makes no sense cuts nothing. Read from the file
 * itself: libavformat before 7.1 does not tell, and counts Matroska's display size for the whole picture. */
void crop_frame(struct media *media, AVFrame *frame);

#endif

/* clip_mail.h: a clip as the roles speak of it, for tests of how its mail goes: the smallest that is valid. */
#ifndef REELYARD_TESTS_BED_CLIP_MAIL_H
#define REELYARD_TESTS_BED_CLIP_MAIL_H

#include "proto/message.h"

/* Of guild 1, channel 2, message 3. Strings are borrowed or static. */
struct ry_clip_work clip_mail_work(struct ry_str clip_id);

/* What the downloader asks an encoder about it, with a window of five bytes. */
struct ry_encode_run clip_mail_run(struct ry_str clip_id);

#endif

/* crossing.h: what is meaningful on its own node only: messages that stay, and fields that are LOCAL. Both are declared
 * in proto/messages.def. Pure functions; any thread. */
#ifndef REELYARD_PROTO_CROSSING_H
#define REELYARD_PROTO_CROSSING_H

#include "proto/codec.h"
#include "proto/envelope.h"
#include "runtime/base/arena.h"

/* Whether a record has LOCAL fields, those of its lists included. */
bool ry_local_has(const struct ry_record *record);

/* Blanks the LOCAL fields of a message. True: one was set. */
bool ry_local_blank(const struct ry_record *record, char *message);

/* Unpacks the message of a whole mail (ry_mail_freeze) into the arena; the frames have a reference each, for the caller
 * to clear, also after an error. RY_EINVAL, RY_ELIMIT, RY_ENOMEM. */
int ry_crossing_read(struct ry_str whole, const struct ry_descriptor *descriptor, struct ry_envelope *envelope,
                     struct ry_frames *frames, struct ry_arena *arena, void **message);

/* Why a whole mail that others than this node had in their hands must not be acted on; NULL: it may be. Static. */
const char *ry_crossing_fault(struct ry_str whole, const struct ry_descriptor *descriptor);

#endif

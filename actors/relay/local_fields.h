/* local_fields.h: a mail without what means something on this host alone (local_fields.c). */
#ifndef REELYARD_ACTORS_RELAY_LOCAL_FIELDS_H
#define REELYARD_ACTORS_RELAY_LOCAL_FIELDS_H

#include "runtime/actor/actor.h"

/* A mail as bytes, without its LOCAL fields. RY_ELIMIT, RY_ENOMEM. */
int relay_whole(const struct ry_mail *mail, struct ry_buf *out);

#endif
